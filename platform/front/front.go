// Package front is what a visitor's connection meets first: it answers hits by
// itself, over HTTP/1.1 and HTTP/2, and leaves all else to the standard server
// and its handler.
package front

import (
	"net/netip"
	"os"
	"time"
)

// Request is a plain request as a front has read and checked it: GET or HEAD,
// no content, no expectation; conditional at most on whether the client's own
// copy is still good. Its bytes belong to the connection and are good
// until [Hits.Hit] returns.
type Request struct {
	Method string  // "GET" or "HEAD"
	Host   []byte  // the authority as it was sent (Host or :authority)
	Target []byte  // origin form: path and query as they were sent (RFC 9112 §3.2.1)
	Fields []Field // all fields but Host and those of the connection, in order
	TLS    bool
	Remote netip.AddrPort

	// Conditional says that If-None-Match or If-Modified-Since is among the fields
	// (RFC 9110 §13.1.2, §13.1.3): the answer may be a 304.
	Conditional bool

	room []byte // of Scratch
}

// Scratch is room for n bytes, empty, for who answers the request to write in: a
// key, say. It is good until [Hits.Hit] returns. Memory that every request is
// answered with stays near the processor; a connection's own, or its
// goroutine's stack, is cold where there are thousands.
func (r *Request) Scratch(n int) []byte {
	if len(r.room) < n {
		r.room = make([]byte, n)
	}
	return r.room[:0:n]
}

// Field is one field line. Name is in lower case, Value without space around it.
type Field struct{ Name, Value []byte }

// Get is the value of the first field of that name (in lower case), nil where
// there is none.
func (r *Request) Get(name string) []byte {
	for i := range r.Fields {
		if string(r.Fields[i].Name) == name {
			return r.Fields[i].Value
		}
	}
	return nil
}

// Line is the value of the first field line of that name, in any case, from the
// at-th line on, and the line to go on from; next is 0 where there is none.
func (r *Request) Line(name string, at int) (value []byte, next int) {
	for i := at; i < len(r.Fields); i++ {
		if isName(r.Fields[i].Name, name) {
			return r.Fields[i].Value, i + 1
		}
	}
	return nil, 0
}

// isName reports whether a name in lower case is name.
func isName(lower []byte, name string) bool {
	if len(lower) != len(name) {
		return false
	}
	for i, c := range lower {
		d := name[i]
		if d >= 'A' && d <= 'Z' {
			d |= 0x20
		}
		if c != d {
			return false
		}
	}
	return true
}

// Has reports whether there is a field of that name (in lower case).
func (r *Request) Has(name string) bool {
	for i := range r.Fields {
		if string(r.Fields[i].Name) == name {
			return true
		}
	}
	return false
}

// Hits is who knows what can be answered at once.
type Hits interface {
	// Hit is the whole answer to r, ready to be sent; false where r must go to
	// the handler. It is called by many connections at once, must not block, and
	// keeps nothing of r.
	Hit(r *Request) (Answer, bool)
}

// Answer is a response ready to be sent: a head, and content in memory, in a
// file, or in a file that is in memory too; none for a 304. The front sends no
// content to HEAD.
type Answer struct {
	Head *Head
	Body []byte // never changed by anybody, until Release; nil where it is in File alone

	// File holds the content, where it is not nil: Length bytes from Offset. The
	// file's own position is not used. Where Body has it too the front takes what
	// costs less: the file for the system to send, the bytes for what it has to
	// write itself.
	File           *os.File
	Offset, Length int64

	// Pages, where not nil, are a mapping of just that part of the file (mmap(2)).
	// The front lends them to the system, and never reads them itself. They must not
	// be written again once they have been given up: a socket may hold them until
	// long after Release.
	Pages []byte

	// Release, where not nil, is called once the answer has been sent or given up.
	Release func()
}

// Seats bounds the connections of a listener, over all its protocols.
type Seats interface {
	// Enter takes a seat; false where none is free. Leave is called either way.
	Enter() bool
	Leave()
}

// Sent is an answer that a front has given by itself.
type Sent struct {
	Request *Request // good until the hook returns
	ID      []byte   // the request id that the answer has; likewise
	Head    *Head
	Bytes   int64         // of the content that were sent
	Took    time.Duration // from the request's head to the answer's end
}
