package edge

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/test/tiertest"
	"meridian/world"
)

const providerKey = "a-key-of-a-provider-0123"

// behindProviders is an edge that is the origin of one provider of each kind.
func behindProviders(t *testing.T) *fixture {
	return newFixture(t, nil, func(c *Config) {
		for _, kind := range []string{"fastly", "cloudflare", "varnish"} {
			c.Providers = append(c.Providers, Provider{Name: kind, Kind: kind, Key: providerKey + kind})
		}
	})
}

// askedBy asks as a provider of a kind.
func (f *fixture) askedBy(kind, path string, fields ...string) http.Header {
	return f.do("GET", path, append(fields, HeaderProviderKey, providerKey+kind)...).Header()
}

// A provider is told what it needs to keep an answer and to forget it, in its own
// fields and no others, from the cache as from upstream; a visitor none of it.
func TestAProviderIsToldWhatItNeeds(t *testing.T) {
	f := behindProviders(t)
	f.near.Will(tiertest.Says("page", "Cache-Control", "public, max-age=0, must-revalidate", "CDN-Cache-Control", "max-age=300, stale-if-error=86400", "Surrogate-Key", "de/pages de/p/x,y"))
	const tiers = "max-age=300, stale-if-error=86400"
	for _, from := range []string{"upstream", "the cache"} {
		for kind, want := range map[string]http.Header{
			"fastly":     {"Surrogate-Control": {tiers}, "Surrogate-Key": {"de/p/x%2Cy de/pages url:de/p/x"}},
			"cloudflare": {"Cloudflare-Cdn-Cache-Control": {tiers}, "Cache-Tag": {"de/p/x%2Cy,de/pages,url:de/p/x"}},
			"varnish":    {"Surrogate-Control": {tiers}, "Surrogate-Key": {"de/p/x%2Cy de/pages url:de/p/x"}},
			"visitor":    {"Cdn-Cache-Control": {tiers}},
		} {
			h := f.askedBy(kind, "/p/x?utm=1")
			if got := h.Get("Cache-Control"); got != "public, max-age=0, must-revalidate" {
				t.Errorf("%s, from %s: browsers are told %q", kind, from, got)
			}
			for _, name := range []string{"Surrogate-Control", "Surrogate-Key", "Cloudflare-Cdn-Cache-Control", "Cache-Tag", "Cache-Groups", "Cdn-Cache-Control"} {
				if h.Get(name) != want.Get(name) {
					t.Errorf("%s, from %s: %s is %q, want %q", kind, from, name, h.Get(name), want.Get(name))
				}
			}
		}
	}
	if _, short := f.Hit(plainRequest("/p/x", "meridian-provider-key", providerKey)); short {
		t.Error("a provider is answered as a visitor is")
	}
	if _, short := f.Hit(plainRequest("/p/x")); !short {
		t.Error("a visitor is not answered the short way")
	}
	if n := f.near.Count(); n != 1 {
		t.Errorf("upstream was asked %d times", n)
	}
	if shown := f.near.Last().Header.Get(HeaderProviderKey); shown != "" {
		t.Errorf("the key goes on upstream: %q", shown)
	}
}

