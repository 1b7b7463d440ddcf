package owner

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/catalog"
	"meridian/role/owner/api"
	"meridian/world"
)

// shelf is a market's catalog in memory, as its store would keep it.
type shelf struct {
	products   map[string]catalog.Written
	categories map[string]catalog.WrittenCategory
	lists      map[string]catalog.WrittenList
	prices     map[string]catalog.ListPrice // by SKU and list
	brand      []world.BrandProduct         // versions of head office's cake
	former     map[string]catalog.Written   // by slug and version
	race       func()                       // runs just before a change
}

func newShelf() *shelf {
	price := int64(3200)
	return &shelf{
		products: map[string]catalog.Written{"stollen": {Version: 3, Draft: catalog.Draft{Slug: "stollen", TaxClass: "cake",
			Texts: map[string]catalog.DraftText{"de-DE": {Name: "Stollen", Address: "stollen"}}, SKUs: []catalog.DraftSKU{{SKU: "stollen", Sold: true}}}}},
		categories: map[string]catalog.WrittenCategory{}, lists: map[string]catalog.WrittenList{"base": {Version: 1, List: catalog.List{List: "base"}}},
		prices: map[string]catalog.ListPrice{"stollen/base": {Version: 3, Minor: &price}},
	}
}

// kept is the entry of a key; another market has none.
func kept[T any](from map[string]T, market, key string) (T, error) {
	got, ok := from[key]
	if !ok || market != "de" {
		return got, world.E(world.CodeNotFound, "", "")
	}
	return got, nil
}

func (s *shelf) change(version func() int64, expect int64) error {
	if s.race != nil {
		s.race()
	}
	if version() != expect {
		return world.E(world.CodeConflict, "", "")
	}
	return nil
}

func (s *shelf) ProductDraft(_ context.Context, market, slug string) (catalog.Written, error) {
	return kept(s.products, market, slug)
}

func (s *shelf) ProductVersion(_ context.Context, market, slug string, version int64) (catalog.Former, error) {
	w, err := kept(s.former, market, fmt.Sprint(slug, "/", version))
	return catalog.Former{Written: w, Since: noon}, err
}

func (s *shelf) CreateProduct(_ context.Context, _ string, w catalog.Written) (int64, error) {
	if _, ok := s.products[w.Slug]; ok {
		return 0, world.E(world.CodeConflict, "", "It is there.")
	}
	w.Version = 1
	s.products[w.Slug] = w
	return 1, nil
}

func (s *shelf) ChangeProduct(_ context.Context, _ string, expect int64, w catalog.Written) (int64, error) {
	if err := s.change(func() int64 { return s.products[w.Slug].Version }, expect); err != nil {
		return 0, err
	}
	w.Version = expect + 1
	s.products[w.Slug] = w
	return expect + 1, nil
}

func (s *shelf) WithdrawProduct(ctx context.Context, market, slug string, expect int64, at time.Time) (int64, error) {
	w := s.products[slug]
	w.Until = &at
	return s.ChangeProduct(ctx, market, expect, w)
}

func (s *shelf) DraftCategories(context.Context, string) (out []catalog.WrittenCategory, err error) {
	for _, k := range s.categories {
		out = append(out, k)
	}
	return out, nil
}

func (s *shelf) CreateCategory(_ context.Context, _ string, k catalog.Category) error {
	s.categories[k.Category] = catalog.WrittenCategory{Category: k, Version: 1}
	return nil
}

func (s *shelf) ChangeCategory(_ context.Context, _ string, expect int64, k catalog.Category) (int64, error) {
	if err := s.change(func() int64 { return s.categories[k.Category].Version }, expect); err != nil {
		return 0, err
	}
	s.categories[k.Category] = catalog.WrittenCategory{Category: k, Version: expect + 1}
	return expect + 1, nil
}

func (s *shelf) PriceLists(context.Context, string) (out []catalog.WrittenList, err error) {
	for _, l := range s.lists {
		out = append(out, l)
	}
	return out, nil
}

func (s *shelf) CreatePriceList(_ context.Context, _ string, l catalog.List) error {
	s.lists[l.List] = catalog.WrittenList{List: l, Version: 1}
	return nil
}

