package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// caseFigures are all measurements of one case.
type caseFigures struct {
	hitCase
	names  []string                 // of servers, in the order of their first figure
	rounds []map[string]measurement // by server; one that failed is not in its round
	misses map[string]int64         // that went to the origin meanwhile, by server: there should be none
	errs   []error
}

// add keeps a measurement of a round, counted from 0.
func (f *caseFigures) add(round int, name string, m measurement) {
	if !slices.Contains(f.names, name) {
		f.names = append(f.names, name)
	}
	for len(f.rounds) <= round {
		f.rounds = append(f.rounds, map[string]measurement{})
	}
	f.rounds[round][name] = m
}

func (f *caseFigures) failed(name string, err error) {
	f.errs = append(f.errs, fmt.Errorf("%s: %w", name, err))
}

// sorted are a figure of all rounds of a server, from the least.
func (f *caseFigures) sorted(name string, of func(measurement) float64) []float64 {
	var v []float64
	for _, round := range f.rounds {
		if m, ok := round[name]; ok {
			v = append(v, of(m))
		}
	}
	slices.Sort(v)
	return v
}

// ratio is the median, over the rounds, of a server's figure to that of a peer in
// the same round; false where they have no round in common. What the machine does
// beside changes within minutes by more than servers differ, and within a round
// by less: ratios of medians would tell of it as well.
func (f *caseFigures) ratio(name, peer string, of func(measurement) float64) (float64, bool) {
	var v []float64
	for _, round := range f.rounds {
		m, ok := round[name]
		if p, both := round[peer]; ok && both {
			v = append(v, of(m)/of(p))
		}
	}
	if len(v) == 0 {
		return 0, false
	}
	slices.Sort(v)
	return median(v), true
}

func p99ms(m measurement) float64 { return float64(m.P99) / float64(time.Millisecond) }

func (f *caseFigures) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", f.hitCase)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\treq/core-s\tmin\tmax\t× nginx\tp99 (ms)\tmin\tmax\tclient busy\tn\t")
	for _, name := range f.names {
		rate, p99 := f.sorted(name, measurement.perCoreSecond), f.sorted(name, p99ms)
		busy := f.sorted(name, measurement.clientShare)
		ratio := "-"
		if r, ok := f.ratio(name, "nginx", measurement.perCoreSecond); ok {
			ratio = fmt.Sprintf("%.2f", r)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%s\t%.2f\t%.2f\t%.2f\t%.0f %%\t%d\t\n", name,
			median(rate), rate[0], rate[len(rate)-1], ratio, median(p99), p99[0], p99[len(p99)-1], 100*median(busy), len(rate))
	}
	w.Flush()
	f.printAims(out)
	for _, name := range f.names {
		if n := f.misses[name]; n > 0 {
			fmt.Fprintf(out, "  %s asked the origin %d times meanwhile: these are not all hits\n", name, n)
		}
	}
	for _, err := range f.errs {
		fmt.Fprintln(out, "  failed:", err)
	}
}

// printAims sets ours beside what is aimed for.
func (f *caseFigures) printAims(out io.Writer) {
	for _, name := range []string{ourName, inFiles} {
		for _, a := range f.aims() {
			if r, ok := f.ratio(name, a.peer, measurement.perCoreSecond); ok {
				fmt.Fprintf(out, "  %s %.2f × %s, aim ≥ %.1f: %s\n", name, r, a.peer, a.ratio, reached(r >= a.ratio))
			}
		}
		if r, ok := f.ratio(name, "nginx", p99ms); ok && f.protocol == http1 {
			fmt.Fprintf(out, "  %s p99 %.2f × nginx, aim ≤ 2: %s\n", name, r, reached(r <= 2))
		}
	}
}

func reached(ok bool) string {
	if ok {
		return "reached"
	}
	return "missed"
}
