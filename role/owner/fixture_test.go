package owner

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"meridian/engine/invoice"
	"meridian/engine/keyring"
	"meridian/engine/tax"
	"meridian/platform/i18n"
	"meridian/world"
)

// noon is when the tests take place: 12:00 in UTC, 13:00 in Berlin.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	email    = "owner@de.example"
	password = "correct horse"
	cakeID   = "2000000000000aaa"
	orderID  = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
)

var signingKeys = []keyring.Key{{ID: "k1", Secret: "a secret of a test, long enough"}}

func testWorld() *world.World {
	market := func(id, country, currency, locale, zone, region string) world.Market {
		return world.Market{ID: id, Name: country, Country: country, Host: id + ".localhost", Currency: currency, Locales: []string{locale},
			HomeRegion: region, TimeZone: zone, Tax: world.TaxSpec{Prices: "inclusive"}}
	}
	return &world.World{
		Name: "Sweet Crumbs", App: "sweet-crumbs",
		Regions: []world.Region{{ID: "eu-central", Number: 2}, {ID: "ap-southeast", Number: 3}},
		Markets: []world.Market{
			market("de", "DE", "EUR", "de-DE", "Europe/Berlin", "eu-central"),
			market("gb", "GB", "GBP", "en-GB", "Europe/London", "eu-central"),
			market("jp", "JP", "JPY", "ja-JP", "Asia/Tokyo", "ap-southeast"),
		},
	}
}

// fakes stand in for the catalog, the resident cluster and media.
type fakes struct {
	err error // what every store answers with, if set

	products  map[string][]world.Product // by market
	next      string                     // that the list goes on with
	documents []invoice.Entry
	race      func() // runs just before a price is changed

	orders []world.Order
	days   [][2]time.Time // asked of Takings

	notes   []world.OrderNote
	refunds []world.Refund
	steps   []world.OrderStep
	wanted  []world.Refund
	refused error // of Change and Refund

	hashes   map[string]string // by market and address
	sessions map[[32]byte]session
	forget   func(now time.Time, limit int) (int, error) // removes ended sessions

	keeping keeping

	asking sync.Mutex
	media  func(r *http.Request) (int, any) // answers for media, one question at a time
}

type session struct {
	market, email string
	until         time.Time
}

func (f *fakes) List(_ context.Context, q world.ListQuery) (world.Listing, error) {
	if q.After != "" && q.After != f.next {
		return world.Listing{}, world.E(world.CodeInvalid, "", "")
	}
	return world.Listing{Products: slices.Clone(f.products[q.Market]), Next: f.next}, f.err
}

func (f *fakes) Draft(_ context.Context, market, key, _ string, _ time.Time) (world.Offer, error) {
	for _, p := range f.products[market] {
		if o, ok := p.Offer(key); ok {
			return o, f.err
		}
	}
	return world.Offer{}, world.E(world.CodeNotFound, "", "")
}

// sku is one sort of a product that the fakes have.
func (f *fakes) sku(market, key string) *world.SKU {
	for i := range f.products[market] {
		for j := range f.products[market][i].SKUs {
			if s := &f.products[market][i].SKUs[j]; s.Key == key {
				return s
			}
		}
	}
	return nil
}

func (f *fakes) Prices(_ context.Context, market, slug string, limit int, each func(int64, int64, string, time.Time)) error {
	p, err := f.Draft(context.Background(), market, slug, "", noon)
	for n := p.BaseVersion; n > 0 && p.BaseVersion-n < int64(limit); n-- {
		each(n, p.BaseMinor-100*(p.BaseVersion-n), p.Currency, noon.Add(time.Duration(n)*time.Hour))
	}
	return err
}

func (f *fakes) ChangePrice(_ context.Context, market, slug string, expect, minor int64) (int64, error) {
	if f.race != nil {
		f.race()
	}
	s := f.sku(market, slug)
	switch {
	case f.err != nil:
		return 0, f.err
	case s == nil:
		return 0, world.E(world.CodeNotFound, "", "")
	case s.BaseVersion != expect:
		return 0, world.E(world.CodeConflict, "", "")
	}
	s.BaseVersion, s.BaseMinor = s.BaseVersion+1, minor
	return s.BaseVersion, nil
}

func (f *fakes) ChangePicture(_ context.Context, market, slug, id string) error {
	for i := range f.products[market] {
		if p := &f.products[market][i]; p.Slug == slug {
			p.Picture = world.Picture{MediaID: id, Version: 1, Width: 800, Height: 600}
		}
	}
	return f.err
}

