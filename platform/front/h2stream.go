package front

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// stream2 is a request and its response. The connection's mu guards it.
type stream2 struct {
	c  *conn2
	id uint32

	next, prev *stream2 // in a queue, or among the spare
	queued     bool
	parched    bool // among the thirsty
	prio       priority2

	remoteEnd bool // the request has been read to its end
	closed    bool // nothing more is sent or taken
	busy      bool // its file is being read just now

	// The request's content.
	declared, got int64 // Content-Length or -1, and what came
	credit, owed  int   // bytes that the client may send, and that it is to be given back
	body          body2
	trailer       []hpack.HeaderField

	// The response. What is here is sent in this order.
	window  int64
	heads   []head2out
	data    []byte
	file    *os.File
	off     int64
	left    int64 // of the file
	tail    []byte
	fin     bool // nothing comes after that
	release func()

	// Of a hit.
	answered *Head     // nil for others
	began    time.Time // when its request had been read
	size     int64     // bytes of content to be sent
	id16     [idLength]byte
	idField  []byte // the request id as a field, and those of TLS
	req      kept2

	heldSince time.Time // when flow control began to hold back content
	moved     int       // bytes of content since then

	// Of a handler's stream.
	handled bool
	wake    sync.Cond // told when the request or the response has moved on
	cancel  context.CancelFunc
	failure error // why nothing more can be sent

	writeTimer *time.Timer // bounds the answer; nil: nothing does
}

// head2out is a field block to be sent.
type head2out struct {
	block []byte
	end   bool
}

// newStream opens a stream. Those of hits are used again.
func (c *conn2) newStream(id uint32, remoteEnd bool) *stream2 {
	s := c.spare
	if s != nil {
		c.spare, s.next = s.next, nil
	} else {
		s = &stream2{c: c}
		s.wake.L = &c.mu
	}
	s.id, s.remoteEnd, s.window, s.credit, s.declared = id, remoteEnd, c.streamWin, c.lim.StreamWindow, -1
	c.streams[id] = s
	return s
}

// answer sends a ready answer on a new stream: r's hit, or a refusal where r
// is nil.
func (c *conn2) answer(id uint32, remoteEnd bool, p priority2, a Answer, r *Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.newStream(id, remoteEnd)
	s.prio, s.release, s.fin = p, a.Release, true
	if r == nil || r.Method != "HEAD" {
		if s.data = a.Body; s.data == nil && a.File != nil {
			s.file, s.off, s.left = a.File, a.Offset, a.Length
		}
	}
	if r != nil {
		c.note(s, &a)
	}
	s.heads = append(s.heads, head2out{a.Head.h2, !s.pending()})
	c.queue(s)
}

// note keeps what is to be known of a hit when it has been sent.
func (c *conn2) note(s *stream2, a *Answer) {
	s.answered = a.Head
	s.idField = s.idField[:0]
	if c.h.idName != "" {
		appendID(s.id16[:0])
		b := appendString(append(s.idField, literalField), c.h.idName)
		s.idField = append(appendInteger(b, 0, idLength), s.id16[:]...)
	}
	if c.tls != nil {
		s.idField = append(s.idField, c.h.secure...)
	}
	if c.h.cfg.Sent != nil {
		s.began, s.size = c.now, int64(len(s.data))+s.left
		s.req, c.req = c.req, s.req
	}
}

// tell reports a hit that has ended.
func (c *conn2) tell(s *stream2) {
	if s.answered == nil || c.h.cfg.Sent == nil {
		return
	}
	left := int64(len(s.data)) + s.left
	c.sent = Sent{Request: &s.req.Request, Head: s.answered, Bytes: s.size - left, Took: time.Since(s.began)}
	if c.h.idName != "" {
		c.sent.ID = s.id16[:]
	}
	c.h.cfg.Sent(&c.sent)
}

// pending reports whether s has content to send.
func (s *stream2) pending() bool { return len(s.data) > 0 || s.left > 0 }

// queue puts s among the streams that wait for their turn, if it has something
// to send and may.
func (c *conn2) queue(s *stream2) {
	if s.queued || s.parched || s.closed || s.busy {
		return
	}
	if len(s.heads) == 0 && !(s.fin && !s.pending()) && !(s.pending() && s.window > 0) {
		return
	}
	s.queued = true
	c.ready[s.prio.urgency].push(s)
}

func (c *conn2) unqueue(s *stream2) {
	if s.queued {
		s.queued = false
		c.ready[s.prio.urgency].remove(s)
	}
}

// quench lets the streams go on that the connection's window held back.
func (c *conn2) quench() {
	for i, s := range c.thirsty {
		s.parched = false
		c.thirsty[i] = nil
		c.queue(s)
	}
	c.thirsty = c.thirsty[:0]
}

// closeStream forgets a stream.
func (c *conn2) closeStream(s *stream2) {
	if s.closed {
		return
	}
	c.unqueue(s)
	delete(c.streams, s.id)
	s.closed = true
	if s.parched {
		for i, x := range c.thirsty {
			if x == s {
				c.thirsty = append(c.thirsty[:i], c.thirsty[i+1:]...)
				break
			}
		}
	}
	c.tell(s)
	s.heads, s.data, s.tail, s.fin = s.heads[:0], nil, nil, false
	c.repay(s.body.drop())
	if s.handled {
		s.cancel()
		s.wake.Broadcast()
		if s.writeTimer != nil {
			s.writeTimer.Stop() // it holds on to the request
		}
	}
	if !s.busy {
		c.discard(s)
	}
	if len(c.streams) == 0 {
		c.watch.idle()
	}
}

// discard gives back what a closed stream held, and keeps the stream for
// another hit.
func (c *conn2) discard(s *stream2) {
	if s.release != nil {
		s.release()
		s.release = nil
	}
	if s.handled {
		s.file = nil
		return
	}
	clear(s.heads[:cap(s.heads)])
	*s = stream2{c: c, heads: s.heads[:0], idField: s.idField, req: s.req, next: c.spare}
	s.wake.L = &c.mu
	c.spare = s
}

// resetStream ends a stream with RST_STREAM because of what the client did, and
// fails if that has been too often.
func (c *conn2) resetStream(id uint32, code http2.ErrCode) error {
	if s := c.streams[id]; s != nil {
		c.closeStream(s)
	}
	c.reset.add(id)
	if c.resets.over(c.lim.Resets, c.now, c.lim.Window) {
		return calm("streams reset")
	}
	return c.say(appendReset(c.control, id, code))
}

// abort ends a stream with RST_STREAM for a reason of ours.
func (c *conn2) abort(s *stream2, code http2.ErrCode) {
	if s.closed {
		return
	}
	id := s.id // closing may make s another's
	c.closeStream(s)
	c.reset.add(id)
	c.control = appendReset(c.control, id, code)
}

// endStreams ends all streams with the connection.
func (c *conn2) endStreams() {
	for _, s := range c.streams {
		c.closeStream(s)
	}
}
