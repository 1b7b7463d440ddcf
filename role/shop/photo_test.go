package shop

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/world"
)

// openCake is a shop that sells a cake with the buyer's photo.
func openCake(t *testing.T, change func(*Config, *Deps)) *bench {
	t.Helper()
	b := open(t, "eu-central", "de.localhost", change)
	b.catalog.products = append(b.catalog.products, world.Product{Slug: "fototorte", TaxClass: "cake", TakesPhoto: true, Name: "Fototorte",
		Description: "Mit Ihrem Bild.", AllergenNote: "Milch.", SKUs: []world.SKU{{Key: "fototorte", PriceMinor: 4290, PriceVersion: 1}}})
	b.orders.stock["fototorte"] = 9
	return b
}

// send posts a form with a photo, as a browser does: fields in their order.
func (b *bench) send(photo string, fields ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := form.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile("photo", "Erika Mustermann.jpg")
	if err != nil {
		b.t.Fatal(err)
	}
	file.Write([]byte(photo))
	form.Close()
	r := httptest.NewRequest(http.MethodPost, "/cart", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *bench) addCake(photo string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.send(photo, "action", "add", "slug", "fototorte", "quantity", "1")
}

var privateAddress = regexp.MustCompile(`/private/[^" ]+`)

// photosOn are the media ids of the private pictures that a page shows, each by
// an address that holds.
func photosOn(t *testing.T, w *httptest.ResponseRecorder) map[string]bool {
	t.Helper()
	ring, err := signedurl.New(signedurl.Settings{Keys: []keyring.Key{{ID: "k1", Secret: "a secret of a test, long enough"}}, Longest: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, address := range privateAddress.FindAllString(w.Body.String(), -1) {
		path, query, _ := strings.Cut(html.UnescapeString(address), "?")
		if left, err := ring.Verify(path, query, noon); err != nil || left < time.Hour || left > 75*time.Minute {
			t.Errorf("%s holds %v: %v", address, left, err)
		}
		found[strings.Split(path, "/")[3]] = true
	}
	if len(found) > 0 && w.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("a page with a private address may be kept: %v", w.Header())
	}
	return found
}

func TestACakeWithAPhotoFromPageToOrder(t *testing.T) {
	b := openCake(t, nil)
	page := b.get("/p/fototorte")
	wants(t, page, 200, `enctype="multipart/form-data"`, `type="file"`, `bis 12 MB`)
	lacks(t, b.get("/p/brot"), "multipart", `type="file"`)
	if strings.Contains(page.Header().Get("Cache-Control"), "no-store") {
		t.Error("the product's page is not shared")
	}
	w := b.addCake("photo of a dog")
	if w.Code != 303 || w.Header().Get("Location") != "/cart?added=fototorte" || len(b.photos.kept) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	cart := b.get("/cart")
	wants(t, cart, 200, "Ihr Foto für Fototorte", `value="photo"`)
	if got := photosOn(t, cart); len(got) != 1 || !got["2000000000000001"] {
		t.Errorf("the cart shows %v", got)
	}
	// Another photo takes its place.
	if w := b.send("photo of a cat", "action", "photo", "slug", "fototorte"); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	checkout := b.get("/checkout")
	if got := photosOn(t, checkout); len(got) != 1 || !got["2000000000000002"] {
		t.Errorf("the checkout shows %v", got)
	}
	form := with(contactDE(), "key", hidden(t, checkout, "key"), "quoted", hidden(t, checkout, "quoted"), "step", "place")
	placed := b.post("/checkout", form)
	wants(t, placed, 303)
	order := b.get(placed.Header().Get("Location"))
	if got := photosOn(t, order); order.Code != 200 || len(got) != 1 || !got["2000000000000002"] {
		t.Errorf("the order shows %v", got)
	}
	for _, o := range b.orders.orders {
		if len(o.Lines) != 1 || o.Lines[0].Photo != "2000000000000002" {
			t.Errorf("the order's lines: %+v", o.Lines)
		}
	}
	b.cookies = map[string]string{} // somebody else
	if w := b.get(placed.Header().Get("Location")); w.Code != 404 || len(photosOn(t, w)) != 0 {
		t.Errorf("a stranger is shown %d", w.Code)
	}
	if strings.Contains(b.log.String(), "sig=") || strings.Contains(b.log.String(), "Mustermann") {
		t.Errorf("the log tells: %s", b.log)
	}
}

// A product that stops taking photos is ordered without the one that a cart holds.
func TestAPhotoOfAProductThatTakesNoneAnyMore(t *testing.T) {
	b := openCake(t, nil)
	if w := b.addCake("photo of a dog"); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.catalog.products[len(b.catalog.products)-1].TakesPhoto = false
	checkout := b.get("/checkout")
	if got := photosOn(t, checkout); checkout.Code != 200 || len(got) != 0 {
		t.Errorf("the checkout shows %v", got)
	}
	wants(t, b.post("/checkout", with(contactDE(), "key", hidden(t, checkout, "key"), "quoted", hidden(t, checkout, "quoted"), "step", "place")), 303)
	for _, o := range b.orders.orders {
		if len(o.Lines) != 1 || o.Lines[0].Photo != "" {
			t.Errorf("the order's lines: %+v", o.Lines)
		}
	}
}

func TestAPhotoThatIsNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		photo string
		err   error
		says  string
	}{
		"none":             {"", nil, "Bitte geben Sie ein Foto für Fototorte an."},
		"no picture":       {"PK zip", nil, "Diese Datei können wir nicht lesen."},
		"too many bytes":   {"photo" + strings.Repeat("x", 1<<20), nil, "bis 1 MB."},
		"more than a form": {"photo" + strings.Repeat("x", 3<<20), nil, "bis 1 MB."},
		"too many pixels":  {"photo", world.E(world.CodeTooLarge, "m", ""), "bis 1 MB."},
		"damaged":          {"photo", world.E(world.CodeUnprocessed, "m", ""), "beschädigt"},
		"busy":             {"photo", world.E(world.CodeBusy, "m", ""), "gleich noch einmal"},
	} {
		b := openCake(t, func(c *Config, _ *Deps) { c.MaxPhoto = 1 << 20 })
		b.photos.err = c.err
		w := b.addCake(c.photo)
		if w.Code != 422 || !strings.Contains(w.Body.String(), c.says) || !strings.Contains(w.Body.String(), `type="file"`) || w.Header().Get("Cache-Control") != "private, no-store" || w.Header().Get("CDN-Cache-Control") != "" {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		if len(b.orders.carts) != 0 || len(b.photos.kept) != 0 {
			t.Errorf("%s: something was kept: %v", name, b.orders.carts)
		}
	}
}

func TestAPhotoAtItsLimit(t *testing.T) {
	b := openCake(t, func(c *Config, _ *Deps) { c.MaxPhoto = 1 << 20 })
	if w := b.addCake("photo" + strings.Repeat("x", 1<<20-5)); w.Code != 303 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestMediaIsAway(t *testing.T) {
	b := openCake(t, nil)
	b.photos.err = world.E(world.CodeUnavailable, "m", "")
	wants(t, b.addCake("photo"), 503, "Gleich wieder da")
}

// A cake that has come into the cart without a photo is not ordered like that.
func TestACakeWithoutAPhotoIsNotOrdered(t *testing.T) {
	b := openCake(t, nil)
	b.add("brot", "1")
	for id := range b.orders.carts {
		b.orders.carts[id] = append(b.orders.carts[id], world.CartLine{SKU: "fototorte", Quantity: 1})
	}
	wants(t, b.get("/cart"), 200, "Bitte geben Sie ein Foto für Fototorte an.", `href="#f-fototorte"`, "Foto hinzufügen")
	if w := b.get("/checkout"); w.Code != 303 {
		t.Errorf("checkout: %d", w.Code)
	}
	wants(t, b.send("PK zip", "action", "photo", "slug", "fototorte"), 422, "Diese Datei können wir nicht lesen.", "Warenkorb")
	wants(t, b.send("photo", "action", "photo", "slug", "fototorte"), 303)
	wants(t, b.get("/checkout"), 200)
}

func TestFormsWithFilesAreBounded(t *testing.T) {
	b := openCake(t, nil)
	many := []string{"action", "add", "slug", "fototorte"}
	for range maxFormFields {
		many = append(many, "a", "b")
	}
	wants(t, b.send("photo", many...), 422)
	wants(t, b.send("photo", "action", "add", "slug", "fototorte", "quantity", strings.Repeat("1", maxFormField+1)), 422)
	for path, form := range map[string]url.Values{"/checkout": {"step": {"place"}}, "/cart": {}} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if w := b.do(r); w.Code >= 500 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// A photo for what takes none is let go, and one for what is not in the cart.
	wants(t, b.send("photo", "action", "add", "slug", "brot", "quantity", "1"), 303)
	wants(t, b.send("photo", "action", "photo", "slug", "fototorte"), 303)
	if len(b.photos.kept) != 0 {
		t.Errorf("%d photos kept", len(b.photos.kept))
	}
	r := httptest.NewRequest(http.MethodPost, "/cart", strings.NewReader(""))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	wants(t, b.do(r), 403)
}

func FuzzPhotoForm(f *testing.F) {
	f.Add("--x\r\nContent-Disposition: form-data; name=\"slug\"\r\n\r\nfototorte\r\n--x\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\n\r\nphoto\r\n--x--\r\n")
	f.Add("--x--\r\n")
	f.Add("--x\r\n\r\n\r\n--x\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		b := openCake(t, func(c *Config, _ *Deps) { c.MaxPhoto = 1 << 20 })
		r := httptest.NewRequest(http.MethodPost, "/cart", strings.NewReader(body))
		r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if w := b.do(r); w.Code >= 500 {
			t.Fatalf("%d for %q", w.Code, body)
		}
	})
}
