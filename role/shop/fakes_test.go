package shop

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/invoice"
	"meridian/engine/keyring"
	"meridian/engine/order"
	"meridian/engine/promotion"
	"meridian/engine/tax"
	"meridian/platform/i18n"
	"meridian/world"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testWorld() *world.World {
	inclusive := world.TaxSpec{Prices: "inclusive", Rounding: "half_up", Per: "rate"}
	indian, all := inclusive, func(tax string) []world.Area { return []world.Area{{Tax: tax}} }
	indian.Seller = "IN-MH"
	return &world.World{
		Name: "Sweet Crumbs", App: "sweet-crumbs",
		Regions: []world.Region{{ID: "us-east", Number: 1}, {ID: "eu-central", Number: 2}, {ID: "ap-southeast", Number: 3}},
		Markets: []world.Market{
			{ID: "us", Name: "United States", Country: "US", Host: "us.localhost", Currency: "USD", Locales: []string{"en-US"}, HomeRegion: "us-east", TimeZone: "America/New_York",
				Tax:      world.TaxSpec{Prices: "exclusive", Rounding: "half_up", Per: "document"},
				Delivery: []world.Area{{Tax: "US-NY", Postal: []string{"1.*"}}, {Tax: "US-CA", Postal: []string{"9.*"}}},
				Postal:   world.Postal{Pattern: `\d{5}(-\d{4})?`, Example: "10001", States: true}},
			{ID: "gb", Name: "United Kingdom", Country: "GB", Host: "gb.localhost", Currency: "GBP", Locales: []string{"en-GB"}, HomeRegion: "eu-central", TimeZone: "Europe/London",
				Tax: inclusive, Delivery: all("GB"), Postal: world.Postal{Pattern: `[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}`, Example: "SW1A 1AA"}},
			{ID: "de", Name: "Deutschland", Country: "DE", Host: "de.localhost", Currency: "EUR", Locales: []string{"de-DE"}, HomeRegion: "eu-central", TimeZone: "Europe/Berlin",
				Tax: inclusive, Delivery: all("DE"), Postal: world.Postal{Pattern: `\d{5}`, Example: "10115"}},
			{ID: "jp", Name: "日本", Country: "JP", Host: "jp.localhost", Currency: "JPY", Locales: []string{"ja-JP"}, HomeRegion: "ap-southeast", TimeZone: "Asia/Tokyo",
				Tax: world.TaxSpec{Prices: "inclusive", Rounding: "down", Per: "rate"}, Delivery: all("JP"), Postal: world.Postal{Pattern: `\d{3}-\d{4}`, Example: "100-0001"}},
			{ID: "in", Name: "India", Country: "IN", Host: "in.localhost", Currency: "INR", Locales: []string{"en-IN", "hi-IN"}, HomeRegion: "ap-southeast", TimeZone: "Asia/Kolkata",
				Tax: indian, Delivery: all("IN-MH"), Postal: world.Postal{Pattern: `\d{6}`, Example: "400001", States: true}},
		},
	}
}

// fakeCatalog has the same few products in every market.
type fakeCatalog struct {
	mu       sync.Mutex
	products []world.Product
	currency map[string]string
	until    time.Time // when what is for sale changes next
	searched []world.SearchQuery
	next     string // that a search goes on with

	categories []world.Category
	menus      int  // how often they were asked for
	behind     bool // the replica never catches up
	waited     []world.Position
	lagging    string                         // the region whose replica never does
	renew      func(products []world.Product) // what newer replicas say
	selling    checkout.Selling
	err        error
}

func newFakeCatalog(w *world.World) *fakeCatalog {
	c := &fakeCatalog{currency: map[string]string{}, products: []world.Product{
		{Slug: "torte", TaxClass: "cake", Featured: true, Name: "Torte & <Sahne>", Description: "Mit viel Sahne.", AllergenNote: "Milch.", SKUs: []world.SKU{{Key: "torte", PriceMinor: 123450, PriceVersion: 1}},
			PictureID: "2abcdefghjkmnpqr", Picture: world.Picture{MediaID: "2abcdefghjkmnpqr", Version: 3, Width: 1600, Height: 1200, Color: "#aa7744"}},
		{Slug: "brot", TaxClass: "bread", Name: "Brot", Description: "Knusprig.", SKUs: []world.SKU{{Key: "brot", PriceMinor: 520, PriceVersion: 4}}},
	}}
	for _, m := range w.Markets {
		c.currency[m.ID] = m.Currency
	}
	return c
}

