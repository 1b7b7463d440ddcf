package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The Go runtime's own counters, as the admin address gives them.
const (
	metricBytes   = "go_memstats_alloc_bytes_total"
	metricObjects = "go_memstats_mallocs_total"
)

// allocations tells what a hit allocates in a running server of ours.
func (g *group) allocations(ctx context.Context, s *server, c hitCase) error {
	before, err := readMetrics(ctx, s.metrics, metricBytes, metricObjects)
	if err != nil {
		return err
	}
	m, err := askPlain(ctx, g.core, s, c, 0, time.Second)
	if err != nil {
		return err
	}
	after, err := readMetrics(ctx, s.metrics, metricBytes, metricObjects)
	if err != nil {
		return err
	}
	n := float64(m.Requests)
	fmt.Fprintf(g.out, "  %s allocates %.1f bytes in %.3f pieces a hit, connections and the reading of this figure included\n",
		s.name, (after[metricBytes]-before[metricBytes])/n, (after[metricObjects]-before[metricObjects])/n)
	return nil
}

// readMetrics reads named metrics without labels from a page in Prometheus' text
// format.
func readMetrics(ctx context.Context, url string, names ...string) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, res.Status)
	}
	return parseMetrics(res.Body, names...)
}

func parseMetrics(page io.Reader, names ...string) (map[string]float64, error) {
	found := map[string]float64{}
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		for _, wanted := range names {
			if name == wanted {
				v, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return nil, fmt.Errorf("%s is %q", name, value)
				}
				found[name] = v
			}
		}
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("there is no metric %s", name)
		}
	}
	return found, lines.Err()
}
