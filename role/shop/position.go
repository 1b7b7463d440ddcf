package shop

import (
	"net/http"

	"meridian/engine/upstream"
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
	if at.home {
		return false, behind
	}
	if asked, err := s.handOn(w, r, at, at.market.HomeRegion); asked {
		return err == nil, err
	}
	return false, behind
}

// handOn lets another region's shop answer. asked is false, and nothing is done,
// when there is no way there or the request was handed on before.
func (s *Shop) handOn(w http.ResponseWriter, r *http.Request, at *site, region string) (asked bool, err error) {
	way := s.peers[region]
	if way == nil || r.Header.Get(httpserver.HeaderForwarded) != "" {
		return false, nil
	}
	return true, httpserver.Forward(w, r, way, s.cfg.Region, region, at.prefix+r.URL.Path)
}

// newPeers are the ways to other regions. Whoever asked has other regions to go
// to, and no time to lose here: what a cut link swallows is waited for only so
// long, then it is left alone for a while.
func newPeers(cfg Config, d Deps) (map[string]http.RoundTripper, error) {
	out := map[string]http.RoundTripper{}
	for region, way := range d.Peers {
		prompt := upstream.NewPrompt(way, cfg.ForwardWait)
		pool, err := upstream.New(upstream.Config{Hops: []upstream.Hop{{Name: region, Transport: prompt}}, Now: d.Now, Firm: true})
		if err != nil {
			return nil, err
		}
		out[region] = sound{pool}
	}
	return out, nil
}

// sound is a way on which a failure of who answers is a failure to reach him.
type sound struct{ http.RoundTripper }

func (t sound) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err != nil || res.StatusCode < http.StatusInternalServerError {
		return res, err
	}
	_ = res.Body.Close() // the status says enough
	return nil, world.E(world.CodeBadUpstream, "shop.forward", res.Status)
}

// newPictures makes the pictures of a page's products as new as the request
// demands. Where the replica of the region that took one in stays behind, that
// region is asked in this one's place: done is true when it has answered. It may
// be lost, which must cost no visitor a page: then the pictures are what is known
// here, and brief is true, for a cache must not keep such a page.
func (s *Shop) newPictures(w http.ResponseWriter, r *http.Request, at *site, products []world.Product) (done, brief bool, err error) {
	demanded, err := world.ParsePositions(r.Header.Get(world.HeaderMinPosition))
	if err != nil || len(demanded) == 0 {
		return false, false, err
	}
	region, err := s.deps.Catalog.RenewPictures(r.Context(), at.market.ID, products, demanded, s.cfg.Wait)
	if err != nil || region == "" {
		return false, false, world.Wrap("shop.pictures", err)
	}
	asked, err := s.handOn(w, r, at, region)
	return asked && err == nil, true, nil
}
