package front

import (
	"io"
	"net"
	"sync"
	"time"
)

// output is what a connection needs to write an answer without allocating.
type output struct {
	id     [idLength]byte
	end    []byte // the last field line and the empty line
	vector net.Buffers
	room   [3][]byte
	file   fileSender
	sent   Sent
}

// answer sends a hit. False: the connection is of no use any more.
func (c *conn1) answer(a *Answer) bool {
	began := c.now
	limits := &c.front.cfg.Limits
	if by := began.Add(limits.Write); stale(c.writeUntil, by, limits.Write) {
		c.Conn.SetWriteDeadline(by) // where it fails the write does
		c.writeUntil = by
	}
	head := c.endHead(a.Head)
	content := int64(len(a.Body))
	if a.File != nil {
		content = a.Length
	}
	if c.in.head.Method == "HEAD" {
		content = 0
	}
	var n int64
	var err error
	switch {
	case c.tls != nil || c.raw == nil:
		n, err = c.writeJoined(head, a, content)
	case a.File != nil && content > 0:
		n, err = c.writeFile(head, a)
	default:
		n, err = c.writeVector(head, a.Body[:content])
	}
	c.now = time.Now()
	if c.front.cfg.Sent != nil {
		c.in.out.sent = Sent{Request: &c.in.head.Request, ID: c.in.out.id[:], Head: a.Head, Bytes: n, Took: c.now.Sub(began)}
		c.front.cfg.Sent(&c.in.out.sent)
	}
	c.yield(n)
	return err == nil
}

// endHead makes what ends this answer's head, and returns what comes before it.
func (c *conn1) endHead(h *Head) []byte {
	const emptyLine = len("\r\n")
	c.in.out.end = c.in.out.end[:0]
	if name := c.front.cfg.RequestID; name != "" {
		appendID(c.in.out.id[:0])
		c.in.out.end = append(append(append(c.in.out.end, name...), ": "...), c.in.out.id[:]...)
		c.in.out.end = append(c.in.out.end, "\r\n"...)
	}
	if c.tls != nil {
		c.in.out.end = append(c.in.out.end, c.front.secure...)
	}
	c.in.out.end = append(c.in.out.end, "\r\n"...)
	return h.h1[:len(h.h1)-emptyLine]
}

// writeVector sends head and content with one system call.
func (c *conn1) writeVector(head, body []byte) (int64, error) {
	c.in.out.room = [3][]byte{head, c.in.out.end, body}
	c.in.out.vector = c.in.out.room[:2]
	if len(body) > 0 {
		c.in.out.vector = c.in.out.room[:]
	}
	n, err := c.in.out.vector.WriteTo(c.Conn)
	c.in.out.room = [3][]byte{}
	return max(0, n-int64(len(head)+len(c.in.out.end))), err
}

// joinBytes is one TLS record's content.
const joinBytes = 16 << 10

var joins = sync.Pool{New: func() any { return new([joinBytes]byte) }}

// writeJoined sends through a connection that takes one piece at a time: head
// and the first of the content are put together, and records are gathered.
func (c *conn1) writeJoined(head []byte, a *Answer, content int64) (n int64, err error) {
	if c.gather != nil {
		c.gather.Hold()
		defer func() {
			if ferr := c.gather.Flush(); err == nil {
				err = ferr
			}
		}()
	}
	join := joins.Get().(*[joinBytes]byte)
	defer joins.Put(join)
	piece := append(append(join[:0], head...), c.in.out.end...)
	for {
		room := piece[len(piece):cap(piece)]
		k, err := a.readAt(room[:min(int64(len(room)), content-n)], n)
		if err != nil {
			return n, err
		}
		if _, err := c.Conn.Write(piece[:len(piece)+k]); err != nil {
			return n, err
		}
		n += int64(k)
		switch {
		case n == content:
			return n, nil
		case a.Body != nil:
			k, err := c.Conn.Write(a.Body[n:content])
			return n + int64(k), err
		}
		piece = join[:0]
	}
}

// readAt reads len(p) bytes of the content.
func (a *Answer) readAt(p []byte, at int64) (int, error) {
	if a.Body != nil {
		return copy(p, a.Body[at:]), nil
	}
	n, err := a.File.ReadAt(p, a.Offset+at)
	if n == len(p) {
		return n, nil
	}
	if err == io.EOF { // the file is shorter than it was said to be
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
