package accelerator

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

const secret = "a-token-of-many-characters"

func purgeRig(t *testing.T) *rig {
	return newRig(t, func(c *Config) { c.PurgeToken = secret })
}

// order sends a purge with a token.
func (g *rig) order(method, url, body, token string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	g.Purges().ServeHTTP(w, r)
	return w
}

func TestPurges(t *testing.T) {
	for _, c := range []struct {
		method, url, body string
		fields            []string
		removed           int
		gone              string // which of the three, by their paths
	}{
		{"PURGE", "http://a.example/x?q=1", "", nil, 2, "x"},
		{"PURGE", "http://a.example/x", "", nil, 0, ""},
		{"PURGE", "http://a.example/x?q=1", "", []string{"Soft-Purge: 1"}, 2, ""}, // stale after an error
		{"POST", PurgesPath, `{"urls": ["https://a.example/x?q=1", "a.example:80/y"]}`, nil, 3, "xy"},
		{"POST", PurgesPath, `{"groups": ["g"]}`, nil, 4, "xyz"},
		{"POST", PurgesPath, `{"all": true}`, nil, 4, "xyz"},
		{"POST", PurgesPath, `{"all": true, "soft": true}`, nil, 4, ""},
	} {
		g := purgeRig(t)
		g.origin.header.Set("Surrogate-Key", "g")
		g.origin.header.Set("Cache-Control", "max-age=60, stale-if-error=60")
		urls := map[string]string{"x": "http://a.example/x?q=1", "y": "http://a.example/y", "z": "http://b.example/z"}
		for _, u := range urls {
			g.ask("GET " + u)
		}
		g.ask("GET https://a.example/x?q=1")
		w := g.order(c.method, c.url, c.body, secret, c.fields...)
		if want := fmt.Sprintf("{\"removed\":%d}\n", c.removed); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s %s %s: %d %s, want %s", c.method, c.url, c.body, w.Code, w.Body, want)
		}
		g.origin.down["one.example"], g.origin.down["two.example:444"] = true, true
		for path, u := range urls {
			if gone := g.ask("GET "+u).Code != 200; gone != strings.Contains(c.gone, path) {
				t.Errorf("%s %s %s: %s is gone: %v", c.method, c.url, c.body, u, gone)
			}
		}
	}
}

func TestBadPurges(t *testing.T) {
	many := `{"groups": [` + strings.Repeat(`"g",`, world.MaxPurgeNames) + `"g"]}`
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", PurgesPath, "", 405},
		{"POST", "/x", `{"all": true}`, 405},
		{"POST", PurgesPath, `{}`, 400},
		{"POST", PurgesPath, `{"al": true}`, 400},
		{"POST", PurgesPath, `{"all": true}{}`, 400},
		{"POST", PurgesPath, `[]`, 400},
		{"POST", PurgesPath, `{"groups": ["a b"]}`, 400},
		{"POST", PurgesPath, `{"groups": [""]}`, 400},
		{"POST", PurgesPath, `{"urls": ["ftp://a/x"]}`, 400},
		{"POST", PurgesPath, `{"urls": ["https://u@a/x"]}`, 400},
		{"POST", PurgesPath, `{"urls": ["/x"]}`, 400},
		{"POST", PurgesPath, many, 413},
		{"POST", PurgesPath, `{"urls": ["` + strings.Repeat("x", maxPurgeBody) + `"]}`, 413},
	} {
		if w := purgeRig(t).order(c.method, c.path, c.body, secret); w.Code != c.status {
			t.Errorf("%s %s %.60s: %d, want %d: %s", c.method, c.path, c.body, w.Code, c.status, w.Body)
		}
	}
	if w := purgeRig(t).order("PURGE", "http://a.example/", "", secret, "Soft-Purge: maybe"); w.Code != 400 {
		t.Errorf("Soft-Purge: maybe: %d", w.Code)
	}
	if w := newRig(t, nil).order("PURGE", "http://a.example/", "", ""); w.Code != 403 {
		t.Errorf("without a token in the config: %d", w.Code)
	}
}

// Wrong tokens are slowed down by address; good ones from elsewhere are not.
func TestGuessersWait(t *testing.T) {
	g := purgeRig(t)
	const purge = `{"all": true}`
	for range 20 { // good ones cost nothing
		if w := g.order("POST", PurgesPath, purge, secret); w.Code != 200 {
			t.Fatalf("%d", w.Code)
		}
	}
	for i := range g.cfg.PurgeTries + 2 {
		want := 401
		if i >= g.cfg.PurgeTries {
			want = 429
		}
		if w := g.order("POST", PurgesPath, purge, "guess"); w.Code != want {
			t.Errorf("guess %d: %d, want %d", i, w.Code, want)
		}
	}
	g.now = g.now.Add(time.Minute)
	if w := g.order("POST", PurgesPath, purge, secret); w.Code != 200 {
		t.Errorf("a minute later: %d", w.Code)
	}
	if g.origin.asked != nil {
		t.Error("a purge asked the origin")
	}
}

func FuzzKeysOfURL(f *testing.F) {
	for _, s := range []string{"https://a.example/x?y", "a.example", "http://[::1]:8080/", "//", "https://%zz", "https://a/#x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		keys, err := keysOfURL(s)
		if (err == nil) != (len(keys) == 1) {
			t.Errorf("%q: %v %v", s, keys, err)
		}
		for _, k := range keys {
			if !strings.HasPrefix(k, "http://") && !strings.HasPrefix(k, "https://") || strings.Contains(k, "#") {
				t.Errorf("%q: %q", s, k)
			}
		}
	})
}
