package edge

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/prefixes"
	"meridian/engine/tier"
	"meridian/engine/whereabouts"
	"meridian/platform/front"
	"meridian/test/tiertest"
	"meridian/world"
)

var steeredWorld = &world.World{
	Markets: []world.Market{{ID: "de", Host: "de.localhost", HomeRegion: "home"}},
	Regions: []world.Region{{ID: "home", Zone: "europe", Number: 2}},
	Sites: []world.Site{
		{ID: "frankfurt", Latitude: 50.1, Longitude: 8.7}, {ID: "london", Latitude: 51.5, Longitude: -0.1}, {ID: "tokyo", Latitude: 35.7, Longitude: 139.7},
		{ID: "berlin", Latitude: 52.5, Longitude: 13.4}, {ID: "osaka", Latitude: 34.7, Longitude: 135.5},
	},
	PoPs: []world.PoP{{ID: "fra", Site: "frankfurt"}, {ID: "lhr", Site: "london"}, {ID: "nrt", Site: "tokyo"}},
}

// places has 192.0.2.0/24 in Berlin, 198.51.100.0/24 in Osaka, and knows no other.
func places() *prefixes.Table[whereabouts.Place] { return berlinAndOsaka }

var berlinAndOsaka = placesOf("192.0.2.0/24", "berlin", "198.51.100.0/24", "osaka")

// placesOf are prefixes, each with the site of its clients.
func placesOf(pairs ...string) *prefixes.Table[whereabouts.Place] {
	var all []prefixes.Entry[whereabouts.Place]
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, prefixes.Entry[whereabouts.Place]{Prefix: netip.MustParsePrefix(pairs[i]), Value: whereabouts.Place{Site: pairs[i+1]}})
	}
	return prefixes.New(all)
}

