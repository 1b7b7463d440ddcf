package gate

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

// popFake answers as a PoP's edge, and remembers what it was asked.
type popFake struct {
	asked  []*http.Request
	answer func(*http.Request) (*http.Response, error)
}

func (p *popFake) RoundTrip(r *http.Request) (*http.Response, error) {
	p.asked = append(p.asked, r)
	return p.answer(r)
}

func says(status int, contentType, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {contentType}, "Content-Length": {strconv.Itoa(len(body))}}
		for i := 0; i+1 < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

func gone(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }

const page = "<html><body><p>cake</p></body></html>"

type fixture struct {
	*Gate
	pops   map[string]*popFake
	health world.HealthView
	admin  int
}

// newFixture has travellers in Tokyo, whose PoPs are nrt and then fra, and in
// Frankfurt, the market's own city, whose PoPs are fra and then nrt.
func newFixture() *fixture {
	f := &fixture{pops: map[string]*popFake{"nrt": {answer: says(200, "text/html; charset=utf-8", page)}, "fra": {answer: says(200, "text/html", page)}}}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.Gate = New(Config{
		World: &world.World{
			Markets: []world.Market{{ID: "de", Host: "de.localhost", City: "frankfurt"}},
			Cities:  []world.City{{ID: "frankfurt", Name: "Frankfurt"}, {ID: "tokyo", Name: "Tokyo"}},
		},
		PoPs: func(city string) []PoP {
			list := []PoP{{ID: "fra", Name: "Frankfurt", RTT: 4 * time.Millisecond, Transport: f.pops["fra"]}, {ID: "nrt", Name: "Tokyo", RTT: 250 * time.Millisecond, Transport: f.pops["nrt"]}}
			if city == "tokyo" {
				list[0], list[1] = list[1], list[0]
				list[0].RTT, list[1].RTT = list[1].RTT, list[0].RTT
			}
			return list
		},
		Health: func() world.HealthView { return f.health },
		Admin:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) { f.admin++ }),
		Now:    func() time.Time { now = now.Add(42 * time.Millisecond); return now },
		Log:    slog.New(slog.DiscardHandler),
	})
	return f
}

func (f *fixture) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "http://de.localhost:8080"+path, b)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

func (f *fixture) visit(form url.Values) *httptest.ResponseRecorder {
	return f.do("POST", visitPath, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func TestATravellerStandsWhereTheCookieSays(t *testing.T) {
	for cookie, pop := range map[string]string{"": "fra", "traveller=tokyo": "nrt", "traveller=frankfurt": "fra", "traveller=atlantis": "fra", "traveller=": "fra"} {
		f := newFixture()
		f.do("GET", "/", "", "Cookie", cookie, "Accept", "text/html")
		if len(f.pops[pop].asked) != 1 {
			t.Errorf("with cookie %q %s was not asked", cookie, pop)
		}
	}
}

func TestTheTravellersCookieStaysHere(t *testing.T) {
	f := newFixture()
	f.do("GET", "/cart", "", "Cookie", `cart=mine; traveller=tokyo; a="b c"`)
	got := f.pops["nrt"].asked[0]
	if c := got.Header.Get("Cookie"); c != `cart=mine; a="b c"` {
		t.Errorf("the shop was sent the cookies %q", c)
	}
	if got.Host != "de.localhost:8080" {
		t.Errorf("the shop was asked under host %q", got.Host)
	}
	f.do("GET", "/", "", "Cookie", "traveller=tokyo")
	if _, there := f.pops["nrt"].asked[1].Header["Cookie"]; there {
		t.Error("an empty Cookie field went on")
	}
}

func TestVisit(t *testing.T) {
	f := newFixture()
	w := f.visit(url.Values{"city": {"tokyo"}, "back": {"/p/brezel?x=1"}})
	if w.Code != 303 || w.Header().Get("Location") != "/p/brezel?x=1" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	c, err := http.ParseSetCookie(w.Header().Get("Set-Cookie"))
	if err != nil || c.Name != cookieName || c.Value != "tokyo" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" {
		t.Errorf("cookie %+v, %v", c, err)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"400 unknown city": f.visit(url.Values{"city": {"atlantis"}}),
		"400 no city":      f.visit(nil),
		"405 GET":          f.do("GET", visitPath+"?city=tokyo", ""),
		"400 too large":    f.visit(url.Values{"city": {"tokyo"}, "back": {"/" + strings.Repeat("x", maxForm)}}),
	} {
		if want, _, _ := strings.Cut(name, " "); strconv.Itoa(w.Code) != want || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, cookie %q", name, w.Code, w.Header().Get("Set-Cookie"))
		}
	}
	if len(f.pops["fra"].asked)+len(f.pops["nrt"].asked) != 0 {
		t.Error("a visit went to a PoP")
	}
}