func (s *shelf) ChangePriceList(_ context.Context, _ string, expect int64, l catalog.List) (int64, error) {
	if err := s.change(func() int64 { return s.lists[l.List].Version }, expect); err != nil {
		return 0, err
	}
	s.lists[l.List] = catalog.WrittenList{List: l, Version: expect + 1}
	return expect + 1, nil
}

func (s *shelf) PriceIn(_ context.Context, market, sku, list string) (catalog.ListPrice, error) {
	if _, ok := s.lists[list]; !ok || sku != "stollen" {
		return catalog.ListPrice{}, world.E(world.CodeNotFound, "", "")
	}
	p, _ := kept(s.prices, market, sku+"/"+list)
	return p, nil
}

func (s *shelf) SetPrice(_ context.Context, _, sku, list string, expect int64, minor *int64) (int64, error) {
	if err := s.change(func() int64 { return s.prices[sku+"/"+list].Version }, expect); err != nil {
		return 0, err
	}
	s.prices[sku+"/"+list] = catalog.ListPrice{Version: expect + 1, Minor: minor}
	return expect + 1, nil
}

// The shelf's one product costs what it costs; a raise is reckoned as it is by the
// store.
func (s *shelf) PlanBulk(_ context.Context, r catalog.Rules, b catalog.Bulk, at time.Time) (catalog.Plan, error) {
	return r.Plan(b, catalog.Snapshot{Lists: s.lists, SKUs: []catalog.PricedSKU{{SKU: "stollen", Product: "stollen", Prices: map[string]catalog.ListPrice{"base": s.prices["stollen/base"]}}}}, at)
}

func (s *shelf) DoBulk(ctx context.Context, r catalog.Rules, b catalog.Bulk, tag string, at time.Time) (catalog.Plan, error) {
	if s.race != nil {
		s.race()
	}
	p, err := s.PlanBulk(ctx, r, b, at)
	if err != nil || p.Tag() != tag {
		return p, cmp.Or[error](err, world.E(world.CodeConflict, "", ""))
	}
	for _, c := range p.Changes {
		s.prices[c.SKU+"/"+c.List] = catalog.ListPrice{Version: c.Replaces + 1, Minor: c.New}
	}
	return p, nil
}

func (s *shelf) Brands(_ context.Context, _, after string, _ int) (out []catalog.Brand, err error) {
	for i, p := range s.brand {
		out = []catalog.Brand{{Brand: "cake", Version: int64(i + 1), Product: p}}
	}
	for _, p := range s.products {
		if len(out) > 0 && p.Brand != "" {
			out[0].Slug, out[0].Adopted = p.Slug, p.BrandVersion
		}
	}
	return out, nil
}

func (s *shelf) Brand(ctx context.Context, market, brand string) (catalog.Brand, error) {
	list, _ := s.Brands(ctx, market, "", 1)
	if len(list) == 0 || brand != "cake" {
		return catalog.Brand{}, world.E(world.CodeNotFound, "", "")
	}
	return list[0], nil
}

func (s *shelf) BrandVersion(_ context.Context, _ string, version int64) (world.BrandProduct, error) {
	if version < 1 || version > int64(len(s.brand)) {
		return world.BrandProduct{}, world.E(world.CodeNotFound, "", "")
	}
	return s.brand[version-1], nil
}

func (s *shelf) WriteBrand(_ context.Context, _ string, expect int64, p world.BrandProduct) (int64, error) {
	if expect != int64(len(s.brand)) {
		return 0, world.E(world.CodeConflict, "", "")
	}
	s.brand = append(s.brand, p)
	return expect + 1, nil
}

// tell asks the API for a change, and sees that the answer is one that its document
// promises.
func (d *desk) tell(method, path, ifMatch, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, apiBase+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	w := d.at("de.localhost").send(r)
	contract(d.t).Answer(d.t, method, apiBase+path, w)
	return w
}