// steeringEdge is the edge of a PoP with the policy that sends a client to a nearer one.
func steeringEdge(t *testing.T, pop, answer string, view *world.HealthView, places Places) *Edge {
	t.Helper()
	cfg := Default()
	cfg.Listen, cfg.PoP, cfg.FeedKey = "unix:/x", pop, "k"
	cfg.Shields = []tier.Shield{{Region: "home", Address: "unix:/h"}}
	cfg.Private.Keys = []keyring.Key{tiertest.SigningKey}
	cfg.Nearer.Answer = answer
	cfg.Nearer.PoPs = []NearerPoP{{"fra", "{host}:8004"}, {"lhr", "lhr.example"}, {"nrt", "nrt.example:444"}}
	e, err := New(cfg, Deps{
		World: steeredWorld, Shields: map[string]http.RoundTripper{"home": tiertest.NewUpstream(tiertest.Says("cake"))},
		Health: func() world.HealthView { return *view }, Places: places, Now: func() time.Time { return t0 }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func from(address, method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = address + ":4711"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func served(e *Edge, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func TestWhoIsSentToANearerPoP(t *testing.T) {
	const berlin, osaka, unknown = "192.0.2.7", "198.51.100.7", "203.0.113.7"
	signed := tiertest.Signed(t, "/private/sweet-crumbs/2000000000000000/v1/avif/640x0", t0.Add(time.Minute))
	for name, c := range map[string]struct {
		from, method, target string
		view                 world.HealthView
		want                 string
	}{
		"a page":             {berlin, "GET", "/p/brezel", says(), "http://de.localhost:8004/p/brezel?nearer=nrt"},
		"HEAD of a picture":  {berlin, "HEAD", picture + "avif/640x0", says(), "http://de.localhost:8004" + picture + "avif/640x0?nearer=nrt"},
		"an escape stays":    {berlin, "GET", "/p/a%2Fb", says(), "http://de.localhost:8004/p/a%2Fb?nearer=nrt"},
		"no query goes on":   {berlin, "GET", "/p/brezel?sig=secret", says(), "http://de.localhost:8004/p/brezel?nearer=nrt"},
		"it is sent once":    {berlin, "GET", "/p/brezel?nearer=lhr", says(), ""},
		"the best is down":   {berlin, "GET", "/", says("pop/fra", "down"), "http://lhr.example/?nearer=nrt"},
		"none is well":       {berlin, "GET", "/", says("pop/fra", "down", "pop/lhr", "degraded", "pop/nrt", "down"), ""},
		"it is near":         {osaka, "GET", "/", says(), ""},
		"nobody knows where": {unknown, "GET", "/", says(), ""},
		"a form":             {berlin, "POST", "/cart", says(), ""},
		"the cart":           {berlin, "GET", "/cart", says(), ""},
		"the owner's pages":  {berlin, "GET", "/owner", says(), ""},
		"an upload":          {berlin, "GET", "/media/sweet-crumbs", says(), ""},
		"a private picture":  {berlin, "GET", signed, says(), ""},
	} {
		w := served(steeringEdge(t, "nrt", nearerRedirect, &c.view, places), from(c.from, c.method, "http://de.localhost:8006"+c.target))
		if got := w.Header().Get("Location"); got != c.want || (w.Code == 302) != (c.want != "") {
			t.Errorf("%s: %d to %q, want %q", name, w.Code, got, c.want)
		}
		if w.Code == 302 && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: it is kept for others: %v", name, w.Header())
		}
	}
	var view world.HealthView
	for name, header := range map[string][2]string{
		"a range, as in the middle of a download": {"Range", "bytes=100-"},
		"who comes by an alternative service":     {"Alt-Used", "de.localhost"},
		"an address that anybody can claim":       {"X-Forwarded-For", berlin},
		"likewise, of an outside CDN":             {"Fastly-Client-Ip", berlin},
	} {
		who := berlin
		if strings.Contains(header[1], berlin) {
			who = osaka
		}
		if w := served(steeringEdge(t, "nrt", nearerRedirect, &view, places), from(who, "GET", "http://de.localhost/", header[0], header[1])); w.Code == 302 {
			t.Errorf("%s: sent to %q", name, w.Header().Get("Location"))
		}
	}
	if w := served(steeringEdge(t, "nrt", nearerRedirect, &view, places), from(berlin, "GET", "http://evil.example/")); w.Header().Get("Location") != "" {
		t.Errorf("a foreign host is handed back: %q", w.Header().Get("Location"))
	}
	for _, e := range []*Edge{steeringEdge(t, "nrt", "", &view, places), steeringEdge(t, "nrt", nearerRedirect, &view, nil)} {
		if w := served(e, from(berlin, "GET", "http://de.localhost/")); w.Code != 200 {
			t.Errorf("without the policy or a database: %d", w.Code)
		}
	}
}

// However the PoPs' databases and feeds differ, a client is answered after at most
// one redirect.
func TestNobodyIsSentInCircles(t *testing.T) {
	wrong := func(here string) Places { // has everybody at the other end of the world
		table := placesOf("0.0.0.0/0", "tokyo")
		if here == "nrt" {
			table = placesOf("0.0.0.0/0", "frankfurt")
		}
		return func() *prefixes.Table[whereabouts.Place] { return table }
	}
	var view world.HealthView
	edges := map[string]*Edge{"nrt.example:444": steeringEdge(t, "nrt", nearerRedirect, &view, wrong("nrt")), "de.localhost:8004": steeringEdge(t, "fra", nearerRedirect, &view, wrong("fra"))}
	at, target := "nrt.example:444", "http://de.localhost/p/brezel"
	for hops := 0; ; hops++ {
		w := served(edges[at], from("192.0.2.7", "GET", target))
		if w.Code == 200 {
			if hops != 1 {
				t.Errorf("%d redirects", hops)
			}
			return
		}
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != 302 || hops > 1 {
			t.Fatalf("hop %d: %d to %q", hops, w.Code, w.Header().Get("Location"))
		}
		at, target = to.Host, "http://de.localhost"+to.RequestURI()
	}
}

func TestAnAlternativeServiceIsNamedOverHTTPS(t *testing.T) {
	var view world.HealthView
	e := steeringEdge(t, "nrt", nearerAltSvc, &view, places)
	const want = `h2="de.localhost:8004"; ma=600`
	for name, c := range map[string]struct {
		url  string
		used string
		want string
	}{
		"https":         {"https://de.localhost/", "", want},
		"http":          {"http://de.localhost/", "", ""},
		"it is used":    {"https://de.localhost/", "de.localhost:8004", ""},
		"not a picture": {"https://de.localhost/cart", "", ""},
	} {
		r := from("192.0.2.7", "GET", c.url)
		if c.used != "" {
			r.Header.Set("Alt-Used", c.used)
		}
		if w := served(e, r); w.Code != 200 || w.Header().Get("Alt-Svc") != c.want {
			t.Errorf("%s: %d %q", name, w.Code, w.Header().Get("Alt-Svc"))
		}
	}
}

// A hit of a client that is in the wrong place goes to the handler; the answer
// follows the feed.
func TestAHitIsNoWayPastThePolicy(t *testing.T) {
	view := says()
	e := steeringEdge(t, "nrt", nearerRedirect, &view, places)
	served(e, from("203.0.113.7", "GET", "http://de.localhost/"))
	hit := func(address string) bool {
		_, ok := e.Hit(&front.Request{Method: "GET", Host: []byte("de.localhost"), Target: []byte("/"), Remote: netip.MustParseAddrPort(address + ":1")})
		return ok
	}
	if !hit("203.0.113.7") || !hit("198.51.100.7") || hit("192.0.2.7") {
		t.Error("before")
	}
	view = says("pop/fra", "down", "pop/lhr", "down")
	view.Version.Number = 2
	if !hit("192.0.2.7") {
		t.Error("the nearer PoPs are down, and it is remembered otherwise")
	}
}

// What a PoP is sent is no more than it has room for, and a client whom a name
// server sent on from a full one is not sent back.
func TestNobodyIsSentToAFullPoP(t *testing.T) {
	view := says()
	e := steeringEdge(t, "nrt", nearerRedirect, &view, places)
	for beat, c := range []struct {
		load   int
		frozen bool
		sent   bool
	}{{0, false, true}, {roomy - 1, false, true}, {roomy, false, false}, {200, false, false}, {0, true, false}, {0, false, true}} {
		view.Beat, view.Frozen = uint64(beat), c.frozen
		view.Targets = []world.TargetHealth{{Target: "pop/fra", State: world.Healthy, Load: c.load}}
		if w := served(e, from("192.0.2.7", "GET", "http://de.localhost/")); (w.Code == 302) != c.sent {
			t.Errorf("%+v: %d to %q", c, w.Code, w.Header().Get("Location"))
		}
	}
}

// An outside CDN has its own way of choosing a PoP: its visitor is not told to leave it.
func TestVisitorsOfAnOutsideCDNStayThere(t *testing.T) {
	var view world.HealthView
	e := steeringEdge(t, "nrt", nearerRedirect, &view, places)
	e.cfg.Providers = []Provider{{Name: "fast", Kind: "fastly", Key: "a-key-of-16-chars"}}
	ask := func(key string) int {
		return served(e, from("192.0.2.7", "GET", "http://de.localhost/", HeaderProviderKey, key, "Fastly-Client-Ip", "192.0.2.8")).Code
	}
	if right, wrong := ask("a-key-of-16-chars"), ask("another-of-16-ch."); right != 200 || wrong != 302 {
		t.Errorf("by the CDN %d, by who says so %d", right, wrong)
	}
}

// A file that has changed counts from then on.
func TestPlacesMayChange(t *testing.T) {
	view, now := says(), berlinAndOsaka
	e := steeringEdge(t, "nrt", nearerRedirect, &view, func() *prefixes.Table[whereabouts.Place] { return now })
	ask := func() int { return served(e, from("192.0.2.7", "GET", "http://de.localhost/")).Code }
	before := ask()
	now = placesOf("192.0.2.0/24", "osaka", "192.0.2.128/25", "berlin")
	after := ask()
	if half := served(e, from("192.0.2.200", "GET", "http://de.localhost/")).Code; before != 302 || after != 200 || half != 302 {
		t.Errorf("before %d, after %d, the other half of the network %d", before, after, half)
	}
}

func TestNearerIsValidated(t *testing.T) {
	for name, change := range map[string]func(*Nearer){
		"answer":     func(n *Nearer) { n.Answer = "301" },
		"by":         func(n *Nearer) { n.By = 0 },
		"max_age":    func(n *Nearer) { n.MaxAge = time.Second - 1 },
		"pop":        func(n *Nearer) { n.PoPs = []NearerPoP{{"", "a"}} },
		"no address": func(n *Nearer) { n.PoPs = []NearerPoP{{"fra", ""}} },
		"a path":     func(n *Nearer) { n.PoPs = []NearerPoP{{"fra", "a/b"}} },
		"a user":     func(n *Nearer) { n.PoPs = []NearerPoP{{"fra", "me@a"}} },
		"a quote":    func(n *Nearer) { n.PoPs = []NearerPoP{{"fra", `a"b`}} },
	} {
		n := Default().Nearer
		n.Answer = nearerRedirect
		if err := n.validate(); err != nil {
			t.Fatal(err)
		}
		change(&n)
		if err := n.validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "nearer") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
