package varnish

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/test/cdntest"
	"meridian/world"
)

// The vendor is our VCL: what it is asked, and what it answers. That Varnish does
// so is shown by the real one.
func TestContract(t *testing.T) {
	cdntest.Run(t, cdntest.Vendor{
		Make: func(t *testing.T, s *httptest.Server, secret string, timeout time.Duration) world.CDN {
			c, err := New(Config{Address: "tcp:" + strings.TrimPrefix(s.URL, "http://"), Key: secret}, timeout, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		Check: func(a cdntest.Asked, f world.Forget, secret string) string {
			how := "hard"
			if f.Soft {
				how = "soft"
			}
			if f.All {
				how = "all"
			}
			keys := a.Header.Get("Surrogate-Key")
			switch {
			case a.Method != "PURGE" || a.Path != "/" || a.Body != "":
				return "the request is not PURGE /"
			case a.Header.Get("Meridian-Purge-Key") != secret:
				return "no credential"
			case a.Header.Get("Meridian-Purge") != how:
				return "Meridian-Purge is not " + how
			case keys != strings.Join(f.Keys, " ") || len(keys) > 6<<10:
				return "the keys are not those, or too long for one field"
			}
			return ""
		},
		Done:    func(w http.ResponseWriter, _ world.Forget) { w.Header().Set("Meridian-Purged", "3") },
		NotDone: []func(http.ResponseWriter){func(http.ResponseWriter) {}},
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"address": {Address: "https://x", Key: strings.Repeat("k", MinKey)}, "none": {Key: strings.Repeat("k", MinKey)},
		"key": {Address: "tcp:127.0.0.1:6081", Key: strings.Repeat("k", MinKey-1)}, "odd key": {Address: "tcp:127.0.0.1:6081", Key: strings.Repeat("k ", MinKey)},
	} {
		if _, err := New(c, time.Second, time.Now); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
