package httpcache

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard are the statuses and Link fields that came before the answer.
type heard struct {
	mu     sync.Mutex
	before []string
}

func (h *heard) Got1xx(status int, header textproto.MIMEHeader) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = append(h.before, strings.TrimSpace(http.StatusText(status)+" "+strings.Join(header["Link"], ", ")+strings.Join(header["X-Outer"], "")))
	return nil
}

// listening is a ResponseWriter that keeps informational responses, as a server
// sends them: with all fields that are set.
type listening struct {
	*httptest.ResponseRecorder
	heard
}

func (l *listening) WriteHeader(status int) {
	if status < 200 {
		_ = l.Got1xx(status, textproto.MIMEHeader(l.Header()))
		return
	}
	l.ResponseRecorder.WriteHeader(status)
}

func (g *rig) listen(major int, path string) *listening {
	l := &listening{ResponseRecorder: httptest.NewRecorder()}
	r := asked("GET", path)
	r.ProtoMajor, r.ProtoMinor = major, 1
	l.Header().Set("X-Outer", "1")
	g.ServeHTTP(l, r)
	return l
}

const style, picture = "</a.css>; rel=preload; as=style", "</b.webp>;rel=\"preload\";as=image"

func TestEarlyHintsOfAStaleResponse(t *testing.T) { // RFC 8297 §2
	for _, tc := range []struct {
		name   string
		policy HintPolicy
		major  int
		want   []string
	}{
		{"HTTP/2", HintsModern, 2, []string{"Early Hints " + style + ", " + picture}},
		{"HTTP/1.1", HintsModern, 1, nil},
		{"HTTP/1.1, to all", HintsAll, 1, []string{"Early Hints " + style + ", " + picture}},
		{"to nobody", HintsNone, 2, nil},
	} {
		g := newRig(t, func(c *Config) { c.EarlyHints = tc.policy })
		g.origin.says(200, "cake", fresh, "Link: "+style+", </c>; rel=next, "+picture)
		if l := g.listen(tc.major, "/a"); l.before != nil {
			t.Errorf("%s, on a miss: %q", tc.name, l.before)
		}
		if l := g.listen(tc.major, "/a"); l.before != nil {
			t.Errorf("%s, on a hit: %q", tc.name, l.before)
		}
		g.pass(61 * time.Second)
		l := g.listen(tc.major, "/a")
		if !slices.Equal(l.before, tc.want) || l.Body.String() != "cake" || l.Header().Get("X-Outer") != "1" {
			t.Errorf("%s: %q, then %q %v", tc.name, l.before, l.Body, l.Header())
		}
	}
}

// A real upstream sends 102 and 103: RFC 9110 §15.2 has them forwarded.
func TestInterimResponsesOfAFill(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		w.Header()["Link"] = []string{style}
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "cake")
	}))
	defer origin.Close()
	g := newRig(t, func(c *Config) {
		c.Upstream = &http.Transport{}
		c.Prepare = func(r *http.Request) { r.URL.Host = strings.TrimPrefix(origin.URL, "http://") }
	})
	defer g.cfg.Upstream.(*http.Transport).CloseIdleConnections()
	want := []string{"Processing", "Early Hints " + style}
	if l := g.listen(1, "/a"); !slices.Equal(l.before, want) || l.Body.String() != "cake" || l.Header().Get("X-Outer") != "1" {
		t.Errorf("who began it: %q, then %q", l.before, l.Body)
	}
	if l := g.listen(2, "/a"); l.before != nil || l.Header().Get("Cache-Status") == "" {
		t.Errorf("a hit: %q", l.before)
	}
	g.pass(61 * time.Second) // the stored 103, then that of the fill
	if l := g.listen(2, "/a"); !slices.Equal(l.before, append([]string{"Early Hints " + style}, want...)) {
		t.Errorf("a validation: %q", l.before)
	}
}

// Who waits is told too, by policy, of 103 alone; nobody of HTTP/1.0.
func TestInterimResponsesForWhoWaits(t *testing.T) {
	for _, tc := range []struct {
		name         string
		leader       bool
		major, minor int
		want         int
	}{{"leader", true, 1, 1, 2}, {"leader, HTTP/1.0", true, 1, 0, 0}, {"waits", false, 1, 1, 0}, {"waits, HTTP/2", false, 2, 0, 1}} {
		l := &listening{ResponseRecorder: httptest.NewRecorder()}
		r := asked("GET", "/a")
		r.ProtoMajor, r.ProtoMinor = tc.major, tc.minor
		g := newRig(t, nil)
		h := g.hintsFor(l, r, tc.leader)
		h.pass(interim{http.StatusProcessing, nil})
		h.pass(interim{http.StatusEarlyHints, http.Header{"Link": {style}}})
		if len(l.before) != tc.want {
			t.Errorf("%s: %q", tc.name, l.before)
		}
	}
}

func TestTooManyInterimResponsesAreNotKept(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+style+"\r\n\r\n", maxInterim+5))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ncake")
	}()
	g := newRig(t, func(c *Config) {
		c.Upstream = &http.Transport{}
		c.Prepare = func(r *http.Request) { r.URL.Host = listener.Addr().String() }
	})
	defer g.cfg.Upstream.(*http.Transport).CloseIdleConnections()
	if l := g.listen(2, "/a"); len(l.before) != maxInterim || l.Body.String() != "cake" {
		t.Errorf("%d before %q", len(l.before), l.Body)
	}
}

func TestPreloads(t *testing.T) { // RFC 8288 §3
	for in, want := range map[string][]string{
		style: {style},
		`</a,b>; title="x, </y>; rel=preload", ` + style: {style},
		`</a>; rel="next preload"`:                       {`</a>; rel="next preload"`},
		`</a>; rel=preloaded`:                            nil,
		`</a>; x=preload`:                                nil,
		`</a>; REL=Preload`:                              {`</a>; REL=Preload`},
		`</a>; rel=next; rel=preload`:                    nil, // RFC 8288 §3.3: the first counts
		`a; rel=preload`:                                 nil,
		`<https://img.test>; rel=preconnect,,`:           {`<https://img.test>; rel=preconnect`},
		``:                                               nil, `<`: nil, `"`: nil,
	} {
		if got := preloads([]string{in}); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzPreloads(f *testing.F) {
	for _, s := range []string{style, style + ", " + picture, `<a,b>;rel="preload"`, `"\`, `<>;rel=preload,`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := preloads([]string{s})
		for _, link := range got {
			if !strings.Contains(s, link) {
				t.Errorf("%q has no %q", s, link)
			}
		}
		if again := preloads([]string{strings.Join(got, ", ")}); !slices.Equal(again, got) {
			t.Errorf("%q is %q, and that %q", s, got, again)
		}
	})
}
