package owner

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"meridian/platform/httpserver"
	"meridian/platform/openapi"
	"meridian/world"
)

// apiBase is what the paths of the owners' API begin with.
const apiBase = "/owner/api/v1"

// apiMaxDepth is how deep the content of a request may be nested.
const apiMaxDepth = 8

const apiAbout = `A market's products and orders, for the systems of whoever runs its shop. The market is the one whose host is asked.

Every operation demands a token, which names the markets and the scopes that it is good for. Amounts are integers in minor units. Errors are problem documents (RFC 9457): programs go by their code.`

// bearer is the kind of credential that operations demand.
const bearer = "token"

// newAPI is the API of an owner role. For its document alone the role may lack its
// parts.
func newAPI(o *Owner) *openapi.API {
	a := openapi.New(openapi.Config{
		Title: "Shop owners", Version: "1.0.0", Description: apiAbout, Base: apiBase,
		Credentials: map[string]string{bearer: "A token that the role's config knows by its hash."},
		Problem:     httpserver.Problem{}, MaxBody: o.cfg.MaxContent, MaxDepth: apiMaxDepth, Fail: o.failAPI, Send: send,
	})
	o.addProducts(a)
	o.addEditing(a)
	o.addBulk(a)
	o.addBrands(a)
	o.addOrders(a)
	o.addSteps(a)
	o.addTakings(a)
	o.addSelling(a)
	o.addStock(a)
	o.addHooks(a)
	o.addLetters(a)
	return a
}

// APIDocument is the OpenAPI document of the owners' API, as YAML.
func APIDocument() ([]byte, error) { return newAPI(&Owner{cfg: Default()}).YAML() }

// serveAPI answers what is under the API's base path: the document to everybody,
// the rest to who shows a token.
func (o *Owner) serveAPI(w http.ResponseWriter, r *http.Request) {
	v := r.Context().Value(visitKey{}).(*visit)
	w.Header().Set("Cache-Control", "private, no-store")
	if !strings.HasPrefix(r.URL.Path, apiBase+"/openapi.") {
		i, err := o.desk.Who(w, r)
		if err != nil {
			o.failAPI(w, r, world.Wrap("owner.token", err))
			return
		}
		v.token = &o.cfg.Tokens[i]
		if err := o.calls.Count(w.Header(), "token", v.token.Name, o.deps.Now()); err != nil {
			o.failAPI(w, r, world.Wrap("owner.api", err))
			return
		}
	}
	o.api.ServeHTTP(w, r)
}

func (o *Owner) failAPI(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, o.deps.Log, err)
}

// send answers with content that is whole, or with 304.
func send(w http.ResponseWriter, r *http.Request, content []byte) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// operate adds an operation for who may do something.
func operate[I, O any](a *openapi.API, do Scope, of openapi.Operation, answer func(v *visit, in *I) (*O, error)) {
	of.Credential, of.Description = bearer, strings.TrimSpace(of.Description+" The token needs the scope `"+string(do)+"`.")
	openapi.Add(a, of, func(ctx openapi.Context, in *I) (*O, error) {
		_, r := openapi.Raw(ctx)
		v := r.Context().Value(visitKey{}).(*visit)
		v.r = r
		if err := v.token.may(v.at.market.ID, do); err != nil {
			return nil, err
		}
		return answer(v, in)
	})
}

// answer is content, with the version that it has for If-Match.
type answer[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// paged asks for one page of a list.
type paged struct {
	After string `query:"after" maxLength:"128" doc:"goes on where a page ended: its next"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" doc:"most entries; if it is missing, as many as a page of the owners' has"`
}