func written(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAPIWritesProducts(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts, WriteProducts))
	w := d.tell("POST", "/products", "", written(t, exampleNew))
	if w.Code != 201 || w.Header().Get("ETag") != `"1"` {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	got := read[catalog.Draft](t, d.ask(apiBase+"/products/brezel"))
	got.Featured = true
	for _, c := range []struct {
		name, method, ifMatch, body string
		status                      int
		etag                        string
	}{
		{"without a condition", "PUT", "", written(t, got), 428, ""},
		{"weakly", "PUT", `W/"1"`, written(t, got), 412, `"1"`},
		{"another version", "PUT", `"2"`, written(t, got), 412, `"1"`},
		{"the version", "PUT", `"1"`, written(t, got), 200, `"2"`},
		{"the same again", "PUT", `"1"`, written(t, got), 412, `"2"`},
		{"whatever", "PUT", "*", written(t, got), 200, `"3"`},
		{"another slug", "PUT", "*", strings.Replace(written(t, got), `"slug":"brezel"`, `"slug":"semmel"`, 1), 400, ""},
		{"an unknown field", "PUT", "*", strings.Replace(written(t, got), `{`, `{"x":1,`, 1), 400, ""},
		{"an unknown class", "PUT", "*", strings.Replace(written(t, got), `"tax_class":"bread"`, `"tax_class":"gold"`, 1), 400, ""},
		{"withdrawn without", "DELETE", "", "", 428, ""},
		{"withdrawn stale", "DELETE", `"1"`, "", 412, `"3"`},
		{"withdrawn", "DELETE", `"3"`, "", 200, `"4"`},
	} {
		w := d.tell(c.method, "/products/brezel", c.ifMatch, c.body)
		if w.Code != c.status || w.Header().Get("ETag") != c.etag {
			t.Errorf("%s: %d, ETag %s: %s", c.name, w.Code, w.Header().Get("ETag"), w.Body)
		}
	}
	if d.shelf.products["brezel"].Until == nil || !d.shelf.products["brezel"].Featured {
		t.Errorf("%+v", d.shelf.products["brezel"])
	}
	if w := d.tell("POST", "/products", "", written(t, exampleNew)); w.Code != 409 {
		t.Errorf("twice: %d", w.Code)
	}
	if w := d.tell("PUT", "/products/nothing", "*", strings.Replace(written(t, got), `"slug":"brezel"`, `"slug":"nothing"`, 1)); w.Code != 404 {
		t.Errorf("nothing there: %d", w.Code)
	}
	// How it is served is kept; what no tax rule knows anywhere in the market is not.
	d.shelf.products["brezel"] = catalog.Written{Draft: got, Version: 9}
	hot := got
	hot.ServedHot, hot.ServedWith = true, "utensils"
	if w := d.tell("PUT", "/products/brezel", `"9"`, written(t, hot)); w.Code != 200 {
		t.Errorf("served hot: %d %s", w.Code, w.Body)
	}
	if again := read[catalog.Draft](t, d.ask(apiBase+"/products/brezel")); !again.ServedHot || again.ServedWith != "utensils" {
		t.Errorf("served hot, it is %+v", again)
	}
	hot.ServedWith = "plates"
	if w := d.tell("PUT", "/products/brezel", "*", written(t, hot)); w.Code != 400 || !strings.Contains(w.Body.String(), "served_with") {
		t.Errorf("with plates: %d %s", w.Code, w.Body)
	}
	hot.ServedWith = "gift"
	if w := d.tell("PUT", "/products/brezel", "*", written(t, hot)); w.Code != 400 || !strings.Contains(w.Body.String(), "no vat rule") {
		t.Errorf("with a gift: %d %s", w.Code, w.Body)
	}
	if w := d.tell("POST", "/products", "", `{"slug":"`+strings.Repeat("a", 600<<10)+`"}`); w.Code != 413 {
		t.Errorf("too much: %d", w.Code)
	}
}

