package varnish

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/varnishtest"
	"meridian/world"
)

// backend is an edge as a provider sees it, with a page under every path that says
// how often it was asked.
type backend struct {
	asked atomic.Int64
	port  int
	seen  atomic.Pointer[http.Header]
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := r.Header.Clone()
		b.seen.Store(&seen)
		h := w.Header()
		h.Set("Cache-Control", "public, max-age=0, must-revalidate")
		h.Set("Cache-Status", "edge-fra; hit")
		h.Set("Surrogate-Control", "max-age=300, stale-if-error=86400")
		h.Set("Surrogate-Key", "de/pages de/p"+strings.TrimPrefix(r.URL.Path, "/p")+" a.b%2C")
		switch r.URL.Path {
		case "/kept-not":
			h.Set("Surrogate-Control", "no-store")
		case "/old":
			h.Set("Age", "300")
		case "/with-cookie":
			h.Set("Set-Cookie", "a=b")
		}
		fmt.Fprintf(w, "%s %d", r.URL.Path, b.asked.Add(1))
	}))
	t.Cleanup(s.Close)
	b.port = s.Listener.Addr().(*net.TCPAddr).Port
	return b
}

// A real Varnish with our VCL keeps what it may and forgets what it is told to, in
// both ways of forgetting.
func TestRealVarnish(t *testing.T) {
	for _, forgets := range []string{"meridian-ban.vcl", "meridian-xkey.vcl"} {
		t.Run(forgets, func(t *testing.T) {
			b := newBackend(t)
			s := varnishtest.New(t, forgets)
			s.Start(t, b.port)
			cdn, err := New(Config{Address: s.Address, Key: varnishtest.PurgeKey}, 10*time.Second, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			keeps(t, s, b)
			forgetsKeys(t, s, cdn)
			refuses(t, s, b)
		})
	}
}

func keeps(t *testing.T, s *varnishtest.Server, b *backend) {
	for path, kept := range map[string]bool{
		"/p/x": true, "/": true, "/media/a/1/manifest": true, "/img/a/b": true,
		"/cart": false, "/de-DE/cart?x": false, "/checkout": false, "/orders/1": false, "/owner/x": false, "/private/a?sig=1": false, "/media/a/grants": false,
		"/kept-not": false, "/old": false, "/with-cookie": false,
	} {
		first := s.Get(t, "de.example", path)
		if second := s.Get(t, "de.example", path, "Cookie", "cart=1", "Meridian-Provider-Key", "mine"); second.Hit() != kept || (second.Body == first.Body) != kept {
			t.Errorf("%s: %q, then %q, %s", path, first.Body, second.Body, second.Header.Get("Cache-Status"))
		}
		for _, name := range []string{"Surrogate-Key", "Surrogate-Control", "Xkey"} {
			if v := first.Header.Get(name); v != "" {
				t.Errorf("%s: a visitor is shown %s: %s", path, name, v)
			}
		}
	}
	if !s.Get(t, "de.example", "/p/x?utm=1").Hit() || s.Get(t, "gb.example", "/p/x").Hit() {
		t.Error("a query makes another page, or a host does not")
	}
	if seen := *b.seen.Load(); seen.Get("Meridian-Provider-Key") != varnishtest.ProviderKey || seen.Get("Meridian-Purge-Want") != "" {
		t.Errorf("the edge is shown %v", seen)
	}
}

func forgetsKeys(t *testing.T, s *varnishtest.Server, cdn *CDN) {
	full := make([]string, 0, MaxKeys)
	for bytes := 0; len(full) < MaxKeys-1 && bytes+13 <= MaxBytes-12; bytes += 13 {
		full = append(full, fmt.Sprintf("other/...%03d", len(full)))
	}
	for name, c := range map[string]struct {
		f       world.Forget
		x, y, z bool // what is kept after it: /p/x, /p/y, /p/x.y
	}{
		"one":                  {world.Forget{Keys: []string{"de/p/x"}}, false, true, true},
		"two":                  {world.Forget{Keys: []string{"de/p/y", "de/p/x"}}, false, false, true},
		"the last of many":     {world.Forget{Keys: append(full, "de/p/y")}, true, false, true},
		"a group of all":       {world.Forget{Keys: []string{"de/pages"}}, false, false, false},
		"one with a dot":       {world.Forget{Keys: []string{"de/p/x.y"}}, true, true, false},
		"a dot is no wildcard": {world.Forget{Keys: []string{"de.pages", "de/p/."}}, true, true, true},
		"a part of a key":      {world.Forget{Keys: []string{"de/p", "p/x", "b%2C"}}, true, true, true},
		"odd signs":            {world.Forget{Keys: []string{"a.b%2C"}}, false, false, false},
		"everything":           {world.Forget{All: true}, false, false, false},
		"softly":               {world.Forget{Keys: []string{"de/p/x"}, Soft: true}, false, true, true},
	} {
		pages := map[string]bool{"/p/x": c.x, "/p/y": c.y, "/p/x.y": c.z}
		for path := range pages {
			s.Get(t, "de.example", path)
			if !s.Get(t, "de.example", path).Hit() {
				t.Fatalf("%s: %s is not kept", name, path)
			}
		}
		for range 2 { // once more does no harm
			if err := cdn.Forget(t.Context(), c.f); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for path, kept := range pages {
			if a := s.Get(t, "de.example", path); a.Hit() != kept {
				t.Errorf("%s: %s is %s", name, path, a.Header.Get("Cache-Status"))
			}
		}
	}
}

// refuses asks with a wrong key, and for what is no list of keys.
func refuses(t *testing.T, s *varnishtest.Server, b *backend) {
	s.Get(t, "de.example", "/p/x")
	bad, err := New(Config{Address: s.Address, Key: "another-key-0123456789"}, 10*time.Second, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Forget(t.Context(), world.Forget{All: true}); !world.Is(err, world.CodeForbidden) {
		t.Errorf("a wrong key: %v", err)
	}
	for name, fields := range map[string][]string{
		"no key":        {"Meridian-Purge", "all", "Meridian-Purged", "1"},
		"the answer":    {"Meridian-Purge", "all", "Meridian-Purge-Want", "x", "Meridian-Purge-Key", "x"},
		"an expression": {"Meridian-Purge-Key", varnishtest.PurgeKey, "Meridian-Purge", "hard", "Surrogate-Key", `x" || obj.status == "200`},
		"every key":     {"Meridian-Purge-Key", varnishtest.PurgeKey, "Meridian-Purge", "hard", "Surrogate-Key", `.*`},
		"nothing":       {"Meridian-Purge-Key", varnishtest.PurgeKey, "Meridian-Purge", "hard", "Meridian-Purged", "1"},
	} {
		if a := s.Do(t, "PURGE", "de.example", "/", fields...); a.Status < 400 || a.Header.Get("Meridian-Purged") != "" {
			t.Errorf("%s: %d %v", name, a.Status, a.Header)
		}
	}
	if !s.Get(t, "de.example", "/p/x").Hit() {
		t.Error("something of it purged")
	}
	if strings.Contains(b.seen.Load().Get("Meridian-Purge-Key"), varnishtest.PurgeKey) {
		t.Error("the edge was shown the key of purges")
	}
}