func (f *fakes) OrdersOfMarket(_ context.Context, market string, before time.Time, beforeID string, limit int) ([]world.Order, error) {
	var out []world.Order
	for _, o := range f.orders {
		behind := before.IsZero() || o.PlacedAt.Before(before) || o.PlacedAt.Equal(before) && o.ID < beforeID
		if o.Market == market && behind && len(out) < limit {
			out = append(out, o)
		}
	}
	return out, f.err
}

func (f *fakes) Order(_ context.Context, id string) (world.Order, error) {
	for _, o := range f.orders {
		if o.ID == id {
			return o, f.err
		}
	}
	return world.Order{}, world.E(world.CodeNotFound, "", "")
}

func (f *fakes) History(context.Context, string) ([]world.OrderNote, []world.Refund, error) {
	return f.notes, f.refunds, f.err
}

func (f *fakes) OfOrder(context.Context, string) ([]invoice.Entry, error) { return f.documents, f.err }

func (f *fakes) Change(_ context.Context, step world.OrderStep) (world.Order, error) {
	f.steps = append(f.steps, step)
	return world.Order{}, f.refused
}

func (f *fakes) Refund(_ context.Context, want world.Refund) (world.Refund, error) {
	f.wanted = append(f.wanted, want)
	return want, f.refused
}

func (f *fakes) Takings(_ context.Context, _ string, from, to time.Time) (world.Takings, error) {
	f.days = append(f.days, [2]time.Time{from, to})
	return world.Takings{Orders: 3, GrossMinor: 11235, RefundedMinor: 535, NetMinor: 10000}, f.err
}

func (f *fakes) PasswordHash(_ context.Context, market, email string) (string, error) {
	if hash, ok := f.hashes[market+" "+email]; ok {
		return hash, f.err
	}
	return "", world.E(world.CodeNotFound, "", "")
}

func (f *fakes) StartSession(_ context.Context, token [32]byte, market, email string, until time.Time) error {
	f.sessions[token] = session{market, email, until}
	return f.err
}

func (f *fakes) Session(_ context.Context, token [32]byte, market string, now time.Time) (string, error) {
	if s, ok := f.sessions[token]; ok && s.market == market && s.until.After(now) {
		return s.email, nil
	}
	return "", world.E(world.CodeNotFound, "", "")
}

func (f *fakes) EndSession(_ context.Context, token [32]byte) error {
	delete(f.sessions, token)
	return nil
}

func (f *fakes) ForgetSessions(_ context.Context, now time.Time, limit int) (int, error) {
	return f.forget(now, limit)
}

// RoundTrip is media.
func (f *fakes) RoundTrip(r *http.Request) (*http.Response, error) {
	f.asking.Lock()
	defer f.asking.Unlock()
	status, answer := f.media(r)
	if r.Body != nil {
		r.Body.Close()
	}
	body, err := json.Marshal(answer)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, err
}

// desk is an owner role with its fakes and a clock that can be turned.
type desk struct {
	*fakes
	shelf *shelf
	t     *testing.T
	owner *Owner
	now   time.Time
	log   bytes.Buffer
}

func testConfig() Config {
	c := Default()
	c.Private.Keys = signingKeys
	c.Region, c.App, c.UploadToken, c.PublicScheme = "eu-central", "sweet-crumbs", "upload-token", "http"
	return c
}

// slotTexts are how a locale of the tests writes slots.
const slotTexts = `date.slot: "{weekday} {day}.{month}. {from}-{to}"
date.weekday_0: "So"
date.weekday_1: "Mo"
date.weekday_2: "Di"
date.weekday_3: "Mi"
date.weekday_4: "Do"
date.weekday_5: "Fr"
date.weekday_6: "Sa"
`

var testTexts = fstest.MapFS{
	"de-DE.yaml": {Data: []byte(slotTexts + `date.format: "{day}.{month}.{year}, {time}"
address.format: "{name}\n{line1}\n{line2}\n{postal_code} {city}\n{state}"`)},
	"en-GB.yaml": {Data: []byte(slotTexts + `date.format: "{day}/{month}/{year}, {time}"
address.format: "{name}\n{line1}\n{line2}\n{city}\n{state}\n{postal_code}"`)},
	"en-AU.yaml": {Data: []byte(`date.format: "{day}/{month}, {time}"
address.format: "{name}\n{line1}\n{line2}\n{city}\n{state}\n{postal_code}"`)},
	"ja-JP.yaml": {Data: []byte(slotTexts + `date.format: "{year}年{month}月{day}日 {time}"
address.format: "〒{postal_code}\n{state}{city}{line1}\n{line2}\n{name} 様"`)},
}