// Somebody who is faster between the reading and the change is not overwritten.
func TestAPIChangeLosesTheRace(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts, WriteProducts))
	d.shelf.race = func() {
		d.shelf.race = nil
		p := d.shelf.prices["stollen/base"]
		p.Version++
		d.shelf.prices["stollen/base"] = p
	}
	if w := d.tell("PUT", "/skus/stollen/prices/base", `"3"`, `{"minor":3000}`); w.Code != 412 || w.Header().Get("ETag") != `"4"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := d.tell("PUT", "/skus/stollen/prices/base", `"4"`, `{"minor":3000}`); w.Code != 200 || read[api.ListPrice](t, w).Price.Minor != 3000 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAPIListsAndCategories(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts, WriteProducts))
	for _, c := range []struct {
		method, path, ifMatch, body string
		status                      int
	}{
		{"POST", "/price-lists", "", written(t, exampleList), 201},
		{"POST", "/price-lists", "", `{"list":"base","rank":1}`, 400},
		{"POST", "/price-lists", "", `{"list":"x","rank":0}`, 400},
		{"POST", "/price-lists", "", `{"list":"x","rank":1,"from":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}`, 400},
		{"PUT", "/price-lists/advent", `"2"`, `{"list":"advent","rank":3}`, 412},
		{"PUT", "/price-lists/advent", `"1"`, `{"list":"advent","rank":3}`, 200},
		{"PUT", "/price-lists/never", `"1"`, `{"list":"never","rank":3}`, 404},
		{"GET", "/price-lists/advent", "", "", 200},
		{"GET", "/price-lists", "", "", 200},
		{"GET", "/skus/stollen/prices/advent", "", "", 200},
		{"PUT", "/skus/stollen/prices/advent", "", `{"minor":2990}`, 428},
		{"PUT", "/skus/stollen/prices/advent", `"0"`, `{"minor":2990}`, 200},
		{"PUT", "/skus/stollen/prices/advent", `"1"`, `{"minor":0}`, 400},
		{"PUT", "/skus/stollen/prices/advent", `"1"`, `{"minor":10000001}`, 400},
		{"DELETE", "/skus/stollen/prices/advent", `"1"`, "", 200},
		{"PUT", "/skus/stollen/prices/never", `"0"`, `{"minor":2990}`, 404},
		{"POST", "/categories", "", written(t, exampleCategory), 201},
		{"POST", "/categories", "", `{"category":"x","texts":{"ja-JP":{"name":"x"}}}`, 400},
		{"PUT", "/categories/rolls", `"1"`, written(t, exampleCategory), 200},
		{"PUT", "/categories/rolls", `"1"`, written(t, exampleCategory), 412},
		{"GET", "/categories/rolls", "", "", 200},
		{"GET", "/categories", "", "", 200},
		{"GET", "/categories/never", "", "", 404},
	} {
		if w := d.tell(c.method, c.path, c.ifMatch, c.body); w.Code != c.status {
			t.Errorf("%s %s %s: %d, not %d: %s", c.method, c.path, c.body, w.Code, c.status, w.Body)
		}
	}
}

// Who may read may not write, and who may write one market may not another.
func TestAPIWritesNeedTheirScope(t *testing.T) {
	for name, of := range map[string]func(*Config){
		"to read": tokenFor([]string{"de"}, ReadProducts), "of another market": tokenFor([]string{"gb"}, WriteProducts), "of all else": tokenFor([]string{"de"}, WriteOrders, WriteStock, WriteSelling, WriteHooks),
	} {
		d := newDesk(t, of)
		for _, c := range [][2]string{{"POST", "/products"}, {"PUT", "/products/stollen"}, {"DELETE", "/products/stollen"}, {"PUT", "/skus/stollen/prices/base"}, {"DELETE", "/skus/stollen/prices/base"}, {"POST", "/price-lists"}, {"POST", "/categories"}} {
			body := map[string]string{"/products": written(t, exampleNew), "/products/stollen": written(t, d.shelf.products["stollen"].Draft), "/skus/stollen/prices/base": `{"minor":1}`,
				"/price-lists": written(t, exampleList), "/categories": written(t, exampleCategory)}[c[1]]
			if c[0] == http.MethodDelete {
				body = ""
			}
			if w := d.tell(c[0], c[1], "*", body); w.Code != 403 {
				t.Errorf("a token %s, %s %s: %d %s", name, c[0], c[1], w.Code, w.Body)
			}
		}
	}
}