// all are the products in a market, in the currency that is paid there. One
// without a sort or an address has them made from its slug.
func (c *fakeCatalog) all(market string) []world.Product {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.products)
	for i := range out {
		p := &out[i]
		p.Market, p.Address = market, cmp.Or(p.Address, p.Slug)
		p.SKUs = slices.Clone(p.SKUs)
		if len(p.SKUs) == 0 {
			p.SKUs = []world.SKU{{Key: p.Slug, PriceVersion: 1}}
		}
		for j := range p.SKUs {
			p.SKUs[j].Currency = c.currency[market]
		}
	}
	return out
}

func (c *fakeCatalog) List(_ context.Context, q world.ListQuery) (world.Listing, error) {
	out := c.all(q.Market)
	switch q.Kind {
	case world.ListFeatured, world.ListPlain:
		out = slices.DeleteFunc(out, func(p world.Product) bool { return p.Featured != (q.Kind == world.ListFeatured) })
	case world.ListCategory:
		out = slices.DeleteFunc(out, func(p world.Product) bool { return p.Category != q.Key })
	case world.ListBeside:
		here := slices.IndexFunc(out, func(p world.Product) bool { return p.Slug == q.Key })
		out = slices.Concat(out[here+1:], out[:max(here, 0)])
	}
	if q.After != "" {
		here := slices.IndexFunc(out, func(p world.Product) bool { return p.Slug == q.After })
		if here < 0 {
			return world.Listing{}, world.E(world.CodeInvalid, "fake", "")
		}
		out = out[here+1:]
	}
	l := world.Listing{Products: out, Until: c.until}
	if len(out) > q.Limit {
		l.Products, l.Next = out[:q.Limit], out[q.Limit-1].Slug
	}
	return l, c.err
}

func (c *fakeCatalog) Product(_ context.Context, market, address, _ string, _ time.Time) (world.Product, time.Time, error) {
	for _, p := range c.all(market) {
		if p.Address == address || p.Slug == address {
			return p, c.until, c.err
		}
	}
	return world.Product{}, time.Time{}, cmp.Or(c.err, error(world.E(world.CodeNotFound, "fake", "")))
}

func (c *fakeCatalog) Search(_ context.Context, q world.SearchQuery) (world.Listing, error) {
	c.searched = append(c.searched, q)
	if q.After == "bad" {
		return world.Listing{}, world.E(world.CodeInvalid, "fake", "")
	}
	found := slices.DeleteFunc(c.all(q.Market), func(p world.Product) bool { return !strings.Contains(p.Name, q.Text) })
	return world.Listing{Products: found, Total: len(found), Next: c.next, Until: c.until}, c.err
}

func (c *fakeCatalog) Current(_ context.Context, market, _ string, keys []string, _ time.Time) (out []world.Offer, err error) {
	for _, p := range c.all(market) {
		for _, o := range p.Offers() {
			if slices.Contains(keys, o.Key) {
				out = append(out, withoutPrior(o))
			}
		}
	}
	return out, c.err
}

func (c *fakeCatalog) Hours(context.Context, string, time.Time) (checkout.Selling, error) {
	return checkout.Selling{Slots: c.selling.Slots, Closed: c.selling.Closed}, c.err
}

func (c *fakeCatalog) Selling(context.Context, string, string, time.Time) (checkout.Selling, error) {
	return c.selling, c.err
}

func (c *fakeCatalog) WaitFor(_ context.Context, _ string, at []world.Position, _ time.Duration) (bool, error) {
	c.waited = at
	return !c.behind, nil
}

