package shop

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/engine/slots"
	"meridian/role/shop/api"
	"meridian/test/apitest"
	"meridian/world"
)

// contract is the API's document; to read it is to see that it is whole.
func contract(t testing.TB) *apitest.Contract {
	t.Helper()
	reading.Do(func() {
		text, err := APIDocument()
		if err != nil {
			t.Fatal(err)
		}
		promised = apitest.Read(t, text)
	})
	return promised
}

// promised is read once for all tests: it takes a tenth of a second.
var (
	reading  sync.Once
	promised *apitest.Contract
)

// ask asks the API and sees that the answer is one that its document promises.
func (b *bench) ask(path string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.get(path, headers...)
	contract(b.t).Answer(b.t, http.MethodGet, path, w)
	return w
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder) (out T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return out
}

func TestAPIList(t *testing.T) {
	b := open(t, "eu-central", "de.localhost:8080", nil)
	b.cookies[secureCart] = strings.Repeat("a", 26)
	w := b.ask("/api/v1/products")
	for name, want := range map[string]string{
		"Cache-Control": "public, max-age=0, must-revalidate", "CDN-Cache-Control": "max-age=300, stale-if-error=86400",
		"Surrogate-Key": "de/pages app/sweet-crumbs de/p/torte de/p/brot media/sweet-crumbs/2abcdefghjkmnpqr/alias",
		"Content-Type":  "application/json", "Meridian-Region": "eu-central", "X-Content-Type-Options": "nosniff", "Set-Cookie": "", "Vary": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	list := read[api.ProductList](t, w)
	torte := list.Products[0]
	if len(list.Products) != 2 || torte.Name != "Torte & <Sahne>" || torte.Page != "/p/torte" || !torte.Featured || torte.Picture.Width != 960 ||
		torte.SKUs[0].Price != (api.Amount{Minor: 123450, Currency: "EUR", Text: "1.234,50\u00a0€"}) {
		t.Errorf("%+v", list)
	}
	if !strings.Contains(w.Body.String(), "Torte & <Sahne>") {
		t.Error("JSON is written for HTML")
	}
	again := b.ask("/api/v1/products", "If-None-Match", w.Header().Get("ETag"))
	if again.Code != 304 || again.Body.Len() != 0 || !strings.HasPrefix(w.Header().Get("ETag"), `"`) {
		t.Errorf("the same again: %d %s, ETag %s", again.Code, again.Body, w.Header().Get("ETag"))
	}
	if other := open(t, "us-east", "de.localhost", nil).ask("/api/v1/products"); other.Header().Get("ETag") != w.Header().Get("ETag") {
		t.Error("another region's answer differs")
	}
}

func TestAPIPages(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	first := read[api.ProductList](t, b.ask("/api/v1/products?limit=1"))
	second := read[api.ProductList](t, b.ask("/api/v1/products?limit=1&after="+first.Next))
	if first.Products[0].Slug != "torte" || first.Next == "" || second.Products[0].Slug != "brot" || second.Next != "" {
		t.Errorf("%+v, then %+v", first, second)
	}
	b.catalog.categories = []world.Category{{Key: "cakes", Address: "torten", Name: "Torten"}}
	b.catalog.products[0].Category = "cakes"
	w := b.ask("/api/v1/products?category=cakes")
	if got := read[api.ProductList](t, w); len(got.Products) != 1 || !strings.HasSuffix(w.Header().Get("Surrogate-Key"), " de/c/cakes") {
		t.Errorf("%+v, groups %q", got, w.Header().Get("Surrogate-Key"))
	}
	w = b.ask("/api/v1/products?q=+Bro++")
	if got := read[api.ProductList](t, w); len(got.Products) != 1 || got.Total != 1 || b.catalog.searched[0].Text != "Bro" || w.Header().Get("CDN-Cache-Control") != "max-age=60, stale-if-error=86400" {
		t.Errorf("%+v, %v", got, w.Header())
	}
	if got := b.ask("/api/v1/products?q=Nichts").Body.String(); got != "{\"products\":[]}\n" {
		t.Errorf("nothing is %s", got)
	}
	b.catalog.until = noon.Add(7 * time.Second)
	if got := b.ask("/api/v1/products").Header().Get("CDN-Cache-Control"); got != "max-age=7, stale-if-error=86400" {
		t.Errorf("before a change by the calendar: %q", got)
	}
}

func TestAPIRefusals(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	for path, want := range map[string]int{
		"/api/v1/products?limit=0":                           400,
		"/api/v1/products?limit=101":                         400,
		"/api/v1/products?limit=1e9":                         400,
		"/api/v1/products?after=nowhere":                     400,
		"/api/v1/products?after=" + strings.Repeat("a", 129): 400,
		"/api/v1/products?category=a&q=b":                    400,
		"/api/v1/products?category=none":                     404,
		"/api/v1/products/none":                              404,
		"/api/v1/products/A%2FB":                             404,
		"/api/v1/products/" + strings.Repeat("a", 61):        400,
		"/api/v1/":                                    404,
		"/api/v2/products":                            404,
		"/api/v1/products/brot/more":                  404,
		"/api/v1/openapi":                             404,
		"/api/v1/openapi.json":                        200,
		"/api/v1/openapi.yaml":                        200,
		"/api/v1/products?limit=100":                  200,
		"/api/v1/products/" + strings.Repeat("a", 60): 404,
		"/api/v1/products?utm=1&unknown=" + strings.Repeat("a", 10_000): 200,
	} {
		w := b.get(path)
		if w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if kept := w.Header().Get("CDN-Cache-Control") != ""; kept != (want == 200) {
			t.Errorf("%s: kept %v", path, kept)
		}
		if want >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	for method, path := range map[string]string{"POST": "/api/v1/products", "DELETE": "/api/v1/market"} {
		w := b.do(httptest.NewRequest(method, path, nil))
		if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
		}
	}
}

// What is not there our own tiers keep for a moment, until a product of the market
// changes; it says nothing of who asked.
func TestAPINothingThere(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	w := b.ask("/api/v1/products/none")
	var p struct{ Code, ID, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != "not_found" || p.ID != "" || p.Detail == "" {
		t.Errorf("%s: %v", w.Body, err)
	}
	if h := w.Header(); h.Get("Cache-Control") != "" || h.Get("Surrogate-Key") != "de/pages app/sweet-crumbs de/p/" {
		t.Errorf("%v", h)
	}
	b.catalog.err = world.E(world.CodeUnavailable, "test", "")
	w = b.ask("/api/v1/products/brot")
	if h := w.Header(); w.Code != 503 || h.Get("Cache-Control") != "no-store" || h.Get("Retry-After") != "2" || h.Get("Surrogate-Key") != "" {
		t.Errorf("%d %v", w.Code, h)
	}
}

func TestAPIProduct(t *testing.T) {
	b := open(t, "ap-southeast", "in.localhost", nil)
	p := &b.catalog.products[0]
	p.Address, p.Lead, p.Ingredients, p.Allergens = "cream-cake", 24*time.Hour, "*cream*, sugar", []world.Allergen{"milk"}
	p.Nutrition = world.Nutrition{EnergyKJ: 1250, SaltMg: 200}
	p.SKUs = []world.SKU{{Key: "torte", Sort: "20 cm", Net: 700, NetUnit: "g", PriceMinor: 2000, PriceVersion: 9, BaseMinor: 2500, PriorMinor: 2400}, {Key: "torte-xl", PriceMinor: 4000, BaseMinor: 4000}}
	for _, market := range []string{"in"} {
		for i := range b.shop.world.Markets {
			b.shop.world.Markets[i].UnitPrices = b.shop.world.Markets[i].ID == market
		}
	}
	b.shop.sites, _ = buildSites(b.shop.cfg, b.shop.deps)
	w := b.ask("/hi-in/api/v1/products/torte")
	got := read[api.Product](t, w)
	k := got.SKUs[0]
	if got.Page != "/hi-in/p/cream-cake" || got.LeadHours != 24 || got.Nutrition.EnergyKJ != 1250 || !slices.Equal(got.Allergens, []string{"milk"}) || got.TaxNote != "5% GST सहित" {
		t.Errorf("%+v", got)
	}
	if k.Usual.Minor != 2500 || k.Prior.Minor != 2400 || k.Net.Quantity != 700 || k.UnitPrice.Minor != 2857 || k.UnitPrice.Unit != "kg" || k.PriceVersion != 9 || k.Sort != "20 cm" || got.SKUs[1].Usual != nil {
		t.Errorf("%+v", k)
	}
	if groups := w.Header().Get("Surrogate-Key"); groups != "in/pages app/sweet-crumbs in/p/torte media/sweet-crumbs/2abcdefghjkmnpqr/alias" {
		t.Errorf("groups %q", groups)
	}
	if w := b.ask("/hi-in/api/v1/products/cream-cake"); w.Code != 301 || w.Header().Get("Location") != "/hi-in/api/v1/products/torte" || w.Header().Get("CDN-Cache-Control") == "" {
		t.Errorf("by its address: %d %v", w.Code, w.Header())
	}
	if w := b.get("/en-in/api/v1/market"); w.Code != 308 || w.Header().Get("Location") != "/api/v1/market" {
		t.Errorf("the default language: %d %v", w.Code, w.Header())
	}
}

func TestAPIMarketAndCategories(t *testing.T) {
	b := open(t, "us-east", "in.localhost", nil)
	m := read[api.Market](t, b.ask("/hi-in/api/v1/market"))
	if m.ID != "in" || m.Locale != "hi-IN" || !slices.Equal(m.Locales, []api.Locale{{Tag: "en-IN", Base: "/api/v1"}, {Tag: "hi-IN", Base: "/hi-in/api/v1"}}) || !slices.Equal(m.Address.States, []string{"MH"}) || m.Digits != 2 {
		t.Errorf("%+v", m)
	}
	b.host = "us.localhost"
	if m := read[api.Market](t, b.ask("/api/v1/market")); m.Prices != "exclusive" || !slices.Equal(m.Address.States, []string{"NY", "CA"}) {
		t.Errorf("%+v", m)
	}
	b.host = "jp.localhost"
	if m := read[api.Market](t, b.ask("/api/v1/market")); m.Digits != 0 {
		t.Errorf("%+v", m)
	}
	b.catalog.categories = []world.Category{{Key: "cakes", Address: "keki", Name: "ケーキ"}}
	w := b.ask("/api/v1/categories")
	if got := read[api.CategoryList](t, w); !slices.Equal(got.Categories, []api.Category{{Key: "cakes", Page: "/c/keki", Name: "ケーキ"}}) {
		t.Errorf("%+v", got)
	}
	if got := w.Header().Get("Surrogate-Key"); got != "jp/pages app/sweet-crumbs jp/p/ jp/c/cakes" {
		t.Errorf("groups %q", got)
	}
}

// A demand that the replica at hand cannot meet is handed on to the home region, as
// a page's is, with its query.
func TestAPIHoldsToPositions(t *testing.T) {
	const demand = "catalog-eu-central@1:0/100"
	home := open(t, "eu-central", "de.localhost", nil)
	var asked []string
	b := open(t, "us-east", "de.localhost", func(_ *Config, d *Deps) {
		d.Peers = map[string]http.RoundTripper{"eu-central": roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.URL.RequestURI())
			w := httptest.NewRecorder()
			home.handler.ServeHTTP(w, r.Clone(context.Background()))
			return w.Result(), nil
		})}
	})
	b.catalog.behind = true
	w := b.ask("/api/v1/products?limit=1", world.HeaderMinPosition, demand)
	if w.Code != 200 || w.Header().Get(world.HeaderRegion) != "eu-central" || len(asked) != 1 || asked[0] != "/api/v1/products?limit=1" || len(w.Header().Values("ETag")) != 1 {
		t.Errorf("%d %v, asked %q", w.Code, w.Header(), asked)
	}
	read[api.ProductList](t, w)
	alone := open(t, "us-east", "de.localhost", nil)
	alone.catalog.behind = true
	if w := alone.ask("/api/v1/market", world.HeaderMinPosition, demand); w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("alone: %d %v", w.Code, w.Header())
	}
	alone.catalog.behind, alone.catalog.lagging = false, "eu-central"
	if w := alone.ask("/api/v1/products", world.HeaderMinPosition, demand); w.Code != 200 || w.Header().Get("CDN-Cache-Control") != "max-age=1, stale-if-error=86400" {
		t.Errorf("with old pictures: %d %v", w.Code, w.Header())
	}
}

