package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/engine/tier"
	"meridian/world"
)

// The page about outside CDNs shows settings that hold, each for the roles it names.
func TestThePageAboutOutsideCDNsShowsGoodSettings(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	made, served := 0, 0
	for _, text := range snippets(t, "../docs/cdns.md", "yaml") {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := NewFile("edge", "ops")
		if err := Overlay(path, []*File{f}); err != nil {
			t.Fatal(err)
		}
		ps, err := providers(w, f.Ops.Providers, time.Now)
		if err != nil {
			t.Error(err)
		}
		made, served = made+len(ps), served+len(f.Edge.Providers)
		e := f.Edge.Config
		e.Listen, e.PoP, e.FeedKey, e.Shields = "tcp:127.0.0.1:1", "fra", "k", []tier.Shield{{Region: "eu-central", Address: "unix:/s"}}
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
	}
	if made != 3 || served != 2 {
		t.Errorf("it shows %d providers of ops and %d of edges", made, served)
	}
}

func TestProvidersAreChecked(t *testing.T) {
	w := &world.World{Markets: []world.Market{{ID: "de", Host: "de.example"}}}
	good := Provider{Name: "one", Kind: "varnish"}
	good.Varnish.Address, good.Varnish.Key = "tcp:127.0.0.1:6081", "a-key-of-16-bytes-or-more"
	if ps, err := providers(w, []Provider{good}, time.Now); err != nil || ps[0].Name != "varnish:one" {
		t.Errorf("%+v, %v", ps, err)
	}
	for name, change := range map[string]func(*Provider){
		"kind": func(p *Provider) { p.Kind = "akamai" }, "name": func(p *Provider) { p.Name = "a:b" }, "host": func(p *Provider) { p.Hosts = []string{"x.example"} },
		"timeout": func(p *Provider) { p.Timeout = -1 }, "key": func(p *Provider) { p.Varnish.Key = "" }, "the same twice": func(*Provider) {},
		"section": func(p *Provider) { p.Kind = "fastly" },
	} {
		p := good
		p.Name = "two"
		change(&p)
		if name == "the same twice" {
			p.Name = good.Name
		}
		if _, err := providers(w, []Provider{good, p}, time.Now); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "providers[1]") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
