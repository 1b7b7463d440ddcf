package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// The figures of the table.
const (
	freshStart = "fresh start (s)"
	warmStart  = "warm start (s)"
	stopTime   = "stop (s)"
	idleMemory = "idle memory, PSS (MB)"
	idleCPU    = "idle CPU (% of a core)"
	processes  = "processes"
)

// limits are what the project aims for, on a machine of two cores.
var limits = map[string]string{freshStart: "< 20", warmStart: "< 4", idleMemory: "< 600", idleCPU: "< 5"}

// table gathers each figure over the runs.
type table struct{ values map[string][]float64 }

func newTable() *table { return &table{map[string][]float64{}} }

func (t *table) add(figure string, v float64) { t.values[figure] = append(t.values[figure], v) }

func (t *table) print(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "figure\tmin\tmedian\tmax\tlimit\tn\t")
	for _, name := range []string{freshStart, warmStart, stopTime, idleMemory, idleCPU, processes} {
		v := t.values[name]
		slices.Sort(v)
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%s\t%d\t\n", name, v[0], median(v), v[len(v)-1], limits[name], len(v))
	}
	w.Flush()
}

// median is of sorted values, of which there is at least one.
func median(v []float64) float64 { return (v[(len(v)-1)/2] + v[len(v)/2]) / 2 }