func (c *fakeCatalog) RenewPictures(_ context.Context, _ string, products []world.Product, _ []world.Position, _ time.Duration) (string, error) {
	if c.renew != nil {
		c.renew(products)
	}
	return c.lagging, nil
}

func (c *fakeCatalog) setPrice(slug string, minor int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.products {
		for j := range c.products[i].SKUs {
			if k := &c.products[i].SKUs[j]; k.Key == slug {
				k.PriceMinor = minor
				k.PriceVersion++
			}
		}
	}
}

// fakePhotos takes what begins with "photo".
type fakePhotos struct {
	kept  [][]byte
	err   error
	asked []string // to be deleted
	fails map[string]error
}

func (p *fakePhotos) Keep(_ context.Context, photo []byte, note func(string) error) (string, error) {
	id := fmt.Sprintf("2000000000000%03d", len(p.kept)+1)
	if err := note(id); err != nil {
		return "", err
	}
	switch {
	case p.err != nil:
		return "", p.err
	case !bytes.HasPrefix(photo, []byte("photo")):
		return "", world.E(world.CodeUnsupported, "fake", "")
	}
	p.kept = append(p.kept, photo)
	return id, nil
}

func (p *fakePhotos) Delete(_ context.Context, id string) (string, error) {
	p.asked = append(p.asked, id)
	return "2receipt00000000", p.fails[id]
}

// fakeOrders keeps everything in maps.
type fakeOrders struct {
	mu        sync.Mutex
	carts     map[string][]world.CartLine // by cart and market
	stock     map[string]int
	orders    map[string]world.Order
	keys      map[string]string             // cart and key to order id
	added     map[string]world.CartAddition // by cart, market and key
	merged    map[string]world.CartMerge    // likewise
	logs      map[string][]world.OrderNote
	booked    map[string]int // by slot
	promoted  map[string]int // by promotion
	err       error          // of Place
	looked    func()         // before the stock is looked at
	forget    func(since time.Time, limit int) (int, error)
	noted     []string
	unnotable error // of NotePhoto
	unused    func(before, now time.Time, limit int) ([]string, error)
	gone      map[string]string // photo to failure, "" for one that is deleted
	refunds   map[string][]world.Refund
	stockTurns
	invoices map[entryKey]invoice.Document
	last     map[invoice.Series]int
}

func newFakeOrders() *fakeOrders {
	return &fakeOrders{carts: map[string][]world.CartLine{}, orders: map[string]world.Order{}, gone: map[string]string{}, keys: map[string]string{}, added: map[string]world.CartAddition{}, merged: map[string]world.CartMerge{}, logs: map[string][]world.OrderNote{},
		refunds: map[string][]world.Refund{}, invoices: map[entryKey]invoice.Document{}, last: map[invoice.Series]int{},
		stock: map[string]int{"torte": 5, "brot": 50}}
}

func (o *fakeOrders) Cart(_ context.Context, id, market string) ([]world.CartLine, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.carts[id+market]), nil
}

func (o *fakeOrders) NotePhoto(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noted = append(o.noted, id)
	return o.unnotable
}

func (o *fakeOrders) UnusedPhotos(_ context.Context, before, now time.Time, limit int) ([]string, error) {
	if o.unused == nil {
		return nil, nil
	}
	return o.unused(before, now, limit)
}

func (o *fakeOrders) PhotoDeleted(_ context.Context, id, failure string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone[id] = failure
	return nil
}

func (o *fakeOrders) KnowsCart(_ context.Context, id, market string) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, known := o.carts[id+market]
	for _, got := range o.orders {
		known = known || got.CartID == id && got.Market == market
	}
	return known, nil
}

