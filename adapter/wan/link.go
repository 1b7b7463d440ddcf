package wan

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// lookahead is how far ahead of the clock bytes may be put on the wire of
	// a link with a bandwidth. It takes up the lateness of timers, which would
	// otherwise be lost to the link's rate.
	lookahead = 20 * time.Millisecond
	// segmentTime is how long one connection may hold such a wire for itself.
	segmentTime = 5 * time.Millisecond
	maxSegment  = 64 << 10
	minSegment  = 536 // bytes, the segment that any host must take (RFC 9293 §3.7.1)
)

// link is one direction between two places.
type link struct {
	from, to string

	mu        sync.Mutex
	params    Params
	rng       *rand.Rand
	busyUntil time.Time     // when the wire has sent what was given to it
	heals     int           // how often a blackhole has ended
	healedAt  time.Time     // the last of them
	changed   chan struct{} // closed and made anew at every change
	conns     map[*conn]struct{}
	bytes     int64
	total     int64
	refused   int64
}

// stamp is when something sent over a link arrives.
type stamp struct {
	due   time.Time
	heals int // the link's count when it was sent
}

func newLink(from, to string, p Params, seed uint64) *link {
	h := fnv.New64a()
	h.Write([]byte(from + "\x00" + to))
	return &link{
		from: from, to: to, params: p,
		rng:     rand.New(rand.NewPCG(seed, h.Sum64())),
		changed: make(chan struct{}),
		conns:   map[*conn]struct{}{},
	}
}

// set changes the parameters. Connections that the new state refuses are aborted.
func (l *link) set(p Params) {
	l.mu.Lock()
	now := time.Now()
	if l.params.State == Blackhole && p.State != Blackhole {
		l.heals++
		l.healedAt = now
	}
	l.params = p
	// Whoever holds a place on the wire later than this asks again, at the new
	// rate: a wire that gets faster must not work off its old queue first.
	if limit := now.Add(lookahead); l.busyUntil.After(limit) {
		l.busyUntil = limit
	}
	close(l.changed)
	l.changed = make(chan struct{})
	var victims []*conn
	if p.State == Refuse {
		for c := range l.conns {
			victims = append(victims, c)
		}
	}
	l.mu.Unlock()
	for _, c := range victims {
		c.abort()
	}
}

// admit takes a connection in, unless the link refuses.
func (l *link) admit(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.params.State == Refuse {
		l.refused++
		return false
	}
	l.conns[c] = struct{}{}
	l.total++
	return true
}

func (l *link) release(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// withdraw undoes admit for a connection that the other direction refuses.
func (l *link) withdraw(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	l.total--
}

func (l *link) blackholed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.params.State == Blackhole
}

// changes is closed at the link's next change.
func (l *link) changes() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

func (l *link) delivered(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += int64(n)
}

// segment is the most bytes that may go onto the wire in one piece.
func (l *link) segment() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.params.Bandwidth == 0 {
		return maxSegment
	}
	n := l.params.Bandwidth / 8 * int64(segmentTime) / int64(time.Second)
	return int(min(max(n, minSegment), maxSegment))
}

// send puts n bytes on the wire, waiting while it is cut and for its
// bandwidth. It returns false when done is closed first.
func (l *link) send(n int, a *alarm, done <-chan struct{}) (stamp, bool) {
	for {
		s, sent, wait, changed := l.trySend(n)
		if sent {
			return s, true
		}
		select {
		case <-a.after(wait):
			if s, ok := l.stillSending(s, n, changed); ok {
				return s, true
			}
		case <-changed:
		case <-done:
			a.stop()
			return stamp{}, false
		}
		a.stop()
	}
}

// trySend takes a place on the wire. When that lies too far ahead it is to be
// claimed by stillSending after wait; wait less than 0 is until a change.
func (l *link) trySend(n int) (s stamp, sent bool, wait time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.params.State != Up {
		return stamp{}, false, -1, l.changed
	}
	now := time.Now()
	gone := now
	if l.params.Bandwidth > 0 {
		if l.busyUntil.After(gone) {
			gone = l.busyUntil
		}
		gone = gone.Add(sendTime(n, l.params.Bandwidth))
		l.busyUntil = gone
	}
	if wait = gone.Sub(now) - lookahead; wait > 0 {
		return stamp{due: gone}, false, wait, l.changed
	}
	return l.stamp(gone, n), true, 0, nil
}

// stillSending claims a place on the wire, unless the link has changed.
func (l *link) stillSending(s stamp, n int, changed <-chan struct{}) (stamp, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if changed != (<-chan struct{})(l.changed) {
		return s, false
	}
	return l.stamp(s.due, n), true
}

// sendTime is how long n bytes keep a wire busy, rounded up.
func sendTime(n int, bandwidth int64) time.Duration {
	return time.Duration((int64(n)*8*int64(time.Second) + bandwidth - 1) / bandwidth)
}

// mark is the stamp of something that takes no bandwidth and does not wait to
// be sent: should the link be cut, it arrives after the heal.
func (l *link) mark() stamp {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stamp(time.Now(), 0)
}

func (l *link) stamp(gone time.Time, n int) stamp {
	return stamp{due: gone.Add(l.flight() + l.repair(n)), heals: l.heals}
}

// flight draws how long the way takes.
func (l *link) flight() time.Duration {
	d := l.params.Delay
	if j := l.params.Jitter; j > 0 {
		d += time.Duration(l.rng.Int64N(2*int64(j)+1)) - j
	}
	return d
}

// arrive waits until what was stamped is there. It returns false when done is
// closed first.
func (l *link) arrive(s stamp, a *alarm, done <-chan struct{}) bool {
	for {
		wait, changed := l.untilArrival(&s)
		if wait == 0 {
			return true
		}
		select {
		case <-a.after(wait):
		case <-changed:
		case <-done:
			a.stop()
			return false
		}
		a.stop()
	}
}

// untilArrival is 0 when s has arrived, less than 0 while the link is cut.
func (l *link) untilArrival(s *stamp) (time.Duration, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.params.State != Up {
		return -1, l.changed
	}
	if s.heals != l.heals { // it was under way during a cut: sent again at the heal
		s.due, s.heals = l.healedAt.Add(l.flight()), l.heals
	}
	return max(time.Until(s.due), 0), l.changed
}

// alarm is a timer that is made at its first use and used again.
type alarm struct{ timer *time.Timer }

// after is a channel that delivers after d; for d less than 0, never.
func (a *alarm) after(d time.Duration) <-chan time.Time {
	switch {
	case d < 0:
		return nil
	case a.timer == nil:
		a.timer = time.NewTimer(d)
	default:
		a.timer.Reset(d)
	}
	return a.timer.C
}

func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
}
