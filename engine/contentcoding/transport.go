package contentcoding

import (
	"io"
	"net/http"
	"time"
)

// Encoder writes one content in one coding.
type Encoder interface {
	io.WriteCloser // Close writes the end of the coded content
	// Flush writes out what has been held back, so that a reader who has all that
	// was written has all that it means.
	Flush() error
	// Release gives the encoder back. It is called once, after Close or instead.
	Release()
}

// Open begins an encoding. False: there is no such encoder, or too many are at
// work; the content then goes as it is.
type Open func(c Class, to io.Writer) (Encoder, bool)

// DefaultFlushAfter is how long coded text may wait for more of it.
const DefaultFlushAfter = 50 * time.Millisecond

// Transport asks upstream for what is not coded, and codes what is worth it for
// the class that the request asks for. It stands between a cache and the
// cache's upstream, so that each coding is made once and stored.
type Transport struct {
	Upstream http.RoundTripper
	Open     Open

	MinBytes   int64         // content of a declared length below it is left alone; 0: DefaultMinBytes
	FlushAfter time.Duration // a source silent for so long has what came of it sent on; 0: DefaultFlushAfter
}

// RoundTrip does not change r.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	class := Of(r.Header["Accept-Encoding"])
	out := r.WithContext(r.Context())
	out.Header = r.Header.Clone()
	validating := askPlain(out.Header, class)
	response, err := t.Upstream.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	switch {
	case response.StatusCode == http.StatusNotModified:
		stillCoded(response.Header, class, validating)
	case negotiable(out, response, t.minBytes()):
		addVary(response.Header)
		t.encode(response, class)
	}
	return response, nil
}

func (t *Transport) minBytes() int64 {
	if t.MinBytes > 0 {
		return t.MinBytes
	}
	return DefaultMinBytes
}

func (t *Transport) flushAfter() time.Duration {
	if t.FlushAfter > 0 {
		return t.FlushAfter
	}
	return DefaultFlushAfter
}

// plainFields describe the plain content: its length, its parts, its digests
// (RFC 9530, and the two that it replaces).
var plainFields = []string{"Content-Length", "Accept-Ranges", "Content-Digest", "Repr-Digest", "Digest", "Content-Md5"}

// encode makes the response that of a coding, if there is an encoder to be had.
func (t *Transport) encode(response *http.Response, c Class) {
	if c == Identity {
		return
	}
	body, ok := newBody(response.Body, c, t.Open, t.flushAfter())
	if !ok {
		return
	}
	h := response.Header
	response.Body, response.ContentLength, response.Uncompressed = body, -1, false
	h["Content-Encoding"] = []string{c.String()}
	describe(h, c)
}

// stillCoded makes a 304 speak of the coded response that was asked about
// (RFC 9110 §15.4.5): a cache puts its fields into what it has stored.
func stillCoded(h http.Header, c Class, validating bool) {
	if validating {
		describe(h, c)
		addVary(h)
	} else if len(h["Vary"]) > 0 && c != Identity {
		addVary(h)
	}
}

// describe takes out what holds for the plain content only.
func describe(h http.Header, c Class) {
	for _, name := range plainFields {
		delete(h, name)
	}
	if tag := h.Get("Etag"); tag != "" {
		if tag = codedTag(tag, c); tag == "" {
			delete(h, "Etag")
		} else {
			h["Etag"] = []string{tag}
		}
	}
}
