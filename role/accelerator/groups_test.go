package accelerator

import "testing"

// Sites that share a cache cannot invalidate one another's groups (RFC 9875
// §2.2.1); names that lead to one site share them.
func TestGroupsBelongToASite(t *testing.T) {
	for host, others := range map[string]bool{HostVisitor: true, HostOrigin: false} {
		g := newRig(t, func(c *Config) { c.Host = host })
		g.origin.header.Set("Cache-Groups", `"g"`)
		first := map[string]string{}
		for _, site := range []string{"a", "b"} {
			first[site] = g.ask("GET http://" + site + ".example/x").Body.String()
		}
		g.origin.header.Set("Cache-Group-Invalidation", `"g"`)
		g.ask("POST http://b.example/y")
		if g.ask("GET http://b.example/x").Body.String() == first["b"] {
			t.Errorf("%s: a site's own group is not invalidated", host)
		}
		if kept := g.ask("GET http://a.example/x").Body.String() == first["a"]; kept != others {
			t.Errorf("%s: another site's is kept: %v", host, kept)
		}
	}
}
