package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meridian/engine/purge"
	"meridian/platform/front"
	"meridian/platform/httpserver"
	"meridian/test/tiertest"
)

// twoWays is one edge behind two listeners: one with a front, one without.
type twoWays struct {
	*fixture
	front, plain string
	second       http.RoundTripper // to front, over HTTP/2 in clear

	byFront, unmodified atomic.Int64 // answers that the front gave, and of these the 304s
}

func newTwoWays(t *testing.T, feeds map[string]purge.Source) *twoWays {
	t.Helper()
	f := &twoWays{fixture: newFixture(t, feeds)}
	quiet := slog.New(slog.DiscardHandler)
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	a, b, c := listen(), listen(), listen()
	f.front, f.plain = a.Addr().String(), b.Addr().String()
	cfg := front.Config{
		Hits: f.Edge, RequestID: httpserver.HeaderRequestID, Seats: httpserver.NewSeats(0, quiet),
		Sent: func(s *front.Sent) {
			f.byFront.Add(1)
			if s.Head.Status == http.StatusNotModified {
				f.unmodified.Add(1)
			}
		},
	}
	var clear http.Protocols
	clear.SetUnencryptedHTTP2(true)
	two := func(s *http.Server) {
		s.Protocols = &clear
		front.NewHTTP2(cfg, front.Limits2{}, quiet).Attach(s)
	}
	serve := func(ln net.Listener, options ...func(*http.Server)) {
		s := httpserver.Serve(ln, f.Edge, quiet, httpserver.DefaultLimits(), options...)
		t.Cleanup(func() { s.Stop(t.Context()) })
	}
	serve(front.Listen1(a, cfg, quiet))
	serve(b)
	serve(c, two)
	to := &http.Transport{Protocols: &clear, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", c.Addr().String())
	}}
	t.Cleanup(to.CloseIdleConnections)
	f.second = to
	return f
}

// overHTTP2 sends one request to the front; nil where a client cannot say it over HTTP/2.
func (f *twoWays) overHTTP2(t *testing.T, method, host, target, fields string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+target, nil)
	if err != nil || r.URL.RequestURI() != target {
		return nil, ""
	}
	r.Header["User-Agent"] = nil
	for line := range strings.Lines(fields) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	r.Header.Del("Connection")
	if agents := r.Header["User-Agent"]; len(agents) > 1 {
		return nil, "" // the client sends the first alone
	}
	res, err := f.second.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s %q: %v", method, target, fields, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s %q: %v", method, target, fields, err)
	}
	return res, string(b)
}

// ask sends one request on a connection of its own.
func ask(t *testing.T, addr, method, request string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, request)
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	return res, string(b)
}

