package shop

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"meridian/world"
)

// policyStart is the Content-Security-Policy of every page but for its styles:
// everything from the shop itself, nothing inline, nobody may frame it.
const policyStart = "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; style-src 'self'"

// policy is the whole policy of a page without styles of its own. Forms may lead to
// the providers' pages too: browsers hold the redirects that follow a form to it.
func (s *Shop) policy() string { return s.forms + "; " + policyStart }

// withHeaders sets what every answer carries.
func (s *Shop) withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set(world.HeaderRegion, s.cfg.Region)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Content-Security-Policy", s.policy())
		next.ServeHTTP(w, r)
	})
}

// headerTiers speaks to our own tiers in place of Cache-Control (RFC 9213).
const headerTiers = "CDN-Cache-Control"

// shared marks a page that every cache may hold: browsers ask again each time,
// our own tiers keep it until a purge of one of the groups of what it shows. The
// two are told apart because what browsers are told, must-revalidate, and s-maxage
// too, forbids every stale use (RFC 9111 §4.2.4), and with it stale-if-error. A
// brief one is kept for a moment only: it says what is known here, not what is so.
// more are groups beside those of its products. No page is kept beyond until, when what it shows changes by the calendar; zero
// for never.
func (s *Shop) shared(w http.ResponseWriter, at *site, brief bool, until time.Time, shows []world.Product, more ...string) {
	life := s.cfg.PageTTL
	if brief {
		life = min(life, s.cfg.PageBrief)
	}
	if !until.IsZero() {
		life = max(0, min(life, until.Sub(s.deps.Now())))
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=0, must-revalidate")
	h.Set(headerTiers, fmt.Sprintf("max-age=%d, stale-if-error=%d", int(life.Seconds()), int(s.cfg.PageStale.Seconds())))
	h.Set("Surrogate-Key", strings.Join(append(world.PageGroups(s.world.App, at.market.ID, shows), more...), " "))
}

// preloads name what a page needs first as Link fields (RFC 8288): a cache sends
// them ahead, as early hints (RFC 8297). They say what the page's own elements
// say, so that nothing is fetched twice.
func (v *view) preloads() []string {
	links := []string{"<" + v.CSS + ">; rel=preload; as=style"}
	if v.First.Src != "" {
		links = append(links, v.First.preload())
	}
	if v.Preload.Src != "" {
		links = append(links, v.Preload.preload()+`; media="(min-width: 56rem)"`)
	}
	return links
}

func (s shot) preload() string {
	return fmt.Sprintf(`<%s>; rel=preload; as=image; imagesrcset=%s; imagesizes=%s; fetchpriority=high`, s.Src, inQuotes(s.Srcset), inQuotes(s.Sizes))
}

// inQuotes is s as a quoted-string (RFC 9110 §5.6.4).
func inQuotes(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// formError says what was wrong with a form's body.
func formError(err error) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return world.Because(world.CodeTooLarge, "shop.form", "", err)
	}
	return world.Because(world.CodeInvalid, "shop.form", "", err)
}
