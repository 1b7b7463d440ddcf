package shop

import (
	"net/http"
	"strings"

	"meridian/platform/httpserver"
	"meridian/world"
)

// failures are the kinds of error page. There are fewer than codes: a visitor
// cannot do more than look elsewhere, correct something, or wait.
var failures = []string{"not_found", "invalid", "forbidden", "unavailable", "internal"}

func failureOf(code world.Code) string {
	switch code {
	case world.CodeNotFound, world.CodeMethod:
		return "not_found"
	case world.CodeForbidden, world.CodeUnsigned:
		return "forbidden"
	case world.CodeInternal:
		return "internal"
	}
	if code.Status() >= 500 || code == world.CodeMisdirected || code == world.CodeBusy {
		return "unavailable"
	}
	return "invalid"
}

// failureBody is an error page.
type failureBody struct{ Heading, Text, ID string }

// fail answers with an error: a problem document to a program that asks for
// one, a page in the market's language to people. Neither may be kept.
func (s *Shop) fail(w http.ResponseWriter, r *http.Request, at *site, err error) {
	h := w.Header()
	h.Del("Surrogate-Key")
	if at == nil || wantsJSON(r) {
		httpserver.WriteError(w, r, s.deps.Log, err)
		return
	}
	httpserver.LogError(r.Context(), s.deps.Log, r, err)
	p := httpserver.ProblemOf(err, httpserver.RequestID(r.Context()))
	h.Set("Cache-Control", "no-store")
	if p.Retry {
		h.Set("Retry-After", "2")
	}
	v := s.view(at, "/")
	kind := failureOf(p.Code)
	body := failureBody{Heading: v.T("error." + kind + ".title"), Text: v.T("error." + kind + ".text"), ID: p.ID}
	v.Title, v.Body = body.Heading, body
	if err := s.render(w, r, p.Status, "error", v); err != nil {
		httpserver.WriteError(w, r, s.deps.Log, err)
	}
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}
