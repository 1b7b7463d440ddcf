// Package gate is the front door of the local world: it lets a visitor stand
// in a city, takes each request over that city's last mile to the nearest healthy
// PoP, and shows on every page how the answer came.
package gate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"meridian/platform/httpserver"
	"meridian/world"
)

// cookieName remembers where a traveller stands. Each market's host has its
// own: a cookie cannot be set for all of localhost.
const cookieName = "traveller"

// Limits of the gate.
const (
	maxPage   = 4 << 20             // largest page that the bar is put into
	maxForm   = 4 << 10             // bytes of the visit form
	cookieAge = 30 * 24 * time.Hour // how long a place is remembered
)

// Config is what a gate is made of.
type Config struct {
	World *world.World
	// PoPs are the PoPs as a city's travellers reach them.
	PoPs func(city string) []PoP
	// Health is what the monitors say of the PoPs; nil: all are healthy.
	Health func() world.HealthView
	// Admin answers for hosts that are no market's.
	Admin http.Handler
	Now   func() time.Time
	Log   *slog.Logger
}

// PoP is an edge as it is reached from one city.
type PoP struct {
	ID        string
	Name      string
	RTT       time.Duration // from the city, as the world file has it
	Transport http.RoundTripper
}

// Gate is the local world's front door.
type Gate struct {
	cfg    Config
	choose *chooser
	cities map[string]*city
	order  []*city
}

type city struct {
	world.City
	pops  []PoP
	proxy *httputil.ReverseProxy
}

// New makes a gate.
func New(cfg Config) *Gate {
	g := &Gate{cfg: cfg, choose: newChooser(cfg.Health), cities: map[string]*city{}}
	for _, c := range cfg.World.Cities {
		v := &city{City: c, pops: cfg.PoPs(c.ID)}
		v.proxy = g.proxyFor(v)
		g.cities[c.ID], g.order = v, append(g.order, v)
	}
	return g
}

// ServeHTTP takes a request to the shop as a traveller, or to the world's own pages.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, ok := g.cfg.World.MarketByHost(r.Host)
	if !ok {
		g.cfg.Admin.ServeHTTP(w, r)
		return
	}
	switch r.URL.Path {
	case visitPath:
		g.visit(w, r)
	case stylePath, scriptPath:
		serveAsset(w, r)
	default:
		t := &trip{city: g.standsIn(r, m), market: m, began: g.cfg.Now()}
		t.city.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tripKey{}, t)))
	}
}

// standsIn is the city that the visitor chose, or the market's own.
func (g *Gate) standsIn(r *http.Request, m world.Market) *city {
	if c, err := r.Cookie(cookieName); err == nil && g.cities[c.Value] != nil {
		return g.cities[c.Value]
	}
	return g.cities[m.City]
}

// visit moves the traveller: POST with city and the page to come back to.
func (g *Gate) visit(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		g.fail(w, r, world.E(world.CodeMethod, "gate.visit", "Choose a city in the bar at the foot of a page."))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	id := r.PostFormValue("city")
	if g.cities[id] == nil {
		g.fail(w, r, world.E(world.CodeInvalid, "gate.visit", "There is no such city in this world."))
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", MaxAge: int(cookieAge.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, localPath(r.PostFormValue("back")), http.StatusSeeOther)
}

// localPath keeps a redirect on this host: an absolute path, or the front page.
// Browsers read a backslash as a slash and leave out tabs and line ends, so a
// path with any of them could become another host's.
func localPath(p string) string {
	odd := func(c rune) bool { return c == '\\' || unicode.IsControl(c) }
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsFunc(p, odd) {
		return "/"
	}
	return p
}

// trip is one request on its way.
type trip struct {
	city   *city
	market world.Market
	began  time.Time
	pop    PoP
	why    string // this PoP and no other
}

type tripKey struct{}

func (g *Gate) proxyFor(c *city) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: route{g.choose, c},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "http", "pop", p.In.Host
			dropCookie(p.Out, cookieName)
			if wantsPage(p.In) {
				// The bar tells of this very request, so a page is always fetched whole.
				for _, h := range []string{"If-None-Match", "If-Modified-Since", "Accept-Encoding", "Range"} {
					p.Out.Header.Del(h)
				}
			}
		},
		ModifyResponse: g.addBar,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			g.fail(w, r, httpserver.UpstreamError("gate", err))
		},
		ErrorLog: slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelDebug),
	}
}

func (g *Gate) fail(w http.ResponseWriter, r *http.Request, err error) {
	httpserver.WriteError(w, r, g.cfg.Log, err)
}

func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// route tries the city's PoPs in the order of the chooser.
type route struct {
	choose *chooser
	c      *city
}

// RoundTrip asks the best PoP that answers. A request that changes something
// may have been carried out although no answer came: it goes to one PoP only.
func (t route) RoundTrip(r *http.Request) (*http.Response, error) {
	again := (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
	pops, why := t.choose.order(t.c.ID, t.c.pops)
	last := errors.New("the city reaches no PoP")
	for _, pop := range pops {
		if v, ok := r.Context().Value(tripKey{}).(*trip); ok {
			v.pop, v.why = pop, why
		}
		res, err := pop.Transport.RoundTrip(r)
		if err == nil || r.Context().Err() != nil || !again {
			return res, err
		}
		last, why = err, pop.ID+" did not answer"
	}
	return nil, last
}

// dropCookie takes one of ours out of a request that goes on to the shop.
func dropCookie(r *http.Request, name string) {
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range cookies {
		if c.Name != name {
			r.AddCookie(c)
		}
	}
}

// addBar puts the traveller's bar at the foot of a page. What is not a whole
// page of HTML, or larger than maxPage, or an operator's, passes as it is.
func (g *Gate) addBar(res *http.Response) error {
	t, ok := res.Request.Context().Value(tripKey{}).(*trip)
	if !ok || !isPage(res) {
		return nil
	}
	page, err := io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	if err != nil {
		return err
	}
	at := bytes.LastIndex(page, []byte("</body>"))
	if len(page) > maxPage || at < 0 {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(page), res.Body), res.Body}
		return nil
	}
	res.Body.Close()
	page = slices.Insert(page, at, g.bar(t, res, g.cfg.Now().Sub(t.began))...)
	res.Body = io.NopCloser(bytes.NewReader(page))
	res.ContentLength = int64(len(page))
	res.Header.Set("Content-Length", strconv.Itoa(len(page)))
	res.Header.Del("ETag")
	res.Header.Set("Cache-Control", "private, no-store") // the next view has figures of its own
	return nil
}

func isPage(res *http.Response) bool {
	return strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && res.Header.Get("Content-Encoding") == "" &&
		res.Request.Method != http.MethodHead && res.StatusCode != http.StatusPartialContent &&
		world.RouteOf(res.Request.Method, res.Request.URL.Path) != world.RouteOps
}
