package shop

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"meridian/engine/checkout"
	"meridian/engine/tax"
	"meridian/world"
)

func TestListIsSharedAndSaysWhatItShows(t *testing.T) {
	b := open(t, "eu-central", "de.localhost:8080", nil)
	b.cookies[secureCart] = strings.Repeat("a", 26)
	w := b.get("/")
	wants(t, w, 200, `<html lang="de-DE">`, `<a href="/p/brot">Brot</a>`, "Torte &amp; &lt;Sahne&gt;", `data-cart-count></span>`)
	for name, want := range map[string]string{
		"Cache-Control":     "public, max-age=0, must-revalidate",
		"CDN-Cache-Control": "max-age=300, stale-if-error=86400",
		"Surrogate-Key":     "de/pages app/sweet-crumbs de/p/torte de/p/brot media/sweet-crumbs/2abcdefghjkmnpqr/alias",
		"Meridian-Region":   "eu-central", "Content-Type": "text/html; charset=utf-8", "Content-Language": "de-DE",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "strict-origin-when-cross-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'self'", "frame-ancestors 'none'", "style-src 'self' 'sha256-"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(w.Body.String(), `style="`) || strings.Contains(w.Body.String(), "<script>") {
		t.Error("something inline is allowed or used")
	}
	if len(w.Result().Cookies()) != 0 {
		t.Error("a shared page set a cookie")
	}
	again := b.get("/", "If-None-Match", w.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same page again: %d, %d bytes", again.Code, again.Body.Len())
	}
	if other := open(t, "us-east", "de.localhost", nil).get("/"); other.Header().Get("ETag") != w.Header().Get("ETag") {
		t.Error("another region's page differs")
	}
}

func TestPricesAndTaxByLocale(t *testing.T) {
	for _, c := range []struct{ host, path, price, note string }{
		{"us.localhost", "/p/torte", "$1,234.50", "Tax is added at checkout."},
		{"gb.localhost", "/p/torte", "£1,234.50", "zero-rated for VAT (0%)"},
		{"de.localhost", "/p/torte", "1.234,50\u00a0€", "enthält 7 % MwSt."},
		{"jp.localhost", "/p/torte", "￥123,450", "うち消費税 8%"},
		{"in.localhost", "/p/torte", "₹1,234.50", "5% GST"},
		{"in.localhost", "/hi-in/p/torte", "₹1,234.50", "5% GST सहित"},
	} {
		w := open(t, "us-east", c.host, nil).get(c.path)
		body := strings.ReplaceAll(w.Body.String(), "7\u00a0%", "7 %")
		if w.Code != 200 || !strings.Contains(body, `">`+c.price+`</p>`) || !strings.Contains(body, c.note) {
			t.Errorf("%s%s: %d, %s", c.host, c.path, w.Code, body)
		}
	}
}

func TestProductPicture(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	w := b.get("/p/torte")
	wants(t, w, 200,
		`src="/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/960x720"`, `/v3/auto/320x240 320w`, `1600x1200 1600w`,
		`width="960" height="720"`, `fetchpriority="high"`, `alt="Torte &amp; &lt;Sahne&gt;"`, `.c0{background-color:#aa7744}`, `class="shot c0"`, "Milch.")
	lacks(t, w, "1920w", `loading="lazy"`, `rel="preload"`) // the picture is not that large
	if got := w.Header().Get("Surrogate-Key"); got != "de/pages app/sweet-crumbs de/p/torte de/p/brot media/sweet-crumbs/2abcdefghjkmnpqr/alias" {
		t.Errorf("groups %q", got)
	}
	wants(t, b.get("/p/brot"), 200, `class="shot bare" role="img" aria-label="Brot"`)
}

func TestPicturesBelowTheFoldAreLazy(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	torte := b.catalog.products[0]
	for range 6 {
		b.catalog.products = append(b.catalog.products, torte)
	}
	page := b.get("/").Body.String()
	// The decoration is lazy too: a phone does not show it, so it must not fetch it.
	if eager, lazy := strings.Count(page, `fetchpriority="high" decoding`), strings.Count(page, `loading="lazy"`); eager != eagerCards || lazy != 7-eagerCards+heroPictures {
		t.Errorf("%d eager, %d lazy", eager, lazy)
	}
}

func TestDecorationIsMadeOfFeaturedPictures(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	w := b.get("/")
	wants(t, w, 200, `<div class="pile" aria-hidden="true">`, `<link rel="preload" as="image" href="/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/480x360"`, `imagesrcset="/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/160x120 160w, `, `media="(min-width: 56rem)"`)
	if n := strings.Count(w.Body.String(), `alt=""`); n != 1 {
		t.Errorf("%d pictures of decoration of one featured product", n)
	}
	b.catalog.products = b.catalog.products[1:]
	lacks(t, b.get("/"), `class="pile"`, `rel="preload"`)
}

func TestProductLeadsToTheNextOnes(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	for _, slug := range []string{"a", "b", "c", "d"} {
		b.catalog.products = append(b.catalog.products, world.Product{Slug: slug, Name: "Kuchen " + slug, TaxClass: "cake"})
	}
	for path, want := range map[string]string{
		"/p/brot":  "de/pages app/sweet-crumbs de/p/brot de/p/a de/p/b de/p/c de/p/d",
		"/p/c":     "de/pages app/sweet-crumbs de/p/c de/p/d de/p/torte de/p/brot de/p/a media/sweet-crumbs/2abcdefghjkmnpqr/alias", // from the start again
		"/p/torte": "de/pages app/sweet-crumbs de/p/torte de/p/brot de/p/a de/p/b de/p/c media/sweet-crumbs/2abcdefghjkmnpqr/alias",
	} {
		w := b.get(path)
		wants(t, w, 200, "Mehr aus dem Ofen")
		if got := w.Header().Get("Surrogate-Key"); got != want {
			t.Errorf("%s: groups %q, want %q", path, got, want)
		}
		if n := strings.Count(w.Body.String(), `<article class="card">`); n != moreCards {
			t.Errorf("%s: %d cards", path, n)
		}
	}
	b.catalog.products = b.catalog.products[:1]
	lacks(t, b.get("/p/torte"), "Mehr aus dem Ofen")
}

func TestPagesAreNamedByBrandAndCountry(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	wants(t, b.get("/p/brot"), 200, "<title>Brot · Sweet Crumbs Deutschland</title>")
	wants(t, b.get("/"), 200, "<title>Sweet Crumbs Deutschland</title>", `lang="ja-JP" hreflang="ja-JP">日本</a>`, "Sweet Crumbs: eine Bäckerfamilie")
}

func shippedYAML[T any](t *testing.T, file string) (out T) {
	t.Helper()
	body, err := os.ReadFile("../../" + file)
	if err == nil {
		err = yaml.Unmarshal(body, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// All that the shipped shops sell can be taxed wherever they deliver, and where it
// is picked up.
func TestShippedAreasOweAKnownTax(t *testing.T) {
	type products struct {
		Products []struct {
			TaxClass   string `yaml:"tax_class"`
			ServedHot  bool   `yaml:"served_hot"`
			ServedWith string `yaml:"served_with"`
		}
	}
	table := testTax(t)
	for _, m := range shippedYAML[world.World](t, "world.yaml").Markets {
		terms, err := checkout.TermsOf(m, checkout.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[[3]string]world.Product{}
		for _, p := range shippedYAML[products](t, "data/catalog/"+m.ID+".yaml").Products {
			kinds[[3]string{p.TaxClass, fmt.Sprint(p.ServedHot), p.ServedWith}] = world.Product{TaxClass: p.TaxClass, ServedHot: p.ServedHot, ServedWith: p.ServedWith}
		}
		for kind, p := range kinds {
			for _, place := range m.TaxPlaces() {
				if _, err := table.Find(terms.Sale(place, tax.DateOf(noon, time.UTC)), p.TaxClass, checkout.Supply(world.Delivery, p)); err != nil {
					t.Errorf("%s: %s delivered to %s: %v", m.ID, kind, place, err)
				}
			}
			if _, err := table.Find(terms.Sale(terms.Seller, tax.DateOf(noon, time.UTC)), p.TaxClass, checkout.Supply(world.PickUp, p)); err != nil {
				t.Errorf("%s: %s picked up: %v", m.ID, kind, err)
			}
			if _, err := table.Find(terms.Sale(terms.Seller, tax.DateOf(noon, time.UTC)), p.TaxClass, checkout.Supply(world.EatIn, p)); m.EatIn && err != nil {
				t.Errorf("%s: %s eaten at the shop: %v", m.ID, kind, err)
			}
		}
		if len(kinds) == 0 {
			t.Errorf("%s sells nothing", m.ID)
		}
	}
}

// Every state of the shipped world has a name in the market's languages.
func TestShippedStatesHaveNames(t *testing.T) {
	for _, m := range shippedYAML[world.World](t, "world.yaml").Markets {
		for _, l := range m.Locales {
			at := &site{market: m, texts: testTexts(t).Locale(l)}
			for _, state := range m.States() {
				if at.place(m.Country+"-"+state) == state {
					t.Errorf("%s: %s has no name", l, state)
				}
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	b := open(t, "us-east", "in.localhost:8443", nil)
	w := b.get("/hi-in/p/brot")
	wants(t, w, 200, `<html lang="hi-IN">`,
		`<link rel="canonical" href="https://in.localhost/hi-in/p/brot">`,
		`<link rel="alternate" hreflang="en-IN" href="https://in.localhost/p/brot">`,
		`<link rel="alternate" hreflang="hi-IN" href="https://in.localhost/hi-in/p/brot">`,
		`<a href="/p/brot" hreflang="en-IN" lang="en-IN">English</a>`, `aria-current="true" lang="hi-IN">हिन्दी</span>`,
		`action="/hi-in/cart"`, `href="/hi-in/"`)
	for path, want := range map[string]string{"/en-in/p/brot": "/p/brot", "/en-IN/": "/", "/en-in//evil.example": "/evil.example",
		"/en-in/%09/evil.example": "/%09/evil.example", "/en-in/%0a%5c/evil.example": "/%0A%5C/evil.example"} {
		w := b.get(path)
		if w.Code != http.StatusPermanentRedirect { // the path is cleaned first
			w = b.get(w.Header().Get("Location"))
		}
		if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q", path, w.Code, w.Header().Get("Location"))
		}
	}
	lacks(t, open(t, "us-east", "de.localhost", nil).get("/"), `rel="alternate"`, `class="langs"`)
}

func TestErrorPages(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	w := b.get("/nowhere")
	wants(t, w, 404, "zerkrümelt", `<html lang="de-DE">`)
	if h := w.Header(); h.Get("Cache-Control") != "" || h.Get("Surrogate-Key") != "de/pages app/sweet-crumbs de/p/" {
		t.Errorf("a page that is not there: our tiers keep it for a moment: %v", h)
	}
	if h := b.get("/orders/xyz").Header(); h.Get("Cache-Control") != "no-store" || h.Get("Surrogate-Key") != "" {
		t.Errorf("an order that is not there: %v", h)
	}
	for _, path := range []string{"/p/nothing", "/p/NOT_A_SLUG", "/orders/xyz", "/hi-in/"} {
		wants(t, b.get(path), 404)
	}
	w = b.get("/nowhere", "Accept", "application/json")
	if w.Code != 404 || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"code":"not_found"`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	r, _ := http.NewRequest(http.MethodDelete, "/cart", nil)
	if w := b.do(r); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("DELETE: %d, allowed %q", w.Code, w.Header().Get("Allow"))
	}
	b.catalog.err = &world.Error{Code: world.CodeNotFound, ID: "another-visitors"}
	w = b.get("/p/nothing")
	wants(t, w, 404)
	lacks(t, w, "another-visitors") // others are shown the same page
	b.catalog.err = errors.New("secret cause")
	w = b.get("/")
	wants(t, w, 500)
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Surrogate-Key") != "" {
		t.Errorf("a failure: %v", h)
	}
	lacks(t, w, "secret cause")
	if !strings.Contains(b.log.String(), "secret cause") {
		t.Error("the cause is not in the log")
	}
	b.host = "evil.example"
	if w := b.get("/"); w.Code != 404 {
		t.Errorf("a foreign host: %d", w.Code)
	}
}

func TestAssets(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	for _, name := range []string{"site.css", "site.js", "favicon.svg"} {
		url := b.shop.assets.URL(name)
		w := b.get(url)
		if w.Code != 200 || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
		if name == "site.css" && w.Body.Len() > 30<<10 {
			t.Errorf("the styles have %d bytes", w.Body.Len())
		}
		if w := b.get("/assets/000000000000/" + name); w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s of another build: %d %v", name, w.Code, w.Header())
		}
	}
	if w := b.get("/favicon.ico"); w.Code != 302 || !strings.HasSuffix(w.Header().Get("Location"), "/favicon.svg") {
		t.Errorf("the icon that browsers look for: %d, %q", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/assets/x/y", "/assets/000000000000/none.css", "/assets/"} {
		if w := b.get(path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	r, _ := http.NewRequest(http.MethodHead, "/", nil)
	w := b.do(r)
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("ETag") == "" {
		t.Errorf("%d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
}

// A page that fails after it was marked must not be kept by what was said of it.
func TestAPageThatFailsTakesItsMarksBack(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	b.shop.pages["list"] = template.Must(template.New("layout").Parse(`{{define "layout"}}{{.Nothing}}{{end}}`))
	w := b.get("/")
	wants(t, w, 500)
	h := w.Header()
	if h.Get("Cache-Control") != "no-store" || h.Get("CDN-Cache-Control") != "" || h.Get("Surrogate-Key") != "" {
		t.Errorf("headers %v", h)
	}
}

// What a page needs first is in Link too: a cache sends it ahead (RFC 8297).
func TestPagesNameWhatTheyNeedFirst(t *testing.T) {
	b := open(t, "us-east", "de.localhost", nil)
	const picture = "</img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/"
	for path, want := range map[string][]string{
		"/":        {"; rel=preload; as=style", picture, `; media="(min-width: 56rem)"`},
		"/p/torte": {"; rel=preload; as=style", picture, `; imagesrcset="/img/`, `; imagesizes="`},
	} {
		w := b.get(path)
		links := strings.Join(w.Header()["Link"], ", ")
		for _, part := range want {
			if !strings.Contains(links, part) {
				t.Errorf("%s: Link is %s, without %s", path, links, part)
			}
		}
		if !strings.Contains(w.Body.String(), strings.TrimPrefix(strings.SplitN(links, ">", 2)[0], "<")) {
			t.Errorf("%s: the page has no %s", path, links)
		}
	}
}