func cake() world.Manifest {
	return world.Manifest{App: "sweet-crumbs", MediaID: cakeID, Name: "cake.jpg", Visibility: world.Public, CreatedAt: noon,
		Versions: []world.Version{{Number: 1, Width: 800, Height: 600}}}
}

// shippedTax are the rules that ship.
func shippedTax(t *testing.T) *tax.Table {
	t.Helper()
	text, err := os.ReadFile("../../data/tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	table, err := tax.Load(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func newDesk(t *testing.T, change ...func(*Config)) *desk {
	t.Helper()
	hash, err := HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakes{
		hashes: map[string]string{"de " + email: hash}, sessions: map[[32]byte]session{},
		products: map[string][]world.Product{
			"de": {{Market: "de", Slug: "stollen", Address: "christstollen", Name: "Christstollen", SKUs: []world.SKU{{Key: "stollen", BaseMinor: 3200, Currency: "EUR", BaseVersion: 3}},
				Picture: world.Picture{MediaID: cakeID, Version: 1, Width: 800, Height: 600}}},
			"gb": {{Market: "gb", Slug: "scones", Name: "Scones", SKUs: []world.SKU{{Key: "scones", Sort: "4", BaseMinor: 450, Currency: "GBP", BaseVersion: 1}}}},
		},
		media: func(r *http.Request) (int, any) {
			if strings.HasSuffix(r.URL.Path, "/manifest") {
				return 200, cake()
			}
			return 200, listed{Assets: []world.Manifest{cake()}}
		},
	}
	texts, err := i18n.Load(testTexts)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{fakes: f, shelf: newShelf(), t: t, now: noon}
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	d.owner, err = New(cfg, Deps{World: testWorld(), Catalog: f, Editing: d.shelf, Tax: shippedTax(t), Orders: f, Accounts: f, Documents: f, Media: f,
		Selling: &f.keeping, Stock: &f.keeping, Hooks: &f.keeping, Letters: &f.keeping, Tell: f.keeping.tell, Texts: texts,
		Now: func() time.Time { return d.now }, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(&d.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// client is a browser at one host.
type client struct {
	d      *desk
	host   string
	cookie *http.Cookie
	header http.Header // sent with every request
}

func (d *desk) at(host string) *client { return &client{d: d, host: host, header: http.Header{}} }

// signedIn is a browser whose owner has signed in to de.
func (d *desk) signedIn() *client {
	d.t.Helper()
	c := d.at("de.localhost:8080")
	if res := c.signIn(email, password); res.Code != http.StatusSeeOther {
		d.t.Fatalf("sign-in: %d %s", res.Code, res.Body)
	}
	return c
}

func (c *client) signIn(email, password string) *httptest.ResponseRecorder {
	return c.post("/owner/sign-in", url.Values{"email": {email}, "password": {password}})
}

func (c *client) get(path string) *httptest.ResponseRecorder {
	return c.send(httptest.NewRequest(http.MethodGet, path, nil))
}

func (c *client) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(r)
}

func (c *client) send(r *http.Request) *httptest.ResponseRecorder {
	r.Host = c.host
	if r.Header.Get("Sec-Fetch-Site") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range c.header {
		r.Header[k] = v
	}
	if c.cookie != nil {
		r.AddCookie(c.cookie)
	}
	w := httptest.NewRecorder()
	c.d.owner.ServeHTTP(w, r)
	for _, got := range w.Result().Cookies() {
		if got.Name == c.d.owner.cookieName() {
			c.cookie = got
		}
	}
	return w
}

// want fails unless the answer has the status and every one of the texts.
func want(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) {
	t.Helper()
	if w.Code != status {
		t.Errorf("status %d, want %d; Location %q", w.Code, status, w.Header().Get("Location"))
	}
	for _, text := range texts {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page lacks %q:\n%s", text, w.Body)
		}
	}
}

func wantTo(t *testing.T, w *httptest.ResponseRecorder, location string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != location {
		t.Errorf("got %d to %q, want 303 to %q\n%s", w.Code, w.Header().Get("Location"), location, w.Body)
	}
}