func TestVisitStaysOnThisHost(t *testing.T) {
	f := newFixture()
	for back, want := range map[string]string{
		"/": "/", "/p/a?b=/c": "/p/a?b=/c", "/p/käse": "/p/k%c3%a4se", "": "/", "p/a": "/",
		"https://evil.example/": "/", "//evil.example/": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/",
		"/\tevil.example": "/", "/\t/evil.example": "/", "/\n/evil.example": "/", "/\r/evil.example": "/", "\t//evil.example": "/", " //evil.example": "/",
		"javascript:alert(1)": "/", "/%2F/evil.example": "/%2F/evil.example", "/../../evil.example": "/evil.example", "/.//evil.example": "/evil.example",
	} {
		w := f.visit(url.Values{"city": {"tokyo"}, "back": {back}})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("back %q leads to %q, want %q", back, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//a", `/\a`, "/\t/a", "/a?b#c", "/#\n", "/%", "http://a", ""} {
		f.Add(s)
	}
	base, _ := url.Parse("http://de.localhost/x")
	f.Fuzz(func(t *testing.T, p string) {
		got := localPath(p)
		to, err := base.Parse(got)
		if err != nil {
			return // an escape that is none: a browser takes it as it stands
		}
		if to.Host != base.Host || to.Scheme != "http" || strings.ContainsAny(got, "\\\t\r\n") {
			t.Errorf("%q leads to %q", p, got)
		}
	})
}

func TestBarIsPutOnceAtTheFootOfAPage(t *testing.T) {
	f := newFixture()
	f.pops["fra"].answer = says(200, "text/html; charset=utf-8", "<body><pre></body></pre>"+page, "ETag", `"a"`, "Cache-Control", "public, max-age=60", world.HeaderRegion, "eu-central",
		"Cache-Status", `shield-eu-central; fwd=uri-miss; stored, edge-fra; hit; ttl=12`)
	w := f.do("GET", "/p/a?b=%3Cc", "", "Accept", "text/html")
	body := w.Body.String()
	if n := strings.Count(body, "<aside"); n != 1 || !strings.HasSuffix(body, "</aside>\n</body></html>") {
		t.Fatalf("%d bars in\n%s", n, body)
	}
	for _, want := range []string{"Frankfurt", "<code>fra</code>", "4 ms", "<strong>42</strong>", "eu-central", "hit, fresh for 12 s", "miss, stored", `name="back" value="/p/a?b=%3Cc"`, `data-verdict="fast"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the bar lacks %q in\n%s", want, body)
		}
	}
	h := w.Header()
	if h.Get("Content-Length") != strconv.Itoa(len(body)) || h.Get("ETag") != "" || h.Get("Cache-Control") != "private, no-store" {
		t.Errorf("%v for %d bytes", h, len(body))
	}
}

func TestWhatHasNoBar(t *testing.T) {
	const tag = `"v1"`
	for name, c := range map[string]struct {
		method, contentType, body, encoding string
		status                              int
	}{
		"a picture":      {"GET", "image/webp", "RIFF</body>", "", 200},
		"JSON":           {"GET", "application/problem+json", `{"a":"</body>"}`, "", 404},
		"compressed":     {"GET", "text/html", "\x1f\x8b</body>", "gzip", 200},
		"a fragment":     {"GET", "text/html", "<p>cake</p>", "", 200},
		"a part":         {"GET", "text/html", "</body></html>", "", 206},
		"HEAD":           {"HEAD", "text/html", "", "", 200},
		"not modified":   {"GET", "text/html", "", "", 304},
		"a page too big": {"GET", "text/html", strings.Repeat("x", maxPage-6) + "</body>", "", 200},
	} {
		f := newFixture()
		f.pops["fra"].answer = says(c.status, c.contentType, c.body, "ETag", tag, "Cache-Control", "public", "Content-Encoding", c.encoding)
		w := f.do(c.method, "/x", "")
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("ETag") != tag || w.Header().Get("Cache-Control") != "public" {
			t.Errorf("%s was changed: %d, %d bytes of %d, %v", name, w.Code, w.Body.Len(), len(c.body), w.Header())
		}
	}
}

// An operator's page lets nothing of anybody else's in.
func TestAnOperatorsPageHasNoBar(t *testing.T) {
	f := newFixture()
	f.pops["fra"].answer = says(200, "text/html", "<body>all is well</body>")
	for path, want := range map[string]bool{"/health": false, "/": true} {
		if w := f.do("GET", path, "", "Accept", "text/html"); strings.Contains(w.Body.String(), "mbar") != want {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
}

func TestLargestPageGetsTheBar(t *testing.T) {
	f := newFixture()
	f.pops["fra"].answer = says(200, "text/html", strings.Repeat("x", maxPage-7)+"</body>")
	w := f.do("GET", "/", "")
	if n := strings.Count(w.Body.String(), "<aside"); n != 1 || w.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%d bars", n)
	}
}

func TestAPageIsAlwaysAskedForWhole(t *testing.T) {
	conditional := []string{"If-None-Match", `"a"`, "If-Modified-Since", "Sat, 21 Nov 2026 12:00:00 GMT", "Range", "bytes=0-9", "Accept-Encoding", "br"}
	f := newFixture()
	f.do("GET", "/", "", append(conditional, "Accept", "text/html,*/*")...)
	f.do("GET", "/img/x", "", append(conditional, "Accept", "image/avif,*/*")...)
	for i := 0; i < len(conditional); i += 2 {
		if got := f.pops["fra"].asked[0].Header.Get(conditional[i]); got != "" {
			t.Errorf("page: %s: %s went on", conditional[i], got)
		}
		if got := f.pops["fra"].asked[1].Header.Get(conditional[i]); got != conditional[i+1] {
			t.Errorf("picture: %s became %q", conditional[i], got)
		}
	}
}

func TestNextPoPForAReadOnly(t *testing.T) {
	for _, c := range []struct {
		method, body string
		status, next int
	}{{"GET", "", 200, 1}, {"HEAD", "", 200, 1}, {"POST", "a=b", 502, 0}, {"POST", "", 502, 0}, {"DELETE", "", 502, 0}, {"PUT", "x", 502, 0}} {
		f := newFixture()
		f.pops["fra"].answer = gone
		w := f.do(c.method, "/cart", c.body)
		if w.Code != c.status || len(f.pops["fra"].asked) != 1 || len(f.pops["nrt"].asked) != c.next {
			t.Errorf("%s %q: %d, the next PoP was asked %d times", c.method, c.body, w.Code, len(f.pops["nrt"].asked))
		}
		if c.method == "GET" && !strings.Contains(w.Body.String(), "<code>nrt</code>") {
			t.Error("the bar does not name the PoP that answered")
		}
	}
}

func TestNoPoPLeft(t *testing.T) {
	f := newFixture()
	f.pops["fra"].answer, f.pops["nrt"].answer = gone, gone
	if w := f.do("GET", "/", ""); w.Code != 502 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "reset") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestBarAssetsAndForeignHosts(t *testing.T) {
	f := newFixture()
	for path, contentType := range map[string]string{stylePath: "text/css; charset=utf-8", scriptPath: "text/javascript; charset=utf-8"} {
		if w := f.do("GET", path, ""); w.Code != 200 || w.Header().Get("Content-Type") != contentType || w.Body.Len() == 0 {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
	r := httptest.NewRequest("GET", "http://localhost:8080"+visitPath, nil)
	f.ServeHTTP(httptest.NewRecorder(), r)
	if f.admin != 1 || len(f.pops["fra"].asked) != 0 {
		t.Error("a host that is no market's did not go to the world's own pages")
	}
}

func TestVerdict(t *testing.T) {
	for ms, want := range map[time.Duration]string{0: "fast", 99: "fast", 100: "fine", 200: "fine", 201: "slow"} {
		if got := verdict(ms * time.Millisecond); got != want {
			t.Errorf("%d ms: %s", ms, got)
		}
	}
}
