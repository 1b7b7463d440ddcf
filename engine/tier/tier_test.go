package tier

import (
	"net/http/httptest"
	"testing"

	"meridian/world"
)

// A key is what DESIGN.md §4 says and nothing else: no query, no header, no
// port or case of the host.
func TestKey(t *testing.T) {
	cases := []struct{ target, key string }{
		{"http://de.localhost/p/brezel?utm=1", "page de /p/brezel"},
		{"http://DE.localhost.:8080/p/brezel", "page de /p/brezel"},
		{"http://de.localhost/p%2Fbrezel", "page de /p%2Fbrezel"},
		{"http://elsewhere.example/p/brezel", ""},
		{"http://x/img/sweet-crumbs/1000000000000000/v1/webp/640x0", "img sweet-crumbs/1000000000000000/v1/webp/640x0"},
		{"http://x/img/sweet-crumbs/1000000000000000/v1/auto/640x0", ""},
		{"http://x/img/sweet-crumbs/../v1/webp/640x0", ""},
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