func TestAPISlots(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil) // away from home: noon is 13:00 there, on a Saturday
	rule := func(day time.Weekday, start time.Duration) slots.Rule {
		return slots.Rule{Kind: slots.PickUp, Weekday: day, Start: start, End: start + time.Hour, Capacity: 5, Cutoff: 2 * time.Hour}
	}
	b.catalog.selling.Slots = []slots.Rule{rule(time.Saturday, 14*time.Hour), rule(time.Saturday, 16*time.Hour), rule(time.Monday, 9*time.Hour)}
	w := b.ask("/api/v1/slots?kind=pickup")
	list := read[api.SlotList](t, w)
	var ids []string
	for _, s := range list.Slots {
		ids = append(ids, s.ID)
	}
	if !slices.Equal(ids, []string{"pickup-2026-11-21-1600", "pickup-2026-11-23-0900"}) || list.Slots[0].Start.Format(time.RFC3339) != "2026-11-21T16:00:00+01:00" {
		t.Errorf("%+v", list)
	}
	if h := w.Header(); h.Get("CDN-Cache-Control") != "max-age=300, stale-if-error=86400" || h.Get("Surrogate-Key") != "de/pages app/sweet-crumbs" {
		t.Errorf("%v", h)
	}
	b.catalog.selling.Slots[1].Cutoff = 3*time.Hour - 30*time.Second // closes half a minute from now
	if got := b.ask("/api/v1/slots?kind=pickup").Header().Get("CDN-Cache-Control"); got != "max-age=30, stale-if-error=86400" {
		t.Errorf("before one closes: %q", got)
	}
	if got := read[api.SlotList](t, b.ask("/api/v1/slots?kind=pickup&from=2026-11-22")); len(got.Slots) != 1 {
		t.Errorf("from a day on: %+v", got)
	}
	if got := b.ask("/api/v1/slots?kind=delivery").Body.String(); got != "{\"slots\":[]}\n" {
		t.Errorf("none are %s", got)
	}
	for _, query := range []string{"", "kind=post", "kind=pickup&from=2026-02-30", "kind=pickup&from=tomorrow", "kind=pickup&from=2026-11-220"} {
		if w := b.ask("/api/v1/slots?" + query); w.Code != 400 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}
