package front

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"time"
)

// yieldBytes is after how much that was sent without a wait a connection lets
// others have their turn: a goroutine that goes on as long as its client keeps
// up makes the rest wait for tens of milliseconds.
const yieldBytes = 256 << 10

// outcome is what the loop has come to.
type outcome uint8

const (
	more  outcome = iota // what comes next is not here yet
	over                 // the connection is to be closed
	other                // the request in the buffer is the standard server's
)

// loop answers requests of the connection as long as they are hits. True: the
// next one, which is in the buffer, is the standard server's. False: the
// connection is to be closed.
func (c *conn1) loop() bool {
	c.now = time.Now()
	o := c.answerAll()
	for o == more && c.patient() {
		var err error
		if c.raw != nil {
			c.come = more
			err = c.raw.Read(c.turn)
			o = c.come
		} else if err = c.fillByByte(); err == nil {
			c.now = time.Now()
			o = c.answerAll()
		}
		if err != nil {
			if c.in != nil && isTimeout(err) && !c.front.ending.Load() {
				c.refused = slowHead
			}
			o = over
		}
	}
	if c.refused != nil {
		c.refuse(c.refused)
	}
	return o == other && c.handOver()
}

// onReadable is what a socket is waited for with. It goes on until the loop has
// come to something, so that what arrives while an answer is sent is known
// without trying to read; false: wait until something is there. Nothing else may
// read from the connection meanwhile.
func (c *conn1) onReadable(fd uintptr) bool {
	for c.come == more {
		read, drained := c.readSocket(fd)
		if !read {
			return false
		}
		if c.rawErr != nil {
			c.come = over
			return true
		}
		c.now = time.Now()
		if c.come = c.answerAll(); c.come == more {
			if !c.patient() {
				c.come = over
			} else if drained {
				return false
			}
		}
	}
	return true
}

// answerAll answers those requests in the buffer that are hits.
func (c *conn1) answerAll() outcome {
	for {
		if o := c.parse(); o != other {
			return o
		}
		if !c.in.head.forHits() || c.front.idName != "" && c.in.head.Has(c.front.idName) {
			return other
		}
		a, ok := c.hit()
		if !ok {
			return other
		}
		if c.at.CompareAndSwap(waiting, answering) {
			ok = c.answer(&a)
			ok = c.at.CompareAndSwap(answering, waiting) && ok
		} else {
			ok = false
		}
		if a.Release != nil {
			a.Release()
		}
		if !ok || c.front.ending.Load() {
			return over
		}
		c.drop(c.in.head.size)
		c.headBy, c.skipped, c.looked = time.Time{}, false, 0
	}
}

// hit asks for the answer. Where that fails the handler may know better.
func (c *conn1) hit() (a Answer, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			c.front.log.Error("a hit could not be made: the handler answers", "panic", v, "stack", string(debug.Stack()))
			a, ok = Answer{}, false
		}
	}()
	c.in.head.room = c.in.free() // nothing is read meanwhile
	return c.front.cfg.Hits.Hit(&c.in.head.Request)
}

// parse reads the head of the next request in the buffer: other, if it is here.
func (c *conn1) parse() outcome {
	if c.in != nil {
		c.skipEmptyLine()
	}
	if c.in == nil {
		return more
	}
	limits := &c.front.cfg.Limits
	if bytes.IndexByte(c.in.unread()[c.looked:], '\n') >= 0 { // else there is no line more than there was
		done, no := c.in.head.parse(c.in.unread(), limits)
		if no != nil {
			c.refused = no
			return over
		}
		if done {
			return other
		}
	}
	if !c.in.room(limits.Head) {
		c.refused = headTooLarge
		return over
	}
	c.looked = c.in.w - c.in.r
	return more
}

// skipEmptyLine passes over one CRLF before a request (RFC 9112 §2.2).
func (c *conn1) skipEmptyLine() {
	if b := c.in.unread(); len(b) >= 2 && b[0] == '\r' && b[1] == '\n' && !c.skipped {
		c.skipped, c.looked = true, 0
		c.drop(2)
	}
}

// patient sets the time until which more must have come; false where nothing is
// waited for any more.
func (c *conn1) patient() bool {
	limits := &c.front.cfg.Limits
	by := c.now.Add(limits.Idle)
	if c.in != nil {
		if c.headBy.IsZero() {
			c.headBy = c.now.Add(limits.ReadHead)
		}
		by = c.headBy
	}
	if stale(c.readUntil, by, limits.ReadHead) {
		c.Conn.SetReadDeadline(by) // where it fails the read does
		c.readUntil = by
	}
	c.unyielded = 0
	return !c.front.ending.Load() // looked at after the deadline was set: see hurry
}

// aged is by how much a deadline that is renewed may be old: to set one takes
// about as long as all else that is done of a hit beside the system calls.
const aged = time.Second

// stale reports whether a deadline is to be set anew.
func stale(set, want time.Time, patience time.Duration) bool {
	d := want.Sub(set)
	slack := min(aged, patience/8)
	return d > slack || d < -slack
}

// yield lets others have their turn once enough was sent.
func (c *conn1) yield(n int64) {
	if c.unyielded += n; c.unyielded >= yieldBytes {
		c.unyielded = 0
		runtime.Gosched()
	}
}
