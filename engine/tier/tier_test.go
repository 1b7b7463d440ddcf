package tier

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/engine/httpcache"
	"meridian/world"
)

// A key is what DESIGN.md §4 says and nothing else: no header, no port or case of
// the host, and of a query what the page is asked by.
func TestKey(t *testing.T) {
	cases := []struct{ target, key string }{
		{"http://de.localhost/p/brezel?utm=1", "page de /p/brezel"},
		{"http://DE.localhost.:8080/p/brezel", "page de /p/brezel"},
		{"http://de.localhost/p%2Fbrezel", "page de /p%2Fbrezel"},
		{"http://de.localhost/search?utm=1&q=+plum++cake", "page de /search?q=plum+cake"},
		{"http://de.localhost/search%3Fq=plum+cake", "page de /search%3Fq=plum+cake"},
		{"http://de.localhost/?after=x&utm=1", "page de /?after=x"},
		{"http://de.localhost/api/v1/products?limit=5&q=cake", "page de /api/v1/products?limit=5&q=cake"},
		{"http://elsewhere.example/p/brezel", ""},
		{"http://x/img/sweet-crumbs/1000000000000000/v1/webp/640x0", "img sweet-crumbs/1000000000000000/v1/webp/640x0"},
		{"http://x/img/sweet-crumbs/1000000000000000/v1/auto/640x0", ""},
		{"http://x/img/sweet-crumbs/../v1/webp/640x0", ""},
		{"http://x/private/sweet-crumbs/1000000000000000/v1/webp/640x0?exp=1&kid=k1&sig=s", "private sweet-crumbs/1000000000000000/v1/webp/640x0"},
		{"http://x/private/sweet-crumbs/1000000000000000/v1/auto/640x0", ""},
		{"http://x/media/sweet-crumbs/1000000000000000/manifest", "manifest /media/sweet-crumbs/1000000000000000/manifest"},
	}
	tier := &Tier{cfg: Config{World: &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost"}}}}}
	for _, c := range cases {
		r := httptest.NewRequest("GET", c.target, nil)
		r.Header.Set("Cookie", "cart=secret")
		key, ok := tier.keyOf(r)
		if ok != (c.key != "") || ok && key != c.key {
			t.Errorf("%s: %q, %v; want %q", c.target, key, ok, c.key)
		}
	}
}

// Whoever names a URL means what this tier keeps for it: under its own key, in
// whatever format a picture was chosen in.
func TestKeysOfURLs(t *testing.T) {
	tier := &Tier{cfg: Config{World: &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost"}}}}}
	const img = "img sweet-crumbs/1000000000000000/v1/"
	for in, want := range map[string][]string{
		"https://de.localhost:8080/p/brezel?utm=1": {"page de /p/brezel"},
		"DE.localhost/p%2Fbrezel":                  {"page de /p%2Fbrezel"},
		"de.localhost/search?utm=1&q=plum%20cake":  {"page de /search?q=plum+cake"},
		"de.localhost":               {"page de /"},
		"elsewhere.example/p/brezel": nil,
		"x/img/sweet-crumbs/1000000000000000/v1/webp/640x0":         {img + "webp/640x0"},
		"https://x/img/sweet-crumbs/1000000000000000/v1/auto/640x0": {img + "avif/640x0", img + "webp/640x0", img + "jpeg/640x0"},
		"x/private/sweet-crumbs/1000000000000000/v1/webp/640x0":     {"private sweet-crumbs/1000000000000000/v1/webp/640x0"},
		"x/media/sweet-crumbs/1000000000000000/manifest":            {"manifest /media/sweet-crumbs/1000000000000000/manifest"},
		"/no/host": nil,
	} {
		if got := tier.keysOf([]string{in}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// Each way to name what is to be forgotten forgets it, and nothing else.
func TestForget(t *testing.T) {
	const picture = "/img/sweet-crumbs/1000000000000000/v1/webp/640x0"
	groups := map[string]string{"/p/brezel": "de/p/brezel de/pages app/crumbs", "/": "de/p/ media/crumbs/ de/pages app/crumbs", picture: "media/x app/crumbs"}
	for name, c := range map[string]struct {
		purge world.Purge
		want  []string // what is asked for anew
	}{
		"a group":   {world.Purge{Groups: []string{"media/x"}}, []string{picture}},
		"a product": {world.Purge{Groups: []string{"de/p/brezel"}}, []string{"/", "/p/brezel"}},                     // and the page that could not name it
		"a version": {world.Purge{Groups: []string{world.GroupAlias("crumbs", "1000000000000000")}}, []string{"/"}}, // the page that could not name its picture
		"an app":    {world.Purge{Groups: []string{world.GroupApp("crumbs")}}, []string{"/", picture, "/p/brezel"}},
		"a URL":     {world.Purge{URLs: []string{"https://de.localhost/p/brezel"}}, []string{"/p/brezel"}},
		"a picture": {world.Purge{URLs: []string{"https://x/img/sweet-crumbs/1000000000000000/v1/auto/640x0"}}, []string{picture}},
		"all":       {world.Purge{All: true}, []string{"/", picture, "/p/brezel"}},
		"softly":    {world.Purge{Groups: []string{"de/p/brezel"}, Soft: true}, []string{"/", "/p/brezel"}},
		"nothing":   {world.Purge{Groups: []string{"gb/p/brezel"}}, nil},
	} {
		var asked []string
		way := way(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.Path)
			h := http.Header{"Cache-Control": {"max-age=300"}, "Surrogate-Key": {groups[r.URL.Path]}}
			return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader("x")), ContentLength: 1, Request: r}, nil
		})
		tier := New(Config{
			Name: "edge-test", World: &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost"}}}, Limits: DefaultLimits(),
			Upstream: way, Next: "shield", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		get := func() {
			for path := range groups {
				tier.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://de.localhost"+path, nil))
			}
		}
		get()
		asked = nil
		tier.forget(c.purge)
		get()
		slices.Sort(asked)
		if !slices.Equal(asked, c.want) {
			t.Errorf("%s: asked anew for %q, want %q", name, asked, c.want)
		}
		tier.Close()
	}
}

// A page may carry as many groups as a cache can index, and each of them takes
// it away. One with more is passed on whole, every time, and never stored: a
// purge could miss it.
func TestPagesAtTheLimitOfGroups(t *testing.T) {
	for n, stored := range map[int]bool{httpcache.DefaultMaxGroups: true, httpcache.DefaultMaxGroups + 1: false} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("de/p/cake-%d", i))
		}
		asked := 0
		way := way(func(r *http.Request) (*http.Response, error) {
			asked++
			h := http.Header{"Cache-Control": {"max-age=300"}, "Surrogate-Key": {strings.Join(names, " ")}}
			return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader("page")), ContentLength: 4, Request: r}, nil
		})
		tier := New(Config{
			Name: "edge-test", World: &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost"}}}, Limits: DefaultLimits(),
			Upstream: way, Next: "shield", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		})
		get := func() {
			w := httptest.NewRecorder()
			tier.ServeHTTP(w, httptest.NewRequest("GET", "http://de.localhost/", nil))
			if w.Code != 200 || w.Body.String() != "page" {
				t.Errorf("%d groups: %d %q", n, w.Code, w.Body)
			}
		}
		for _, g := range []string{names[0], names[n/2], names[n-1]} {
			before := asked
			get()
			get()
			if read := asked - before; stored && read != 1 || !stored && read != 2 {
				t.Errorf("%d groups: asked twice for it, read %d times", n, read)
			}
			tier.forget(world.Purge{Groups: []string{g}})
		}
		if s := tier.Stats(); !stored && s.Objects > 0 {
			t.Errorf("%d groups: %d responses are stored", n, s.Objects)
		}
		tier.Close()
	}
}

type way func(*http.Request) (*http.Response, error)

func (u way) RoundTrip(r *http.Request) (*http.Response, error) { return u(r) }
