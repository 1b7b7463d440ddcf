package contentcoding

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// swap is a coding for tests: each byte with its bits turned over, held back
// until it is flushed, and an end mark.
type swap struct {
	to       io.Writer
	held     []byte
	released *atomic.Int32
}

func (s *swap) Write(p []byte) (int, error) { s.held = append(s.held, p...); return len(p), nil }
func (s *swap) Flush() error {
	for i := range s.held {
		s.held[i] = ^s.held[i]
	}
	_, err := s.to.Write(s.held)
	s.held = nil
	return err
}
func (s *swap) Close() error { s.held = append(s.held, 0xff); return s.Flush() }
func (s *swap) Release()     { s.released.Add(1) }

func unswap(coded []byte) (string, bool) {
	whole := len(coded) > 0 && coded[len(coded)-1] == 0
	coded = bytes.TrimSuffix(coded, []byte{0})
	for i := range coded {
		coded[i] = ^coded[i]
	}
	return string(coded), whole
}

type upstreamFunc func(*http.Request) (*http.Response, error)

func (f upstreamFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// fixture is a transport before an upstream that answers with text.
type fixture struct {
	Transport
	asked            *http.Request
	answer           *http.Response
	opened, released atomic.Int32
}

var text = strings.Repeat("Brezel ", 300)

func newFixture(fields ...string) *fixture {
	f := &fixture{answer: answer(200, text, append([]string{"Content-Type", "text/html; charset=utf-8"}, fields...)...)}
	f.Upstream = upstreamFunc(func(r *http.Request) (*http.Response, error) {
		f.asked = r
		return f.answer, nil
	})
	f.Open = func(c Class, to io.Writer) (Encoder, bool) {
		f.opened.Add(1)
		return &swap{to: to, released: &f.released}, true
	}
	return f
}

func answer(status int, content string, fields ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			h.Del(fields[i])
		} else {
			h.Add(fields[i], fields[i+1])
		}
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(content)), Body: io.NopCloser(strings.NewReader(content))}
}

