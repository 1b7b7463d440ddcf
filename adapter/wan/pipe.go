package wan

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// DefaultWindow is how many bytes of one connection may be under way in
	// one direction.
	DefaultWindow = 8 << 20
	// parcelCost is added to a parcel's bytes where they are held against the
	// window, so that many tiny ones cannot take memory without bound.
	parcelCost = 128

	smallRead = 4 << 10
)

// kind is what a parcel carries.
type kind int

const (
	kindOpen  kind = iota // the packet that ends the handshake: dial the target
	kindData              // bytes
	kindFin               // the sender has closed its side
	kindReset             // the sender is gone
)

// parcel is something under way.
type parcel struct {
	kind kind
	data []byte
	stamp
}

func (p parcel) cost() int { return len(p.data) + parcelCost }

// pipe is one direction of one connection: pull reads, the link decides when
// what was read arrives, deliver writes. Parcels leave in the order in which
// they came, however jitter orders their stamps.
type pipe struct {
	conn   *conn
	link   *link
	window int

	mu     sync.Mutex
	queue  []parcel
	cost   int           // of parcels queued or being written
	flying int           // bytes of the same
	ripe   *time.Timer   // the first of the queue has arrived
	room   chan struct{} // cost has gone down
}

func newPipe(c *conn, l *link, window int) *pipe {
	p := &pipe{conn: c, link: l, window: window, ripe: time.NewTimer(time.Hour), room: make(chan struct{}, 1)}
	p.ripe.Stop() // until there is something
	return p
}

// pull sends what src reads until it ends. held was read before.
func (p *pipe) pull(src net.Conn, held []byte, err error) {
	var a alarm
	for len(held) > 0 {
		n := min(len(held), p.link.segment())
		if !p.send(parcel{kind: kindData, data: held[:n]}, &a) {
			return
		}
		held = held[n:]
	}
	buf := make([]byte, smallRead)
	for err == nil {
		var n int
		n, err = src.Read(buf[:min(len(buf), p.link.segment())])
		if n > 0 && !p.send(parcel{kind: kindData, data: bytes.Clone(buf[:n])}, &a) {
			return
		}
		buf = resize(buf, n)
	}
	end := kindReset
	if errors.Is(err, io.EOF) {
		end = kindFin
	}
	p.send(parcel{kind: end}, &a)
}

// resize fits the buffer to how much comes at a time: a quiet connection shall
// not hold what a busy one needs.
func resize(buf []byte, n int) []byte {
	switch {
	case n == len(buf) && n < maxSegment:
		return make([]byte, 2*len(buf))
	case n < len(buf)/8 && len(buf) > smallRead:
		return make([]byte, len(buf)/2)
	}
	return buf
}

// send waits for room in the window, then for the link. It returns false when
// the connection is over.
func (p *pipe) send(pc parcel, a *alarm) bool {
	for !p.reserve(pc) {
		select {
		case <-p.room:
		case <-p.conn.done:
			return false
		}
	}
	s, ok := p.link.send(len(pc.data), a, p.conn.done)
	if !ok {
		return false
	}
	pc.stamp = s
	p.push(pc)
	return true
}

// sendReset sends a reset past the window: its sender has nothing to wait for.
func (p *pipe) sendReset() {
	pc := parcel{kind: kindReset, stamp: p.link.mark()}
	p.mu.Lock()
	p.cost += pc.cost()
	p.mu.Unlock()
	p.push(pc)
}

func (p *pipe) reserve(pc parcel) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cost > 0 && p.cost+pc.cost() > p.window {
		return false
	}
	p.cost += pc.cost()
	p.flying += len(pc.data)
	return true
}

// push puts a parcel under way. Whoever waits in pop for the first one need not be
// woken before that has arrived.
func (p *pipe) push(pc parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue = append(p.queue, pc); len(p.queue) == 1 {
		p.ripe.Reset(time.Until(pc.due))
	}
}

func (p *pipe) pop() (parcel, bool) {
	for {
		changed := p.link.changes() // it may arrive earlier then
		p.mu.Lock()
		if len(p.queue) > 0 {
			pc := p.queue[0]
			p.queue[0] = parcel{}
			p.queue = p.queue[1:]
			p.mu.Unlock()
			return pc, true
		}
		p.queue = nil
		p.mu.Unlock()
		select {
		case <-p.ripe.C:
		case <-changed:
		case <-p.conn.done:
			return parcel{}, false
		}
	}
}

// free gives a delivered parcel's place in the window back.
func (p *pipe) free(pc parcel) {
	p.mu.Lock()
	p.cost -= pc.cost()
	p.flying -= len(pc.data)
	p.mu.Unlock()
	signal(p.room)
}

func (p *pipe) inFlight() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flying
}

// deliver hands over what arrives until the connection is over.
func (p *pipe) deliver() {
	var a alarm
	for {
		pc, ok := p.pop()
		if !ok || !p.link.arrive(pc.stamp, &a, p.conn.done) {
			return
		}
		if !p.conn.handOver(p, pc) {
			return
		}
		p.free(pc)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
