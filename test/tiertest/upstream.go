package tiertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Answer is what an upstream says to a request.
type Answer = func(*http.Request) (*http.Response, error)

// Upstream is what a tier stands before: it answers as it is told, and remembers
// what it was asked. It is safe for concurrent use.
type Upstream struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer Answer
}

// NewUpstream answers so until it is told otherwise.
func NewUpstream(answer Answer) *Upstream { return &Upstream{answer: answer} }

// RoundTrip reads the request whole and answers it.
func (u *Upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		body = b
	}
	u.mu.Lock()
	u.asked = append(u.asked, r.Clone(context.Background()))
	u.bodies = append(u.bodies, string(body))
	answer := u.answer
	u.mu.Unlock()
	return answer(r)
}

// Will has it answer so from now on.
func (u *Upstream) Will(answer Answer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

// Count is how often it was asked.
func (u *Upstream) Count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.asked)
}

// Last is the newest request, and LastBody its content.
func (u *Upstream) Last() *http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked[len(u.asked)-1]
}

// LastBody is the content of the newest request.
func (u *Upstream) LastBody() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bodies[len(u.bodies)-1]
}

// Says answers 200 with content that may be cached, or as the given fields, names
// and values by turns, have it.
func Says(body string, fields ...string) Answer {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Cache-Control": {"public, s-maxage=300"}, "Content-Type": {"text/plain"}}
		for i := 0; i+1 < len(fields); i += 2 {
			h.Set(fields[i], fields[i+1])
		}
		return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

// Refuses does not answer at all.
func Refuses(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// RemembersWhatIsMissing checks that a tier remembers for kept, and no longer,
// that its upstream has nothing there. at sets its clock to so long after the
// beginning; get asks it for a page, and gives status, content and Cache-Status.
func RemembersWhatIsMissing(t *testing.T, u *Upstream, kept time.Duration, at func(time.Duration), get func() (status int, body, said string)) {
	t.Helper()
	u.Will(func(r *http.Request) (*http.Response, error) {
		res, err := Says("nothing here")(r)
		res.StatusCode = http.StatusNotFound
		res.Header.Del("Cache-Control") // nothing is said of how long
		return res, err
	})
	for _, c := range []struct {
		after time.Duration
		reads int
		said  string
	}{{0, 1, "fwd=uri-miss"}, {kept - time.Second, 1, "hit; ttl=1; detail=negative"}, {kept, 2, "fwd="}} {
		at(c.after)
		status, body, said := get()
		if status != http.StatusNotFound || body != "nothing here" || u.Count() != c.reads || !strings.Contains(said, c.said) {
			t.Errorf("after %v: %d %s, %d reads, Cache-Status %s; want %d, %s", c.after, status, body, u.Count(), said, c.reads, c.said)
		}
	}
}

// RemembersAFailure checks that a tier whose upstreams do not answer tells that
// again without asking, and asks again later.
func RemembersAFailure(t *testing.T, upstreams []*Upstream, later func(), get func() (status int, said string)) {
	t.Helper()
	asked := func() (n int) {
		for _, u := range upstreams {
			n += u.Count()
		}
		return n
	}
	for _, u := range upstreams {
		u.Will(Refuses)
	}
	first, _ := get()
	before := asked()
	for range 5 {
		if status, said := get(); status != first || status < 500 || !strings.Contains(said, "detail=negative") {
			t.Errorf("%d %s", status, said)
		}
	}
	if n := asked(); before == 0 || n != before {
		t.Errorf("asked %d times at first, %d times more", before, n-before)
	}
	later()
	for _, u := range upstreams {
		u.Will(Says("here again"))
	}
	if status, said := get(); status != http.StatusOK {
		t.Errorf("later: %d %s", status, said)
	}
}
