package tier

import (
	"net/http"

	"meridian/engine/httpcache"
	"meridian/world"
)

// Wanted is a request reduced to what a look-up takes. It is the same for all
// requests that are written alike, so it can be kept.
type Wanted struct {
	key     []byte
	cluster string // whose feed must not be lost; "" for any
}

// Want reduces a GET or HEAD that is ready for [Tier.ServeHTTP]; false where
// nothing is ever stored for it.
func (t *Tier) Want(r *http.Request) (Wanted, bool) {
	key, ok := t.keyOf(r)
	ok = ok && world.RouteOf(r.Method, r.URL.Path) != world.RoutePrivate // those are verified first, by [Tier.Admit]
	return Wanted{[]byte(key), t.governing(r.Host, r.URL.Path)}, ok
}

// Find is the short way to a hit, for a request without demands of its own but
// a condition: see [httpcache.Cache.Find]. It allocates nothing.
func (t *Tier) Find(w *Wanted, r httpcache.Asked) (httpcache.Found, bool) {
	if t.lost(w.cluster) {
		return httpcache.Found{}, false
	}
	return t.cache.Find(w.key, r)
}