// What a provider must not keep, or could not be told to forget, it is told not to.
func TestWhatAProviderMustNotKeep(t *testing.T) {
	id := "3000000000000000"
	page := []string{"CDN-Cache-Control", "max-age=300", "Surrogate-Key", "de/pages"}
	for name, c := range map[string]struct {
		path   string
		fields []string
		kind   string
		kept   bool
	}{
		"a page":                   {"/p/x", page, "fastly", true},
		"without a lifetime":       {"/p/x", []string{"Cache-Control", "public", "Surrogate-Key", "a"}, "fastly", false},
		"for one":                  {"/p/x", []string{"Cache-Control", "private, max-age=60"}, "fastly", false},
		"not to be stored":         {"/p/x", []string{"Cache-Control", "no-store"}, "varnish", false},
		"with a cookie":            {"/p/x", append([]string{"Set-Cookie", "a=b"}, page...), "varnish", false},
		"a cart":                   {"/cart", page, "fastly", false},
		"an owner's page":          {"/owner", page, "fastly", false},
		"an asset":                 {"/assets/abc/x.css", []string{"Cache-Control", "public, max-age=31536000, immutable"}, "cloudflare", true},
		"negotiated, by Vary":      {"/img/sweet/" + id + "/v1/auto/320x240", append([]string{"Content-Type", "image/avif"}, page...), "fastly", true},
		"negotiated, without Vary": {"/img/sweet/" + id + "/v1/auto/320x240", append([]string{"Content-Type", "image/avif"}, page...), "cloudflare", false},
		"named, without Vary":      {"/img/sweet/" + id + "/v1/avif/320x240", append([]string{"Content-Type", "image/avif"}, page...), "cloudflare", true},
		"more keys than it takes":  {"/p/x", []string{"CDN-Cache-Control", "max-age=300", "Surrogate-Key", many(80)}, "varnish", false},
		"as many as it takes":      {"/p/x", []string{"CDN-Cache-Control", "max-age=300", "Surrogate-Key", many(70)}, "varnish", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := behindProviders(t)
			f.near.Will(tiertest.Says("x", c.fields...))
			f.home.Will(tiertest.Says("x", c.fields...))
			h := f.askedBy(c.kind, c.path)
			k := kinds[c.kind]
			if kept := h.Get(k.lifetime) != "no-store"; kept != c.kept || (h.Get(k.keys) != "") != c.kept {
				t.Errorf("%s: %q, %s: %q", k.lifetime, h.Get(k.lifetime), k.keys, h.Get(k.keys))
			}
		})
	}
}

// many are so many keys of 100 bytes.
func many(n int) string {
	var out []string
	for i := range n {
		out = append(out, strings.Repeat("k", 97)+string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	return strings.Join(out, " ")
}

// What is stale here has been purged, or may have been: a provider does not keep it.
func TestAProviderKeepsNothingStale(t *testing.T) {
	f := behindProviders(t)
	f.near.Will(tiertest.Says("old", "CDN-Cache-Control", "max-age=300, stale-while-revalidate=600, stale-if-error=600", "Surrogate-Key", "de/pages"))
	f.askedBy("fastly", "/p/x")
	f.near.Will(tiertest.Refuses)
	f.home.Will(tiertest.Refuses)
	f.now = f.now.Add(301 * time.Second)
	h := f.askedBy("fastly", "/p/x")
	if h.Get("Surrogate-Control") != "no-store" || h.Get("Surrogate-Key") != "" || !strings.Contains(h.Get("Cache-Status"), "stale-") {
		t.Errorf("%v", h)
	}
}

// A private picture is nobody's to keep but the visitor's.
func TestAProviderKeepsNoPrivatePicture(t *testing.T) {
	f := behindProviders(t)
	f.near.Will(tiertest.Says("x", "CDN-Cache-Control", "max-age=300", "Surrogate-Key", "a", "Content-Type", "image/avif"))
	path := tiertest.Signed(t, "/private/sweet/3000000000000000/v1/avif/320x240", t0.Add(time.Hour))
	h := f.askedBy("fastly", path)
	if h.Get("Surrogate-Control") != "no-store" || h.Get("Surrogate-Key") != "" || !strings.HasPrefix(h.Get("Cache-Control"), "private") {
		t.Errorf("%v", h)
	}
}

// The network of a visitor is that which a provider names, and nobody else may
// name one.
func TestOnlyAProviderNamesItsVisitor(t *testing.T) {
	for key, want := range map[string]string{providerKey + "fastly": "203.0.113.0/24", "wrong-key-of-a-provider": "192.0.2.0/24", "": "192.0.2.0/24"} {
		f := behindProviders(t)
		f.do("GET", "/cart", HeaderProviderKey, key, "Fastly-Client-IP", "203.0.113.9")
		if got := f.home.Last().Header.Get(world.HeaderClient); got != want {
			t.Errorf("key %q: %q, want %q", key, got, want)
		}
	}
}

func TestProvidersAreChecked(t *testing.T) {
	good := Provider{Name: "main", Kind: "fastly", Key: providerKey}
	for name, change := range map[string]func(*Provider){
		"kind": func(p *Provider) { p.Kind = "other" }, "name": func(p *Provider) { p.Name = "A" }, "short key": func(p *Provider) { p.Key = p.Key[:15] },
	} {
		p := good
		change(&p)
		if err := validateProviders([]Provider{good, p}); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := validateProviders([]Provider{good}); err != nil {
		t.Error(err)
	}
}
