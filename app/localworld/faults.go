package localworld

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/world"
)

// Limits of faults.
const (
	MaxFaultTTL     = 10 * time.Minute // whoever wants one for longer renews it
	DefaultFaultTTL = 30 * time.Second
	maxFaults       = 64        // at once
	faultLimit      = partLimit // longest time to begin or to heal one
)

// Fault is something that is made to go wrong in the running world, until it is
// healed or its time to live is over: so that none outlasts who asked for it.
type Fault struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Target string `json:"target"` // a part, a region, a PoP, a database server or a link a>b, as the kind has it

	Mode    string  `json:"mode,omitempty"`     // of a cut: blackhole (as is without) or refuse
	DelayMS float64 `json:"delay_ms,omitempty"` // of slow: added to each round trip
	Loss    float64 `json:"loss,omitempty"`     // of slow: the part of packets that is lost
	SkewMS  float64 `json:"skew_ms,omitempty"`  // of skew: how far the clock is ahead

	TTLSeconds float64   `json:"ttl_s"`
	Until      time.Time `json:"until"`
	Error      string    `json:"error,omitempty"` // why it could not be healed; it is tried again
}

// faultKind is a way to go wrong.
type faultKind struct {
	Name   string `json:"kind"`
	Target string `json:"target"`
	Says   string `json:"says"`
	Lacks  string `json:"lacks,omitempty"` // why this world does not offer it

	// begin makes it happen and gives what heals it; when it fails nothing is left
	// to heal.
	begin func(context.Context, Fault) (heal func(context.Context) error, err error)
}

// faults are those of a running world.
type faults struct {
	kinds []faultKind

	mu     sync.Mutex
	next   int
	active map[string]*activeFault
	closed bool
	timers sync.WaitGroup
}

type activeFault struct {
	Fault
	heal   func(context.Context) error
	timer  *time.Timer
	mu     sync.Mutex // held while it is healed
	healed bool
}

func newFaults(kinds []faultKind) *faults {
	return &faults{kinds: kinds, active: map[string]*activeFault{}}
}

func (s *faults) kind(name string) (faultKind, error) {
	var names []string
	for _, k := range s.kinds {
		if k.Name == name {
			if k.Lacks != "" {
				return k, world.E(world.CodeUnprocessed, "faults", k.Lacks)
			}
			return k, nil
		}
		names = append(names, k.Name)
	}
	return faultKind{}, world.E(world.CodeInvalid, "faults", fmt.Sprintf("There is no fault %.40q. There are: %s.", name, strings.Join(names, ", ")))
}

// ttl is a time to live as it is asked for; 0 takes the default.
func ttl(seconds float64) (time.Duration, error) {
	d := time.Duration(seconds * float64(time.Second))
	if seconds == 0 {
		d = DefaultFaultTTL
	}
	if d <= 0 || d > MaxFaultTTL {
		return 0, world.E(world.CodeInvalid, "faults", fmt.Sprintf("ttl_s is how many seconds it lasts unless it is renewed: up to %.0f.", MaxFaultTTL.Seconds()))
	}
	return d, nil
}

// begin makes a fault happen. Errors: those of its kind; CodeConflict when the
// same kind is active on the same target, CodeBusy for too many.
func (s *faults) begin(ctx context.Context, f Fault) (Fault, error) {
	k, err := s.kind(f.Kind)
	if err != nil {
		return f, err
	}
	lasts, err := ttl(f.TTLSeconds)
	if err != nil {
		return f, err
	}
	a, err := s.reserve(f)
	if err != nil {
		return f, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.heal, err = k.begin(ctx, f); err != nil {
		s.drop(a.ID)
		return f, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lasts(a, lasts)
	a.timer = time.AfterFunc(lasts, func() { s.expire(a) })
	return a.Fault, nil
}

func (s *faults) reserve(f Fault) (*activeFault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, world.E(world.CodeUnavailable, "faults", "The world is stopping.")
	case len(s.active) >= maxFaults:
		return nil, world.E(world.CodeBusy, "faults", fmt.Sprintf("%d faults are active: heal some first.", maxFaults))
	}
	for _, a := range s.active {
		if a.Kind == f.Kind && a.Target == f.Target {
			return nil, world.E(world.CodeConflict, "faults", fmt.Sprintf("%s of %s is active already, as %s: heal it first.", f.Kind, f.Target, a.ID))
		}
	}
	s.next++
	f.ID = fmt.Sprintf("f%d", s.next)
	a := &activeFault{Fault: f}
	s.active[f.ID] = a
	return a, nil
}

// lasts sets how long from now a fault lives; the caller holds mu.
func (s *faults) lasts(a *activeFault, d time.Duration) {
	a.TTLSeconds, a.Until = d.Seconds(), time.Now().Add(d)
}

// renew lets a fault live on for a time from now.
func (s *faults) renew(id string, seconds float64) (Fault, error) {
	d, err := ttl(seconds)
	if err != nil {
		return Fault{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.active[id]
	if a == nil || a.timer == nil {
		return Fault{}, unknownFault(id)
	}
	s.lasts(a, d)
	a.timer.Reset(d)
	return a.Fault, nil
}

func unknownFault(id string) error {
	return world.E(world.CodeNotFound, "faults", fmt.Sprintf("There is no fault %.40q: it was healed, or its time was over.", id))
}

func (s *faults) list() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Fault{}
	for _, a := range s.active {
		out = append(out, a.Fault)
	}
	slices.SortFunc(out, func(a, b Fault) int { return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID)) })
	return out
}

// end heals a fault. One that cannot be healed stays, and is tried again when
// its time is over.
func (s *faults) end(ctx context.Context, id string) error {
	s.mu.Lock()
	a := s.active[id]
	s.mu.Unlock()
	if a == nil {
		return unknownFault(id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.healed || a.heal == nil {
		return nil
	}
	if err := a.heal(ctx); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		a.Error = err.Error()
		return err
	}
	a.healed = true
	s.drop(id)
	return nil
}

func (s *faults) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.active[id]; a != nil {
		if a.timer != nil {
			a.timer.Stop()
		}
		delete(s.active, id)
	}
}

// expireAgain is how soon a heal that failed is tried again.
const expireAgain = 5 * time.Second

func (s *faults) expire(a *activeFault) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.timers.Add(1)
	s.mu.Unlock()
	defer s.timers.Done()
	ctx, cancel := context.WithTimeout(context.Background(), faultLimit)
	defer cancel()
	if s.end(ctx, a.ID) != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			a.timer.Reset(expireAgain)
		}
	}
}

// endAll heals everything, the last first.
func (s *faults) endAll(ctx context.Context) error {
	var first error
	all := s.list()
	for _, f := range slices.Backward(all) {
		if err := s.end(ctx, f.ID); err != nil && !world.Is(err, world.CodeNotFound) && first == nil {
			first = err
		}
	}
	return first
}

// close lets no fault begin or expire any more: the world stops as it is.
func (s *faults) close() {
	s.mu.Lock()
	s.closed = true
	for _, a := range s.active {
		if a.timer != nil {
			a.timer.Stop()
		}
	}
	s.mu.Unlock()
	s.timers.Wait()
}
