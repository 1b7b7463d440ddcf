package front

import (
	"time"

	"golang.org/x/net/http2"
)

// send sees to it that what is to be sent is sent, by whoever has the pen. It
// does not wait for the client.
func (c *conn2) send() {
	c.mu.Lock()
	if c.writing || c.broken || !c.sendable() {
		c.mu.Unlock()
		return
	}
	c.writing = true
	c.mu.Unlock()
	c.write(batches.Get().(*[]byte))
}

// sendable reports whether there is anything to send, or to end.
func (c *conn2) sendable() bool {
	if len(c.control) > 0 || c.done() {
		return true
	}
	for i := range c.ready {
		if c.ready[i].first != nil {
			return true
		}
	}
	return false
}

// done reports whether a graceful end has come to its end.
func (c *conn2) done() bool { return c.final && !c.over && len(c.streams) == 0 }

// write has the pen and writes batch after batch. When the client does not take
// one, a goroutine inherits the pen and waits: the reading goroutine must go on
// to read, or two ends that both write would wait for each other for ever.
func (c *conn2) write(buf *[]byte) {
	for {
		b, more := c.gather((*buf)[:0])
		if !more {
			c.layDown(buf, nil)
			return
		}
		*buf = b
		sent, err := c.wire.put(b)
		if err != nil {
			c.layDown(buf, err)
			return
		}
		if !sent {
			go c.wait(buf)
			return
		}
	}
}

// wait sends the rest of a batch, then goes on.
func (c *conn2) wait(buf *[]byte) {
	if err := c.wire.rest(c.lim.Write); err != nil {
		c.layDown(buf, err)
		return
	}
	c.write(buf)
}

// gather makes the next batch; false where there is nothing to send, and then
// the pen has been laid down.
func (c *conn2) gather(b []byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b = append(b, c.control...)
	c.control = c.control[:0]
	if cap(c.control) > 4<<10 {
		c.control = nil
	}
	for len(b) < c.lim.Batch {
		s := c.first()
		if s == nil {
			break
		}
		b = c.turn(b, s)
	}
	if len(b) == 0 {
		if c.done() {
			c.stopReading()
		}
		if len(c.thirsty) == 0 {
			c.watch.quenched()
		}
		c.writing = false
		c.free.Broadcast()
	}
	return b, len(b) > 0
}

// layDown gives the buffer back; an error ends the connection.
func (c *conn2) layDown(buf *[]byte, err error) {
	if cap(*buf) <= 256<<10 {
		batches.Put(buf)
	}
	if err == nil {
		return
	}
	c.mu.Lock()
	c.broken, c.over, c.writing = true, true, false
	c.free.Broadcast()
	c.mu.Unlock()
	c.conn.Close() // wakes the reading goroutine
}

// first is the stream whose turn it is.
func (c *conn2) first() *stream2 {
	for i := range c.ready {
		if s := c.ready[i].first; s != nil {
			return s
		}
	}
	return nil
}

// emptyTable sets the size of the encoder's table to 0 (RFC 7541 §6.3).
var emptyTable = []byte{0x20}

// turn sends of s what it may in its turn.
func (c *conn2) turn(b []byte, s *stream2) []byte {
	c.unqueue(s)
	for i := range s.heads {
		var before, after []byte
		if c.shrinkHead { // nothing is ever put into the table, so 0 serves any limit
			before, c.shrinkHead = emptyTable, false
		}
		if s.answered != nil {
			after = s.idField
		}
		b = appendHeaders(b, s.id, before, s.heads[i].block, after, s.heads[i].end)
		if s.heads[i].end {
			return c.finish(b, s)
		}
	}
	clear(s.heads)
	s.heads = s.heads[:0]
	for budget := c.lim.Quantum; budget > 0 && s.pending() && len(b) < c.lim.Batch; {
		n := s.allowed(min(budget, c.frameMost))
		if n == 0 {
			c.hold(s)
			return b
		}
		before := len(b)
		var ok bool
		if b, ok = c.appendData(b, s, n); !ok {
			return b
		}
		if b[before+4]&byte(http2.FlagDataEndStream) != 0 {
			return c.finish(b, s)
		}
		budget -= n
	}
	switch {
	case s.pending():
		c.queue(s)
		if !s.queued {
			c.hold(s)
		}
	case s.fin:
		if s.tail != nil {
			b = appendHeaders(b, s.id, nil, s.tail, nil, true)
		} else {
			b = appendFrame(b, 0, http2.FrameData, http2.FlagDataEndStream, s.id)
		}
		return c.finish(b, s)
	default:
		s.heldSince = time.Time{}
		s.wake.Broadcast()
	}
	return b
}

// allowed is how much of n bytes s may send now.
func (s *stream2) allowed(n int) int {
	have := int64(len(s.data))
	if s.file != nil {
		have = s.left
	}
	return int(max(0, min(int64(n), have, s.window, s.c.window)))
}

// appendData writes a DATA frame of n bytes; false where s is no more.
func (c *conn2) appendData(b []byte, s *stream2, n int) ([]byte, bool) {
	start := len(b)
	b = appendFrame(b, n, http2.FrameData, 0, s.id)
	s.window -= int64(n)
	c.window -= int64(n)
	c.updates = max(0, c.updates-2)
	if s.file == nil {
		b = append(b, s.data[:n]...)
		s.data = s.data[n:]
	} else if !c.readFile(&b, s, n) {
		c.window += int64(n) // they have not left
		return b[:start], false
	}
	s.moved += n
	c.moved += n
	if s.fin && !s.pending() && s.tail == nil {
		b[start+4] |= byte(http2.FlagDataEndStream)
	}
	return b, true
}

// readFile adds n bytes of s's file. The lock is not held meanwhile.
func (c *conn2) readFile(b *[]byte, s *stream2, n int) bool {
	at := len(*b)
	*b = append(*b, make([]byte, n)...)
	file, off := s.file, s.off
	s.busy = true
	c.mu.Unlock()
	_, err := file.ReadAt((*b)[at:], off)
	c.mu.Lock()
	s.busy = false
	s.off += int64(n)
	s.left -= int64(n)
	switch {
	case s.closed: // meanwhile; what was read is content of an ended stream
		c.discard(s)
		return false
	case err != nil:
		c.abort(s, http2.ErrCodeInternal)
		return false
	}
	return true
}

// finish ends a stream whose last frame is in b. A client that is still sending
// is told to stop (RFC 9113 §8.1).
func (c *conn2) finish(b []byte, s *stream2) []byte {
	if !s.remoteEnd {
		b = appendReset(b, s.id, http2.ErrCodeNo)
		c.reset.add(s.id)
	}
	c.closeStream(s)
	return b
}

// hold notes that flow control keeps s from sending.
func (c *conn2) hold(s *stream2) {
	if s.window > 0 && c.window <= 0 {
		s.parched, s.heldSince = true, time.Time{} // it may be the other streams
		c.thirsty = append(c.thirsty, s)
		c.watch.thirst()
		return
	}
	if s.heldSince.IsZero() {
		s.heldSince, s.moved = time.Now(), 0
		c.watch.stall(s.heldSince)
	}
}
