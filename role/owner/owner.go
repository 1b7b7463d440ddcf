package owner

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/platform/attempts"
	"meridian/platform/openapi"
	"meridian/platform/operator"
	"meridian/web"
	"meridian/world"
)

// Owner is one region's owner role. It is safe for concurrent use.
type Owner struct {
	cfg       Config
	deps      Deps
	sites     map[string]*site // by market, of those at home here
	pages     map[string]*template.Template
	static    *web.Assets
	shared    *web.Assets // the storefront's sheet, which ours adds to
	passwords *passwords
	accounts  *attempts.Counter
	networks  *attempts.Counter
	calls     *attempts.Counter // of the API's requests, by the token's name
	library   library
	served    *imagegrid.Policy // sizes and formats of the app's pictures
	private   *signedurl.Ring   // signs the addresses of customers' photos
	csrf      *http.CrossOriginProtection
	desk      *operator.Desk // knows the API's tokens
	api       *openapi.API
	mux       *http.ServeMux
}

// New makes the role. It fails with invalid for a setting or a market that
// cannot be, and says which.
func New(cfg Config, d Deps) (*Owner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, ok := d.World.RegionByID(cfg.Region); !ok {
		return nil, world.E(world.CodeInvalid, "owner.new", fmt.Sprintf("region: the world has no region %q; use one of its own", cfg.Region))
	}
	o := &Owner{
		cfg: cfg, deps: d, csrf: http.NewCrossOriginProtection(),
		accounts: attempts.New(cfg.SignInLimit.PerAccount, cfg.SignInLimit.Tracked),
		networks: attempts.New(cfg.SignInLimit.PerNetwork, cfg.SignInLimit.Tracked),
		calls:    attempts.New(cfg.APILimit.PerToken, len(cfg.Tokens)),
		library:  library{media: d.Media, app: cfg.App, token: cfg.UploadToken, judge: cfg.ModerationToken},
	}
	if err := o.knowTokens(); err != nil {
		return nil, err
	}
	policies, err := imagegrid.PoliciesOf(d.World)
	if err != nil {
		return nil, world.Wrap("owner.new", err)
	}
	o.served = policies.For(cfg.App)
	if o.private, err = signedurl.New(cfg.Private); err != nil {
		return nil, world.Wrap("owner.new", err)
	}
	if o.sites, err = buildSites(cfg, d); err != nil {
		return nil, err
	}
	if o.pages, err = loadPages(); err != nil {
		return nil, world.Wrap("owner.new", err)
	}
	if o.static, err = web.AssetsOf(staticFiles, staticPrefix); err != nil {
		return nil, world.Wrap("owner.new", err)
	}
	if o.shared, err = web.NewAssets(); err != nil {
		return nil, world.Wrap("owner.new", err)
	}
	if o.passwords, err = newPasswords(cfg.SignInLimit.AtOnce); err != nil {
		return nil, err
	}
	o.api = newAPI(o)
	o.mux = o.routes()
	return o, nil
}

// visit is one request on its way: what it is about and who asks.
type visit struct {
	w     http.ResponseWriter
	r     *http.Request
	at    *site
	email string // of the owner who is signed in; "" for nobody
	token *Token // that a program shows; nil for none
}

// handler answers a visit, or says why not.
type handler func(v *visit) error

// methods are what a resource can be asked. GET answers HEAD too.
type methods map[string]handler

func (o *Owner) routes() *http.ServeMux {
	mux := http.NewServeMux()
	on := func(pattern string, m methods) { mux.Handle(pattern, o.route(m)) }
	on("/owner", methods{http.MethodGet: toOrders})
	on("/owner/{$}", methods{http.MethodGet: o.signedIn(o.form(o.listOrders))})
	on("/owner/sign-in", methods{http.MethodGet: o.showSignIn, http.MethodPost: o.form(o.signIn)})
	on("/owner/sign-out", methods{http.MethodPost: o.form(o.signOut)})
	on("/owner/orders/{id}", methods{http.MethodGet: o.signedIn(o.showOrder), http.MethodPost: o.signedIn(o.form(o.leadOn))})
	on("/owner/orders/{id}/lines/{n}", methods{http.MethodGet: o.signedIn(o.showSold)})
	on("/owner/orders/{id}/documents/{n}", methods{http.MethodGet: o.signedIn(o.showDocument)})
	on("/owner/products", methods{http.MethodGet: o.signedIn(o.listProducts)})
	on("/owner/prices", methods{http.MethodGet: o.signedIn(o.showPrices), http.MethodPost: o.signedIn(o.form(o.changePrices))})
	on("/owner/products/{slug}", methods{http.MethodGet: o.signedIn(o.showProduct), http.MethodPost: o.signedIn(o.form(o.changePrice))})
	on("/owner/products/{slug}/picture", methods{http.MethodPost: o.signedIn(o.form(o.changePicture))})
	o.libraryRoutes(on)
	o.sellingRoutes(on)
	mux.HandleFunc(apiBase+"/", o.serveAPI)
	on("/", methods{http.MethodGet: nothing, http.MethodPost: nothing})
	return mux
}

type visitKey struct{}

// ServeHTTP answers for a market at home in this region, found by the host.
// Another region's market is misdirected, a host that is no market's not_found.
func (o *Owner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.setHeaders(w)
	v := &visit{w: w, r: r}
	if strings.HasPrefix(r.URL.Path, staticPrefix) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead || !o.static.Serve(w, r) {
			o.fail(v, world.E(world.CodeNotFound, "owner.asset", ""))
		}
		return
	}
	m, ok := o.deps.World.MarketByHost(r.Host)
	if !ok {
		o.fail(v, world.E(world.CodeNotFound, "owner.site", "There is no shop at this address."))
		return
	}
	if v.at = o.sites[m.ID]; v.at == nil {
		o.fail(v, world.E(world.CodeMisdirected, "owner.site", ""))
		return
	}
	o.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
}

func (o *Owner) route(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := r.Context().Value(visitKey{}).(*visit)
		v.r = r
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		h, ok := m[method]
		if !ok {
			w.Header().Set("Allow", m.allow())
			o.fail(v, world.E(world.CodeMethod, "owner.route", ""))
			return
		}
		if err := o.csrf.Check(r); err != nil {
			o.fail(v, world.Because(world.CodeForbidden, "owner.csrf", "This was sent from another site. Open the page here and send it again.", err))
			return
		}
		if err := h(v); err != nil {
			o.fail(v, err)
		}
	})
}

func (m methods) allow() string {
	_, get := m[http.MethodGet]
	_, post := m[http.MethodPost]
	switch {
	case get && post:
		return "GET, HEAD, POST"
	case post:
		return "POST"
	}
	return "GET, HEAD"
}

func nothing(*visit) error { return world.E(world.CodeNotFound, "owner.route", "") }

func toOrders(v *visit) error {
	seeOther(v, ordersPath)
	return nil
}

// seeOther sends the browser to a page of ours.
func seeOther(v *visit, path string) {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
}

// form reads a visit's fields before it is answered.
func (o *Owner) form(next handler) handler {
	return func(v *visit) error {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, o.cfg.MaxForm)
		if err := v.r.ParseForm(); err != nil {
			return formError(err)
		}
		return next(v)
	}
}

// formError says what was wrong with a form's body.
func formError(err error) error {
	var most *http.MaxBytesError
	if errors.As(err, &most) {
		return world.Because(world.CodeTooLarge, "owner.form", fmt.Sprintf("The form has more than %d bytes. Write less.", most.Limit), err)
	}
	return world.Because(world.CodeInvalid, "owner.form", "", err)
}
