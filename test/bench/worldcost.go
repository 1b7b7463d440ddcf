package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Time that a world is left alone before and while its idle cost is measured.
const (
	settle = 5 * time.Second
	idle   = 20 * time.Second
)

// inEmptyDir gives do the binary, built, and has dir, which must be empty, removed
// at the end.
func inEmptyDir(ctx context.Context, dir string, do func(bin string) error) error {
	if left, err := os.ReadDir(dir); err == nil && len(left) > 0 {
		return fmt.Errorf("%s is not empty: name another directory with --dir, or remove it", dir)
	}
	// The first to be deferred is the last to be done: nothing runs any more.
	defer os.RemoveAll(dir)
	bin, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	return do(bin)
}

// wholeWorld measures starting, stopping, rest and the tiers.
func wholeWorld(ctx context.Context, o options, out io.Writer) error {
	return inEmptyDir(ctx, o.dir, func(bin string) error { return runs(ctx, o, bin, out) })
}

func runs(ctx context.Context, o options, bin string, out io.Writer) error {
	t := newTable()
	var tiers latencies
	for n := range o.runs {
		fmt.Fprintf(out, "run %d of %d …\n", n+1, o.runs)
		var err error
		in := o
		in.dir = filepath.Join(o.dir, strconv.Itoa(n))
		if tiers, err = run(ctx, in, bin, t); err != nil {
			return err
		}
	}
	t.print(out)
	tiers.print(out)
	return nil
}

// run starts the world anew, then again with what it had stored, and measures
// the second: that is how it runs from then on.
//
// Each run has a directory of its own, and all are removed at the end. A file system
// without a journal, as of many virtual machines, does not give away an inode in the
// first minutes after it was freed, and looks at each of them for every new file:
// where a world was just removed, the next took up to twice as long to come up.
func run(ctx context.Context, o options, bin string, t *table) (latencies, error) {
	w, took, err := start(ctx, bin, o.dir, o.port, true)
	if err != nil {
		return latencies{}, err
	}
	t.add(freshStart, took.Seconds())
	if took, err = w.stop(); err != nil {
		return latencies{}, err
	}
	t.add(stopTime, took.Seconds())
	if w, took, err = start(ctx, bin, o.dir, o.port, false); err != nil {
		return latencies{}, err
	}
	t.add(warmStart, took.Seconds())
	tiers, err := measure(ctx, o, w, t)
	took, stopErr := w.stop()
	if err != nil {
		return tiers, err
	}
	t.add(stopTime, took.Seconds())
	return tiers, stopErr
}

// measure looks at a running world: first at rest, then at work.
func measure(ctx context.Context, o options, w *running, t *table) (latencies, error) {
	if err := wait(ctx, settle); err != nil {
		return latencies{}, err
	}
	if err := atRest(ctx, o.port); err != nil {
		return latencies{}, err
	}
	before, err := costOf(w.cmd.Process.Pid)
	if err != nil {
		return latencies{}, err
	}
	began := time.Now()
	if err := wait(ctx, o.idle); err != nil {
		return latencies{}, err
	}
	after, err := costOf(w.cmd.Process.Pid)
	if err != nil {
		return latencies{}, err
	}
	t.add(idleMemory, float64(after.pss)/1e6)
	t.add(idleCPU, 100*(after.cpu-before.cpu).Seconds()/time.Since(began).Seconds())
	t.add(processes, float64(after.processes))
	return tierLatencies(ctx, o.port)
}

// Until when a world is waited for, and how often it is looked at. It counts as at
// rest when nothing was to be copied at so many looks in a row: the figure is made
// every ten seconds.
const (
	restWithin = 5 * time.Minute
	restPoll   = time.Second
	restLooks  = 12
)

// atRest waits until every original has its copies in all regions and every variant
// is made: at its first start a world does that with its pictures.
func atRest(ctx context.Context, port int) error {
	until, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	for looks := 0; looks < restLooks; {
		waiting, err := unfinished(until, port)
		if err == nil && waiting == 0 {
			looks++
		} else {
			looks = 0
		}
		if wait(until, restPoll) != nil {
			return errors.Join(fmt.Errorf("the world does not come to rest: %v copies and jobs wait", waiting), err, ctx.Err())
		}
	}
	return nil
}

// unfinished is how many copies between regions and background jobs are still to be
// made, those included that a world's last end cut short.
func unfinished(ctx context.Context, port int) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://localhost:%d/metrics", port), nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	return sumOf(res.Body, map[string]string{"meridian_media_uncopied{": `state="pending"`, "meridian_media_jobs{": ""})
}

// sumOf adds up the metrics that begin with one of the keys and have its label. It
// is an error if there is none.
func sumOf(page io.Reader, metrics map[string]string) (sum float64, err error) {
	found := false
	lines := bufio.NewScanner(page)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !counted(line, metrics) {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("a metric is %q", line)
		}
		sum, found = sum+v, true
	}
	if err = lines.Err(); err == nil && !found {
		err = fmt.Errorf("there is no metric of %v", metrics)
	}
	return sum, err
}

func counted(line string, metrics map[string]string) bool {
	for start, label := range metrics {
		if strings.HasPrefix(line, start) && strings.Contains(line, label) {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
