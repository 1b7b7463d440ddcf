package shop

import (
	"net/http"
	"net/http/httputil"
	"net/url"

	"meridian/platform/httpserver"
	"meridian/world"
)

// HeaderForwarded names the region that has handed a request on because its
// own replica was behind. Whoever gets one answers it or fails: it is never
// handed on twice. An edge drops it from what a visitor sends.
const HeaderForwarded = "Meridian-Forwarded"

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
	if at.home || r.Header.Get(HeaderForwarded) != "" {
		return false, behind
	}
	way := s.deps.Home(at.market.HomeRegion)
	if way == nil { // this region has no link there
		return false, behind
	}
	return true, s.forward(w, r, at, way)
}

// forward lets the market's home region answer.
func (s *Shop) forward(w http.ResponseWriter, r *http.Request, at *site, way http.RoundTripper) (failed error) {
	proxy := httputil.ReverseProxy{
		Transport: way,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL = &url.URL{Scheme: "http", Host: at.market.HomeRegion, Path: at.prefix + p.In.URL.Path}
			p.Out.Host = p.In.Host
			p.Out.Header.Set(HeaderForwarded, s.cfg.Region)
			p.Out.Header.Set(httpserver.HeaderRequestID, httpserver.RequestID(r.Context()))
		},
		ModifyResponse: func(res *http.Response) error {
			// What this tier has set already gives way to the one that answers.
			for name := range res.Header {
				w.Header().Del(name)
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			failed = world.Because(world.CodeUnavailable, "shop.forward "+at.market.HomeRegion, "", err)
		},
	}
	proxy.ServeHTTP(w, r)
	return failed
}
