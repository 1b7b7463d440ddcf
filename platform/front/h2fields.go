package front

import (
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// block2 is the field block that is being received.
type block2 struct {
	all    *Limits
	open   bool // END_HEADERS is still to come
	stream uint32
	end    bool // END_STREAM
	self   bool // the stream depends on itself
	bytes  int  // as sent
	frames int  // CONTINUATIONs

	fields []hpack.HeaderField
	size   int  // RFC 9113 §6.5.2
	most   bool // too many or too large; what came later was not kept
}

// add is called by the decoder with each field.
func (b *block2) add(f hpack.HeaderField) {
	b.size += int(f.Size())
	if b.size > b.all.Head || len(b.fields) >= b.all.Fields {
		b.most = true
		return
	}
	b.fields = append(b.fields, f)
}

func (c *conn2) onHeaders(f *http2.HeadersFrame) error {
	if f.StreamID%2 == 0 { // §5.1.1
		return fault2{http2.ErrCodeProtocol, "a client's streams are odd"}
	}
	b := &c.block
	clear(b.fields) // so that no old value is kept
	*b = block2{all: b.all, fields: b.fields[:0], open: true, stream: f.StreamID, end: f.StreamEnded(),
		self: f.HasPriority() && f.Priority.StreamDep == f.StreamID}
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

func (c *conn2) onContinuation(f *http2.ContinuationFrame) error {
	if c.block.frames++; c.block.frames > c.lim.Continuations {
		return calm("CONTINUATION")
	}
	return c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
}

// fragment decodes a part of a field block, which must be done even if nobody
// wants it: later ones may refer to it (RFC 9113 §4.3).
func (c *conn2) fragment(p []byte, last bool) error {
	if c.block.bytes += len(p); c.block.bytes > c.lim.HeaderBlock {
		return calm("field block too large")
	}
	if _, err := c.dec.Write(p); err != nil {
		return fault2{http2.ErrCodeCompression, err.Error()}
	}
	if !last {
		return nil
	}
	c.block.open = false
	if err := c.dec.Close(); err != nil {
		return fault2{http2.ErrCodeCompression, err.Error()}
	}
	return c.section()
}

// section takes a whole field section: a request, or a request's trailers.
func (c *conn2) section() error {
	b := &c.block
	c.mu.Lock()
	s := c.streams[b.stream]
	switch {
	case s != nil:
		defer c.mu.Unlock()
		return c.trailers(s, b)
	case b.stream <= c.lastID:
		defer c.mu.Unlock()
		if c.reset.has(b.stream) {
			return nil
		}
		return fault2{http2.ErrCodeStreamClosed, "fields for a closed stream"}
	case c.final:
		c.mu.Unlock()
		return nil
	}
	c.lastID = b.stream
	full := len(c.streams) >= c.lim.Streams || c.running >= c.lim.Streams
	c.mu.Unlock()
	switch {
	case full:
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeRefusedStream}
	case b.self:
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeProtocol}
	case b.most:
		c.answer(b.stream, b.end, priority2{}, Answer{Head: refusedFields}, nil)
		return nil
	}
	h, ok := readHead(b.fields)
	if !ok || b.end && h.length > 0 {
		return http2.StreamError{StreamID: b.stream, Code: http2.ErrCodeProtocol}
	}
	return c.request(&h)
}

// trailers takes the fields after a request's content.
func (c *conn2) trailers(s *stream2, b *block2) error {
	bad := http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol}
	if s.remoteEnd {
		bad.Code = http2.ErrCodeStreamClosed
		return bad
	}
	if !b.end || b.self || b.most || s.declared >= 0 && s.got != s.declared { // RFC 9113 §8.1
		return bad
	}
	for _, f := range b.fields {
		if f.IsPseudo() || !fieldMay(f) {
			return bad
		}
	}
	s.remoteEnd = true
	s.setTrailers(b.fields)
	s.wake.Broadcast()
	return nil
}

// head2 is a request's field section, checked.
type head2 struct {
	method, scheme, authority, path string
	fields                          []hpack.HeaderField // without pseudo-fields and Host
	length                          int64               // Content-Length, -1 where there is none
	priority                        string
	hasPriority                     bool
}

// readHead checks a request's fields (RFC 9113 §8.2, §8.3); false where they
// are malformed. The fields of the result lie in those given.
func readHead(all []hpack.HeaderField) (head2, bool) {
	h := head2{length: -1}
	n := 0
	for n < len(all) && all[n].IsPseudo() {
		if !h.pseudo(all[n]) {
			return h, false
		}
		n++
	}
	h.fields = all[n:n]
	for _, f := range all[n:] {
		if f.IsPseudo() || !fieldMay(f) {
			return h, false
		}
		switch f.Name {
		case "host":
			if h.authority != "" && !strings.EqualFold(h.authority, f.Value) || !validHost(f.Value) { // §8.3.1
				return h, false
			}
			h.authority = f.Value
			continue
		case "content-length":
			v, ok := parseLength([]byte(f.Value))
			if !ok || h.length >= 0 { // RFC 9110 §8.6: repeated, so likely of two minds
				return h, false
			}
			h.length = v
		case "te":
			if f.Value != "trailers" { // RFC 9113 §8.2.2
				return h, false
			}
		case "priority":
			h.priority, h.hasPriority = f.Value, true
		}
		h.fields = append(h.fields, f)
	}
	return h, h.complete()
}

// pseudo takes a pseudo-field, of which each may be there once (§8.3).
func (h *head2) pseudo(f hpack.HeaderField) bool {
	var to *string
	switch f.Name {
	case ":method":
		to = &h.method
	case ":scheme":
		to = &h.scheme
	case ":authority":
		to = &h.authority
		if !validHost(f.Value) {
			return false
		}
	case ":path":
		to = &h.path
	default:
		return false
	}
	if *to != "" || f.Value == "" {
		return false
	}
	*to = f.Value
	return true
}

// complete reports whether the pseudo-fields are all there and fit together
// (§8.3.1; CONNECT: §8.5).
func (h *head2) complete() bool {
	if !token(h.method) || h.authority == "" {
		return false
	}
	if h.method == "CONNECT" {
		return h.scheme == "" && h.path == ""
	}
	if h.scheme != "https" && h.scheme != "http" || h.path == "" {
		return false
	}
	if h.path[0] != '/' && !(h.path == "*" && h.method == "OPTIONS") {
		return false
	}
	for i := range len(h.path) {
		if c := h.path[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// fieldMay reports whether a field may be in a message of HTTP/2: with a name in
// lower case, a value without control characters and space around it (§8.2.1),
// and not of a connection (§8.2.2).
func fieldMay(f hpack.HeaderField) bool {
	if !httpguts.ValidHeaderFieldName(f.Name) || !validValue(f.Value) {
		return false
	}
	for i := range len(f.Name) {
		if c := f.Name[i]; 'A' <= c && c <= 'Z' {
			return false
		}
	}
	if v := f.Value; v != "" && (v[0] <= ' ' || v[len(v)-1] <= ' ') {
		return false
	}
	switch f.Name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return false
	}
	return true
}

// validHost reports whether s can be a host and port; a name in front of them
// (userinfo) is deprecated and refused (RFC 9113 §8.3.1).
func validHost(s string) bool {
	return s != "" && !strings.ContainsAny(s, "@/?#\\") && httpguts.ValidHostHeader(s)
}

func token(s string) bool { return httpguts.ValidHeaderFieldName(s) }
