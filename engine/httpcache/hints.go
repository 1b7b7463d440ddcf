package httpcache

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
)

// maxInterim is the number of informational responses of one fill that are kept
// for who waits; more are not needed to make a client begin early.
const maxInterim = 8

// maxInterimBytes bounds the fields of one that is kept.
const maxInterimBytes = 8 << 10

// HintPolicy says who is sent early hints (RFC 8297): those of a fill that others
// wait for, and the Link fields of a stale response while it is validated. Who
// began a fill is sent what its upstream sends in any case (RFC 9110 §15.2).
type HintPolicy uint8

const (
	HintsModern HintPolicy = iota // who speaks HTTP/2 or later: some clients of HTTP/1.1 take a 103 for the answer (RFC 8297 §3)
	HintsAll                      // everybody
	HintsNone                     // nobody
)

// interim is an informational response (RFC 9110 §15.2).
type interim struct {
	status int
	header http.Header
}

// overhear has a fill keep the informational responses of its reads.
func (f *fill) overhear(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			if status == http.StatusContinue || status == http.StatusSwitchingProtocols {
				return nil // about this connection
			}
			h := http.Header(header).Clone()
			removeHopByHop(h)
			if fieldBytes(h) > maxInterimBytes {
				return nil
			}
			f.settle(func() {
				if f.outcome == pending && len(f.interim) < maxInterim {
					f.interim = append(f.interim, interim{status, h})
				}
			})
			return nil
		},
	})
}

// fieldBytes is about what fields take on the wire.
func fieldBytes(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// earlyLinks are what a fill was told before its answer.
func (f *fill) earlyLinks() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var links []string
	for _, i := range f.interim {
		if i.status == http.StatusEarlyHints {
			links = append(links, preloads(i.header["Link"])...)
		}
	}
	return links
}

// hints sees to it that one request is told early what is known before its answer.
type hints struct {
	w      http.ResponseWriter
	leader bool
	wanted bool
}

func (c *Cache) hintsFor(w http.ResponseWriter, r *http.Request, leader bool) hints {
	wanted := c.cfg.EarlyHints == HintsAll || c.cfg.EarlyHints == HintsModern && r.ProtoMajor >= 2
	return hints{w: w, leader: leader && r.ProtoAtLeast(1, 1), wanted: wanted && r.ProtoAtLeast(1, 1)}
}

// ofStale tells what the stored response told that is being validated, and what
// was told before it.
func (h hints) ofStale(e *entry) {
	if e == nil || !h.wanted {
		return
	}
	links := slices.Clone(e.early)
	for _, l := range preloads(e.header["Link"]) {
		if !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	if len(links) > 0 {
		h.send(interim{http.StatusEarlyHints, http.Header{"Link": links}})
	}
}

// pass tells what a fill was told.
func (h hints) pass(i interim) {
	if h.leader || h.wanted && i.status == http.StatusEarlyHints {
		h.send(i)
	}
}

// send writes an informational response, and leaves the fields of the answer alone.
func (h hints) send(i interim) {
	out := h.w.Header()
	kept := maps.Clone(out)
	clear(out)
	maps.Copy(out, i.header)
	h.w.WriteHeader(i.status)
	clear(out)
	maps.Copy(out, kept)
}

// preloads are those of the links by which a client may begin before the answer
// is there (RFC 8297 §2): what is to be loaded, and where to connect.
func preloads(field []string) []string {
	var out []string
	for _, line := range field {
		for line != "" {
			var link string
			link, line = cutOutside(line, ',')
			if isPreload(link) {
				out = append(out, link)
			}
		}
	}
	return out
}

// cutOutside cuts a member off a list of links, or of a link's parameters
// (RFC 8288 §3): what is in a target or in a string parts nothing.
func cutOutside(list string, sep byte) (member, rest string) {
	end := byte(0) // of the target or string that is open
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case end != 0:
			if c == '\\' && end == '"' {
				i++
			} else if c == end {
				end = 0
			}
		case c == '<':
			end = '>'
		case c == '"':
			end = '"'
		case c == sep:
			return strings.Trim(list[:i], " \t"), list[i+1:]
		}
	}
	return strings.Trim(list, " \t"), ""
}

func isPreload(link string) bool {
	_, parameters, ok := strings.Cut(link, ">")
	if !ok || !strings.HasPrefix(link, "<") {
		return false
	}
	for parameters != "" {
		var p string
		p, parameters = cutOutside(parameters, ';')
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(name, "rel") {
			kinds := strings.Fields(strings.ToLower(strings.Trim(value, `"`)))
			return slices.ContainsFunc(kinds, func(k string) bool {
				return k == "preload" || k == "modulepreload" || k == "preconnect"
			})
		}
	}
	return false
}
