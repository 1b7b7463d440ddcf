// Package openapi makes an HTTP API over JSON of plain functions: from the types
// of what each takes and gives, requests are checked and the OpenAPI 3.1 document
// is written, so that neither can say what the other does not do.
package openapi

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"meridian/world"
)

// Config is what an [API] is made of.
type Config struct {
	Title, Version string
	Description    string            // CommonMark
	Base           string            // what every path begins with: "/api/v1"
	Credentials    map[string]string // what each kind of bearer token is, by the name that operations demand it by
	Problem        any               // a value of the document that Fail writes: its type is every error's schema
	MaxBody        int64             // most bytes of a request's content
	MaxDepth       int               // most arrays and objects within one another

	// Fail answers with an error.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
	// Send answers a GET or HEAD with status 200 and content that is whole; the
	// header is set. It adds validators and heeds conditions.
	Send func(w http.ResponseWriter, r *http.Request, content []byte)
}

// API answers the requests under one base path. It is safe for concurrent use once
// every operation is added.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API
}

// The documents' names under the base path.
const (
	documentJSON = "/openapi.json"
	documentYAML = "/openapi.yaml"
)

// New makes an API without operations.
func New(cfg Config) *API {
	a := &API{cfg: cfg, mux: http.NewServeMux()}
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: a.read}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI:    "3.1.0",
			Info:       &huma.Info{Title: cfg.Title, Version: cfg.Version, Description: cfg.Description},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer), SecuritySchemes: map[string]*huma.SecurityScheme{}},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format}, // and what ends in +json
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{keepError},
	}
	c.AllowAdditionalPropertiesByDefault = true // answers may get more fields; content that is sent says by its own type that it may not
	for name, says := range cfg.Credentials {
		c.Components.SecuritySchemes[name] = &huma.SecurityScheme{Type: "http", Scheme: "bearer", Description: says}
	}
	a.huma = humago.NewWithPrefix(a.mux, cfg.Base, c)
	a.huma.UseMiddleware(reached)
	a.mux.HandleFunc("GET "+cfg.Base+documentJSON, a.serve("application/openapi+json", a.JSON))
	a.mux.HandleFunc("GET "+cfg.Base+documentYAML, a.serve("application/openapi+yaml", a.YAML))
	return a
}

// read takes a request's content as JSON.
func (a *API) read(content []byte, into any) error {
	if deeper(content, a.cfg.MaxDepth) {
		return errDepth
	}
	return json.Unmarshal(content, into)
}

// Operation says what an operation is for. What it takes and gives, its types say.
type Operation struct {
	Method, Path string // under the base path; {name} is a part that the request fills in
	ID           string
	Summary      string
	Description  string
	Tag          string
	Credential   string             // the kind of token that it demands; "" for none
	Status       int                // of its success; 0 for 200, or 204 without content
	Errors       []world.Code       // that it can fail with, beside what any may
	Refusals     map[world.Code]any // the documents of those that say more than the API's Problem does: one of its type, as an example
	Sent, Given  any                // examples of a request's content and of an answer's; nil without content
}

// everywhere are the failures of any operation.
var everywhere = []world.Code{world.CodeInvalid, world.CodeBusy, world.CodeInternal, world.CodeUnavailable}

// Add adds an operation. The fields of I are what a request has (`path`, `query`
// and `header` name where a field is from; Body is its content), those of O what an
// answer has, by huma's tags. Content with a field that nobody knows is refused where
// its type has a field `_ struct{}` with the tag additionalProperties:"false". A function that fails with [ErrAnswered] has answered
// itself.
func Add[I, O any](a *API, of Operation, do func(context Context, in *I) (*O, error)) {
	op := huma.Operation{
		Method: of.Method, Path: of.Path, OperationID: of.ID, Summary: of.Summary, Description: of.Description,
		DefaultStatus: of.Status, MaxBodyBytes: a.cfg.MaxBody + 1, // which it does not take any more
		BodyReadTimeout: -1, // the listener has one

		Responses: map[string]*huma.Response{}, Security: []map[string][]string{},
	}
	if of.Tag != "" {
		op.Tags = []string{of.Tag}
	}
	codes := slices.Concat(everywhere, of.Errors)
	if of.Credential != "" {
		op.Security = append(op.Security, map[string][]string{of.Credential: {}})
		codes = append(codes, world.CodeUnsigned, world.CodeForbidden)
	}
	if of.Sent != nil {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: of.Sent}}}
		codes = append(codes, world.CodeTooLarge, world.CodeUnsupported)
	}
	a.document(&op, of, codes)
	huma.Register(a.huma, op, func(ctx Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			exchangeOf(ctx).err = err
			return nil, nil
		}
		return out, nil
	})
	schemas := a.huma.OpenAPI().Components.Schemas.Map() // huma's own document of errors is never given
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
}

// document says what an operation answers with.
func (a *API) document(op *huma.Operation, of Operation, codes []world.Code) {
	if of.Given != nil {
		status := of.Status
		if status == 0 {
			status = http.StatusOK
		}
		op.Responses[itoa(status)] = &huma.Response{Content: map[string]*huma.MediaType{"application/json": {Example: of.Given}}}
	}
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(a.cfg.Problem), true, "Problem")
	for _, code := range codes {
		content := &huma.MediaType{Schema: problem}
		if more := of.Refusals[code]; more != nil {
			content = &huma.MediaType{Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(more), true, "Refusal"), Example: more}
		}
		op.Responses[itoa(code.Status())] = &huma.Response{Description: "The code is " + string(code) + ".",
			Content: map[string]*huma.MediaType{"application/problem+json": content}}
	}
}

// JSON is the document of all operations, as JSON.
func (a *API) JSON() ([]byte, error) { return json.Marshal(a.huma.OpenAPI()) }

// YAML is the document of all operations, as YAML.
func (a *API) YAML() ([]byte, error) { return a.huma.OpenAPI().YAML() }

func (a *API) serve(mediaType string, document func() ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.reached = true
		content, err := document()
		if err != nil {
			x.err = world.Wrap("openapi.document", err)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		_, _ = io.Writer(w).Write(content)
	}
}
