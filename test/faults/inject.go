package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/app/localworld"
	"meridian/test/worldtest"
)

// startedWithin bounds how long a process that was killed may take to be back.
const startedWithin = 60 * time.Second

// injector carries faults out on a world, by the world's own API.
type injector struct {
	admin *worldtest.Client
	rest  []worldtest.Link // the links as they are without faults
	now   func() int64

	mu    sync.Mutex
	turns map[string]*sync.Mutex // of a process: it is killed or started by one at a time
	dead  map[string]bool
	died  map[string][]int64 // when a process was dead, by name
	errs  []error
	busy  sync.WaitGroup
}

// newInjector looks at a world that is well.
func newInjector(admin *worldtest.Client, now func() int64) (*injector, error) {
	links, err := admin.Links()
	return &injector{admin: admin, rest: links, now: now, turns: map[string]*sync.Mutex{}, dead: map[string]bool{}, died: map[string][]int64{}}, err
}

// ground is what of the world can be hit. The last mile of visitors is left out:
// what a visitor cannot reach is no fault of the world.
func (in *injector) ground(isCity func(place string) bool) (Ground, error) {
	parts, err := in.admin.Parts()
	if err != nil {
		return Ground{}, err
	}
	slices.SortFunc(parts, func(a, b localworld.Part) int { return strings.Compare(a.Name, b.Name) })
	var g Ground
	for _, p := range parts {
		g.Processes = append(g.Processes, p.Name)
		i := slices.IndexFunc(g.Regions, func(r Region) bool { return r.ID == p.Place })
		if i < 0 {
			i, g.Regions = len(g.Regions), append(g.Regions, Region{ID: p.Place})
		}
		g.Regions[i].Processes = append(g.Regions[i].Processes, p.Name)
	}
	// A PoP has one process: its loss is that.
	g.Regions = slices.DeleteFunc(g.Regions, func(r Region) bool { return len(r.Processes) < 2 })
	for _, l := range in.rest {
		if isCity(l.From) || isCity(l.To) {
			continue
		}
		g.Links = append(g.Links, l.From+">"+l.To)
		g.Places = append(g.Places, l.From)
	}
	slices.Sort(g.Links)
	slices.Sort(g.Places)
	g.Places = slices.Compact(g.Places)
	return g, nil
}

// play carries a schedule out, to its last step. When it returns all processes
// run again and all links are as before, or it fails with why not.
func (in *injector) play(ctx context.Context, s Schedule) error {
	began := time.Now()
	for _, st := range s.Steps() {
		wait := time.NewTimer(time.Until(began.Add(st.At)))
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
		if st.Fault.Kind == Kill {
			in.busy.Go(func() { in.settleProcess(st.Fault.Target, st.Active, false) })
			continue
		}
		in.note(in.settleLinks(st.Active))
	}
	return in.heal()
}

// heal ends every fault.
func (in *injector) heal() error {
	in.busy.Wait()
	in.note(in.settleLinks(nil))
	in.mu.Lock()
	var dead []string
	for name := range in.dead {
		dead = append(dead, name)
	}
	in.mu.Unlock()
	// Databases first: a role may need its own to start.
	slices.SortFunc(dead, func(a, b string) int { return strings.Compare(rank(a)+a, rank(b)+b) })
	for _, name := range dead {
		in.settleProcess(name, nil, true)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	errs := in.errs
	in.errs = nil
	return errors.Join(errs...)
}

func rank(process string) string {
	if strings.HasPrefix(process, "catalog-") || strings.HasPrefix(process, "resident-") {
		return "0"
	}
	return "1"
}

func (in *injector) note(err error) {
	if err != nil {
		in.mu.Lock()
		in.errs = append(in.errs, err)
		in.mu.Unlock()
	}
}

// settleProcess kills a process that the active faults want dead, or starts it. A
// start that fails while other faults go on is tried again by heal, which insists.
func (in *injector) settleProcess(name string, active []Fault, insist bool) {
	in.mu.Lock()
	if in.turns[name] == nil {
		in.turns[name] = &sync.Mutex{}
	}
	turn := in.turns[name]
	in.mu.Unlock()
	turn.Lock()
	defer turn.Unlock()
	in.mu.Lock()
	dead := in.dead[name]
	in.mu.Unlock()
	want := slices.ContainsFunc(active, func(f Fault) bool { return f.Kind == Kill && f.Target == name })
	switch {
	case want && !dead:
		err := in.admin.KillPart(name)
		in.note(err)
		in.mu.Lock()
		in.dead[name] = true
		in.died[name] = append(in.died[name], in.now())
		in.mu.Unlock()
	case !want && dead:
		err := in.start(name, insist)
		if err != nil && !insist {
			return
		}
		in.note(err)
		in.mu.Lock()
		delete(in.dead, name)
		in.mu.Unlock()
	}
}

// start starts a process, again and again if insist.
func (in *injector) start(name string, insist bool) error {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := in.admin.StartPart(name)
		if err == nil || !insist {
			return err
		}
		if time.Since(began) > startedWithin {
			return fmt.Errorf("%s does not start: %w", name, err)
		}
	}
}

// settleLinks gives every link what the active faults want of it.
func (in *injector) settleLinks(active []Fault) error {
	now, err := in.admin.Links()
	if err != nil {
		return err
	}
	for i, want := range linksUnder(in.rest, active) {
		if now[i] != want {
			err = errors.Join(err, in.admin.SetLink(want))
		}
	}
	return err
}

// linksUnder are the links as faults leave them: of several on one link the worse
// cut holds, and it is slow beside.
func linksUnder(rest []worldtest.Link, active []Fault) []worldtest.Link {
	out := slices.Clone(rest)
	for i, l := range out {
		for _, f := range active {
			if f.Target != l.From && f.Target != l.To && f.Target != l.From+">"+l.To {
				continue
			}
			switch f.Kind {
			case Slow:
				out[i].DelayMS = l.DelayMS + float64(SlowBy.Milliseconds())
			case Blackhole:
				out[i].State = string(Blackhole)
			case Refuse:
				if out[i].State != string(Blackhole) {
					out[i].State = string(Refuse)
				}
			}
		}
	}
	return out
}
