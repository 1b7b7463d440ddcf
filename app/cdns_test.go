package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/adapter/fastly"
	"meridian/adapter/varnish"
	"meridian/adapter/yaml"
	"meridian/engine/tier"
	"meridian/role/geodns"
	"meridian/world"
)

// The page about outside CDNs shows settings that hold, for each role.
func TestThePageAboutOutsideCDNsShowsGoodSettings(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	f := NewFile("edge", "ops", "geodns", "monitor")
	for _, text := range snippets(t, "../docs/cdns.md", "yaml") {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Overlay(path, []*File{f}); err != nil {
			t.Fatal(err)
		}
	}
	ps, err := couriers(f.CDNs, time.Now)
	if err != nil {
		t.Error(err)
	}
	if g, err := f.geoDNS(w); err != nil || g.Names[0].Providers[1].Target != f.CDNs[0].Target {
		t.Errorf("%+v, %v", g.Names, err)
	}
	e := f.Edge.Config
	e.Providers = comers(f.CDNs)
	e.Listen, e.PoP, e.FeedKey, e.Shields = "tcp:127.0.0.1:1", "fra", "k", []tier.Shield{{Region: "eu-central", Address: "unix:/s"}}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	told, known, sent := len(ps), len(e.Providers), len(targets(f.CDNs))
	if told != 3 || known != 3 || sent != 2 {
		t.Errorf("ops tell %d, edges know %d, names are shared with %d", told, known, sent)
	}
}

func TestCDNsAreChecked(t *testing.T) {
	w := &world.World{Markets: []world.Market{{ID: "de", Host: "de.example"}}}
	good := CDN{Name: "one", Kind: "varnish"}
	good.Varnish.Address, good.Varnish.Key = "tcp:127.0.0.1:6081", "a-key-of-16-bytes-or-more"
	check := func(list ...CDN) (string, error) {
		if err := checkCDNs(w, list); err != nil {
			return "", err
		}
		ps, err := couriers(list, time.Now)
		if err != nil {
			return "", err
		}
		return ps[0].Name, nil
	}
	if name, err := check(good, CDN{Name: "silent", Target: "x.example", Probe: "http://x.example:81/a"}); err != nil || name != "varnish:one" {
		t.Errorf("%s, %v", name, err)
	}
	for name, change := range map[string]func(*CDN){
		"kind": func(p *CDN) { p.Kind = "akamai" }, "name": func(p *CDN) { p.Name = "a:b" }, "host": func(p *CDN) { p.Hosts = []string{"x.example"} },
		"timeout": func(p *CDN) { p.Timeout = -1 }, "key": func(p *CDN) { p.Varnish.Key = "" }, "the same twice": func(p *CDN) { p.Name = good.Name },
		"section": func(p *CDN) { p.Kind = "fastly" }, "our own name": func(p *CDN) { p.Name = geodns.Own },
		"no URL": func(p *CDN) { p.Probe = "x.example" }, "a query": func(p *CDN) { p.Probe = "https://x.example/?a" }, "a user": func(p *CDN) { p.Probe = "https://me@x.example/" },
	} {
		p := good
		p.Name = "two"
		change(&p)
		if _, err := check(good, p); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "cdns[1]") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A role's own file has no credentials of a CDN but those that it needs.
func TestEachRoleKnowsOfACDNWhatItNeeds(t *testing.T) {
	f := NewFile(RoleNames()...)
	f.CDNs = []CDN{{
		Name: "main", Kind: "fastly", Hosts: []string{"de.localhost"}, Key: "the-edges-key-of-it", Target: "t.example", Probe: "https://t.example/",
		Fastly: fastly.Config{Service: "s", Token: "the-token"}, Varnish: varnish.Config{Key: "the-purge-key"},
	}}
	may := map[string]string{"edge": "the-edges-key-of-it", "ops": "the-token the-purge-key"}
	for _, role := range RoleNames() {
		one := f.Only(role)
		said, err := yaml.Encode(one)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"the-edges-key-of-it", "the-token", "the-purge-key"} {
			allowed := strings.Contains(may[role], secret)
			if strings.Contains(string(said), secret) != allowed {
				t.Errorf("%s: %q is known: %v", role, secret, !allowed)
			}
		}
		if c := one.CDNs[0]; role == "geodns" && c.Target == "" || role == "monitor" && (c.Probe == "" || len(c.Hosts) == 0) {
			t.Errorf("%s lacks something: %+v", role, c)
		}
	}
}

// A name is shared with a CDN that is declared, and with no other.
func TestNamesAreSharedWithDeclaredCDNs(t *testing.T) {
	const text = `
place: fra
cdns: [{name: other, target: shop.cdn.example}, {name: silent}]
geodns:
  listen: ["127.0.0.1:5300"]
  place: fra
  zone: shop.example
  name_servers: [ns.other.test]
  hostmaster: hostmaster.shop.example
  addresses: {fra: [192.0.2.4]}
  names: [{name: www, providers: [{name: ours, weight: 1}, {name: NAME, weight: 1}]}]
`
	for name, c := range map[string]struct {
		lost []string
		want string
	}{"other": {[]string{"fra"}, "shop.cdn.example."}, "silent": {nil, "no CDN with a target"}, "unknown": {nil, "no CDN with a target"}} {
		f, err := readText(t, strings.Replace(text, "NAME", name, 1))
		if err != nil {
			t.Fatal(err)
		}
		e, err := ExplainDNS(f, "www.shop.example", netip.MustParseAddr("203.0.113.1"), world.HealthView{}, c.lost)
		if err != nil {
			e.Target = err.Error()
		}
		if !strings.Contains(e.Target, c.want) {
			t.Errorf("%s: %q, want %q", name, e.Target, c.want)
		}
	}
}

// A CDN is asked where it is, whatever the shop's own name leads to.
func TestACDNIsAskedWhereItIs(t *testing.T) {
	for name, start := range map[string]func(http.Handler) *httptest.Server{"http": httptest.NewServer, "https": httptest.NewTLSServer} {
		s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host+r.URL.Path) }))
		defer s.Close()
		at, err := CDN{Probe: s.URL + "/x"}.probe()
		if err != nil {
			t.Fatal(err)
		}
		way := newCDNWay(at)
		if name == "https" { // whose certificate is for example.com
			way.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
		}
		defer way.transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://example.com/p", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := way.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "example.com/p" {
			t.Errorf("%s: %q", name, body)
		}
	}
}
