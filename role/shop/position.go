package shop

import (
	"net/http"

	"meridian/platform/httpserver"
	"meridian/world"
)

// newEnough makes sure that the replica at hand has what the request demands.
// One that is behind is waited for, then the home region is asked in its
// place: done is true when that has answered. Where that is not possible
// either the error is unavailable, for an old page must not fill a cache that
// has been told to forget it.
func (s *Shop) newEnough(w http.ResponseWriter, r *http.Request, at *site) (done bool, err error) {
	demanded, err := world.ParsePositions(r.Header.Get(world.HeaderMinPosition))
	if err != nil || len(demanded) == 0 {
		return false, err
	}
	ok, err := s.deps.Catalog.WaitFor(r.Context(), at.market.ID, demanded, s.cfg.Wait)
	if err != nil || ok {
		return false, world.Wrap("shop.wait", err)
	}
	behind := world.E(world.CodeUnavailable, "shop.wait", "")
	if at.home || r.Header.Get(httpserver.HeaderForwarded) != "" {
		return false, behind
	}
	way := s.deps.Home(at.market.HomeRegion)
	if way == nil { // this region has no link there
		return false, behind
	}
	return true, httpserver.Forward(w, r, way, s.cfg.Region, at.market.HomeRegion, at.prefix+r.URL.Path)
}
