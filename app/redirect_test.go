package app

import (
	"net/http/httptest"
	"testing"
)

func TestTheRedirectNamesTheHost(t *testing.T) {
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{"a.example", 443, "https://a.example/x?y"},
		{"a.example:80", 8443, "https://a.example:8443/x?y"},
		{"[2001:db8::1]", 443, "https://[2001:db8::1]/x?y"},
		{"[2001:db8::1]:80", 443, "https://[2001:db8::1]/x?y"},
		{"[2001:db8::1]", 8443, "https://[2001:db8::1]:8443/x?y"},
		{"[2001:db8::1]:80", 8443, "https://[2001:db8::1]:8443/x?y"},
	} {
		r := httptest.NewRequest("GET", "http://ignored/x?y", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		if toHTTPS(c.port).ServeHTTP(w, r); w.Header().Get("Location") != c.want {
			t.Errorf("%s to %d: %s, want %s", c.host, c.port, w.Header().Get("Location"), c.want)
		}
	}
}
