package front

import (
	"bytes"
	"runtime"
	"time"
)

// yieldBytes is after how much that was sent without a wait a connection lets
// others have their turn: a goroutine that goes on as long as its client keeps
// up makes the rest wait for tens of milliseconds.
const yieldBytes = 64 << 10

// loop answers requests of the connection as long as they are hits. True: the
// next one, which is in the buffer, is the standard server's. False: the
// connection is to be closed.
func (c *conn1) loop() bool {
	c.now = time.Now()
	for c.next() {
		if !c.head.forHits() {
			return c.handOver()
		}
		a, ok := c.front.cfg.Hits.Hit(&c.head.Request)
		if !ok {
			return c.handOver()
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
			return false
		}
		c.drop(c.head.size)
	}
	return false
}

// next reads until the head of a request is here; false ends the connection.
func (c *conn1) next() bool {
	limits := &c.front.cfg.Limits
	c.headBy, c.skipped = time.Time{}, false
	fresh := 0 // where the bytes begin that were not looked at yet
	for {
		if c.in != nil {
			c.skipEmptyLine()
		}
		if c.in != nil {
			if bytes.IndexByte(c.in.b[max(fresh, c.in.r):c.in.w], '\n') >= 0 {
				done, no := c.head.parse(c.in.unread(), limits)
				if no != nil {
					c.refuse(no)
					return false
				}
				if done {
					return true
				}
			}
			if !c.in.room(limits.Head) {
				c.refuse(headTooLarge)
				return false
			}
			fresh = c.in.w
		}
		if !c.await(limits) {
			return false
		}
	}
}

// skipEmptyLine passes over one CRLF before a request (RFC 9112 §2.2).
func (c *conn1) skipEmptyLine() {
	if b := c.in.unread(); len(b) >= 2 && b[0] == '\r' && b[1] == '\n' && !c.skipped {
		c.skipped = true
		c.drop(2)
	}
}

// await reads more, within the time that there is for it.
func (c *conn1) await(limits *Limits) bool {
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
	if c.front.ending.Load() { // looked at after the deadline was set: see hurry
		return false
	}
	c.unyielded = 0
	err := c.fill()
	if err == nil {
		c.now = time.Now()
		return true
	}
	if c.in != nil && isTimeout(err) && !c.front.ending.Load() {
		c.refuse(slowHead)
	}
	return false
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
