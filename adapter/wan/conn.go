package wan

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// earlyRead is how many bytes of a dialler are read while its connect is
// under way, in order to see whether it gives up.
const earlyRead = 16 << 10

// conn is one connection of a service. Its ends are near, the dialler's, and
// far, the target's. Its life: admitted by both links; the handshake; the
// target is dialled; bytes both ways; over when both sides have closed, or
// when anything aborts it.
type conn struct {
	service       *service
	there, back   *pipe
	near          net.Conn
	ctx           context.Context // ends with the connection
	cancel        context.CancelFunc
	done          <-chan struct{} // of ctx
	established   chan struct{}   // closed when the SYN-ACK is back
	goroutines    sync.WaitGroup
	connectLimit  *time.Timer
	mu            sync.Mutex
	far           net.Conn // nil until dialled
	over          bool
	sidesFinished int
}

// run carries the connection to its end and leaves nothing of it.
func (c *conn) run() {
	c.connectLimit = time.AfterFunc(c.service.ConnectTimeout, c.abort)
	defer c.connectLimit.Stop()
	c.goroutines.Go(c.pullNear)
	c.goroutines.Go(c.there.deliver)
	c.goroutines.Go(c.back.deliver)
	if c.travel(c.there.link) && c.travel(c.back.link) { // SYN, SYN-ACK
		c.there.send(parcel{kind: kindOpen}, new(alarm)) // ACK, ahead of any byte
		c.near.SetReadDeadline(time.Unix(1, 0))          // wakes readEarly
		close(c.established)
	}
	c.goroutines.Wait()
}

// travel takes one way of the handshake.
func (c *conn) travel(l *link) bool {
	var a alarm
	s, ok := l.send(0, &a, c.done)
	s.due = s.due.Add(l.repairSYN())
	return ok && l.arrive(s, &a, c.done)
}

func (c *conn) pullNear() {
	held, err, ok := c.readEarly()
	if ok {
		c.there.pull(c.near, held, err)
	}
}

// readEarly reads from the dialler until the handshake is over. On a real path
// a dialler could not have sent anything yet: if it hangs up before a path
// that is cut has let its SYN through, the far side must never hear of it. ok
// is false when the connection is over.
func (c *conn) readEarly() (held []byte, err error, ok bool) {
	held = make([]byte, 0, earlyRead)
	for err == nil && len(held) < cap(held) {
		var n int
		n, err = c.near.Read(held[len(held):cap(held)])
		held = held[:len(held)+n]
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	if err != nil && (!errors.Is(err, io.EOF) || c.hangs()) {
		c.abort()
		return nil, nil, false
	}
	select {
	case <-c.established:
		c.near.SetReadDeadline(time.Time{})
		return held, err, true
	case <-c.done:
		return nil, nil, false
	}
}

// hangs is whether a cut holds the handshake up.
func (c *conn) hangs() bool {
	select {
	case <-c.established:
		return false
	default:
		return c.there.link.blackholed() || c.back.link.blackholed()
	}
}

// open dials the target: the handshake's last packet has arrived there.
func (c *conn) open() {
	far, err := c.service.network.dial(c.ctx, c.service.target())
	if err != nil {
		c.service.network.log.Debug("the target of a link does not answer", "service", c.service.Name, "err", err)
		c.back.sendReset()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		hangUp(far)
		return
	}
	c.connectLimit.Stop()
	c.far = far
	c.goroutines.Go(func() { c.back.pull(far, nil, nil) })
}

// handOver gives a parcel that has arrived to the end that it is for. It
// returns false when that end takes no more.
func (c *conn) handOver(p *pipe, pc parcel) bool {
	end, opposite := c.far, c.back
	if p == c.back {
		end, opposite = c.near, c.there
	}
	switch pc.kind {
	case kindOpen:
		c.open()
		return c.far != nil
	case kindData:
		n, err := end.Write(pc.data)
		p.link.delivered(n)
		if err != nil {
			opposite.sendReset()
			return false
		}
	case kindFin:
		c.finishSide(end)
	case kindReset:
		c.abort()
		return false
	}
	return true
}

// finishSide passes an end of stream on. After the second one the connection
// is over.
func (c *conn) finishSide(end net.Conn) {
	if half, ok := end.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.mu.Lock()
	c.sidesFinished++
	both := c.sidesFinished == 2
	c.mu.Unlock()
	if both {
		c.end(func(end net.Conn) { end.Close() })
	}
}

// abort ends the connection at once, with a reset for both ends.
func (c *conn) abort() { c.end(hangUp) }

func (c *conn) end(how func(net.Conn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	c.cancel()
	how(c.near)
	if c.far != nil {
		how(c.far)
	}
}

// hangUp closes with a reset where there is such a thing.
func hangUp(end net.Conn) {
	if tcp, ok := end.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	end.Close()
}
