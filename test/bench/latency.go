package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dunglas/httpsfv"

	"meridian/app"
	"meridian/world"
)

// Limits of the latency figures.
const (
	askTimeout = 30 * time.Second
	edgeRounds = 10 // how often each page is asked of a warm edge
	maxPage    = 4 << 20
)

// latencies are the times of product pages at one PoP, by who answered.
type latencies struct {
	pop, region string
	away        time.Duration // round trip between the two
	ms          map[string][]float64
}

// The tiers that may answer.
const (
	byEdge   = "edge hit"
	byShield = "shield hit"
	byShop   = "miss, shop asked"
)

func (l latencies) print(out io.Writer) {
	fmt.Fprintf(out, "\nProduct pages at PoP %s, %d ms from region %s, over kept connections\n", l.pop, l.away.Milliseconds(), l.region)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "answered by\tmin (ms)\tmedian (ms)\tmax (ms)\tratio\tn\t")
	base := 0.0
	for _, name := range []string{byEdge, byShield, byShop} {
		v := l.ms[name]
		if len(v) == 0 {
			continue
		}
		slices.Sort(v)
		if base == 0 {
			base = median(v)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.0f×\t%d\t\n", name, v[0], median(v), v[len(v)-1], median(v)/base, len(v))
	}
	w.Flush()
}

// popNear is a PoP with the region nearest to it.
type popNear struct {
	id     string
	region string
	rtt    time.Duration
	url    string
}

// twoPoPs are the PoP that is farthest from its nearest region, and another
// that has the same one: by way of it a page comes into the shield alone.
func twoPoPs(w *world.World, port int) (far, other popNear, err error) {
	var all []popNear
	for i, q := range w.PoPs {
		near := popNear{id: q.ID, url: fmt.Sprintf("http://127.0.0.1:%d", port+1+i), rtt: time.Hour}
		for _, r := range w.Regions {
			if d, ok := w.RoundTrip(q.Site, r.Site); ok && d < near.rtt {
				near.region, near.rtt = r.ID, d
			}
		}
		all = append(all, near)
	}
	slices.SortFunc(all, func(a, b popNear) int { return int(b.rtt - a.rtt) })
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.region == b.region {
				return a, b, nil
			}
		}
	}
	return far, other, fmt.Errorf("no two PoPs of this world have the same nearest region")
}

// page is a product's page.
type page struct{ host, path string }

// tierLatencies asks a world that has just started: half of the pages from
// nowhere, half from the shield, and all of them from the edge.
func tierLatencies(ctx context.Context, port int) (latencies, error) {
	w, err := app.ReadWorld("")
	if err != nil {
		return latencies{}, err
	}
	far, other, err := twoPoPs(w, port)
	if err != nil {
		return latencies{}, err
	}
	l := latencies{pop: far.id, region: far.region, away: far.rtt, ms: map[string][]float64{}}
	client := &http.Client{Timeout: askTimeout, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	pages, err := productPages(ctx, client, w, other.url)
	if err != nil {
		return l, err
	}
	ask := func(at popNear, p page, count bool) error {
		res, _, took, err := get(ctx, client, at.url, p)
		if err == nil && count {
			who := answeredBy(res.Header.Values("Cache-Status"))
			l.ms[who] = append(l.ms[who], float64(took)/float64(time.Millisecond))
		}
		return err
	}
	for i, p := range pages {
		if i%2 == 0 {
			if err := ask(other, p, false); err != nil {
				return l, err
			}
		}
	}
	for round := range 1 + edgeRounds {
		for i, p := range pages {
			// The first opens connections that the rest keep.
			if err := ask(far, p, round > 0 || i > 1); err != nil {
				return l, err
			}
		}
	}
	return l, nil
}

// answeredBy reads who answered out of Cache-Status (RFC 9211): the tier whose
// member says hit, or else the shop.
func answeredBy(fields []string) string {
	list, err := httpsfv.UnmarshalList(fields)
	if err != nil {
		return byShop
	}
	for _, member := range slices.Backward(list) { // the edge's is the last
		item, ok := member.(httpsfv.Item)
		if !ok {
			continue
		}
		if hit, _ := item.Params.Get("hit"); hit != true {
			continue
		}
		if strings.HasPrefix(fmt.Sprint(item.Value), "edge-") {
			return byEdge
		}
		return byShield
	}
	return byShop
}

var productLink = regexp.MustCompile(`href="((?:/[A-Za-z-]{2,12})?/p/[a-z0-9-]+)"`)

// productPages are the products that the shops' front pages show.
func productPages(ctx context.Context, client *http.Client, w *world.World, pop string) ([]page, error) {
	var out []page
	for _, m := range w.Markets {
		_, body, _, err := get(ctx, client, pop, page{m.Host, "/"})
		if err != nil {
			return nil, err
		}
		for _, link := range productLink.FindAllStringSubmatch(string(body), -1) {
			if p := (page{m.Host, link[1]}); !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	if len(out) < 4 {
		return nil, fmt.Errorf("the front pages show only %d products", len(out))
	}
	return out, nil
}

// get asks a PoP and reads the whole answer.
func get(ctx context.Context, client *http.Client, pop string, p page) (*http.Response, []byte, time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, pop+p.path, nil)
	if err != nil {
		return nil, nil, 0, err
	}
	r.Host = p.host
	began := time.Now()
	res, err := client.Do(r)
	if err != nil {
		return nil, nil, 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxPage))
	took := time.Since(began)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s%s: %s", p.host, p.path, res.Status)
	}
	return res, body, took, err
}
