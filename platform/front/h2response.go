package front

import (
	"errors"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
)

// errGone is what writing to a stream gives whose client has left it.
var errGone = errors.New("front: the client has given up the stream")

// responseBuffer is how much of a response waits for a flush, in bytes.
const responseBuffer = 4 << 10

var responseBuffers = sync.Pool{New: func() any { b := make([]byte, 0, responseBuffer); return &b }}

// response2 is the http.ResponseWriter of a stream. One goroutine at a time
// uses it, as net/http demands, but for the deadlines.
type response2 struct {
	c    *conn2
	s    *stream2
	req  *http.Request
	body *requestBody // nil where the request has none

	header   http.Header
	status   int         // 0 until chosen
	sent     http.Header // as it was when the status was chosen
	head     bool        // the request was HEAD
	expects  bool        // a 100 is waited for
	started  bool        // the head has left
	ended    bool        // the handler has returned
	declared int64       // Content-Length or -1
	written  int64
	buf      *[]byte

	readTimer *time.Timer
}

// run serves the request.
func (w *response2) run() {
	defer w.end()
	w.c.handler.ServeHTTP(w, w.req)
	w.finish()
}

// end is the last that is done for a stream, panic or not.
func (w *response2) end() {
	if v := recover(); v != nil && v != http.ErrAbortHandler {
		w.c.h.log.Error("a handler panicked", "panic", v, "path", w.req.URL.Path, "stack", string(debug.Stack()))
	}
	c := w.c
	c.mu.Lock()
	w.ended = true
	if !w.s.fin {
		c.abort(w.s, http2.ErrCodeInternal)
	}
	if w.body != nil {
		w.body.closed = true
	}
	w.s.cancel()
	c.running--
	if w.readTimer != nil {
		w.readTimer.Stop()
	}
	c.mu.Unlock()
	c.send()
}

func (w *response2) Header() http.Header { return w.header }

// WriteHeader chooses the status; an informational one is sent at once.
func (w *response2) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("front: a status has three digits, got " + strconv.Itoa(status))
	}
	if w.status != 0 {
		return
	}
	if status < 200 {
		if status != http.StatusSwitchingProtocols { // RFC 9113 §8.6: there is none
			w.inform(status)
		}
		return
	}
	w.status, w.sent = status, w.header.Clone()
	if v := w.sent.Get("Content-Length"); v != "" {
		if n, ok := parseLength([]byte(v)); ok {
			w.declared = n
		} else {
			w.sent.Del("Content-Length")
		}
	}
}

// inform sends an informational response with the fields as they are.
func (w *response2) inform(status int) {
	if status == http.StatusContinue {
		w.expects = false
	}
	w.c.mu.Lock()
	waiting := len(w.s.heads)
	w.c.mu.Unlock()
	if waiting > 16 { // the client takes none, and none is needed
		return
	}
	b := appendLiteral(nil, ":status", strconv.Itoa(status))
	if status != http.StatusContinue {
		b = appendFields(b, w.header)
	}
	w.put(b, false)
	w.c.send()
}

// goOn tells a client that waits for it to send its content.
func (w *response2) goOn() {
	if w.expects && w.status == 0 {
		w.inform(http.StatusContinue)
	}
}

// put queues a field block.
func (w *response2) put(block []byte, end bool) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.s.closed {
		return
	}
	if len(block) > c.lim.ResponseHeader {
		c.h.log.Error("a response's fields are larger than the limit", "bytes", len(block), "path", w.req.URL.Path)
		c.abort(w.s, http2.ErrCodeInternal)
		return
	}
	w.s.heads = append(w.s.heads, head2out{block, end})
	c.queue(w.s)
}

func (w *response2) bodiless() bool { return w.status == 204 || w.status == 304 }

// Write sends content, at the latest when the handler returns.
func (w *response2) Write(p []byte) (int, error) { return w.write(p) }

func (w *response2) write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.bodiless() {
		return 0, http.ErrBodyNotAllowed
	}
	if w.declared >= 0 && w.written+int64(len(p)) > w.declared {
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	if w.buf == nil {
		w.buf = responseBuffers.Get().(*[]byte)
	}
	if len(*w.buf)+len(p) <= responseBuffer {
		*w.buf = append(*w.buf, p...)
		return len(p), nil
	}
	if len(*w.buf) == 0 {
		w.start(false, p)
	}
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	if w.head {
		return len(p), nil
	}
	return len(p), w.offer(p)
}

// WriteString is Write.
func (w *response2) WriteString(s string) (int, error) { return w.write([]byte(s)) }

// Flush sends what was written.
func (w *response2) Flush() { w.FlushError() } // http.Flusher has no error

// FlushError sends what was written; an error says that the client has gone.
func (w *response2) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var p []byte
	if w.buf != nil {
		p = *w.buf
		*w.buf = (*w.buf)[:0]
	}
	w.start(false, p)
	if w.head {
		p = nil
	}
	return w.offer(p)
}

