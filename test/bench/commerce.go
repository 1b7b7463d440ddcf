package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"meridian/platform/childproc"
)

// growthAim is the most that a list or a product may cost in the large catalog, of
// what it costs in the small one: flat, within what a machine like this swings by.
const growthAim = 1.25

// commerce measures what a shop's pages and checkouts cost, with few products and
// with many: the role itself over its databases, no cache before it, no round
// trips between.
func commerce(ctx context.Context, o options, out io.Writer) error {
	if o.products <= fewProducts {
		return fmt.Errorf("--products must be above %d, what the small catalog has", fewProducts)
	}
	chosen := slices.DeleteFunc(slices.Clone(operations), func(op operation) bool { return !hasWords(op.name, o.filter) })
	if len(chosen) == 0 {
		return fmt.Errorf("--case %q is in the name of no operation", o.filter)
	}
	dir, err := os.MkdirTemp("", "meridian-commerce-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // the database server may run as another user
		return err
	}
	d, err := startDatabases(ctx, dir, o.memory)
	if err != nil {
		return err
	}
	defer d.stop()
	var stalls []*stall
	for _, size := range []struct {
		name string
		n    int
	}{{"small", fewProducts}, {"large", o.products}} {
		st, stop, err := openStall(ctx, d, filepath.Join(dir, "pay-"+size.name), size.name, size.n, out)
		if err != nil {
			return err
		}
		defer stop()
		stalls = append(stalls, st)
	}
	fmt.Fprintf(out, "\nCommerce: %d markets, %d and %d products in each; %d visitors at once; %d rounds of %v; one database server with the local world's settings, %s shared\n",
		len(stalls[0].markets), fewProducts, o.products, commerceHands, o.rounds, o.length, d.shared)
	t := commerceTable{}
	for round := range o.rounds + 1 {
		for _, op := range chosen {
			for _, st := range stalls {
				length := o.length
				if round == 0 {
					length = o.length / 2 // to warm up: not counted
				}
				s, err := measureSpell(ctx, st, op, length, uint64(round), belowUs)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", op.name, st.name, err)
				}
				if round > 0 {
					t[op.name+st.name] = append(t[op.name+st.name], s)
				}
			}
		}
	}
	t.print(out, chosen, stalls)
	return nil
}

// openStall fills databases of a size and starts a shop over them.
func openStall(ctx context.Context, d *databases, ledger, name string, n int, out io.Writer) (*stall, func(), error) {
	w, err := sellingWorld()
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	catalog, resident, err := d.fill(ctx, name, w.Markets, n)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(out, "filled with %d products in each of %d markets in %.0f s\n", n, len(w.Markets), time.Since(began).Seconds())
	ports, err := freePorts(2)
	if err != nil {
		return nil, nil, err
	}
	order := sellOrder{Catalog: catalog, Resident: resident, Shop: local(ports[0]), Pay: local(ports[1]), Dir: ledger}
	stop, err := startSelling(ctx, order)
	if err != nil {
		return nil, nil, err
	}
	return newStall(name, n, w.Markets, order.Shop, order.Pay), stop, nil
}

// startSelling starts this program as the one that sells.
func startSelling(ctx context.Context, order sellOrder) (stop func(), err error) {
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "sell", string(text))
	cmd.Stderr = os.Stderr
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := childproc.Start(cmd, syscall.SIGTERM); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // one that has ended needs none
		kill := time.AfterFunc(stopWithin, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		_ = cmd.Wait() // what it failed with it has said
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err == nil && strings.TrimSpace(line) != "ready" || ctx.Err() != nil {
		err = errors.New("it said " + line)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("the shop does not start: %w", err)
	}
	return stop, nil
}

// belowUs is the time that all that we have started have had on a core, to a hundredth
// of a second each, with those that have ended: a connection's server ends with it.
func belowUs() (sum time.Duration, err error) {
	all, err := listProcesses()
	if err != nil {
		return 0, err
	}
	found := false
	for pid, p := range all {
		if pid != os.Getpid() && descends(all, pid, os.Getpid()) {
			sum, found = sum+p.cpu, true
		}
	}
	if !found {
		return 0, errors.New("/proc tells nothing of the servers: what they cost is measured on Linux only")
	}
	return sum, nil
}

// commerceTable is what the rounds gave, by operation and stall.
type commerceTable map[string][]spell

func (t commerceTable) median(of []spell, what func(spell) float64) float64 {
	var v []float64
	for _, s := range of {
		v = append(v, what(s))
	}
	slices.Sort(v)
	return median(v)
}

func (t commerceTable) print(out io.Writer, operations []operation, stalls []*stall) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "operation\tproducts\ta second\tCPU each (ms)\ta core-second\tp50 (ms)\tp99 (ms)\tn\t")
	for _, op := range operations {
		for _, st := range stalls {
			of, n := t[op.name+st.name], 0
			for _, s := range of {
				n += s.done
			}
			cpu := t.median(of, spell.cpuMS)
			fmt.Fprintf(w, "%s\t%d\t%.0f\t%.2f\t%.0f\t%.1f\t%.1f\t%d\t\n", op.name, st.products, t.median(of, spell.perSecond), cpu, 1000/cpu,
				t.median(of, func(s spell) float64 { return s.at(0.5) }), t.median(of, func(s spell) float64 { return s.at(0.99) }), n)
		}
	}
	w.Flush()
	small, large := stalls[0], stalls[1]
	fmt.Fprintf(out, "growth from %d to %d products a market, each round's ratio, median (least to most):\n", small.products, large.products)
	for _, op := range operations {
		cpu, p50 := t.growth(op, small, large, spell.cpuMS), t.growth(op, small, large, func(s spell) float64 { return s.at(0.5) })
		verdict := ""
		if op.flat {
			verdict = fmt.Sprintf("; aim ≤ %.2f: %s", growthAim, reached(median(cpu) <= growthAim))
		}
		fmt.Fprintf(out, "  %s: CPU %.2f (%.2f to %.2f), p50 %.2f (%.2f to %.2f)%s\n", op.name, median(cpu), cpu[0], cpu[len(cpu)-1], median(p50), p50[0], p50[len(p50)-1], verdict)
	}
}

// growth is the large stall's figure by the small one's in each round, sorted.
func (t commerceTable) growth(op operation, small, large *stall, what func(spell) float64) (ratios []float64) {
	for i, s := range t[op.name+small.name] {
		ratios = append(ratios, what(t[op.name+large.name][i])/what(s))
	}
	slices.Sort(ratios)
	return ratios
}
