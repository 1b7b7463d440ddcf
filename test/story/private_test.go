package story

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/test/worldtest"
)

// photoCake is the German product that is made with its buyer's photo.
const photoCake = "fototorte"

// canaryPhoto is a photo with a comment that no other file has.
func canaryPhoto(t *testing.T, comment string) []byte {
	t.Helper()
	p := grainy(t, 600)                                                          // its bytes are those of no other photo
	segment := append([]byte{0xff, 0xfe, 0, byte(len(comment) + 2)}, comment...) // JPEG's COM (ITU-T T.81 §B.2.4.5)
	return append(append(p[:2:2], segment...), p[2:]...)
}

// sendPhoto posts the form of a cart with a photo, as a browser does.
func sendPhoto(t *testing.T, c *worldtest.Client, photo []byte, fields ...string) worldtest.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		form.WriteField(fields[i], fields[i+1])
	}
	file, err := form.CreateFormFile("photo", "me.jpg")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(photo)
	form.Close()
	return c.Send(t, http.MethodPost, "/cart", body.Bytes(), "Content-Type", form.FormDataContentType())
}

// privateOn is the address of the first private picture on a page.
func privateOn(t *testing.T, p *worldtest.Page) string {
	t.Helper()
	for _, img := range p.Find("img") {
		if src := worldtest.Attr(img, "src"); strings.HasPrefix(src, "/private/") {
			return src
		}
	}
	t.Fatalf("the page shows no private picture: %s", p.Text())
	return ""
}

// TestAPrivatePictureStaysHome gives a photo for a cake from Tokyo, and asks
// every tier for it: with a valid signature, and with all others. Its bytes are
// then looked for in all that the world keeps.
func TestAPrivatePictureStaysHome(t *testing.T) {
	w := theWorld(t)
	w.Restock(t, "de", photoCake, 20)
	c := w.Visitor(t, "de", "tokyo")
	if a := sendPhoto(t, c, bytes.Repeat([]byte("x"), 20<<20), "action", "add", "slug", photoCake, "quantity", "1"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "12 MB") {
		t.Errorf("a photo of 20 MB: %d", a.Status)
	}
	original := canaryPhoto(t, "Kanarienvogel im Garten")
	if a := sendPhoto(t, c, original, "action", "add", "slug", photoCake, "quantity", "1"); a.Status != http.StatusSeeOther {
		t.Fatalf("the photo was not taken: %d %s", a.Status, a.Body)
	}
	good := privateOn(t, c.Page(t, "/cart"))
	needles := [][]byte{[]byte("Kanarienvogel im Garten"), middle(original)}
	ofOriginal := len(needles)
	needles = append(needles, everyTier(t, w, good)...)

	form, page := c.Form(t, worldtest.Address(c.Market, "Erika Foto", "erika.foto@example.org"))
	privateOn(t, page)
	path, err := c.Place(form)
	if err != nil {
		t.Fatal(err)
	}
	privateOn(t, c.Order(t, path).Page)
	owner := w.Owner(t, "de")
	seen := owner.Get(t, privateOn(t, owner.Page(t, "/owner"+path)), "Accept", "image/webp")
	if seen.Status != http.StatusOK || seen.Header.Get("Content-Type") != "image/webp" {
		t.Errorf("the owner is shown %d %v", seen.Status, seen.Header)
	}
	needles = append(needles, middle(seen.Body))

	home := filepath.Join(w.Dir, "objects", "eu-central.resident") + string(filepath.Separator)
	found, _ := search(t, w.Dir, needles)
	printed := []byte(w.Logs())
	for i, needle := range needles {
		for _, path := range found[i] {
			if !strings.HasPrefix(path, home) {
				t.Errorf("bytes %d of a private picture lie in %s", i, path)
			}
		}
		if i < ofOriginal && len(found[i]) == 0 { // variants are kept once they are asked for more than once
			t.Errorf("bytes %d are not found even at home: the search proves nothing", i)
		}
		if bytes.Contains(printed, needle) {
			t.Errorf("bytes %d were printed", i)
		}
	}
	if logs := w.Logs(); strings.Contains(logs, "sig=") || strings.Contains(logs, good[strings.Index(good, "sig=")+4:]) {
		t.Error("a signature was printed")
	}
}

