package shop

import (
	"net/http"
	"strings"

	"meridian/platform/httpserver"
	"meridian/world"
)

// failureTexts are the keys of an error page's heading and text. There are
// fewer kinds than codes: a visitor can look elsewhere, wait, or try again.
func failureTexts(code world.Code, atHome bool) (heading, text string) {
	switch {
	case code == world.CodeNotFound || code == world.CodeMethod:
		return "not_found.title", "not_found.text"
	case code == world.CodeMisdirected || code.Status() >= 500 && atHome:
		return "unavailable.title", "unavailable.checkout"
	case code.Status() >= 500 || code == world.CodeBusy:
		return "unavailable.title", "unavailable.text"
	}
	return "error.try_again", ""
}

// failureBody is an error page.
type failureBody struct{ Heading, Text, ID string }

// fail answers with an error: a problem document to a program that asks for
// one, a page in the market's language to people. Neither may be kept, but for
// the page that says that nothing is here: our own tiers keep that for a moment.
func (s *Shop) fail(w http.ResponseWriter, r *http.Request, at *site, err error) {
	h := w.Header()
	h.Del("Surrogate-Key")
	h.Del(headerTiers) // it would count in place of no-store
	if at == nil || wantsJSON(r) {
		httpserver.WriteError(w, r, s.deps.Log, err)
		return
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, err)
	p := httpserver.ProblemOf(err, httpserver.RequestID(r.Context()))
	h.Set("Cache-Control", "no-store")
	if p.Code == world.CodeNotFound && world.RouteOf(r.Method, r.URL.Path) == world.RoutePage {
		s.missing(h, at)
		p.ID = "" // it is shown to others too
	}
	if p.Retry {
		h.Set("Retry-After", "2")
	}
	v := s.view(at, "/")
	heading, text := failureTexts(p.Code, world.RouteOf(r.Method, r.URL.Path) == world.RouteHome)
	body := failureBody{Heading: v.T(heading), ID: p.ID}
	if text != "" {
		body.Text = v.T(text)
	}
	v.Title, v.Body = body.Heading, body
	if err := s.render(w, r, p.Status, "error", v); err != nil {
		httpserver.WriteError(w, r, s.deps.Log, err)
	}
}

// missing lets our own tiers keep a page for as long as their policy has it
// (RFC 9111 §4.2.2), or until a product of the market changes: it may be the one
// that was asked for. Browsers are given nothing to keep it by.
func (s *Shop) missing(h http.Header, at *site) {
	h.Del("Cache-Control")
	h.Set("Surrogate-Key", strings.Join(append(world.PageGroups(s.world.App, at.market.ID, nil), world.GroupProducts(at.market.ID)), " "))
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}