func (o *fakeOrders) AddToCart(_ context.Context, id, market string, a world.CartAddition, most, maxLines int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	what := a
	what.Photo = "" // kept anew each time
	if was, used := o.added[id+market+a.Key]; used && a.Key != "" {
		if was != what {
			return world.Because(world.CodeConflict, "fake", "", world.ErrAnotherKey)
		}
		return nil
	}
	lines := o.carts[id+market]
	i := slices.IndexFunc(lines, func(l world.CartLine) bool { return l.SKU == a.SKU })
	if i < 0 {
		if len(lines) == maxLines {
			return world.E(world.CodeTooLarge, "fake", "")
		}
		i, lines = len(lines), append(lines, world.CartLine{SKU: a.SKU})
	}
	lines[i].Quantity = min(most, lines[i].Quantity+a.Quantity)
	lines[i].Photo = cmp.Or(a.Photo, lines[i].Photo)
	o.carts[id+market], o.added[id+market+a.Key] = lines, what
	return nil
}

func (o *fakeOrders) SetInCart(_ context.Context, id, market, slug string, quantity int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines, ok := o.carts[id+market]
	if !ok {
		return nil
	}
	for i := range lines {
		if lines[i].SKU == slug {
			lines[i].Quantity = quantity
		}
	}
	o.carts[id+market] = slices.DeleteFunc(lines, func(l world.CartLine) bool { return l.Quantity == 0 })
	return nil
}

func (o *fakeOrders) SetPhoto(_ context.Context, id, market, slug, media string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, l := range o.carts[id+market] {
		if l.SKU == slug {
			o.carts[id+market][i].Photo = media
			return nil
		}
	}
	return world.E(world.CodeNotFound, "fake", "")
}

func (o *fakeOrders) ForgetCarts(_ context.Context, since time.Time, limit int) (int, error) {
	return o.forget(since, limit)
}

func (o *fakeOrders) Stock(context.Context, string, []string) (map[string]world.StockLevel, error) {
	if o.looked != nil {
		o.looked()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]world.StockLevel{}
	for k, v := range o.stock {
		out[k] = world.StockLevel{SKU: k, OnHand: v}
	}
	return out, nil
}

func (o *fakeOrders) Place(_ context.Context, placing world.Order, key string, number func() (string, error)) (world.Order, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id, ok := o.keys[placing.CartID+key]; ok {
		return o.orders[id], true, nil
	}
	if o.err != nil {
		return world.Order{}, false, o.err
	}
	for _, l := range placing.Lines {
		if o.stock[l.SKU] < l.Quantity {
			return world.Order{}, false, world.E(world.CodeUnprocessed, "fake", l.SKU)
		}
	}
	for _, l := range placing.Lines {
		o.stock[l.SKU] -= l.Quantity
	}
	var err error
	placing.Number, err = number()
	o.orders[placing.ID], o.keys[placing.CartID+key] = placing, placing.ID
	o.logs[placing.ID] = []world.OrderNote{{N: 1, At: placing.PlacedAt, Event: world.OrderPlace, By: world.ByBuyer, To: placing.State}}
	o.carts[placing.CartID+placing.Market] = nil
	return placing, false, err
}

func (o *fakeOrders) Placed(_ context.Context, cart, key string) (world.Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id, ok := o.keys[cart+key]; ok {
		return o.orders[id], nil
	}
	return world.Order{}, world.E(world.CodeNotFound, "fake", "")
}

func (o *fakeOrders) Order(_ context.Context, id string) (world.Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if got, ok := o.orders[id]; ok {
		return got, nil
	}
	return world.Order{}, world.E(world.CodeNotFound, "fake", "")
}

func (o *fakeOrders) SlotUse(_ context.Context, _ string, slots []string) (map[string]int, error) {
	out := map[string]int{}
	for _, id := range slots {
		out[id] = o.booked[id]
	}
	return out, nil
}

func (o *fakeOrders) PromotionUse(context.Context, string, string, []promotion.Promotion) (total, byBuyer map[string]int, err error) {
	return o.promoted, nil, nil
}

func (o *fakeOrders) History(_ context.Context, id string) ([]world.OrderNote, []world.Refund, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.logs[id], o.refunds[id], nil
}

