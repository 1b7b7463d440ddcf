package shop

import (
	"context"
	"net/http"
	"strings"

	"meridian/platform/httpserver"
	"meridian/platform/openapi"
	"meridian/world"
)

// apiBase is what the paths of the API begin with, behind a locale or not.
const apiBase = world.APIPrefix + "v1"

// apiMaxDepth is how deep the content of a request may be nested. No operation
// takes anything deeper than a list of lines.
const apiMaxDepth = 8

// apiAbout is what the API's document says of all of it.
const apiAbout = `Catalogue, cart, quote and checkout of one market's shop: the one whose host is asked.

The default language is under ` + "`" + apiBase + "`" + `, each other one under its own, such as ` + "`/hi-in" + apiBase + "`" + `: ` + "`GET /market`" + ` lists them.
Amounts are integers in minor units of the market's currency. Errors are problem documents (RFC 9457): programs go by their code.`

// newAPI is the API of a shop. For its document alone the shop may lack its parts.
func newAPI(s *Shop) *openapi.API {
	a := openapi.New(openapi.Config{
		Title: "Shop", Version: "1.0.0", Description: apiAbout, Base: apiBase,
		Credentials: map[string]string{cartToken: "The token of a cart, from `POST /carts`: it opens that cart and the orders that are placed from it."},
		Problem:     httpserver.Problem{}, MaxBody: s.cfg.MaxForm, MaxDepth: apiMaxDepth, Fail: s.failAPI, Send: send,
	})
	s.addCatalogue(a)
	s.addCarts(a)
	s.addQuotes(a)
	s.addOrders(a)
	return a
}

// APIDocument is the OpenAPI document of every shop's API, as YAML.
func APIDocument() ([]byte, error) { return newAPI(&Shop{cfg: Default()}).YAML() }

// serveAPI answers what is under the API's base path.
func (s *Shop) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // but for what says otherwise
	if strings.HasPrefix(r.URL.Path, apiBase+"/openapi.") {
		s.shared(w, siteOf(r), false, s.deps.Now().Add(s.cfg.PageTTL), nil)
	}
	if err := s.count(w, r); err != nil {
		s.failAPI(w, r, err)
		return
	}
	s.api.ServeHTTP(w, r)
}

// count bounds what a network asks that no cache answers, and tells it how much it
// has left. Errors: busy past the limit.
func (s *Shop) count(w http.ResponseWriter, r *http.Request) error {
	if world.RouteOf(r.Method, r.URL.Path) != world.RouteHome {
		return nil
	}
	return world.Wrap("shop.api", s.calls.Count(w.Header(), "network", r.Header.Get(world.HeaderClient), s.deps.Now()))
}

// failAPI answers a program.
func (s *Shop) failAPI(w http.ResponseWriter, r *http.Request, err error) {
	h := w.Header()
	h.Del("Surrogate-Key")
	h.Del(headerTiers)
	if at := siteOf(r); at != nil && world.Is(err, world.CodeNotFound) && world.RouteOf(r.Method, r.URL.Path) == world.RoutePage {
		httpserver.LogError(r.Context(), s.deps.Log, r, err)
		s.missing(h, at)
		httpserver.SendProblem(w, r, httpserver.ProblemOf(err, "")) // without an id: it is shown to others too
		return
	}
	httpserver.WriteError(w, r, s.deps.Log, err)
}

// answer is content and nothing else.
type answer[T any] struct{ Body T }

// asked is the site that an operation is about, once the replica at hand has what
// the request demands; [openapi.ErrAnswered] where another region has answered.
func (s *Shop) asked(ctx context.Context) (*site, error) {
	w, r := openapi.Raw(ctx)
	at := siteOf(r)
	done, err := s.newEnough(w, r, at)
	if done && err == nil {
		err = openapi.ErrAnswered
	}
	return at, err
}