// middle is a piece of a file that no other file has.
func middle(b []byte) []byte { return b[len(b)/2 : len(b)/2+48] }

// everyTier asks all PoPs, shields and media roles by the good address and by
// bad ones, before and after it is cached, and returns pieces of the variants.
func everyTier(t *testing.T, w *worldtest.World, good string) (pieces [][]byte) {
	t.Helper()
	ring, err := signedurl.New(signedurl.Settings{Keys: []keyring.Key{{ID: "k1", Secret: w.Secrets(t).PrivateKey}}, Longest: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(good, "?")
	exact := strings.Replace(path, "/auto/", "/avif/", 1)
	sign := func(path string, life time.Duration) string {
		q, err := ring.Sign(path, time.Now().Add(life))
		if err != nil {
			t.Fatal(err)
		}
		return path + "?" + q
	}
	goodExact := sign(exact, time.Minute)
	bad := map[string]string{
		"none": exact, "wrong": goodExact[:len(goodExact)-8] + "AAAAAAAA", "expired": sign(exact, -time.Second), "too long": sign(exact, 48*time.Hour),
		"re-pathed": strings.Replace(goodExact, "320x320", "640x640", 1), "other": exact + good[len(path):], "extended": goodExact + "&a=b",
	}
	refused := func(who string, c *worldtest.Client) {
		for what, address := range bad {
			if a := c.Get(t, address); a.Status != http.StatusForbidden || a.Header.Get("Cache-Control") != "no-store" || !strings.Contains(string(a.Body), `"forbidden"`) {
				t.Errorf("%s, %s signature: %d %v", who, what, a.Status, a.Header)
			}
		}
	}
	shown := func(who string, c *worldtest.Client, address string, status int) worldtest.Answer {
		a := c.Get(t, address, "Accept", "image/avif")
		kind := a.Header.Get("Content-Type") // WebP where AVIF saves nothing, as with much grain
		if a.Status != status || status == http.StatusOK && kind != "image/avif" && kind != "image/webp" {
			t.Errorf("%s: %d %v", who, a.Status, a.Header)
		}
		return a
	}
	for _, region := range w.Plan.Regions {
		status := http.StatusMisdirectedRequest
		if region.Zone == "europe" {
			status = http.StatusOK
		}
		for _, role := range []string{"media", "shield"} {
			c := w.Role(t, role, region.ID, "de")
			refused(role+"@"+region.ID, c)
			a := shown(role+"@"+region.ID, c, goodExact, status)
			if status == http.StatusOK {
				pieces = append(pieces, middle(a.Body))
			}
			refused(role+"@"+region.ID+", cached", c)
		}
	}
	for _, pop := range w.Plan.PoPs {
		c := w.AtPoP(t, "de", pop.ID)
		refused(pop.ID, c)
		shown(pop.ID, c, good, http.StatusOK)
		refused(pop.ID+", cached", c)
		again := shown(pop.ID, c, good, http.StatusOK)
		status := again.Header.Get("Cache-Status")
		if hit := strings.Contains(status, "edge-"+pop.ID+"; hit"); hit != (pop.Zone == "europe") {
			t.Errorf("%s in zone %s, the second time: %q", pop.ID, pop.Zone, status)
		}
		if cc := again.Header.Get("Cache-Control"); !strings.HasPrefix(cc, "private, max-age=") || again.Header.Get("CDN-Cache-Control") != "" || strings.Contains(status, "sig") {
			t.Errorf("%s: %v", pop.ID, again.Header)
		}
	}
	return pieces
}