func (o *fakeOrders) Change(_ context.Context, step world.OrderStep) (world.Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	got := o.orders[step.OrderID]
	to, refused := order.Next(got.State, step.Event, step.By, order.FactsOf(got, nil, step.At))
	if refused == order.Already {
		return got, nil
	}
	if refused != "" {
		return world.Order{}, world.E(world.CodeConflict, "fake", string(refused))
	}
	o.logs[got.ID] = append(o.logs[got.ID], world.OrderNote{At: step.At, Event: step.Event, By: step.By, From: got.State, To: to})
	got.State = to
	o.orders[got.ID] = got
	return got, nil
}

func (o *fakeOrders) ExpireOrders(context.Context, time.Time, int) (int, error) { return 0, nil }

func (o *fakeOrders) ForgetKeys(context.Context, time.Time, int) (int, error) { return 0, nil }

func (o *fakeOrders) OrdersOfCart(_ context.Context, cart, market string, limit int) ([]world.Order, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []world.Order
	for _, got := range o.orders {
		if got.CartID == cart && got.Market == market && len(out) < limit {
			out = append(out, got)
		}
	}
	return out, nil
}

type fakeFeed func(ctx context.Context, after string, emit func(world.Event) error) error

func (f fakeFeed) Follow(ctx context.Context, after string, emit func(world.Event) error) error {
	return f(ctx, after, emit)
}

// secureCart is the cart's cookie of a shop under https, which is the default.
const secureCart = hostPrefix + cartCookie

// bench is a shop with its fakes, and a browser that keeps cookies.
type bench struct {
	t       *testing.T
	shop    *Shop
	handler http.Handler
	catalog *fakeCatalog
	orders  *fakeOrders
	photos  fakePhotos
	rates   fakeRates
	log     *bytes.Buffer
	cookies map[string]string
	host    string
}

func testTexts(t testing.TB) *i18n.Texts {
	t.Helper()
	texts, err := i18n.Load(os.DirFS("../../data/locales"))
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func testTax(t testing.TB) *tax.Table {
	t.Helper()
	body, err := os.ReadFile("../../data/tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	table, err := tax.Load(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// open makes a shop in a region; change may alter what it is made of.
func open(t *testing.T, region, host string, change func(*Config, *Deps)) *bench {
	t.Helper()
	w := testWorld()
	b := &bench{t: t, catalog: newFakeCatalog(w), orders: newFakeOrders(), log: &bytes.Buffer{}, cookies: map[string]string{}, host: host}
	cfg := Default()
	cfg.Region, cfg.WireKey = region, "wire-key"
	cfg.Private.Keys = []keyring.Key{{ID: "k1", Secret: "a secret of a test, long enough"}}
	d := Deps{World: w, Catalog: b.catalog, Photos: &b.photos, Orders: b.orders, Invoices: fakeInvoices{b.orders}, Payments: newDesk(func() time.Time { return noon }), Tax: testTax(t), Rates: &b.rates, Texts: testTexts(t), Now: func() time.Time { return noon }, Random: rand.Reader,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&cfg, &d)
	}
	s, err := New(cfg, d)
	if err != nil {
		t.Fatal(err)
	}
	b.shop, b.handler = s, s.Handler()
	return b
}

func (b *bench) do(r *http.Request) *httptest.ResponseRecorder {
	b.t.Helper()
	r.Host = b.host
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w
}

func (b *bench) get(path string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (b *bench) post(path string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (b *bench) add(slug, quantity string) {
	b.t.Helper()
	w := b.post("/cart", url.Values{"action": {"add"}, "slug": {slug}, "quantity": {quantity}})
	if w.Code != http.StatusSeeOther {
		b.t.Fatalf("add %s: %d %s", slug, w.Code, w.Body)
	}
}

// hidden is the value of a hidden field on a page.
func hidden(t *testing.T, w *httptest.ResponseRecorder, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(w.Body.String(), `name="`+name+`" value="`)
	if !ok {
		t.Fatalf("the page has no field %s:\n%s", name, w.Body)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// wants fails for each text that the answer does not have.
func wants(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if t.Failed() {
		t.Logf("%s", w.Body)
	}
}

func lacks(t *testing.T, w *httptest.ResponseRecorder, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(w.Body.String(), text) {
			t.Errorf("the page has %q", text)
		}
	}
}
