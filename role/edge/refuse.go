package edge

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// Bounds of the page that says that a shop takes no orders just now.
const (
	refusalWait  = 2 * time.Second
	refusalBytes = 256 << 10
	refusalAgain = "30" // seconds: a region does not come back sooner
)

// toRegion hands a request on to the one region that may answer it. One that is
// known to be down is not waited for.
func (e *Edge) toRegion(w http.ResponseWriter, r *http.Request, region string) {
	proxy := e.home[region]
	if proxy == nil {
		e.fail(w, r, world.E(world.CodeUnavailable, "edge.region", "The region that has this is not reached from here."))
		return
	}
	if route := world.RouteOf(r.Method, r.URL.Path); e.choose.lost(route, region) {
		w.Header().Set("Retry-After", refusalAgain)
		e.refuse(w, r, world.E(world.CodeUnavailable, "edge.region", "The region that has this does not answer just now. Nothing was changed; try again in a few minutes."))
		return
	}
	e.pass(w, r, proxy)
}

// homeAway answers for a home region's shield that did not.
func (e *Edge) homeAway(w http.ResponseWriter, r *http.Request, err error) {
	e.refuse(w, r, httpserver.UpstreamError("edge.pass", err))
}

// refuse answers in place of a market's home region: people get a page in the
// market's language, which any other region's shop can make; programs, and whoever
// that cannot be had for, the error itself.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := world.CodeOf(err)
	if code.Status() < 500 || world.RouteOf(r.Method, r.URL.Path) != world.RouteHome || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		e.fail(w, r, err)
		return
	}
	page, header := e.refusal(r)
	if page == nil {
		e.fail(w, r, err)
		return
	}
	httpserver.LogError(r.Context(), e.deps.Log, r, err)
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Language", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		if v := header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("Cache-Control", "no-store")
	if h.Get("Retry-After") == "" {
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(code.Status())
	if r.Method != http.MethodHead {
		w.Write(page)
	}
}

// refusal is the page by which a shop says that it is not the market's home. What
// the visitor sent may be of another zone than who makes the page: nothing of it
// goes there but the market's host and the language.
func (e *Edge) refusal(r *http.Request) ([]byte, http.Header) {
	ctx, cancel := context.WithTimeout(r.Context(), refusalWait)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shield"+localeOf(r.URL.Path)+"/cart", nil)
	if err != nil {
		return nil, nil
	}
	ask.Host = r.Host
	ask.Header.Set("Accept", "text/html")
	if l := r.Header.Get("Accept-Language"); l != "" {
		ask.Header.Set("Accept-Language", l)
	}
	if id := httpserver.RequestID(r.Context()); id != "" {
		ask.Header.Set(httpserver.HeaderRequestID, id)
	}
	res, err := e.nearest.RoundTrip(ask)
	if err != nil {
		return nil, nil
	}
	defer res.Body.Close()
	page, err := io.ReadAll(io.LimitReader(res.Body, refusalBytes+1))
	if err != nil || len(page) > refusalBytes || res.StatusCode != world.CodeMisdirected.Status() || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		return nil, nil
	}
	return page, res.Header
}

// localeOf is the locale that a path begins with, with its slash, or "".
func localeOf(path string) string {
	first, _, more := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !more || world.RouteOf(http.MethodGet, "/"+first+"/cart") != world.RouteHome || world.RouteOf(http.MethodGet, "/"+first) == world.RouteHome {
		return ""
	}
	return "/" + first
}
