package httpserver

import (
	"net/http"
	"net/http/httputil"
	"net/url"

	"meridian/world"
)

// HeaderForwarded names the region that has handed a request on because it could
// not answer itself. Whoever gets one answers it or fails: it is never handed on
// twice. An edge drops it from what a visitor sends.
const HeaderForwarded = "Meridian-Forwarded"

// Forward lets another region answer a request under the given path, with its
// query, and passes the answer on as it is. It fails with unavailable, and has
// written nothing then, when that region cannot be reached, and with internal
// for a request that was handed on before.
func Forward(w http.ResponseWriter, r *http.Request, way http.RoundTripper, from, to, path string) (failed error) {
	op := "httpserver.forward " + to
	if by := r.Header.Get(HeaderForwarded); by != "" {
		return world.E(world.CodeInternal, op+" from "+by, "")
	}
	proxy := httputil.ReverseProxy{
		Transport: way,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL = &url.URL{Scheme: "http", Host: to, Path: path, RawQuery: p.In.URL.RawQuery}
			p.Out.Host = p.In.Host
			p.Out.Header.Set(HeaderForwarded, from)
			p.Out.Header.Set(HeaderRequestID, RequestID(r.Context()))
		},
		ModifyResponse: func(res *http.Response) error {
			// What this tier has set already gives way to the one that answers.
			for name := range res.Header {
				w.Header().Del(name)
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			failed = world.Because(world.CodeUnavailable, op, "", err)
		},
	}
	proxy.ServeHTTP(w, r)
	return failed
}