func (f *fixture) get(t *testing.T, fields ...string) *http.Response {
	t.Helper()
	r, _ := http.NewRequest("GET", "http://shop/p", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	before := r.Header.Clone()
	res, err := f.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	for name := range before {
		if r.Header.Get(name) != before.Get(name) {
			t.Errorf("the request's %s was changed", name)
		}
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestTextIsCodedForItsClass(t *testing.T) {
	f := newFixture("Etag", `"v1"`, "Content-Length", "2100", "Accept-Ranges", "bytes", "Repr-Digest", "sha-256=:x:",
		"Cache-Control", "max-age=60", "Surrogate-Key", "de/p", "Vary", "Accept-Language")
	res := f.get(t, "Accept-Encoding", "gzip, br")
	if got := f.asked.Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("upstream was asked for %q", got)
	}
	want := map[string]string{
		"Content-Encoding": "br", "Etag": `W/"v1~br"`, "Content-Length": "", "Accept-Ranges": "", "Repr-Digest": "",
		"Cache-Control": "max-age=60", "Surrogate-Key": "de/p", "Content-Type": "text/html; charset=utf-8",
	}
	for name, value := range want {
		if got := res.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if got := strings.Join(res.Header.Values("Vary"), ", "); got != "Accept-Language, Accept-Encoding" {
		t.Errorf("Vary: %s", got)
	}
	coded, err := io.ReadAll(res.Body)
	if got, whole := unswap(coded); err != nil || got != text || !whole || res.ContentLength != -1 {
		t.Errorf("%v, %q, whole: %v, length %d", err, got, whole, res.ContentLength)
	}
	if f.released.Load() != 1 {
		t.Errorf("the encoder was released %d times", f.released.Load())
	}
}

func TestWithoutACodingTheTextIsAsItWas(t *testing.T) {
	for _, accept := range []string{"", "identity", "deflate", "br;q=0"} {
		f := newFixture("Etag", `"v1"`)
		res := f.get(t, "Accept-Encoding", accept)
		got, _ := io.ReadAll(res.Body)
		if string(got) != text || res.Header.Get("Content-Encoding") != "" || res.Header.Get("Etag") != `"v1"` || res.ContentLength != int64(len(text)) {
			t.Errorf("%q: %d bytes, %v", accept, len(got), res.Header)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" { // another who asks would get another
			t.Errorf("%q: Vary %q", accept, res.Header.Get("Vary"))
		}
	}
}

func TestWhatIsLeftAlone(t *testing.T) {
	cases := map[string]struct {
		status  int
		content string
		request []string
		fields  []string
	}{
		"no-transform (RFC 9111 §5.2.2.6)": {fields: []string{"Cache-Control", "max-age=9, No-Transform"}},
		"coded already":                    {fields: []string{"Content-Encoding", "gzip"}},
		"a picture":                        {fields: []string{"Content-Type", "", "Content-Type", "image/webp"}},
		"without a type":                   {fields: []string{"Content-Type", ""}},
		"a stream of events":               {fields: []string{"Content-Type", "", "Content-Type", "text/event-stream"}},
		"a part":                           {status: 206, fields: []string{"Content-Range", "bytes 0-2099/9000"}},
		"a small one":                      {content: strings.Repeat("x", DefaultMinBytes-1)},
		"a redirection":                    {status: 301},
		"private":                          {fields: []string{"Cache-Control", "private"}},
		"no-store":                         {fields: []string{"Cache-Control", "no-store"}},
		"a cookie is set":                  {fields: []string{"Set-Cookie", "id=1"}},
		"credentials were sent":            {request: []string{"Authorization", "Basic x"}},
		"a cookie was, and no word on it":  {request: []string{"Cookie", "id=1"}},
	}
	for name, c := range cases {
		f := newFixture(c.fields...)
		if c.content != "" {
			f.answer.Body, f.answer.ContentLength = io.NopCloser(strings.NewReader(c.content)), int64(len(c.content))
		}
		if c.status != 0 {
			f.answer.StatusCode = c.status
		}
		before := f.answer.Header.Clone()
		res := f.get(t, append(c.request, "Accept-Encoding", "br")...)
		if f.opened.Load() != 0 || len(res.Header) != len(before) || res.Header.Get("Content-Encoding") != before.Get("Content-Encoding") {
			t.Errorf("%s: %v", name, res.Header)
		}
	}
	for name, c := range map[string][]string{
		"a cookie, but for everybody": {"Cache-Control", "max-age=60"},
		"json":                        {"Content-Type", "", "Content-Type", "application/problem+json"},
		"svg":                         {"Content-Type", "", "Content-Type", "image/svg+xml"},
	} {
		f := newFixture(c...)
		var cookie []string
		if strings.Contains(name, "cookie") {
			cookie = []string{"Cookie", "seen=1"}
		}
		if f.get(t, append(cookie, "Accept-Encoding", "br")...); f.opened.Load() != 1 {
			t.Errorf("%s: not coded", name)
		}
	}
}

func TestContentAtTheLeastSizeIsCoded(t *testing.T) {
	f := newFixture()
	f.answer.Body, f.answer.ContentLength = io.NopCloser(strings.NewReader(text[:DefaultMinBytes])), DefaultMinBytes
	if res := f.get(t, "Accept-Encoding", "br"); res.Header.Get("Content-Encoding") != "br" {
		t.Error("not coded")
	}
}

func TestHeadIsLeftAlone(t *testing.T) {
	f := newFixture()
	r, _ := http.NewRequest("HEAD", "http://shop/p", nil)
	r.Header.Set("Accept-Encoding", "br")
	if res, err := f.RoundTrip(r); err != nil || f.opened.Load() != 0 || res.Header.Get("Vary") != "" {
		t.Error(res, err)
	}
}

func TestNoEncoderToBeHad(t *testing.T) {
	f := newFixture("Etag", `"v1"`)
	f.Open = func(Class, io.Writer) (Encoder, bool) { return nil, false }
	res := f.get(t, "Accept-Encoding", "br")
	got, _ := io.ReadAll(res.Body)
	if string(got) != text || res.Header.Get("Etag") != `"v1"` || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Error(res.Header)
	}
}

// A coded response is validated by what upstream knows it as, and the answer
// speaks of the coded one again.
func TestValidationThereAndBack(t *testing.T) {
	cases := []struct {
		class, condition string
		up               string // what upstream is asked
		tag              string // of upstream's 304
		back             string
	}{
		{"br", `W/"v1~br"`, `"v1", W/"v1"`, `"v1"`, `W/"v1~br"`},
		{"br", `W/"v1~br"`, `"v1", W/"v1"`, `W/"v1"`, `W/"v1~br"`},
		{"br", `W/"v1~br"`, `"v1", W/"v1"`, "", ""},
		{"br", `"x", W/"v1~br" , "y"`, `"x", "v1", W/"v1" , "y"`, `"v1"`, `W/"v1~br"`},
		{"br", `W/"v1~gzip"`, `W/"v1~gzip"`, `W/"v1~gzip"`, `W/"v1~gzip"`}, // of another coding
		{"br", `"v1~br"`, `"v1~br"`, `"v1~br"`, `"v1~br"`},                 // a strong one is not ours
		{"identity", `W/"v1~br"`, `W/"v1~br"`, "", ""},
		{"br", `"v1`, `"v1`, "", ""},
		{"br", `*`, `*`, `"v1"`, `"v1"`},
	}
	for _, c := range cases {
		f := newFixture()
		f.answer = answer(304, "", "Etag", c.tag, "Vary", "Origin")
		res := f.get(t, "Accept-Encoding", c.class, "If-None-Match", c.condition)
		if got := f.asked.Header.Get("If-None-Match"); got != c.up {
			t.Errorf("%s %s: upstream was asked %s, want %s", c.class, c.condition, got, c.up)
		}
		if got := res.Header.Get("Etag"); got != c.back {
			t.Errorf("%s %s: came back as %s, want %s", c.class, c.condition, got, c.back)
		}
		if got := strings.Join(res.Header.Values("Vary"), ", "); c.class == "br" && got != "Origin, Accept-Encoding" {
			t.Errorf("%s: Vary %q", c.condition, got) // else a cache forgets it with this 304
		}
	}
}

// A part of the plain content must not be put to what there is of a coded one.
func TestPartsAreOfThePlainContent(t *testing.T) {
	for condition, want := range map[string]string{`W/"v1~br"`: "", `"v1"`: "bytes=0-9"} {
		f := newFixture()
		f.get(t, "Accept-Encoding", "br", "Range", "bytes=0-9", "If-Range", condition)
		if got := f.asked.Header.Get("Range"); got != want || (want == "") != (f.asked.Header.Get("If-Range") == "") {
			t.Errorf("If-Range %s: upstream was asked for %q", condition, got)
		}
	}
}

func TestABrokenSourceBreaksTheCodedContent(t *testing.T) {
	f := newFixture()
	broken := errors.New("connection reset")
	f.answer.Body = io.NopCloser(io.MultiReader(strings.NewReader("half"), failing{broken}))
	res := f.get(t, "Accept-Encoding", "br")
	if _, err := io.ReadAll(res.Body); err != broken {
		t.Errorf("%v, want %v: what came must not pass for the whole", err, broken)
	}
	if f.released.Load() != 1 {
		t.Error("the encoder was kept")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// What a slow source has said so far comes through.
func TestASilentSourceIsFlushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		source, writer := io.Pipe()
		f.answer.Body, f.answer.ContentLength = source, -1
		res := f.get(t, "Accept-Encoding", "br")
		go writer.Write([]byte("first"))
		began := time.Now()
		buf := make([]byte, 100)
		n, err := res.Body.Read(buf)
		if got, whole := unswap(buf[:n]); err != nil || got != "first" || whole {
			t.Errorf("%q, %v, %v", got, whole, err)
		}
		if took := time.Since(began); took != DefaultFlushAfter {
			t.Errorf("after %v", took)
		}
		go func() { writer.Write([]byte("second")); writer.Close() }()
		rest, err := io.ReadAll(res.Body)
		if got, whole := unswap(rest); err != nil || got != "second" || !whole {
			t.Errorf("%q, %v, %v", got, whole, err)
		}
	})
}

// Close ends a read that waits, and the reading of the source.
func TestClosedWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture()
		source, writer := io.Pipe()
		f.answer.Body, f.answer.ContentLength = source, -1
		res := f.get(t, "Accept-Encoding", "br")
		done := make(chan error)
		go func() { _, err := io.ReadAll(res.Body); done <- err }()
		synctest.Wait()
		res.Body.Close()
		if err := <-done; err == nil {
			t.Error("a closed content passed for a whole one")
		}
		if _, err := writer.Write([]byte("x")); err == nil {
			t.Error("the source is still read")
		}
		if n := f.released.Load(); n != 1 || res.Body.Close() != nil {
			t.Errorf("released %d times", n)
		}
	})
}

// Whatever pieces the source comes in and is read in, the text is the same.
func TestAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 3*pieceBytes/2)).Draw(t, "pieces")
		var want []byte
		var from []io.Reader
		for _, p := range pieces {
			want = append(want, p...)
			from = append(from, bytes.NewReader(p))
		}
		var released atomic.Int32
		b, _ := newBody(io.NopCloser(io.MultiReader(from...)), Gzip, func(_ Class, to io.Writer) (Encoder, bool) {
			return &swap{to: to, released: &released}, true
		}, time.Hour)
		defer b.Close()
		buf := make([]byte, rapid.IntRange(1, 2*pieceBytes).Draw(t, "read"))
		var got []byte
		for {
			n, err := b.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if out, whole := unswap(got); out != string(want) || !whole {
			t.Fatalf("%d bytes of %d, whole: %v", len(out), len(want), whole)
		}
	})
}
