package owner

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"meridian/world"
)

func TestReadmeConfigBoots(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	text, _, _ := strings.Cut(rest, "```")
	cfg := Default()
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheSetting(t *testing.T) {
	for setting, spoil := range map[string]func(*Config){
		"region":        func(c *Config) { c.Region = "" },
		"public_scheme": func(c *Config) { c.PublicScheme = "ftp" },
		"app":           func(c *Config) { c.App = "Sweet" },
		"upload_token":  func(c *Config) { c.UploadToken = "" },
		"session_age":   func(c *Config) { c.SessionAge = 0 },
		"sweep_every":   func(c *Config) { c.SweepEvery = 0 },
		"sweep_batch":   func(c *Config) { c.SweepBatch = 0 },
		"per_account":   func(c *Config) { c.SignInLimit.PerAccount = 0 },
		"per_network":   func(c *Config) { c.SignInLimit.PerNetwork = 0 },
		"tracked":       func(c *Config) { c.SignInLimit.Tracked = 0 },
		"at_once":       func(c *Config) { c.SignInLimit.AtOnce = 0 },
		"per_token":     func(c *Config) { c.APILimit.PerToken = 0 },
		"max_form":      func(c *Config) { c.MaxForm = 10 },
		"max_price":     func(c *Config) { c.MaxPrice = 0 },
		"upload_bytes":  func(c *Config) { c.UploadBytes = 0 },
		"page_size":     func(c *Config) { c.PageSize = mediaListMost + 1 },
		"media_wait":    func(c *Config) { c.MediaWait = 0 },
		"upload_wait":   func(c *Config) { c.UploadWait = 0 },
	} {
		cfg := testConfig()
		spoil(&cfg)
		if err := cfg.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: got %v", setting, err)
		}
	}
	if err := testConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	d := newDesk(t)
	for what, change := range map[string]func(*Config, *Deps){
		"a region that is not there": func(c *Config, _ *Deps) { c.Region = "mars" },
		"a time zone that is none":   func(_ *Config, d *Deps) { d.World.Markets[0].TimeZone = "Europe/Bielefeld" },
		"a currency that is none":    func(_ *Config, d *Deps) { d.World.Markets[0].Currency = "XQQ" },
		"a locale without dates":     func(_ *Config, d *Deps) { d.World.Markets[0].Locales = []string{"fr-FR"} },
		"dates without a year":       func(_ *Config, d *Deps) { d.World.Markets[0].Locales = []string{"en-AU"} },
	} {
		cfg, deps := testConfig(), d.owner.deps
		deps.World = testWorld()
		change(&cfg, &deps)
		if _, err := New(cfg, deps); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestHosts(t *testing.T) {
	d := newDesk(t)
	want(t, d.at("fr.localhost").get("/owner/"), 404)
	want(t, d.at("jp.localhost").get("/owner/"), 421)
	want(t, d.at("DE.localhost:8080").get("/owner/sign-in"), 200, `<span lang="de-DE">DE</span> · EUR`)
	wantTo(t, d.at("de.localhost").get("/owner"), "/owner/")
}

// Every answer carries the headers that keep it from caches and frames.
func TestEveryAnswerIsGuarded(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	for _, path := range []string{"/owner/", "/owner/products", "/owner/products/stollen", "/owner/pictures", "/owner/sign-in", "/owner/nothing", "/owner/orders/x"} {
		h := c.get(path).Header()
		for name, value := range map[string]string{
			"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Meridian-Region": "eu-central",
		} {
			if h.Get(name) != value {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), value)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, part) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: the policy is %q", path, csp)
			}
		}
	}
}

func TestEveryPageNeedsASession(t *testing.T) {
	d := newDesk(t)
	c := d.at("de.localhost")
	for _, path := range []string{"/owner/", "/owner/orders/" + orderID, "/owner/products", "/owner/products/stollen", "/owner/pictures?before=1"} {
		wantTo(t, c.get(path), "/owner/sign-in?next="+url.QueryEscape(path))
	}
	wantTo(t, c.post("/owner/products/stollen", url.Values{"price": {"1"}}), "/owner/sign-in?next=%2Fowner%2Fproducts%2Fstollen")
	wantTo(t, c.post("/owner/products/stollen/picture", url.Values{"media_id": {cakeID}}), "/owner/sign-in?next=%2Fowner%2Fproducts%2Fstollen")
	wantTo(t, c.post("/owner/pictures", nil), "/owner/sign-in?next=%2Fowner%2Fpictures")
	if p := d.sku("de", "stollen"); p.BaseVersion != 3 {
		t.Error("a stranger changed a price")
	}
}

func TestForeignFormsAreRefused(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	r := httptest.NewRequest(http.MethodPost, "/owner/products/stollen", strings.NewReader("price=1&version=3"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	want(t, c.send(r), 403, "from another site")
	if d.sku("de", "stollen").BaseVersion != 3 {
		t.Error("a foreign form changed a price")
	}
}

func TestMethodsAndPaths(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	want(t, c.get("/owner/nothing"), 404, "There is nothing here")
	for path, allow := range map[string]string{"/owner/sign-out": "POST", "/owner/products/stollen": "GET, HEAD, POST", "/owner/products": "GET, HEAD"} {
		res := c.send(httptest.NewRequest(http.MethodDelete, path, nil))
		if res.Code != 405 || res.Header().Get("Allow") != allow {
			t.Errorf("%s: %d, Allow %q, want %q", path, res.Code, res.Header().Get("Allow"), allow)
		}
	}
	res := c.send(httptest.NewRequest(http.MethodHead, "/owner/products", nil))
	if res.Code != 200 || res.Body.Len() != 0 {
		t.Errorf("HEAD: %d with %d bytes", res.Code, res.Body.Len())
	}
}

func TestFormLimit(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.MaxForm = 2048 })
	c := d.signedIn()
	form := func(size int) url.Values {
		v := url.Values{"version": {"3"}, "price": {"1"}}
		return url.Values{"version": {"3"}, "price": {"1"}, "x": {strings.Repeat("x", size-len(v.Encode())-len("&x="))}}
	}
	if n := len(form(2048).Encode()); n != 2048 {
		t.Fatalf("the form has %d bytes", n)
	}
	want(t, c.post("/owner/products/stollen", form(2049)), 413, "more than 2048 bytes")
	want(t, c.post("/owner/products/stollen", form(2048)), 303)
}

func TestStyleSheet(t *testing.T) {
	d := newDesk(t)
	c := d.at("de.localhost")
	want(t, c.get("/owner/sign-in"), 200, `href="`+d.owner.static.URL("owner.css")+`"`)
	res := c.get(d.owner.static.URL("owner.css"))
	want(t, res, 200, ".panel")
	if got := res.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") || res.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", res.Header())
	}
	res = c.get("/owner/assets/000000000000/owner.css")
	if res.Code != 200 || res.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("another build's: %d, %v", res.Code, res.Header())
	}
	for _, path := range []string{"/owner/assets/0/owner.css", "/owner/assets/000000000000/other.css", "/owner/assets/"} {
		want(t, c.get(path), 404)
	}
}

func TestFailuresSayIdAndHideCause(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	d.err = world.Because(world.CodeUnavailable, "postgres", "", os.ErrDeadlineExceeded)
	res := c.get("/owner/")
	want(t, res, 503, "not available just now")
	if res.Header().Get("Retry-After") == "" || strings.Contains(res.Body.String(), "i/o timeout") || !strings.Contains(d.log.String(), "i/o timeout") {
		t.Errorf("page:\n%s\nlog:\n%s", res.Body, d.log.String())
	}
}
