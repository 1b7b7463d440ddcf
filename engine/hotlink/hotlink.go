// Package hotlink says whether a picture that everybody may see may also be
// shown on the page that asks for it, by what a browser tells of that page. It
// keeps other sites' pages from living on an app's pictures; it keeps no secret,
// since a program can tell what it likes.
package hotlink

import (
	"fmt"
	"net/url"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// Limits of a policy, and of what is read of a request.
const (
	MaxHosts = 256  // hosts of one policy
	MaxField = 2048 // bytes of Origin or Referer; a longer one names no page
)

// Policy is what an app wants of the pages that show its pictures.
type Policy struct {
	App     string   `yaml:"app" doc:"the app whose pictures are meant; one that is not in the list lets every page show its own"`
	Hosts   []string `yaml:"hosts" doc:"hosts whose pages may show them, beside the one that the picture is asked of: example.org, or *.example.org for every host below it"`
	Unnamed string   `yaml:"unnamed" doc:"allow or refuse: what becomes of a request that does not name its page, as many browsers and programs do not; none: allow"`
}

// Set is the policies of several apps. The nil Set lets every page show everything.
type Set map[string]Policy

// New checks policies. Errors: invalid.
func New(policies []Policy) (Set, error) {
	bad := func(app, fix string) (Set, error) {
		return nil, world.E(world.CodeInvalid, "hotlink.config", fmt.Sprintf("hotlinks %q: %s", app, fix))
	}
	var s Set
	for _, p := range policies {
		_, twice := s[p.App]
		switch {
		case imagegrid.CheckApp(p.App) != nil:
			return bad(p.App, "app must be the name of an app")
		case twice:
			return bad(p.App, "the app is there twice; write its hosts into one")
		case len(p.Hosts) > MaxHosts:
			return bad(p.App, fmt.Sprintf("hosts: keep at most %d", MaxHosts))
		case p.Unnamed != "" && p.Unnamed != "allow" && p.Unnamed != "refuse":
			return bad(p.App, "unnamed must be allow or refuse")
		}
		for _, h := range p.Hosts {
			if !validHost(strings.TrimPrefix(h, "*.")) {
				return bad(p.App, fmt.Sprintf("hosts: %q must be a host's name in lower case, without a port; *. may stand before it", h))
			}
		}
		if s == nil {
			s = Set{}
		}
		s[p.App] = p
	}
	return s, nil
}

func validHost(h string) bool {
	for i := range len(h) {
		if c := h[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return h != "" && h[0] != '.' && h[len(h)-1] != '.' && len(h) <= 253
}

// Asked is what a request tells.
type Asked struct {
	Host      string // the host that is asked, as it came
	FetchSite string // Sec-Fetch-Site
	Origin    string
	Referer   string
}

// Allows reports whether an app's picture may be shown where it is asked from.
//
// A browser says in Sec-Fetch-Site (W3C Fetch Metadata §2.4) that a page of the
// same origin asks, or a person by the address bar: both are let in. Of others,
// and where it does not say, the page is that of Origin, else that of Referer.
func (s Set) Allows(app string, a Asked) bool {
	p, ruled := s[app]
	if !ruled || a.FetchSite == "same-origin" || a.FetchSite == "none" {
		return true
	}
	page := hostOf(a.Origin)
	if page == "" {
		page = hostOf(a.Referer)
	}
	if page == "" {
		return p.Unnamed != "refuse"
	}
	if page == bare(a.Host) {
		return true
	}
	for _, h := range p.Hosts {
		if below, ok := strings.CutPrefix(h, "*"); ok && strings.HasSuffix(page, below) && len(page) > len(below) || page == h {
			return true
		}
	}
	return false
}

// hostOf is the host of a page's address or origin, "" where it names none. An
// address that says no host in a plain way, such as "null", names none.
func hostOf(address string) string {
	if address == "" || len(address) > MaxField {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return bare(u.Host)
}

// bare is a host without its port, in lower case.
func bare(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
