package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// node is a server as the model has it: a log of rows, and what it is.
type node struct {
	log                    []string
	standby, broken        bool // its data: a standby's; half rewound
	running, hung, keptOff bool // keptOff: it cannot start
	follows, confirm       string
	timeline               uint32
	ended                  chan struct{}
}

// model is two servers, the store of their lease, and clients who write.
type model struct {
	mu    sync.Mutex
	nodes map[string]*node
	lease Lease
	down  bool // the store does not answer
	slow  int  // so many promotions are not done when they are given up
	acked []string
	wrong []string // what must never be
	next  int
	leads string
}

func newModel() *model {
	m := &model{nodes: map[string]*node{"a": {timeline: 1}, "b": {standby: true, timeline: 1}}}
	for _, n := range m.nodes {
		n.ended = make(chan struct{})
		close(n.ended)
	}
	return m
}

var errGone = errors.New("it does not answer")

// step takes the time that a step takes, and may be cut short by the keeper's death.
func step(ctx context.Context, d time.Duration) error {
	if !pause.For(ctx, d) {
		return ctx.Err()
	}
	return nil
}

func (m *model) IsStandby(name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.nodes[name].broken {
		return false, errors.New("half rewound")
	}
	return m.nodes[name].standby, nil
}

func (m *model) start(ctx context.Context, name string, standby bool, set func(*node)) error {
	if err := step(ctx, 80*time.Millisecond); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[name]
	if n.running || n.broken || n.keptOff || n.standby != standby {
		return fmt.Errorf("%s cannot start: %+v", name, *n)
	}
	n.running, n.hung, n.ended = true, false, make(chan struct{})
	set(n)
	return nil
}

func (m *model) StartPrimary(ctx context.Context, name, confirm string) error {
	return m.start(ctx, name, false, func(n *node) { n.confirm, n.follows = confirm, "" })
}

func (m *model) StartStandby(ctx context.Context, name, of string) error {
	return m.start(ctx, name, true, func(n *node) { n.follows, n.confirm = of, "" })
}

func (m *model) Ended(name string) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nodes[name].ended
}

func (m *model) Kill(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end(name)
	return ctx.Err()
}

func (m *model) end(name string) {
	if n := m.nodes[name]; n.running {
		n.running, n.hung = false, false
		close(n.ended)
	}
}

func (m *model) Promote(ctx context.Context, name string) error {
	if err := step(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.nodes[name]
	if !n.running || n.hung {
		return errGone
	}
	if m.slow > 0 {
		m.slow--
		return errors.New("not yet")
	}
	if n.standby {
		n.standby, n.follows, n.confirm = false, "", ""
		n.timeline++
	}
	return nil
}

func (m *model) Confirm(ctx context.Context, name, by string) error {
	m.mu.Lock()
	n := m.nodes[name]
	if !n.running || n.hung {
		m.mu.Unlock()
		return errGone
	}
	n.confirm = by
	m.mu.Unlock()
	for by != "" {
		if err := step(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		m.mu.Lock()
		ok := n.running && m.copyTo(by, name)
		gone := !n.running
		m.mu.Unlock()
		if ok {
			return nil
		}
		if gone {
			return errGone
		}
	}
	return nil
}

// follower reports whether a standby streams from a primary: it runs, and its log
// is the beginning of that one's.
func (m *model) follower(name, of string) bool {
	s, p := m.nodes[name], m.nodes[of]
	return s.running && !s.hung && s.standby && s.follows == of && p.running && !p.hung && !p.standby &&
		begins(s.log, p.log)
}

// begins reports whether one log is the beginning of another. Each row is written
// once, so the last that they have in common tells of all before it.
func begins(a, b []string) bool {
	n := len(a)
	return n <= len(b) && (n == 0 || a[n-1] == b[n-1])
}

func (m *model) copyTo(name, of string) bool {
	if !m.follower(name, of) {
		return false
	}
	s, p := m.nodes[name], m.nodes[of]
	s.log, s.timeline = append(s.log, p.log[len(s.log):]...), p.timeline
	return true
}

func (m *model) Rejoin(ctx context.Context, name, of string, _ bool) error {
	m.mu.Lock()
	n, p := m.nodes[name], m.nodes[of]
	if n.running || !p.running || p.hung || p.standby {
		m.mu.Unlock()
		return errGone
	}
	n.broken = true
	m.mu.Unlock()
	if err := step(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !p.running || p.hung || p.standby {
		return errGone
	}
	n.broken, n.standby, n.log = false, true, slices.Clone(p.log)
	return nil
}

func (m *model) Look(ctx context.Context, name string) (Look, error) {
	if err := m.Answers(ctx, name); err != nil {
		return Look{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	other := "a"
	if name == "a" {
		other = "b"
	}
	n := m.nodes[name]
	l := Look{Timeline: n.timeline, Behind: -1, Following: m.follower(other, name)}
	if l.Following {
		l.Behind = int64(len(n.log) - len(m.nodes[other].log))
	}
	if n.confirm != "" {
		l.Waits = 1
		if l.Following {
			l.Confirmed = uint64(len(n.log))
		}
	}
	return l, nil
}

func (m *model) Answers(ctx context.Context, name string) error {
	m.mu.Lock()
	n := *m.nodes[name]
	m.mu.Unlock()
	if !n.running {
		return errGone
	}
	if n.hung {
		<-ctx.Done()
		return ctx.Err()
	}
	return step(ctx, time.Millisecond)
}

func (m *model) Lead(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leads = name
	return nil
}

func (m *model) Read(ctx context.Context, cluster string) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return Lease{}, world.E(world.CodeUnavailable, "model", "down")
	}
	return m.lease, nil
}

func (m *model) Swap(ctx context.Context, was, next Lease) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return Lease{}, world.E(world.CodeUnavailable, "model", "down")
	}
	if err := Check(m.lease, next); err != nil {
		m.wrong = append(m.wrong, err.Error())
		return Lease{}, err
	}
	if was.Revision != m.lease.Revision {
		return Lease{}, world.E(world.CodeConflict, "model", "changed")
	}
	next.Revision++
	m.lease = next
	return next, nil
}

// write is a client's: it goes to whichever node takes writes, and is acknowledged
// as that node's settings have it. A zombie would take it too.
func (m *model) write() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range []string{"a", "b"} {
		n := m.nodes[name]
		if !n.running || n.hung || n.standby {
			continue
		}
		m.next++
		row := fmt.Sprintf("%s%d", name, m.next)
		n.log = append(n.log, row)
		if n.confirm != "" && !m.copyTo(n.confirm, name) {
			continue // it waits, and nobody hears of it
		}
		if m.lease.Primary != name {
			m.wrong = append(m.wrong, fmt.Sprintf("%s acknowledged %s while the lease was %+v", name, row, m.lease))
		}
		m.acked = append(m.acked, row)
	}
	for _, name := range []string{"a", "b"} { // what is not waited for comes along too, sooner or later
		if p := m.nodes[name].follows; p != "" && m.next%3 == 0 {
			m.copyTo(name, p)
		}
	}
}

func (m *model) with(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}
