package shop

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"meridian/engine/imagegrid"
	"meridian/engine/invoice"
	"meridian/engine/signedurl"
	"meridian/platform/attempts"
	"meridian/platform/openapi"
	"meridian/role/shop/letters"
	"meridian/web"
	"meridian/world"
)

// Shop answers for every market: its catalogue from the replica at hand, its
// carts and orders only where the market is at home.
type Shop struct {
	cfg    Config
	world  *world.World
	deps   Deps
	assets *web.Assets
	pages  map[string]*template.Template
	sites  map[string]sites
	brand  string            // begins an order number: "SC"
	served *imagegrid.Policy // sizes and formats of the app's pictures
	csrf   *http.CrossOriginProtection
	api    *openapi.API
	calls  *attempts.Counter // of the API's requests that no cache answers, by network

	peers   map[string]http.RoundTripper // the ways to other regions, by region
	private *signedurl.Ring              // signs the addresses of photos
	photos  *semaphore.Weighted          // those that arrive
	letters *letters.Writer
	told    chan struct{}          // that letters are owed
	mailed  *prometheus.CounterVec // nil: nothing is reported
	cashier *cashier               // looks after payments
	forms   string                 // whom forms may lead to

	menus     *menus
	invoiced  invoiceCounts
	toldHooks chan struct{} // that messages to owners' systems are
	hooked    *prometheus.CounterVec
}

// New makes a shop. It fails with invalid for a setting, a market's rules or a
// text that is missing, and says which.
func New(cfg Config, d Deps) (*Shop, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if _, ok := d.World.RegionByID(cfg.Region); !ok {
		return nil, world.E(world.CodeInvalid, "shop.new", fmt.Sprintf("region: the world has no region %q", cfg.Region))
	}
	private, err := signedurl.New(cfg.Private)
	if err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	policies, err := imagegrid.PoliciesOf(d.World)
	if err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	s := &Shop{cfg: cfg, world: d.World, served: policies.For(d.World.App), menus: &menus{all: map[menuKey]menu{}}, deps: d, brand: initials(d.World.Name), csrf: http.NewCrossOriginProtection(), private: private, photos: semaphore.NewWeighted(cfg.MaxPhotos), told: make(chan struct{}, 1), toldHooks: make(chan struct{}, 1), forms: formActions(d.Providers)}
	s.cashier = s.newCashier()
	s.invoiced = newInvoiceCounts(d.Metrics)
	s.mailed = resultCounts(d.Metrics, "meridian_shop_letters_total", "Letters to buyers")
	s.hooked = resultCounts(d.Metrics, "meridian_shop_hooks_total", "Messages to owners' systems")
	if s.assets, err = web.NewAssets(); err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	keys, err := s.loadPages()
	if err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	if s.letters, err = letters.New(); err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	keys = append(append(keys, s.letters.Keys()...), invoice.PageKeys()...)
	for _, m := range d.World.Markets {
		if err := d.Texts.Check(m.Locales, append(keys, codeKeys()...)); err != nil {
			return nil, err
		}
	}
	if s.peers, err = newPeers(cfg, d); err != nil {
		return nil, world.Wrap("shop.new", err)
	}
	s.api = newAPI(s)
	s.calls = attempts.New(cfg.APILimit.PerNetwork, cfg.APILimit.Tracked)
	s.sites, err = buildSites(cfg, d)
	return s, err
}