// Whatever is asked: the answer by the short way is that of the handler.
func TestAHitIsWhatTheHandlerAnswers(t *testing.T) {
	f := newTwoWays(t, nil)
	f.near.Will(func(r *http.Request) (*http.Response, error) {
		body := r.URL.Path + " " + r.Header.Get("Accept-Encoding")
		more := []string{"ETag", `"` + r.URL.Path + `"`, "Surrogate-Key", "a b", "Cache-Status", "shield; hit", "X-Request-Id", "OTHERSREQUEST"}
		switch {
		case strings.HasSuffix(r.URL.Path, "/bare"):
			more = append(more, "Content-Type", "")
		case strings.HasSuffix(r.URL.Path, "/links"):
			more = append(more, "Link", "</a>; rel=preload", "Vary", "Accept-Encoding")
		case strings.HasSuffix(r.URL.Path, "/varies"):
			more = append(more, "Vary", "User-Agent, Accept-Language, Theme")
			body += r.Header.Get("User-Agent") + r.Header.Get("Theme")
		case strings.HasSuffix(r.URL.Path, "/client"):
			more = append(more, "Vary", "Meridian-Client")
		case strings.HasSuffix(r.URL.Path, "/dated"):
			more = append(more, "Last-Modified", "Sun, 01 Jun 2025 11:00:00 GMT", "ETag", "")
		}
		res, err := tiertest.Says(body, more...)(r)
		for _, name := range []string{"Content-Type", "ETag"} {
			if res.Header.Get(name) == "" {
				res.Header.Del(name)
			}
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/gone"):
			res.StatusCode = 404
		case strings.HasSuffix(r.URL.Path, "/empty"):
			res.Body, res.ContentLength = http.NoBody, 0
		}
		return res, err
	})
	targets := []string{
		"/", "/?utm=1", "/p/brezel", "/p/br%65zel", "/p/a%2Fb", "//double", "/p/../q", "/p/bare", "/p/links", "/p/varies", "/p/client", "/p/dated", "/p/gone", "/p/empty",
		"/assets/0123/site.css", "/assets/0123/a.png", "/media/sweet-crumbs/x/manifest", "/cart", "/%63art", "/hi-in/cart", "/-/feed", "/owner", "/p/%zz", "/p/ä", "/p/|",
		picture + "webp/640x0", picture + "auto/640x0", picture + "auto/640x0?exp=1", picture + "auto/641x0", picture + "%61uto/640x0", "/%69mg" + picture[4:] + "jpeg/640x0", picture + "jpeg/640x480",
		picture + "webp/320x0@2x", picture + "auto/640x480-smart", picture + "svg",
	}
	fields := []string{
		"", "Accept: image/avif,image/webp,*/*\r\n", "Accept: */*\r\n", "Accept: image/webp\r\nAccept: image/avif\r\n", "Accept-Encoding: gzip, br;q=0.5\r\n",
		"Accept-Encoding: gzip;q=0\r\nAccept-Encoding: zstd\r\n", "Cookie: cart=secret\r\nX-Forwarded-For: 1.2.3.4\r\nMeridian-Min-Cursor: x\r\n", "Range: bytes=0-1\r\n",
		`If-None-Match: "/"` + "\r\n", `If-None-Match: "x" ,,W/"/p/varies", "/p/brezel"` + "\r\n", "If-None-Match: *\r\n", "If-None-Match:\r\n", "If-None-Match: W/\"/\r\n",
		`If-None-Match: "a"` + "\r\n" + `If-None-Match: "/", "/p/empty", "/p/gone"` + "\r\n", `If-None-Match: "` + strings.Repeat("x", 2000) + `", "/"` + "\r\n",
		"If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT\r\n", "If-Modified-Since: Sunday, 01-Jun-25 10:59:59 GMT\r\n", "If-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\nAccept-Encoding: br\r\n", "If-Modified-Since: now\r\n",
		"If-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT\r\nIf-Modified-Since: Sun, 01 Jun 2025 11:00:00 GMT\r\n", "If-None-Match: \"x\"\r\nIf-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\n", "If-None-Match: *\r\nAccept: image/webp\r\nRange: bytes=0-1\r\n",
		"User-Agent: a\r\n", "User-Agent: a\r\nIf-None-Match: *\r\n", "User-Agent:\r\n", "User-Agent: a\r\nUser-Agent: b\r\n", "Theme: dark\r\nTheme: x\r\nAccept-Language: de\r\n", "Theme: " + strings.Repeat("x", 2000) + "\r\n", "Meridian-Client: 192.0.2.0\r\n",
		"Cache-Control: no-cache\r\n", "Cache-Control: only-if-cached\r\n", "Authorization: Bearer x\r\n", "Connection: keep-alive\r\n", "X-Request-Id: ABCDEFGH\r\n",
	}
	hosts := []string{"de.localhost", "DE.localhost:8080", "nobody.example"}
	for _, target := range targets { // fill the cache: what then differs would not be the way's doing
		for _, more := range fields {
			ask(t, f.plain, "GET", "GET "+target+" HTTP/1.1\r\nHost: de.localhost\r\n"+more+"\r\n")
		}
	}
	compared := 0
	for _, pass := range []time.Duration{0, 1500 * time.Millisecond, time.Second, 100 * time.Second} {
		f.turn(f.now.Add(pass))
		for _, target := range targets {
			for i, more := range fields {
				method, host := "GET", hosts[(i+len(target))%len(hosts)]
				if (i+len(target))%5 == 0 {
					method = "HEAD"
				}
				request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target, host, more)
				want, wantBody := ask(t, f.plain, method, request)
				got, gotBody := ask(t, f.front, method, request)
				second, secondBody := f.overHTTP2(t, method, host, target, more)
				all := []*http.Response{want, got}
				if second != nil {
					all = append(all, second)
				}
				for _, res := range all {
					if strings.HasPrefix(more, "X-Request-Id") && target != "/p/%zz" && res.Header.Get("X-Request-Id") != "ABCDEFGH" {
						t.Errorf("%q: the request's own id became %q", request, res.Header["X-Request-Id"])
					}
					if id := res.Header["X-Request-Id"]; want.StatusCode == 200 && (len(id) != 1 || len(id[0]) < 8 || id[0] == "OTHERSREQUEST") {
						t.Errorf("%q: request ids %q", request, id)
					}
					res.Header.Del("X-Request-Id")
					if res.Header.Get("Age") == "" {
						res.Header.Del("Date") // the standard server's own
					}
				}
				if got.StatusCode >= 400 && got.Header.Get("Age") == "" {
					gotBody, secondBody, wantBody = "", "", "" // a problem document has the request's id
				}
				if got.StatusCode != want.StatusCode || !reflect.DeepEqual(got.Header, want.Header) || gotBody != wantBody {
					t.Errorf("%q:\nby the front   %d %v %q\nby the handler %d %v %q", request, got.StatusCode, got.Header, gotBody, want.StatusCode, want.Header, wantBody)
				}
				if second != nil && (second.StatusCode != want.StatusCode || !reflect.DeepEqual(second.Header, want.Header) || secondBody != wantBody) {
					t.Errorf("%q:\nover HTTP/2    %d %v %q\nby the handler %d %v %q", request, second.StatusCode, second.Header, secondBody, want.StatusCode, want.Header, wantBody)
				}
				compared++
			}
		}
	}
	if n, unmodified := f.byFront.Load(), f.unmodified.Load(); n < int64(compared)/2 || unmodified < int64(compared)/20 {
		t.Errorf("of %d answers the front gave %d, %d of them 304: too few to tell", compared, n, unmodified)
	}
}

