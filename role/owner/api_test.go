package owner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/platform/operator"
	"meridian/role/owner/api"
	"meridian/test/apitest"
	"meridian/world"
)

const token = "a token of a test with 128 bits"

func tokenFor(markets []string, of ...Scope) func(*Config) {
	sum := sha256.Sum256([]byte(token))
	return func(c *Config) {
		c.Tokens = []Token{{Credential: operator.Credential{Name: "till", SHA256: hex.EncodeToString(sum[:])}, Markets: markets, Scopes: of}}
	}
}

var document = sync.OnceValues(APIDocument)

var whole struct {
	once sync.Once
	read *apitest.Contract
}

// contract is the API's document, read once for all tests.
func contract(t *testing.T) *apitest.Contract {
	t.Helper()
	text, err := document()
	if err != nil {
		t.Fatal(err)
	}
	whole.once.Do(func() { whole.read = apitest.Read(t, text) })
	if whole.read == nil {
		t.Fatal("the document is not whole")
	}
	return whole.read
}

// ask asks the API with the token and sees that the answer is one that its document
// promises.
func (d *desk) ask(path string, headers ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := d.at("de.localhost").send(r)
	contract(d.t).Answer(d.t, http.MethodGet, path, w)
	return w
}

func read[T any](t *testing.T, w *httptest.ResponseRecorder) (out T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return out
}

func TestAPIAdmission(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		path   string
		header []string
		status int
	}{
		"good":              {tokenFor([]string{"gb", "de"}, ReadOrders, ReadProducts), "/products", nil, 200},
		"another scope":     {tokenFor([]string{"de"}, ReadOrders), "/products", nil, 403},
		"another market":    {tokenFor([]string{"gb"}, ReadProducts), "/products", nil, 403},
		"nobody has tokens": {func(*Config) {}, "/products", nil, 401},
		"another token":     {tokenFor([]string{"de"}, ReadProducts), "/products", []string{"Authorization", "Bearer x"}, 401},
		"another scheme":    {tokenFor([]string{"de"}, ReadProducts), "/products", []string{"Authorization", "Basic " + token}, 401},
		"in the query":      {tokenFor([]string{"de"}, ReadProducts), "/products?token=" + strings.ReplaceAll(token, " ", "+"), []string{"Authorization", ""}, 401},
		"the document":      {func(*Config) {}, "/openapi.json", []string{"Authorization", ""}, 200},
		"nothing there":     {tokenFor([]string{"de"}, ReadProducts), "/nothing", nil, 404},
		"and unknown":       {tokenFor([]string{"de"}, ReadProducts), "/nothing", []string{"Authorization", ""}, 401},
	} {
		d := newDesk(t, c.change)
		w := d.at("de.localhost").send(func() *http.Request {
			r := httptest.NewRequest(http.MethodGet, apiBase+c.path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			return r
		}())
		if w.Code != c.status || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") || w.Header().Get("WWW-Authenticate") != "" != (c.status == 401) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		if strings.Contains(d.log.String(), token) || strings.Contains(w.Body.String(), token) {
			t.Errorf("%s: the token is told", name)
		}
	}
}

// An owner who is signed in has no token: the pages' cookie opens no API, which
// other sites' forms could reach.
func TestAPIWantsNoCookie(t *testing.T) {
	c := newDesk(t, tokenFor([]string{"de"}, ReadProducts)).signedIn()
	if w := c.get(apiBase + "/products"); w.Code != 401 {
		t.Errorf("%d", w.Code)
	}
}

func TestAPIGuessesAreCounted(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts), func(c *Config) { c.SignInLimit.PerNetwork = 2 })
	for i, want := range []int{401, 401, 429} {
		if w := d.ask(apiBase+"/products", "Authorization", "Bearer x"); w.Code != want || want == 429 && w.Header().Get("Retry-After") == "" {
			t.Errorf("guess %d: %d %v", i, w.Code, w.Header())
		}
	}
}

