package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shelf answers targets that begin with /hit, with content of their own.
type shelf map[string]Answer

func (s shelf) Hit(r *Request) (Answer, bool) {
	a, ok := s[string(r.Target)]
	return a, ok
}

func (s shelf) add(target, body string) {
	s[target] = Answer{Body: []byte(body), Head: NewHead(200, []HeadField{
		{"Content-Length", strconv.Itoa(len(body))}, {"Content-Type", "text/plain"}, {"Date", "Sat, 21 Nov 2026 12:00:00 GMT"}, {"X-From", "hit"},
	})}
}

// echo is the standard server's handler: it says what it was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("X-From", "standard")
	fmt.Fprintf(w, "%s %s %s %q %q", r.Method, r.Host, r.RequestURI, r.Header.Get("X-Mark"), body)
})

// start runs a front with a standard server behind it on loopback.
func start(t testing.TB, cfg Config, h http.Handler) (*HTTP1, string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := Listen1(ln, cfg, slog.New(slog.DiscardHandler))
	stop := standardBehind(f, h)
	t.Cleanup(stop)
	return f, ln.Addr().String()
}

// standardBehind runs the standard server on what f hands it.
func standardBehind(f *HTTP1, h http.Handler) (stop func()) {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ConnState: func(c net.Conn, state http.ConnState) {
			if told, ok := c.(interface{ State(http.ConnState) }); ok {
				told.State(state)
			}
		},
	}
	ended := make(chan struct{})
	go func() { s.Serve(f); close(ended) }()
	return func() {
		s.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		f.Shutdown(ctx)
		<-ended
	}
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answer1 reads one response and says where it is from and what it holds.
func answer1(t testing.TB, r *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	return res, string(b)
}

func TestHitsAndTheRestShareAConnection(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", strings.Repeat("h", 100_000))
	hits.add("/empty", "")
	_, addr := start(t, Config{Hits: hits, RequestID: "X-Request-Id"}, echo)
	c := dial(t, addr)
	r := bufio.NewReader(c)
	const host = "Host: a\r\n"
	for i, x := range []struct{ method, send, from, body string }{
		{"GET", "GET /hit HTTP/1.1\r\n" + host + "\r\n", "hit", string(hits["/hit"].Body)},
		{"HEAD", "HEAD /hit HTTP/1.1\r\n" + host + "\r\n", "hit", ""},
		{"GET", "\r\nGET /empty HTTP/1.1\r\n" + host + "Connection: keep-alive\r\n\r\n", "hit", ""},
		{"GET", "GET /miss HTTP/1.1\r\n" + host + "X-Mark: m\r\n\r\n", "standard", `GET a /miss "m" ""`},
		{"GET", "GET /hit HTTP/1.1\r\n" + host + "\r\n", "hit", string(hits["/hit"].Body)},
		{"POST", "POST /hit HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", "standard", `POST a /hit "" "abc"`},
		{"GET", "GET /hit HTTP/1.1\r\n" + host + "Range: bytes=0-1\r\n\r\n", "standard", `GET a /hit "" ""`},
		{"GET", "GET http://b/hit HTTP/1.1\r\n" + host + "\r\n", "standard", `GET b http://b/hit "" ""`},
		{"GET", "GET /hit HTTP/1.1\r\n" + host + "\r\n", "hit", string(hits["/hit"].Body)},
		{"PUT", "PUT /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "standard", `PUT a /x "" "abc"`},
		{"GET", "GET /hit HTTP/1.1\r\n" + host + "\r\n", "hit", string(hits["/hit"].Body)},
	} {
		io.WriteString(c, x.send)
		res, body := answer1(t, r, x.method)
		if got := res.Header.Get("X-From"); got != x.from || x.method != "HEAD" && body != x.body {
			t.Errorf("%d: from %s, %.60q; want %s, %.60q", i, got, body, x.from, x.body)
		}
		if id := res.Header.Get("X-Request-Id"); (len(id) == idLength) != (x.from == "hit") {
			t.Errorf("%d: id %q", i, id)
		}
	}
}

// A visitor may send all at once; each answer comes in its turn.
func TestAPipelineIsAnsweredInOrder(t *testing.T) {
	hits := shelf{}
	hits.add("/hit", "h")
	_, addr := start(t, Config{Hits: hits}, echo)
	c := dial(t, addr)
	var all strings.Builder
	for i := range 200 {
		target := "/hit"
		if i%3 == 0 {
			target = "/" + strconv.Itoa(i)
		}
		fmt.Fprintf(&all, "POST /p%d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET %s HTTP/1.1\r\nHost: a\r\n\r\n", i, target)
	}
	go io.WriteString(c, all.String())
	r := bufio.NewReader(c)
	for i := range 200 {
		if _, body := answer1(t, r, "POST"); body != fmt.Sprintf(`POST a /p%d "" "body"`, i) {
			t.Fatalf("%d: %q", i, body)
		}
		want := "h"
		if i%3 == 0 {
			want = fmt.Sprintf(`GET a /%d "" ""`, i)
		}
		if _, body := answer1(t, r, "GET"); body != want {
			t.Fatalf("%d: %q, want %q", i, body, want)
		}
	}
}

// While the standard server's handler runs it learns that the visitor has gone,
// also when the next request has been sent already.
func TestAHandlerLearnsThatItsVisitorHasGone(t *testing.T) {
	for name, next := range map[string]string{"nothing more": "", "a pipelined hit": "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n"} {
		asked, gone := make(chan struct{}), make(chan error, 1)
		_, addr := start(t, Config{Hits: shelf{}}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(asked)
			select {
			case <-r.Context().Done():
				gone <- nil
			case <-time.After(10 * time.Second):
				gone <- errors.New("the handler was not told")
			}
		}))
		c := dial(t, addr)
		io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
		<-asked
		io.WriteString(c, next)
		c.Close()
		if err := <-gone; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
