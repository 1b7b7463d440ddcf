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
	cluster string // whose feed must not be lost; "" for none
}

// Want reduces a GET or HEAD that is ready for [Tier.ServeHTTP]; false where
// nothing is ever stored for it.
func (t *Tier) Want(r *http.Request) (Wanted, bool) {
	key, ok := t.keyOf(r)
	return Wanted{[]byte(key), t.clusterOf(r)}, ok
}

// Find is the short way to a hit, for a request without demands of its own: see
// [httpcache.Cache.Find]. It allocates nothing.
func (t *Tier) Find(w *Wanted) (httpcache.Found, bool) {
	if w.cluster != "" && t.feeds.Lost(w.cluster, t.cfg.Now()) {
		return httpcache.Found{}, false
	}
	return t.cache.Find(w.key)
}

// clusterOf is the catalog cluster that a response changes with; "" for what
// never changes under its URL, as pictures do not.
func (t *Tier) clusterOf(r *http.Request) string {
	if world.RouteOf(r.Method, r.URL.Path) != world.RoutePage {
		return ""
	}
	m, ok := t.cfg.World.MarketByHost(r.Host)
	if !ok {
		return ""
	}
	return world.CatalogCluster(m.HomeRegion)
}