// Requests are counted by the token; another's are counted on their own, and the
// document, which nobody shows a token for, is not.
func TestAPILimitOfAToken(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts), func(c *Config) {
		another, sum := c.Tokens[0], sha256.Sum256([]byte("another token"))
		another.Name, another.SHA256 = "another", hex.EncodeToString(sum[:])
		c.Tokens, c.APILimit.PerToken = append(c.Tokens, another), 2
	})
	for i, want := range []int{200, 200, 429, 429} {
		w := d.ask(apiBase + "/products")
		h := w.Header()
		if w.Code != want || (want == 429) != (h.Get("Retry-After") == "30") || h.Get("RateLimit-Policy") != `"token";q=2;w=60` || h.Get("RateLimit") != fmt.Sprintf(`"token";r=%d;t=%d`, max(0, 1-i), min(60, 30*(i+1))) {
			t.Errorf("request %d: %d %v", i, w.Code, h)
		}
		if want == 429 && (h.Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"code":"busy"`)) {
			t.Errorf("request %d: %v %s", i, h, w.Body)
		}
	}
	if w := d.ask(apiBase+"/products", "Authorization", "Bearer another token"); w.Code != 200 {
		t.Errorf("another token: %d", w.Code)
	}
	if w := d.at("de.localhost").get(apiBase + "/openapi.json"); w.Code != 200 || w.Header().Get("RateLimit") != "" {
		t.Errorf("the document: %d %v", w.Code, w.Header())
	}
}

func TestTokensOfConfig(t *testing.T) {
	for name, change := range map[string]func(*Token){
		"no hash": func(t *Token) { t.SHA256 = "" }, "no name": func(t *Token) { t.Name = "" }, "no market": func(t *Token) { t.Markets = nil },
		"no scope": func(t *Token) { t.Scopes = nil }, "another scope": func(t *Token) { t.Scopes = append(t.Scopes, "all") },
	} {
		c := testConfig()
		tokenFor([]string{"de"}, ReadProducts)(&c)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c.Tokens[0])
		if err := c.Validate(); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "tokens[0].") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := testConfig()
	tokenFor([]string{"mars"}, ReadProducts)(&c)
	if _, err := New(c, Deps{World: testWorld()}); !world.Is(err, world.CodeInvalid) || !strings.Contains(fmt.Sprint(err), "mars") {
		t.Errorf("a market that is none: %v", err)
	}
}

func TestAPIProducts(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadProducts))
	d.next = "onward"
	list := read[api.ProductList](t, d.ask(apiBase+"/products?limit=1"))
	if len(list.Products) != 1 || list.Next != "onward" || list.Products[0].SKUs[0].Base != (api.Amount{Minor: 3200, Currency: "EUR"}) || list.Products[0].SKUs[0].PriceList != "base" {
		t.Errorf("%+v", list)
	}
	w := d.ask(apiBase + "/skus/stollen")
	got := read[api.Prices](t, w)
	if w.Header().Get("ETag") != `"3"` || got.Product != "stollen" || got.BaseVersion != 3 || len(got.Former) != 3 || got.Former[2].Price.Minor != 3000 {
		t.Errorf("%v %+v", w.Header(), got)
	}
	if w := d.ask(apiBase+"/skus/stollen", "If-None-Match", `"3"`); w.Code != 304 {
		t.Errorf("the same again: %d", w.Code)
	}
	for path, status := range map[string]int{"/skus/scones": 404, "/products?after=nowhere": 400, "/products?limit=101": 400, "/products?limit=0": 400, "/skus/" + strings.Repeat("a", 61): 400} {
		if w := d.ask(apiBase + path); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAPIOrders(t *testing.T) {
	d := newDesk(t, tokenFor([]string{"de"}, ReadOrders))
	for i, market := range []string{"de", "de", "gb", "de"} {
		d.orders = append(d.orders, world.Order{ID: strings.Repeat(string(rune('d'-i)), 26), Market: market, Number: fmt.Sprint("SC-", i), PlacedAt: noon.Add(-time.Duration(i) * time.Hour), Currency: "EUR",
			State: world.OrderPlaced, Version: int64(i + 1), TotalMinor: 1040, NetMinor: 972, TaxMinor: 68, Contact: world.Contact{Name: "Ada", Email: "ada@example.org", City: "Berlin"},
			Lines: []world.OrderLine{{SKU: "stollen", Name: "Stollen", Quantity: 2, UnitMinor: 520, LineMinor: 1040}}, Taxes: []world.OrderTax{{Label: "MwSt.", Rate: "7", NetMinor: 972, TaxMinor: 68}}})
	}
	var seen []string
	path := apiBase + "/orders?limit=2"
	for page := 0; path != "" && page < 5; page++ {
		list := read[api.OrderList](t, d.ask(path))
		for _, o := range list.Orders {
			seen = append(seen, o.Number)
		}
		path = ""
		if list.Next != "" {
			path = apiBase + "/orders?limit=2&after=" + list.Next
		}
	}
	if fmt.Sprint(seen) != "[SC-0 SC-1 SC-3]" {
		t.Errorf("the list has %v", seen)
	}
	w := d.ask(apiBase + "/orders/" + d.orders[1].ID)
	got := read[api.Order](t, w)
	if w.Header().Get("ETag") != `"2"` || got.Contact.City != "Berlin" || got.Taxes[0].Tax.Minor != 68 || got.Slot != nil || got.Total != (api.Amount{Minor: 1040, Currency: "EUR"}) || got.Lines[0].Quantity != 2 {
		t.Errorf("%v %+v", w.Header(), got)
	}
	for path, status := range map[string]int{"/orders/" + d.orders[2].ID: 404, "/orders/x": 404, "/orders/" + strings.Repeat("a", 27): 400, "/orders?after=1.x": 400} {
		if w := d.ask(apiBase + path); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
