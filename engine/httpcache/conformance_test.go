package httpcache

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// street is an origin, a cache and a client, each behind a real net/http server or
// transport, so that hop-by-hop fields and framing are real. The clock is turned.
type street struct {
	t      *testing.T
	cache  *httptest.Server
	client *http.Client

	mu    sync.Mutex
	now   time.Time
	reads []*http.Request // of the origin
	says  []string
	cut   bool // the origin hangs up
}

func newStreet(t *testing.T, change func(*Config)) *street {
	s := &street{t: t, now: epoch}
	origin := httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(origin.Close)
	target, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	upstream := &http.Transport{DisableCompression: true}
	t.Cleanup(upstream.CloseIdleConnections)
	cfg := Config{
		Name: "street", Now: s.clock, Upstream: upstream, HonourRequest: true, HeuristicPercent: 10, Ranges: RangesAsked, BlockBytes: -1,
		Cookies: CookiesStored, ForwardHead: true,
		Prepare: func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", target.Host },
	}
	if change != nil {
		change(&cfg)
	}
	cache := New(cfg)
	s.cache = httptest.NewServer(cache)
	t.Cleanup(func() { s.cache.Close(); _ = cache.Close() })
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

func (s *street) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// at is the time so many seconds after the test began, as a field has it.
func at(seconds int) string {
	return epoch.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
}

// answer is the origin: it says what it was told, or 304 where the request's
// validators are its own. Date is now, unless it is told one.
func (s *street) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, r)
	if s.cut {
		panic(http.ErrAbortHandler)
	}
	code, body, _ := strings.Cut(s.says[0], " ")
	status, _ := strconv.Atoi(code)
	h := w.Header()
	h["Date"] = []string{s.now.Format(http.TimeFormat)}
	for name, values := range header(s.says[1:]...) {
		h[name] = values
	}
	tag, changed := h.Get("Etag"), h.Get("Last-Modified")
	if tag != "" && r.Header.Get("If-None-Match") == tag || tag == "" && changed != "" && r.Header.Get("If-Modified-Since") == changed {
		status, body = http.StatusNotModified, ""
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// step is one request, and what must come of it.
type step struct {
	wait int      // seconds that pass first
	says []string // "status content" and fields: what the origin says from now on; nil: as before
	down bool     // the origin hangs up
	ask  []string // "METHOD /path" and fields; nil is GET /
	want string   // "origin", "cache", "validated" (asked with validators) or "refused", and the status unless it is 200
	body string   // what comes; "-" is anything
	has  []string // fields that come; "Name:" must not
}

func (s *street) do(i int, st step) {
	s.t.Helper()
	s.mu.Lock()
	s.now = s.now.Add(time.Duration(st.wait) * time.Second)
	if st.says != nil {
		s.says = st.says
	}
	s.cut = st.down
	before := len(s.reads)
	s.mu.Unlock()
	ask := append(st.ask, "GET /")
	method, path, _ := strings.Cut(ask[0], " ")
	var content io.Reader
	if method == "POST" || method == "PUT" {
		content = strings.NewReader("x")
	}
	r, err := http.NewRequest(method, s.cache.URL+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	if st.ask != nil {
		r.Header = header(st.ask[1:]...)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Errorf("step %d: %v", i, err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Errorf("step %d: %v", i, err)
	}
	from, code, _ := strings.Cut(st.want, " ")
	if code == "" {
		code = "200"
	}
	if got := s.came(before, res.StatusCode); got != from || strconv.Itoa(res.StatusCode) != code || st.body != "-" && string(body) != st.body {
		s.t.Errorf("step %d: %d %q from %s, %s; want %s %q from %s", i, res.StatusCode, body, got, res.Header.Get("Cache-Status"), code, st.body, from)
	}
	for _, f := range st.has {
		name, want, _ := strings.Cut(f, ":")
		if got := strings.Join(res.Header.Values(name), ", "); got != strings.TrimSpace(want) {
			s.t.Errorf("step %d: %s is %q, want %q", i, name, got, strings.TrimSpace(want))
		}
	}
}

// came tells where an answer came from.
func (s *street) came(before, status int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.cut && status >= 500:
		return "refused"
	case len(s.reads) == before || s.cut:
		return "cache"
	}
	h := s.reads[len(s.reads)-1].Header
	if h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != "" {
		return "validated"
	}
	return "origin"
}

// twice asks for the same twice: fields of a 200, and where the second comes from.
func twice(wait int, second string, fields ...string) []step {
	return []step{
		{says: append([]string{"200 cake"}, fields...), want: "origin", body: "cake"},
		{wait: wait, want: second, body: "cake"},
	}
}

// statusTwice likewise, with a status.
func statusTwice(status string, second string, fields ...string) []step {
	return []step{
		{says: append([]string{status + " cake"}, fields...), want: "origin " + status, body: "cake"},
		{wait: 1, want: second + " " + status, body: "cake"},
	}
}

// TestConformance asks what the RFCs require of a shared cache, and what they
// allow and this cache does. Each name begins with the section.
func TestConformance(t *testing.T) {
	for _, group := range [][]conformance{storing, lifetimes, ages, directivesOfResponses, directivesOfRequests, varying, validating, conditionsOfClients, rangesAndParts, invalidating, constructing} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				s := newStreet(t, c.config)
				for i, st := range c.steps {
					s.do(i, st)
				}
			})
		}
	}
}

type conformance struct {
	name   string
	config func(*Config)
	steps  []step
}

const fresh = "Cache-Control: max-age=60"
