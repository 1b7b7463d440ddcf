// Package wan emulates the wide-area network between places on one machine:
// links with delay, jitter and bandwidth that can be cut, healed and changed
// while streams run over them, and an admin API to do so.
package wan

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"

	"meridian/platform/netaddr"
	"meridian/world"
)

// pair names a link.
type pair struct{ from, to string }

func (p pair) String() string { return p.from + " to " + p.to }

// Network is a set of links between places and the services that use them.
type Network struct {
	seed   uint64
	log    *slog.Logger
	listen func(context.Context, Service) (net.Listener, error)
	dial   func(context.Context, string) (net.Conn, error)

	mu       sync.Mutex
	links    map[pair]*link
	services map[string]*service
	closed   bool
}

// New makes a network without links. The seed fixes the jitter: a link draws
// the same sequence in every run.
func New(seed uint64, log *slog.Logger) *Network {
	return &Network{
		seed: seed, log: log, listen: listen, dial: netaddr.Dial,
		links: map[pair]*link{}, services: map[string]*service{},
	}
}

// LinkStatus is a link's parameters and counters.
type LinkStatus struct {
	From, To string
	Params
	Bytes    int64 // delivered
	InFlight int64 // read and not yet delivered
	Open     int   // connections that use the link now
	Total    int64 // connections that have used it
	Refused  int64 // connections that it refused
}

// AddLink makes the link from one place to another. Errors: invalid for a
// parameter out of its range or a place without a name, conflict when the link
// is there already.
func (n *Network) AddLink(from, to string, p Params) error {
	p, err := p.check()
	if err != nil {
		return err
	}
	if from == "" || to == "" {
		return invalid("A link needs the names of both its places.")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := pair{from, to}
	if _, ok := n.links[key]; ok {
		return world.E(world.CodeConflict, "wan", fmt.Sprintf("The link %s is there already: set it instead.", key))
	}
	n.links[key] = newLink(from, to, p, n.seed)
	return nil
}

// SetLink changes a link, also for the connections that use it now. Errors:
// invalid as for AddLink, not_found with the names of those that there are.
func (n *Network) SetLink(from, to string, p Params) error {
	return n.change(from, to, func(Params) (Params, error) { return p, nil })
}

// Cut makes a link hold ([Blackhole]) or reset ([Refuse]) what it carries.
func (n *Network) Cut(from, to string, mode State) error {
	if err := checkCut(mode); err != nil {
		return err
	}
	return n.change(from, to, inState(mode))
}

// Heal makes a link carry again.
func (n *Network) Heal(from, to string) error {
	return n.change(from, to, inState(Up))
}

// CutPlace cuts every link between a place and the others, in both
// directions. What runs inside the place goes on.
func (n *Network) CutPlace(place string, mode State) error {
	if err := checkCut(mode); err != nil {
		return err
	}
	return n.changePlace(place, mode)
}

// HealPlace makes every link between a place and the others carry again.
func (n *Network) HealPlace(place string) error {
	return n.changePlace(place, Up)
}

func checkCut(mode State) error {
	if mode != Blackhole && mode != Refuse {
		return invalid(fmt.Sprintf("A link cannot be cut by %q: write blackhole or refuse.", mode))
	}
	return nil
}

func inState(s State) func(Params) (Params, error) {
	return func(p Params) (Params, error) {
		p.State = s
		return p, nil
	}
}

// change applies a change to one link. n.mu makes changes one after another.
func (n *Network) change(from, to string, by func(Params) (Params, error)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, err := n.find(from, to)
	if err != nil {
		return err
	}
	p, err := by(l.status().Params)
	if err != nil {
		return err
	}
	if p, err = p.check(); err != nil {
		return err
	}
	n.set(l, p)
	return nil
}

func (n *Network) changePlace(place string, s State) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	links, err := n.around(place)
	if err != nil {
		return err
	}
	for _, l := range links {
		p := l.status().Params
		p.State = s
		n.set(l, p)
	}
	return nil
}

func (n *Network) set(l *link, p Params) {
	l.set(p)
	n.log.Info("link changed", "from", l.from, "to", l.to,
		"delay", p.Delay, "jitter", p.Jitter, "bandwidth", p.Bandwidth, "state", p.State)
}

// Get is one link; not_found with the names of those that there are.
func (n *Network) Get(from, to string) (LinkStatus, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, err := n.find(from, to)
	if err != nil {
		return LinkStatus{}, err
	}
	return l.status(), nil
}

// List is every link, sorted by its places.
func (n *Network) List() []LinkStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]LinkStatus, 0, len(n.links))
	for _, l := range n.links {
		out = append(out, l.status())
	}
	slices.SortFunc(out, func(a, b LinkStatus) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return out
}

// listPlace is the links between a place and the others.
func (n *Network) listPlace(place string) []LinkStatus {
	return slices.DeleteFunc(n.List(), func(s LinkStatus) bool { return !joins(place, s.From, s.To) })
}

func joins(place, from, to string) bool {
	return from != to && (from == place || to == place)
}

func (n *Network) find(from, to string) (*link, error) {
	if l, ok := n.links[pair{from, to}]; ok {
		return l, nil
	}
	known := make([]string, 0, len(n.links))
	for key := range n.links {
		known = append(known, key.String())
	}
	return nil, notFound(fmt.Sprintf("There is no link %s.", pair{from, to}), known)
}

func (n *Network) around(place string) ([]*link, error) {
	var out []*link
	var known []string
	for key, l := range n.links {
		if joins(place, key.from, key.to) {
			out = append(out, l)
		}
		known = append(known, key.from, key.to)
	}
	if len(out) == 0 {
		return nil, notFound(fmt.Sprintf("No link joins %q to another place.", place), known)
	}
	return out, nil
}

func notFound(message string, known []string) error {
	slices.Sort(known)
	there := strings.Join(slices.Compact(known), ", ")
	if there == "" {
		there = "none"
	}
	return world.E(world.CodeNotFound, "wan", message+" There are: "+there+".")
}

func (l *link) status() LinkStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := LinkStatus{
		From: l.from, To: l.to, Params: l.params,
		Bytes: l.bytes, Open: len(l.conns), Total: l.total, Refused: l.refused,
	}
	for c := range l.conns {
		for _, p := range []*pipe{c.there, c.back} {
			if p.link == l {
				s.InFlight += int64(p.inFlight())
			}
		}
	}
	return s
}

// Close ends every service and resets every connection, and returns when
// nothing of them is left. It may be called again.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	services := n.services
	n.mu.Unlock()
	var all sync.WaitGroup
	for _, s := range services {
		all.Go(s.close)
	}
	all.Wait()
	return nil
}