// start queues the head, if that has not been done. first is the content's
// beginning.
func (w *response2) start(end bool, first []byte) {
	if w.started {
		return
	}
	w.started = true
	h := w.sent
	if _, set := h["Content-Type"]; !set && len(first) > 0 && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(first))
	}
	if _, set := h["Date"]; !set {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if httpguts.HeaderValuesContainsToken(h["Connection"], "close") {
		defer w.c.drain()
	}
	for _, v := range h["Trailer"] {
		for _, name := range strings.Split(v, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	w.put(appendFields(appendLiteral(nil, ":status", strconv.Itoa(w.status)), h), end)
}

// offer hands p over to be sent and waits until it is p's owner again.
func (w *response2) offer(p []byte) error {
	c, s := w.c, w.s
	c.mu.Lock()
	if s.closed {
		c.mu.Unlock()
		return w.gone()
	}
	s.data = p
	c.queue(s)
	c.mu.Unlock()
	c.send()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(s.data) > 0 && !s.closed {
		s.wake.Wait()
	}
	if s.closed {
		return w.gone()
	}
	return nil
}

// gone says why the stream has been closed.
func (w *response2) gone() error {
	if w.s.failure != nil {
		return w.s.failure
	}
	return errGone
}

// finish ends the response after the handler.
func (w *response2) finish() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	c, s := w.c, w.s
	short := w.declared >= 0 && w.written < w.declared && !w.head && !w.bodiless()
	var p []byte
	if w.buf != nil {
		p = *w.buf
	}
	if !w.started && w.declared < 0 && !w.bodiless() && (len(p) > 0 || !w.head) {
		w.sent.Set("Content-Length", strconv.Itoa(len(p)))
	}
	tail, content := w.trailers(), p
	if w.head || w.bodiless() {
		p = nil
	}
	w.start(len(p) == 0 && tail == nil && !short, content)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.closed || short {
		return // short: end resets it, or the client would take it for whole
	}
	s.data, s.tail, s.fin = p, tail, true
	if buf := w.buf; buf != nil {
		s.release = func() {
			*buf = (*buf)[:0]
			responseBuffers.Put(buf)
		}
	}
	c.queue(s)
}

// trailers are the fields after the content: those announced by Trailer, and
// those named with http.TrailerPrefix.
func (w *response2) trailers() []byte {
	var b []byte
	add := func(name string, values []string) {
		if !httpguts.ValidTrailerHeader(name) {
			return
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	for _, v := range w.sent["Trailer"] {
		for _, name := range strings.Split(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			add(name, w.header[name])
		}
	}
	for name, values := range w.header {
		if short, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			add(short, values)
		}
	}
	return b
}

// appendFields writes a handler's fields but those of a connection
// (RFC 9113 §8.2.2).
func appendFields(b []byte, h http.Header) []byte {
	for name, values := range h {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
			continue
		}
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		for _, v := range values {
			b = appendField(b, name, v)
		}
	}
	return b
}

// appendField writes one field, if a field can hold it.
func appendField(b []byte, name, value string) []byte {
	value = strings.TrimFunc(value, func(r rune) bool { return r == ' ' || r == '\t' })
	if !validName(name) || !validValue(value) {
		return b
	}
	return appendLiteral(b, strings.ToLower(name), value)
}

// takeTrailers shows the request's trailers once its content has been read.
func (w *response2) takeTrailers() {
	for _, f := range w.s.trailer {
		name := http.CanonicalHeaderKey(f.Name)
		if _, announced := w.req.Trailer[name]; announced {
			w.req.Trailer[name] = append(w.req.Trailer[name], f.Value)
		}
	}
	w.s.trailer = nil
}

// within bounds the request's content and the answer in time, as the standard
// server's timeouts do: a visitor that sends or reads a byte now and then would
// keep the handler, and whatever it waits with, for ever.
func (w *response2) within(most time.Duration) {
	by := time.Now().Add(most)
	_, _ = w.SetReadDeadline(by), w.SetWriteDeadline(by) // they never fail
}

// SetReadDeadline is for http.ResponseController.
func (w *response2) SetReadDeadline(t time.Time) error {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.body == nil {
		return nil
	}
	w.body.deadline = false
	w.readTimer = w.after(w.readTimer, t, func() {
		w.body.deadline = true
		w.s.wake.Broadcast()
	})
	return nil
}

// SetWriteDeadline is for http.ResponseController. A stream that is not at its
// end by then is reset.
func (w *response2) SetWriteDeadline(t time.Time) error {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.s.closed {
		return nil
	}
	w.s.writeTimer = w.after(w.s.writeTimer, t, func() {
		if !w.s.closed {
			w.s.failure = os.ErrDeadlineExceeded
			c.abort(w.s, http2.ErrCodeInternal)
		}
	})
	return nil
}

// EnableFullDuplex is for http.ResponseController: a stream always is.
func (w *response2) EnableFullDuplex() error { return nil }

// after replaces a timer by one that calls do, with the connection's lock, at t;
// a zero t is never.
func (w *response2) after(old *time.Timer, t time.Time, do func()) *time.Timer {
	if old != nil {
		old.Stop()
	}
	if t.IsZero() {
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(max(0, time.Until(t)), func() {
		w.c.mu.Lock()
		if timer == w.readTimer || timer == w.s.writeTimer {
			do()
		}
		w.c.mu.Unlock()
		w.c.send()
	})
	return timer
}
