package localworld

import (
	_ "embed"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"

	"meridian/platform/httpserver"
	"meridian/world"
)

//go:embed home.html
var homeHTML string

var homeTemplate = template.Must(template.New("home").Parse(homeHTML))

// admin answers what is asked of the world itself, under localhost: its front
// page, the links' API and the figures. Whoever can reach this machine's
// loopback can call it; a web page of elsewhere cannot.
func (u *up) admin(health func() world.HealthView) http.Handler {
	u.root.Instance("databases", "world").Metrics.MustRegister(databaseMetrics{u.databases})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { u.home(w, health()) })
	mux.Handle("GET /metrics", u.root.Handler())
	mux.Handle("/links", u.network.Handler())
	mux.Handle("/links/", u.network.Handler())
	mux.Handle("/places/", u.network.Handler())
	mux.Handle("GET /databases", u.answer(func(*http.Request) (any, error) { return map[string]any{"databases": u.databases()}, nil }))
	mux.Handle("POST /databases/{region}/promotion", u.answer(u.promotion))
	mux.Handle("/parts", u.partsHandler())
	mux.Handle("/parts/", u.partsHandler())
	mux.Handle("/faults", u.faultsHandler())
	mux.Handle("/faults/", u.faultsHandler())
	mux.Handle("/restock", u.faultsHandler())
	for _, pattern := range []string{"GET /mail", "GET /mail/", "GET /mails"} {
		mux.Handle(pattern, u.post.Handler())
	}
	mux.Handle("GET /view", u.answer(func(*http.Request) (any, error) { return viewOf(health()), nil }))
	mux.Handle("GET /world", u.answer(func(*http.Request) (any, error) { return u.about() }))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		httpserver.WriteError(w, r, u.root.Log, world.E(world.CodeNotFound, "admin", "No shop has this host name, and the world has no such page. Start at "+u.plan.url()))
	})
	return http.NewCrossOriginProtection().Handler(u.localOnly(mux))
}

// localOnly refuses names that only pretend to be this machine (DNS rebinding).
func (u *up) localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			httpserver.WriteError(w, r, u.root.Log, world.E(world.CodeMisdirected, "admin", "No shop has this host name. The world's own page is "+u.plan.url()))
			return
		}
		next.ServeHTTP(w, r)
	})
}

type homeView struct {
	Name    string
	Port    int
	Markets []world.Market
	Regions []regionView
	PoPs    []popView
}

type regionView struct {
	world.Region
	Homes string
}

type popView struct {
	world.PoP
	URL    string
	Near   string
	Health world.TargetHealth
}

func (u *up) home(w http.ResponseWriter, health world.HealthView) {
	v := homeView{Name: u.plan.w.Name, Port: u.o.Port, Markets: u.plan.w.Markets}
	for _, g := range u.plan.w.Regions {
		var homes []string
		for _, m := range u.plan.w.HomedIn(g.ID) {
			homes = append(homes, strings.ToUpper(m.ID))
		}
		v.Regions = append(v.Regions, regionView{g, strings.Join(homes, ", ")})
	}
	for i, q := range u.plan.w.PoPs {
		near := u.plan.nearestRegions(q.ID)[0]
		v.PoPs = append(v.PoPs, popView{q, fmt.Sprintf("http://127.0.0.1:%d/", u.plan.edgePort(i)), fmt.Sprintf("%s, %d ms", near, u.plan.roundTripOf(q.ID, near).Milliseconds()), health.Of(world.Target(world.TargetPoP, q.ID))})
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	if err := homeTemplate.Execute(w, v); err != nil {
		u.root.Log.Debug("the front page was not sent whole", "err", err)
	}
}
