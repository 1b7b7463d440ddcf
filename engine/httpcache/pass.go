package httpcache

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"
)

// forwarded are fields that httputil removes and that are the owner's business.
var forwarded = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// quiet takes the proxy's own log lines: what fails is returned through Config.Error.
var quiet = log.New(io.Discard, "", 0)

// pass sends a request through as it is, outside the cache. A success of an
// unsafe method invalidates what is stored under its target (RFC 9111 §4.4).
func (c *Cache) pass(w http.ResponseWriter, r *http.Request, v verdict) {
	c.countPassed(r)
	read := c.beginHead(r)
	defer c.endHead(read)
	proxy := httputil.ReverseProxy{
		Transport:     c.cfg.Upstream,
		FlushInterval: -1, // a stream passes as it comes
		ErrorLog:      quiet,
		Rewrite: func(p *httputil.ProxyRequest) {
			for _, name := range forwarded {
				if values := p.In.Header[name]; len(values) > 0 {
					p.Out.Header[name] = values
				}
			}
			p.Out.URL.RawQuery = p.In.URL.RawQuery
			if field := p.In.Header.Get("Range"); strings.Count(field, ",") >= c.cfg.MaxRanges {
				delete(p.Out.Header, "Range") // RFC 9110 §14.2: it may be ignored
				delete(p.Out.Header, "If-Range")
			}
			c.address(p.Out, p.In)
		},
		ModifyResponse: func(resp *http.Response) error {
			c.invalidate(r, resp.StatusCode, resp.Header)
			c.freshen(read, resp)
			v.fwdStatus = resp.StatusCode
			if c.hides(r) {
				strip(resp.Header)
			}
			c.addStatus(resp.Header, resp.Header, "", v)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			c.fail(w, r, "", v, upstreamError(r.Context(), err))
		},
	}
	proxy.ServeHTTP(w, r)
}

func (c *Cache) countPassed(r *http.Request) {
	s, _ := shardOf(c, r.URL.Path)
	s.mu.Lock()
	s.stats.Passed++
	s.mu.Unlock()
}

// upstreamRequest is the GET for the whole of what r asks a part or a check of,
// unless the fill's plan is for a part. With a stale response it is a validation
// of that (RFC 9111 §4.3.1).
func (c *Cache) upstreamRequest(ctx context.Context, r *http.Request, f *fill) *http.Request {
	stale := f.stale
	out := r.Clone(ctx)
	out.Method = http.MethodGet
	out.Body, out.ContentLength, out.TransferEncoding = nil, 0, nil
	for _, name := range conditions {
		delete(out.Header, name)
	}
	for _, name := range c.cfg.Unkeyed {
		delete(out.Header, name)
	}
	if stale != nil {
		if stale.etag != "" {
			out.Header["If-None-Match"] = []string{stale.etag}
		}
		if !stale.lastModified.IsZero() {
			out.Header["If-Modified-Since"] = []string{stale.header.Get("Last-Modified")}
		}
	}
	f.plan.apply(out)
	c.address(out, r)
	return out
}

// address makes an incoming request one that can be sent, names us in Via
// (RFC 9110 §7.6.3) and gives it to its owner for the last touch.
func (c *Cache) address(out, in *http.Request) {
	out.RequestURI = ""
	out.Host = in.Host
	if out.URL.Host == "" {
		out.URL.Scheme, out.URL.Host = "http", in.Host
	}
	out.Header.Add("Via", "1.1 "+c.cfg.Name)
	if c.cfg.Prepare != nil {
		c.cfg.Prepare(out)
	}
}
