package httpcache

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"meridian/world"
)

// errWrite says that the client did not take what was written to it.
var errWrite = errors.New("httpcache: the client is gone")

// deliver answers a request with a response: a 304 or a part of it where that
// was asked for, else the whole.
func (c *Cache) deliver(w http.ResponseWriter, r *http.Request, key string, h *head, body content, v verdict) {
	now := c.cfg.Now()
	out := w.Header()
	if v.hit || v.stored {
		v.ttl, v.hasTTL = h.ttl(now), true
	}
	c.describe(out, key, h, v, h.age(now), c.hides(r))
	if notModified(r, h) {
		keepNotModifiedFields(out)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	piece, parts, kind := requestedSpan(r, h, c.cfg.MaxRanges)
	switch kind {
	case noSuchPart:
		writeUnsatisfiable(w, h.length)
		return
	case partOfContent:
		out["Content-Range"] = []string{contentRange(piece, h.length)}
		out["Content-Length"] = []string{strconv.FormatInt(piece.to-piece.from, 10)}
		w.WriteHeader(http.StatusPartialContent)
	case severalParts:
		ranges := newByteRanges(body, parts, h, key)
		ranges.describe(out)
		body = ranges
		w.WriteHeader(http.StatusPartialContent)
	default:
		w.WriteHeader(h.status)
	}
	if r.Method == http.MethodHead || h.status == http.StatusNoContent {
		return
	}
	c.copy(r, w, body, piece)
}

// describe sets the fields of an answer with the whole response.
func (c *Cache) describe(out http.Header, key string, h *head, v verdict, age time.Duration, hide bool) {
	copyFields(out, h.header)
	if hide {
		strip(out)
	}
	if age >= time.Second || v.hit {
		out["Age"] = []string{strconv.FormatInt(int64(age/time.Second), 10)}
	}
	c.addStatus(out, h.header, key, v)
}

// copy sends the content. A source that breaks aborts the response: what was
// sent so far must not pass for the whole.
func (c *Cache) copy(r *http.Request, w http.ResponseWriter, body content, piece span) {
	err := body.copyTo(r.Context(), w, piece)
	if err == nil || errors.Is(err, errWrite) {
		return
	}
	breakOff()
}

// breakOff ends a response that nobody will finish, with its connection or
// stream. A client that has left may still read, as one that has closed its own
// side alone does: what a server makes of a handler that just returns is an
// empty 200, or the end of the content.
func breakOff() { panic(http.ErrAbortHandler) }

// serveOwn gives the leader a response that could not be shared.
func (c *Cache) serveOwn(w http.ResponseWriter, r *http.Request, f *fill, own *http.Response, v verdict) {
	defer f.cancel(nil)
	defer own.Body.Close()
	// From here on the read is the client's own, and ends when it leaves.
	defer context.AfterFunc(r.Context(), func() { f.cancel(r.Context().Err()) })()
	h := f.head.complete()
	if len(r.Header["Range"]) > 0 && f.piece == (span{}) { // it cannot be cut from what passes by once
		r = r.Clone(r.Context())
		delete(r.Header, "Range")
	}
	body := passing{own.Body, h.length < 0}
	if f.piece != (span{}) {
		c.deliver(w, r, f.key, h, f.contentOf(&passingPart{body, f.piece.from}), v)
		return
	}
	c.deliver(w, r, f.key, h, body, v)
}

// passing is content that goes by once, to one reader.
type passing struct {
	from  io.Reader
	drips bool // of unknown length: what there is should not wait for more
}

func (p passing) copyTo(_ context.Context, w http.ResponseWriter, _ span) error {
	buf := make([]byte, minBuffer)
	for {
		n, err := p.from.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return errWrite
			}
			if p.drips {
				_ = http.NewResponseController(w).Flush()
			}
		}
		if err != nil {
			return endOf(err)
		}
	}
}

// passingPart is a part of a content that goes by once; at is how far it has.
type passingPart struct {
	passing
	at int64
}

func (p *passingPart) copyTo(ctx context.Context, w http.ResponseWriter, piece span) error {
	if _, err := io.CopyN(io.Discard, p.from, piece.from-p.at); err != nil {
		return err
	}
	p.at = piece.to
	return passing{exactly(p.from, piece.len()), p.drips}.copyTo(ctx, w, piece)
}

// copyFields shares the values: their capacity is cut, so that adding to one
// copies it.
func copyFields(to, from http.Header) {
	for name, values := range from {
		to[name] = values[:len(values):len(values)]
	}
}

// hides reports whether who asks must not see the group fields.
func (c *Cache) hides(r *http.Request) bool {
	return c.cfg.StripGroups && (c.cfg.ShowGroups == nil || !c.cfg.ShowGroups(r))
}

// strip takes out the group fields.
func strip(h http.Header) {
	delete(h, fieldSurrogateKey)
	delete(h, fieldCacheGroups)
	delete(h, fieldCacheTag)
	delete(h, fieldInvalidation)
}

// addStatus puts our member behind those of the caches nearer the origin.
func (c *Cache) addStatus(out, upstream http.Header, key string, v verdict) {
	if !c.cfg.ShowKey {
		key = ""
	}
	out["Cache-Status"] = appendMember(upstream["Cache-Status"], v.member(c.name, key))
}

// fail answers with an error and says in Cache-Status what was tried.
func (c *Cache) fail(w http.ResponseWriter, r *http.Request, key string, v verdict, err error) {
	c.addStatus(w.Header(), nil, key, v)
	c.cfg.Error(w, r, err)
}

func contentRange(piece span, length int64) string {
	return "bytes " + strconv.FormatInt(piece.from, 10) + "-" + strconv.FormatInt(piece.to-1, 10) +
		"/" + strconv.FormatInt(length, 10)
}

// writeUnsatisfiable is the 416 (RFC 9110 §15.5.17): it names the length, and
// nothing of the response's own description holds for it.
func writeUnsatisfiable(w http.ResponseWriter, length int64) {
	out := w.Header()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Etag",
		"Last-Modified", "Cache-Control", "Cdn-Cache-Control", "Expires", "Age"} {
		delete(out, name)
	}
	out["Cache-Control"] = []string{"no-store"}
	out["Content-Length"] = []string{"0"}
	out["Content-Range"] = []string{"bytes */" + strconv.FormatInt(length, 10)}
	w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
}

// writeProblem is the default of Config.Error (RFC 9457).
func writeProblem(w http.ResponseWriter, _ *http.Request, err error) {
	code := world.CodeOf(err)
	var e *world.Error
	detail := ""
	if errors.As(err, &e) {
		detail = e.Message
	}
	body, _ := json.Marshal(map[string]any{ // strings and a number: it cannot fail
		"title": http.StatusText(code.Status()), "status": code.Status(), "code": code, "detail": detail,
	})
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code.Status())
	_, _ = w.Write(body)
}
