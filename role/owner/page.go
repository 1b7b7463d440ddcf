package owner

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"meridian/platform/httpserver"
	"meridian/world"
)

//go:embed pages/*.html
var pageFiles embed.FS

// pageNames are the templates that fill the layout.
var pageNames = []string{"signin", "orders", "order", "sold", "products", "product", "prices", "pictures", "picture", "remove", "queue", "work", "error",
	"promotions", "promotion", "hours", "stock", "stocksku", "hooks", "hook", "letters"}

func loadPages() (map[string]*template.Template, error) {
	layout, err := template.ParseFS(pageFiles, "pages/layout.html")
	if err != nil {
		return nil, err
	}
	pages := map[string]*template.Template{}
	for _, name := range pageNames {
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if pages[name], err = t.ParseFS(pageFiles, "pages/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// page is what a template is given.
type page struct {
	Title   string
	Section string // of the navigation: "orders", "products", "stock", "promotions", "hours", "pictures", "systems"
	Notice  notice
	Body    any

	World, Email      string
	Base, Sheet, Icon string // addresses of the style sheets and the icon
	More, Script      string // addresses of one more style sheet and of a script; "" for a page without

	Market world.Market
}

// notice is said at the top of a page. Kind is "good" or "bad".
type notice struct{ Kind, Title, Text string }

// Locale is the language of the market's own words, BCP 47.
func (p page) Locale() string { return p.Market.Locales[0] }

// scripts are those of the pages that have one.
var scripts = map[string]string{"pictures": "upload.js", "picture": "picture.js"}

// policy allows everything from this host, nothing inline but likenesses of
// pictures, and no frame around it.
const policy = "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// setHeaders sets what every answer carries. The pages hold resident data:
// no cache keeps them.
func (o *Owner) setHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set(world.HeaderRegion, o.cfg.Region)
	h.Set("Cache-Control", "private, no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
}

// render answers with a page.
func (o *Owner) render(v *visit, status int, name string, p page) error {
	p.World, p.Email, p.Market = o.deps.World.Name, v.email, v.at.market
	p.Base, p.Sheet, p.Icon = o.shared.URL("site.css"), o.static.URL("owner.css"), o.shared.URL("favicon.svg")
	if p.Section == "pictures" {
		p.More = o.static.URL("library.css")
	}
	if script, ok := scripts[name]; ok {
		p.Script = o.static.URL(script)
	}
	var b bytes.Buffer
	if err := o.pages[name].ExecuteTemplate(&b, "layout", p); err != nil {
		return world.Wrap("owner.render "+name, err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", "en")
	v.w.WriteHeader(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(b.Bytes()) // the owner has gone: nobody to tell
	}
	return nil
}

// errorBody is an error page.
type errorBody struct{ Title, Text, ID string }

// fail answers with an error: a page under a market of ours, a problem
// document anywhere else.
func (o *Owner) fail(v *visit, err error) {
	if v.at == nil {
		httpserver.WriteError(v.w, v.r, o.deps.Log, err)
		return
	}
	o.logFailure(v, err)
	p := httpserver.ProblemOf(err, httpserver.RequestID(v.r.Context()))
	if p.Retry {
		v.w.Header().Set("Retry-After", "2")
	}
	body := errorBody{Title: p.Title, Text: p.Detail, ID: p.ID}
	if err := o.render(v, p.Status, "error", page{Title: p.Title, Body: body}); err != nil {
		httpserver.WriteError(v.w, v.r, o.deps.Log, err)
	}
}
