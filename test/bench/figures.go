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
	names  []string // of servers, in the order of their first figure
	of     map[string][]measurement
	misses map[string]int64 // that went to the origin meanwhile, by server: there should be none
	errs   []error
}

func (f *caseFigures) add(name string, m measurement) {
	if f.of[name] == nil {
		f.names = append(f.names, name)
	}
	f.of[name] = append(f.of[name], m)
}

func (f *caseFigures) failed(name string, err error) {
	f.errs = append(f.errs, fmt.Errorf("%s: %w", name, err))
}

// sorted are a figure of all rounds of a server, from the least.
func (f *caseFigures) sorted(name string, of func(measurement) float64) []float64 {
	var v []float64
	for _, m := range f.of[name] {
		v = append(v, of(m))
	}
	slices.Sort(v)
	return v
}

// rate is a server's median; 0 where it was not measured.
func (f *caseFigures) rate(name string) float64 {
	if len(f.of[name]) == 0 {
		return 0
	}
	return median(f.sorted(name, measurement.perCoreSecond))
}

func p99ms(m measurement) float64 { return float64(m.P99) / float64(time.Millisecond) }

func (f *caseFigures) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", f.hitCase)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\treq/core-s\tmin\tmax\t× nginx\tp99 (ms)\tmin\tmax\tclient busy\tn\t")
	nginx := f.rate("nginx")
	for _, name := range f.names {
		rate, p99 := f.sorted(name, measurement.perCoreSecond), f.sorted(name, p99ms)
		busy := f.sorted(name, measurement.clientShare)
		ratio := "-"
		if nginx > 0 {
			ratio = fmt.Sprintf("%.2f", median(rate)/nginx)
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
		us := f.rate(name)
		if us == 0 {
			continue
		}
		for _, a := range f.aims() {
			if peer := f.rate(a.peer); peer > 0 {
				fmt.Fprintf(out, "  %s %.2f × %s, aim ≥ %.1f: %s\n", name, us/peer, a.peer, a.ratio, reached(us/peer >= a.ratio))
			}
		}
		if len(f.of["nginx"]) > 0 && f.protocol == http1 {
			ratio := median(f.sorted(name, p99ms)) / median(f.sorted("nginx", p99ms))
			fmt.Fprintf(out, "  %s p99 %.2f × nginx, aim ≤ 2: %s\n", name, ratio, reached(ratio <= 2))
		}
	}
}

func reached(ok bool) string {
	if ok {
		return "reached"
	}
	return "missed"
}
