package edge

import (
	"net/http"
	"net/http/httputil"

	"meridian/engine/imagegrid"
	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/world"
)

// relay is the way to one zone's shields: for what is cached here, and past the cache.
type relay struct {
	pool *upstream.Pool
	past *httputil.ReverseProxy
}

// reachZones finds the ways to the private pictures of each zone: its own
// regions' shields, nearest first, and no others.
func (e *Edge) reachZones() error {
	e.zones = map[string]relay{}
	byZone := map[string][]tier.Shield{}
	for _, s := range e.cfg.Shields {
		if region, ok := e.deps.World.RegionByID(s.Region); ok {
			byZone[region.Zone] = append(byZone[region.Zone], s)
		}
	}
	for zone, near := range byZone {
		pool, err := newUpstream(e.cfg, e.deps, e.choose, near)
		if err != nil {
			return err
		}
		e.zones[zone] = relay{pool: pool}
	}
	return nil
}

func (e *Edge) passZones() {
	for zone, way := range e.zones {
		way.past = e.Pass("shield", way.pool, e.away)
		e.zones[zone] = way
	}
}

// zoneOf is the zone that a private picture is resident to, by its media id.
func (e *Edge) zoneOf(img imagegrid.Request) string {
	region, _ := e.deps.World.RegionOfMedia(img.MediaID)
	return region.Zone
}

// private answers with a private picture: before anything else its address must
// be signed and hold. It is cached in its own zone only; a PoP elsewhere lets it
// pass and keeps nothing.
func (e *Edge) private(w http.ResponseWriter, r *http.Request) {
	img, left, err := e.Admit(r)
	if err == nil {
		err = e.ownCell(img)
	}
	if err != nil {
		e.fail(w, r, err)
		return
	}
	zone := e.zoneOf(img)
	way, ok := e.zones[zone]
	if !ok {
		e.fail(w, r, world.E(world.CodeNotFound, "edge.private", ""))
		return
	}
	w = e.negotiate(&tier.ForOne{ResponseWriter: w, Left: left}, r, img)
	if zone == e.zone {
		e.cached(w, r)
		return
	}
	plain(r)
	way.past.ServeHTTP(w, r)
}

// shields is the cache's upstream: the nearest shield, for a private picture one
// of its zone.
type shields struct{ e *Edge }

// RoundTrip asks a shield.
func (u shields) RoundTrip(r *http.Request) (*http.Response, error) {
	if world.RouteOf(r.Method, r.URL.Path) != world.RoutePrivate {
		return u.e.nearest.RoundTrip(r)
	}
	img, err := imagegrid.Parse(r.URL.Path)
	if err != nil {
		return nil, err
	}
	way, ok := u.e.zones[u.e.zoneOf(img)]
	if !ok {
		return nil, world.E(world.CodeNotFound, "edge.private", "")
	}
	return way.pool.RoundTrip(r)
}
