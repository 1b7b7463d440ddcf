package accelerator

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// What the config says of lifetimes and stale use is for this cache: visitors
// and the caches between are sent what the origin said.
func TestLifetimesOfTheConfigAreNotSent(t *testing.T) {
	for name, said := range map[string]http.Header{
		"nothing":          {},
		"a lifetime":       {"Cache-Control": {"max-age=60"}},
		"nothing to store": {"Cache-Control": {"no-store"}},
		"a targeted field": {"Cdn-Cache-Control": {"max-age=60"}, "Cache-Control": {"max-age=0"}},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			g := newRig(t, func(c *Config) {
				c.Lifetimes, c.StaleIfError, c.StaleWhileRevalidate = map[int]time.Duration{200: time.Minute}, time.Hour, time.Hour
			})
			g.origin.header = said
			for i := range 3 { // a miss, a hit, one that is stale
				h := g.ask(method + " http://a.example/x").Header()
				for _, field := range []string{"Cache-Control", "Cdn-Cache-Control", "Expires", "Meridian-Cache-Control"} {
					if !slices.Equal(h[field], said[field]) {
						t.Errorf("%s, %s %d: %s: %q, the origin said %q", name, method, i, field, h[field], said[field])
					}
				}
				if i == 1 {
					g.now = g.now.Add(2 * time.Minute)
				}
			}
		}
	}
}
