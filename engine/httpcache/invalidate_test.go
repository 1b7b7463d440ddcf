package httpcache

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestUnsafeSuccessInvalidatesWhatItNames(t *testing.T) {
	for _, tc := range []struct {
		name     string
		method   string
		status   int
		response []string
		gone     []string // of /a/1, /a/2 (group "g"), /b?q=1; the target is /a/0
	}{
		{"RFC 9111 §4.4: nothing but the target", "POST", 200, nil, nil},
		{"RFC 9111 §4.4: Location", "POST", 201, []string{"Location: http://shop.test/a/1"}, []string{"/a/1"}},
		{"RFC 9111 §4.4: Content-Location", "PUT", 200, []string{"Content-Location: /b?q=1"}, []string{"/b?q=1"}},
		{"RFC 9110 §10.2.2: a relative reference", "POST", 303, []string{"Location: 1#top"}, []string{"/a/1"}},
		{"RFC 9111 §4.4: both", "POST", 200, []string{"Location: ../b?q=1", "Content-Location: /a/./1"}, []string{"/a/1", "/b?q=1"}},
		{"RFC 9111 §4.4: the default port", "POST", 200, []string{"Location: http://SHOP.test:80/a/1"}, []string{"/a/1"}},
		{"RFC 9111 §4.4: another host", "POST", 200, []string{"Location: http://evil.test/a/1"}, nil},
		{"RFC 9111 §4.4: another host, without scheme", "POST", 200, []string{"Content-Location: //evil.test/a/1"}, nil},
		{"RFC 9111 §4.4: another port", "POST", 200, []string{"Location: http://shop.test:8080/a/1"}, nil},
		{"RFC 9111 §4.4: another scheme", "POST", 200, []string{"Location: ftp://shop.test/a/1"}, nil},
		{"RFC 9111 §4.4: an error names nothing", "POST", 400, []string{"Location: /a/1", `Cache-Group-Invalidation: "g"`}, nil},
		{"RFC 9111 §4.4: a safe method names nothing", "OPTIONS", 200, []string{"Location: /a/1", `Cache-Group-Invalidation: "g"`}, nil},
		{"RFC 9875 §3: a group", "DELETE", 204, []string{`Cache-Group-Invalidation: "x", "g";why=1`}, []string{"/a/2"}},
		{"RFC 9875 §3: in two lines", "POST", 200, []string{`Cache-Group-Invalidation: "x"`, `Cache-Group-Invalidation: "g"`}, []string{"/a/2"}},
		{"RFC 9651 §4.2: malformed, so ignored", "POST", 200, []string{`Cache-Group-Invalidation: "g", x`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newRig(t, func(c *Config) { c.StripGroups = true })
			g.origin.set(func(r *http.Request) (*http.Response, error) {
				switch {
				case r.Method != "GET":
					return answer(tc.status, "", tc.response...), nil
				case r.URL.Path == "/a/2":
					return answer(200, "x", "Cache-Control: max-age=300", `Cache-Groups: "g"`), nil
				}
				return answer(200, "x", "Cache-Control: max-age=300"), nil
			})
			paths := []string{"/a/1", "/a/2", "/b?q=1"}
			for _, p := range paths {
				g.get(p)
			}
			if r := g.do(context.Background(), tc.method, "/a/0"); r.Header().Get("Cache-Group-Invalidation") != "" {
				t.Error("groups reach the visitor")
			}
			for _, p := range paths {
				gone := g.get(p, "Cache-Control: only-if-cached").Code == http.StatusGatewayTimeout
				if want := slices.Contains(tc.gone, p); gone != want {
					t.Errorf("%s gone: %v, want %v", p, gone, want)
				}
			}
		})
	}
}

func TestAGroupOfASafeResponseIsNotInvalidated(t *testing.T) { // RFC 9875 §3
	g := newRig(t, nil)
	g.origin.says(200, "x", "Cache-Control: max-age=300", `Cache-Groups: "g"`, `Cache-Group-Invalidation: "g"`)
	g.get("/a")
	g.get("/b")
	g.expect(g.get("/a"), 200, "x", "edge-iad; hit; ttl=300")
}

func TestTLSTellsTheScheme(t *testing.T) { // RFC 9111 §4.4, RFC 9110 §4.3.1
	r := httptest.NewRequest("POST", "/a", nil)
	r.Host, r.TLS = "shop.test", &tls.ConnectionState{}
	for ref, want := range map[string]bool{
		"/b": true, "https://shop.test:443/b": true, "http://shop.test/b": false, "https://shop.test:80/b": false,
		"https://user@shop.test/b": true, "mailto:a@shop.test": false, "https://[::1/": false, "": false,
	} {
		if got := sameOrigin(r, ref) != nil; got != want {
			t.Errorf("%q is of the same origin: %v, want %v", ref, got, want)
		}
	}
}

func TestCacheTagsAreGroups(t *testing.T) {
	got, err := parseGroups(header("Cache-Tag: b, a b ,,c", "Cache-Tag: d", "Surrogate-Key: a"), 8, 8)
	if err != nil || !slices.Equal(got, []string{"a", "a b", "b", "c", "d"}) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := parseGroups(header("Cache-Tag: 123456789"), 8, 8); err == nil {
		t.Error("a tag too long")
	}
}