// initials are the capitals of a name's words, "SC" of "Sweet Crumbs".
func initials(name string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(name) {
		if c := unicode.ToUpper(rune(word[0])); c < unicode.MaxASCII && unicode.IsLetter(c) && b.Len() < 6 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Handler answers everything that a region's shield sends to the shop.
func (s *Shop) Handler() http.Handler {
	pages := http.NewServeMux()
	on := func(pattern string, m methods) { pages.Handle(pattern, s.route(m)) }
	on("/{$}", methods{http.MethodGet: s.list})
	on("/p/{slug}", methods{http.MethodGet: s.product})
	on(world.CategoryPrefix+"{slug}", methods{http.MethodGet: s.category})
	on(world.SearchPath, methods{http.MethodGet: s.search})
	on("/cart", methods{http.MethodGet: s.atHome(s.showCart), http.MethodPost: s.atHome(s.changeCart)})
	on("/checkout", methods{http.MethodGet: s.atHome(s.showCheckout), http.MethodPost: s.atHome(s.checkout)})
	on("/orders", methods{http.MethodGet: s.atHome(s.listOrders)})
	on("/orders/{id}", methods{http.MethodGet: s.atHome(s.showOrder)})
	on("/orders/{id}/pay", methods{http.MethodGet: s.atHome(s.pay)})
	on("/orders/{id}/paid", methods{http.MethodGet: s.atHome(s.paidBack)})
	on("/orders/{id}/invoice", methods{http.MethodGet: s.atHome(s.showInvoice)})
	on("/orders/{id}/refunds/{n}", methods{http.MethodGet: s.atHome(s.showInvoice)})
	on("/payments/{provider}", methods{http.MethodPost: s.hook})
	on("/orders/{id}/cancel", methods{http.MethodPost: s.atHome(s.cancelOrder)})
	pages.HandleFunc(world.APIPrefix, s.serveAPI)
	on("/", methods{http.MethodGet: nothing, http.MethodPost: nothing})

	all := http.NewServeMux()
	all.HandleFunc("GET "+world.FeedPath, s.feed)
	all.HandleFunc("GET "+PaymentsPath, s.paymentsAPI(s.listPayments))
	all.HandleFunc("GET "+PaymentsPath+"/{key}", s.paymentsAPI(s.onePayment))
	all.HandleFunc("POST "+PaymentsPath+"/{key}/reconcile", s.paymentsAPI(s.reconcilePayment))
	all.HandleFunc("GET "+web.AssetPrefix, s.asset)
	all.HandleFunc("GET "+ratesPath, s.rates)
	all.HandleFunc("GET /favicon.ico", s.favicon)
	all.Handle("/", s.withSite(pages))
	return s.withHeaders(all)
}

// handler answers a request about a site, or says why not.
type handler func(w http.ResponseWriter, r *http.Request, at *site) error

// methods are what a resource can be asked. GET answers HEAD too.
type methods map[string]handler

func (s *Shop) route(m methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := siteOf(r)
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		h, ok := m[method]
		if !ok {
			w.Header().Set("Allow", m.allow())
			s.fail(w, r, at, world.E(world.CodeMethod, "shop.route", ""))
			return
		}
		if err := h(w, r, at); err != nil {
			s.fail(w, r, at, err)
		}
	})
}

func (m methods) allow() string {
	if _, ok := m[http.MethodPost]; ok {
		return "GET, HEAD, POST"
	}
	return "GET, HEAD"
}

func nothing(http.ResponseWriter, *http.Request, *site) error {
	return world.E(world.CodeNotFound, "shop.route", "")
}

func (s *Shop) asset(w http.ResponseWriter, r *http.Request) {
	if !s.assets.Serve(w, r) {
		s.fail(w, r, nil, world.E(world.CodeNotFound, "shop.asset", ""))
	}
}

// favicon is what browsers ask for beside a page that names no icon, as a document
// to be printed does.
func (s *Shop) favicon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.Redirect(w, r, s.assets.URL("favicon.svg"), http.StatusFound)
}

// atHome guards resident data: it is answered for in the market's home region
// only, never cached, and changed only by the shop's own pages.
func (s *Shop) atHome(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, at *site) error {
		w.Header().Set("Cache-Control", "private, no-store")
		if !at.home {
			return world.E(world.CodeMisdirected, "shop.home", "")
		}
		if err := s.csrf.Check(r); err != nil {
			return world.Because(world.CodeForbidden, "shop.csrf", "", err)
		}
		if isMultipart(r) { // for who takes photos to read
			emptyForm(r)
			return next(w, r, at)
		}
		r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxForm)
		if err := r.ParseForm(); err != nil {
			return formError(err)
		}
		return next(w, r, at)
	}
}
