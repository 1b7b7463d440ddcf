package shop

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/platform/i18n"
	"meridian/world"
)

func TestConfigLimitsAtTheirEdges(t *testing.T) {
	good := func() Config {
		c := Default()
		c.Region, c.WireKey = "eu-central", "k"
		return c
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		set func(*Config)
		ok  bool
	}{
		"no region":         {func(c *Config) { c.Region = "" }, false},
		"no key":            {func(c *Config) { c.WireKey = "" }, false},
		"another scheme":    {func(c *Config) { c.PublicScheme = "ftp" }, false},
		"highest port":      {func(c *Config) { c.PublicPort = 65535 }, true},
		"past it":           {func(c *Config) { c.PublicPort = 65536 }, false},
		"highest quantity":  {func(c *Config) { c.MaxQuantity = 99 }, true},
		"past the schema":   {func(c *Config) { c.MaxQuantity = 100 }, false},
		"no quantity":       {func(c *Config) { c.MaxQuantity = 0 }, false},
		"smallest form":     {func(c *Config) { c.MaxForm = 1024 }, true},
		"below it":          {func(c *Config) { c.MaxForm = 1023 }, false},
		"no lines":          {func(c *Config) { c.MaxLines = 0 }, false},
		"no wait":           {func(c *Config) { c.Wait = 0 }, true},
		"no feed write":     {func(c *Config) { c.FeedWrite = 0 }, false},
		"no sweep":          {func(c *Config) { c.SweepEvery = 0 }, false},
		"smallest batch":    {func(c *Config) { c.SweepBatch = 1 }, true},
		"no batch":          {func(c *Config) { c.SweepBatch = 0 }, false},
		"shortest photo":    {func(c *Config) { c.PhotoAge = c.PhotoWait + 1 }, true},
		"photo being given": {func(c *Config) { c.PhotoAge = c.PhotoWait }, false},
		"not brief":         {func(c *Config) { c.PageBrief = 0 }, true},
		"negative moment":   {func(c *Config) { c.PageBrief = -1 }, false},
		"negative lifetime": {func(c *Config) { c.PageTTL = -1 }, false},
	} {
		cfg := good()
		c.set(&cfg)
		if err := cfg.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The snippet in the README is a config that a shop takes.
func TestReadmeSnippet(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	snippet, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the README has no snippet")
	}
	cfg := Default()
	d := yaml.NewDecoder(strings.NewReader(snippet))
	d.KnownFields(true)
	if err := d.Decode(&cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestNewNamesTheTextThatIsMissing(t *testing.T) {
	texts, err := i18n.Load(fstest.MapFS{"en-US.yaml": {Data: []byte("nav.cart: Cart")}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Default()
	cfg.Region, cfg.WireKey = "us-east", "k"
	_, err = New(cfg, Deps{World: testWorld(), Texts: texts, Tax: testTax(t)})
	if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "en-US.yaml lacks texts for: address.format, allergen.almond") {
		t.Errorf("got %v", err)
	}
	cfg.Region = "mars"
	if _, err := New(cfg, Deps{World: testWorld(), Texts: texts}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("got %v", err)
	}
}

// Every text that a page uses is there in every locale: New refuses otherwise,
// so here it is enough that no page shows a bare key.
func TestNoPageShowsABareKey(t *testing.T) {
	keys := codeKeys()
	for _, m := range testWorld().Markets {
		b := open(t, m.HomeRegion, m.Host, nil)
		b.add("brot", "1")
		b.add("torte", "9")
		for _, l := range m.Locales {
			prefix := b.shop.siteIn(m, l).prefix
			for _, path := range []string{"/", "/p/torte", "/cart", "/orders", "/nowhere"} {
				page := b.get(prefix + path).Body.String()
				for _, k := range keys {
					if strings.Contains(page, ">"+k+"<") || strings.Contains(page, "&lt;no value&gt;") {
						t.Errorf("%s %s shows %q", l, path, k)
					}
				}
			}
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Sweet Crumbs": "SC", "a b c d e f g h": "ABCDEF", "Élan Bakery": "B", "": ""} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestCookieIsSecureOnlyOverTLS(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(c *Config, _ *Deps) { c.PublicScheme, c.PublicPort = "http", 8080 })
	w := b.get("/")
	wants(t, w, 200, `href="http://gb.localhost:8080/"`)
	r := b.post("/cart", map[string][]string{"action": {"add"}, "slug": {"brot"}, "quantity": {"1"}})
	if c := r.Result().Cookies(); len(c) != 1 || c[0].Secure || c[0].Name != "cart" {
		t.Errorf("cookies %v", c)
	}
}

func TestQuotedRoundTrip(t *testing.T) {
	q := quotedOf(checkout.Quote{Jurisdiction: "US-CA", Fulfilment: world.Delivery, Total: money.Amount{Minor: 1270, Currency: "USD"},
		Lines: []world.OrderLine{{SKU: "brezel", Quantity: 2, UnitMinor: 180, TaxClass: "bread"}}})
	if got, ok := parseQuoted(q.String(), 1); !ok || got.String() != q.String() || q.String() != "US-CA,delivery,0;1270;brezel:2:180:bread" {
		t.Errorf("%q became %q", q, got)
	}
	for _, l := range []world.OrderLine{{ServedHot: true}, {ServedWith: "gift"}, {ServedHot: true, ServedWith: "utensils"}} {
		l.SKU, l.Name, l.Quantity, l.TaxClass = "pasty", "pasty", 1, "savoury"
		served := quoted{terms: "GB,pickup,0", total: 250, lines: []world.OrderLine{l}}
		if got, ok := parseQuoted(served.String(), 1); !ok || got.lines[0] != l || strings.Count(served.String(), "/") == 0 {
			t.Errorf("%q became %+v", served, got)
		}
	}
	if _, ok := parseQuoted(q.String()+";brot:1:1:bread", 1); ok {
		t.Error("more lines than a cart can hold were read")
	}
}

func FuzzParseQuoted(f *testing.F) {
	for _, s := range []string{"DE;1270;brezel:2:180:bread", "GB;250;pasty:1:250:savoury/hot/utensils", "GB;1;a:1:1:b/hot/hot/gift/x/", "", ";;", "DE;9223372036854775808;a:1:1:b", "DE;1;a:0:1:b", "DE;1;a:1:-1:b", ";0;a:1:1:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, ok := parseQuoted(s, 5)
		if !ok {
			return
		}
		again, ok := parseQuoted(q.String(), 5)
		if !ok || again.String() != q.String() || len(q.lines) < 1 || len(q.lines) > 5 {
			t.Fatalf("%q was read as %q", s, q)
		}
	})
}

func TestIDs(t *testing.T) {
	id, err := newID(strings.NewReader(strings.Repeat("\xff", 16)))
	if err != nil || !validID(id) {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := newID(strings.NewReader("short")); err == nil {
		t.Error("an id of too little randomness")
	}
	s := &Shop{cfg: Default()}
	for _, bad := range []string{"", strings.Repeat("a", 25), strings.Repeat("a", 27), strings.Repeat("A", 26), strings.Repeat("1", 26)} {
		if validID(bad) {
			t.Errorf("%q is no id", bad)
		}
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: secureCart, Value: bad})
		if s.cartID(r) != "" {
			t.Errorf("the cookie %q was taken", bad)
		}
	}
}
