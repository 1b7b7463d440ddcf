package front

import (
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2/hpack"
)

var (
	refusedFields = NewHead(http.StatusRequestHeaderFieldsTooLarge, []HeadField{{"content-length", "0"}})
	refusedTarget = NewHead(http.StatusRequestURITooLong, []HeadField{{"content-length", "0"}})
	refusedURL    = NewHead(http.StatusBadRequest, []HeadField{{"content-length", "0"}})
)

// request answers a request as a hit, or starts its handler.
func (c *conn2) request(h *head2) error {
	id, end := c.block.stream, c.block.end
	p := c.priorityOf(h)
	if len(h.path) > c.all.Target {
		c.answer(id, end, p, Answer{Head: refusedTarget}, nil)
		return nil
	}
	if end && c.h.cfg.Hits != nil && (h.method == "GET" || h.method == "HEAD") {
		r := c.hitRequest(h)
		if r.plain() && (c.h.idName == "" || !r.Has(c.h.idName)) {
			if a, ok := c.h.cfg.Hits.Hit(r); ok {
				c.answer(id, end, p, a, r)
				return nil
			}
		}
	}
	r, err := newRequest(h)
	if err != nil {
		c.answer(id, end, p, Answer{Head: refusedURL}, nil)
		return nil
	}
	c.handle(id, end, p, h, r)
	return nil
}

// priorityOf is what a request asks for (RFC 9218 §5).
func (c *conn2) priorityOf(h *head2) priority2 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !h.hasPriority {
		return defaultPriority(c.knows)
	}
	c.knows = true
	return parsePriority(h.priority)
}

// kept2 is a request with the memory that it lies in.
type kept2 struct {
	Request
	arena []byte
}

// hitRequest is the request as hits see it, in memory that is used again.
func (c *conn2) hitRequest(h *head2) *Request {
	arena := c.req.arena[:0]
	need := len(h.authority) + len(h.path)
	for _, f := range h.fields {
		need += len(f.Name) + len(f.Value)
	}
	if cap(arena) < need { // it must not move below
		arena = make([]byte, 0, 2*need)
	}
	keep := func(s string) []byte {
		at := len(arena)
		arena = append(arena, s...)
		return arena[at:len(arena):len(arena)]
	}
	r := &c.req.Request
	*r = Request{Method: h.method, Host: keep(h.authority), Target: keep(h.path), Fields: r.Fields[:0], TLS: c.tls != nil, Remote: c.remote, room: r.room}
	for _, f := range h.fields {
		if f.Name == "te" { // the connection's
			continue
		}
		r.Fields = append(r.Fields, Field{Name: keep(f.Name), Value: keep(f.Value)})
	}
	c.req.arena = arena
	return r
}

// newRequest is the request as handlers see it, without body and context.
func newRequest(h *head2) (*http.Request, error) {
	r := &http.Request{
		Method: h.method, Host: h.authority, RequestURI: h.path,
		Proto: "HTTP/2.0", ProtoMajor: 2, Header: make(http.Header, len(h.fields)), ContentLength: h.length,
	}
	if h.method == "CONNECT" {
		r.URL, r.RequestURI = &url.URL{Host: h.authority}, h.authority
	} else {
		u, err := url.ParseRequestURI(h.path)
		if err != nil {
			return nil, err
		}
		r.URL = u
	}
	values := make([]string, len(h.fields))
	for i, f := range h.fields {
		switch f.Name {
		case "cookie": // one line, as HTTP/1.1 has it (RFC 9113 §8.2.3)
			if old := r.Header["Cookie"]; len(old) > 0 {
				old[0] += "; " + f.Value
				continue
			}
		case "trailer":
			announce(r, f.Value)
			continue
		}
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		if old, ok := r.Header[name]; ok {
			r.Header[name] = append(old, f.Value)
			continue
		}
		values[i] = f.Value
		r.Header[name] = values[i : i+1 : i+1]
	}
	return r, nil
}

// announce notes the trailers that a request says will come.
func announce(r *http.Request, v string) {
	for _, name := range strings.Split(v, ",") {
		name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
		if httpguts.ValidTrailerHeader(name) {
			if r.Trailer == nil {
				r.Trailer = http.Header{}
			}
			r.Trailer[name] = nil
		}
	}
}

// handle starts the handler of a request.
func (c *conn2) handle(id uint32, end bool, p priority2, h *head2, r *http.Request) {
	ctx, cancel := context.WithCancel(c.ctx)
	s := &stream2{c: c, id: id, remoteEnd: end, prio: p, handled: true, cancel: cancel}
	s.wake.L = &c.mu
	w := &response2{c: c, s: s, header: http.Header{}, declared: -1, head: r.Method == "HEAD"}
	r.RemoteAddr, r.TLS = c.peer, c.tls
	if end {
		r.Body = http.NoBody
		r.ContentLength = 0
	} else {
		w.body = &requestBody{w: w}
		r.Body = w.body
		if httpguts.HeaderValuesContainsToken(r.Header["Expect"], "100-continue") {
			w.expects = true
			r.Header.Del("Expect")
		}
	}
	w.req = r.WithContext(ctx)
	c.mu.Lock()
	s.window, s.credit, s.declared = c.streamWin, c.lim.StreamWindow, h.length
	c.streams[id] = s
	c.running++
	c.mu.Unlock()
	w.within(c.all.Write)
	go w.run()
}

// setTrailers keeps the fields that came after the content.
func (s *stream2) setTrailers(fields []hpack.HeaderField) {
	if s.handled {
		s.trailer = append([]hpack.HeaderField(nil), fields...)
	}
}