func plainRequest(target string, fields ...string) *front.Request {
	r := &front.Request{Method: "GET", Host: []byte("de.localhost"), Target: []byte(target)}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Fields = append(r.Fields, front.Field{Name: []byte(fields[i]), Value: []byte(fields[i+1])})
	}
	return r
}

func conditional(r *front.Request) *front.Request {
	r.Conditional = true
	return r
}

func TestALostFeedTakesWhatItGovernsFromTheShortWay(t *testing.T) {
	f, _, _ := begun(t)
	f.do("GET", "/p/a")
	f.do("GET", picture+"webp/640x0")
	hit := func(target string) bool {
		a, ok := f.Hit(plainRequest(target))
		return ok && a.Head != nil
	}
	if !hit("/p/a") || !hit(picture+"webp/640x0") {
		t.Fatal("no hit")
	}
	f.now = f.now.Add(f.cfg.FeedLimit + time.Second)
	if hit("/p/a") {
		t.Error("a page is a hit though what would purge it is lost")
	}
	if hit(picture + "webp/640x0") {
		t.Error("a picture is a hit though it may have been withdrawn unheard")
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(tiertest.Says("body", "ETag", `"a"`))
	f.do("GET", "/p/a", "Accept-Encoding", "br")
	f.do("GET", picture+"webp/640x0")
	f.near.Will(tiertest.Says("body", "Vary", "Accept-Encoding, Accept-Language, User-Agent, Theme"))
	f.do("GET", "/p/varies", "User-Agent", "a", "Theme", "b, c")
	for _, r := range []*front.Request{
		plainRequest("/p/a?utm_source=x", "accept-encoding", "gzip, deflate, br, zstd"),
		plainRequest(picture+"auto/640x0", "accept", "image/webp,*/*"),
		plainRequest("/p/varies", "user-agent", "a", "theme", "b", "theme", "c"),
		conditional(plainRequest("/p/a", "accept-encoding", "br", "if-none-match", `"x", W/"a"`)),
		conditional(plainRequest("/p/varies", "user-agent", "a", "theme", "b, c", "if-modified-since", "Tue, 01 Jan 2030 00:00:00 GMT")),
		conditional(plainRequest("/p/varies", "user-agent", "a", "theme", "b, c", "if-modified-since", "Wed, 01 Jan 2020 00:00:00 GMT")),
	} {
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := f.Hit(r); !ok {
				t.Fatal("no hit")
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", r.Target, n)
		}
	}
}

// A response that takes another's place, and is as old as that was when its head
// was prepared, is told by its own.
func TestAHitHasTheHeadOfItsOwnResponse(t *testing.T) {
	f := newFixture(t, nil)
	for i := range 3 {
		tag := fmt.Sprintf(`"%d"`, i)
		f.near.Will(tiertest.Says(strings.Repeat("x", i), "ETag", tag, "Cache-Control", "max-age=1"))
		f.do("GET", "/p/a")
		for range 2 {
			a, ok := f.Hit(plainRequest("/p/a"))
			if !ok || len(a.Body) != i {
				t.Fatalf("%d: %v, %d bytes", i, ok, len(a.Body))
			}
			if h := a.Head.HTTP1(); !strings.Contains(h, "Etag: "+tag) || !strings.Contains(h, fmt.Sprintf("Content-Length: %d\r\n", i)) {
				t.Errorf("%d: %q", i, h)
			}
		}
		f.now = f.now.Add(time.Second) // stale: the next takes its place
	}
}

// Requests that nobody has made before push out what is asked for often only
// for a moment, and take no more room than there is.
func TestAMemoIsBounded(t *testing.T) {
	m := newMemo[int](10)
	for i := range 1000 {
		m.put([]byte{byte(i), byte(i >> 8)}, i)
		if n := len(m.young) + len(m.old); n > 20 {
			t.Fatalf("%d entries", n)
		}
		if v, ok := m.get([]byte{byte(i), byte(i >> 8)}); !ok || v != i {
			t.Fatalf("%d: %d, %v", i, v, ok)
		}
	}
	if _, ok := m.get([]byte{0, 0}); ok {
		t.Error("the first is still there")
	}
}
