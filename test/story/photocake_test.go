package story

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAPhotoForACake chooses a photo in the browser, first a file that is none,
// and sees it in cart, checkout and order, as the owner does.
func TestAPhotoForACake(t *testing.T) {
	w := theWorld(t)
	w.Restock(t, "de", photoCake, 20)
	dir := t.TempDir()
	file := func(name string, content []byte) []string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{path}
	}
	b := open(t, site(t, w, "de"))
	b.tall()
	b.visit("/p/" + photoCake)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#photo"), file("text.jpg", []byte("this is no picture"))))
	b.leads(422, b.click("form.buy button"))
	if wrong := b.text("#wrong"); !strings.Contains(wrong, "JPEG") {
		t.Errorf("the page does not say what is wrong with the file: %q", wrong)
	}
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#photo"), file("me.jpg", photo(t))))
	b.leads(200, b.click("form.buy button"))
	const shown = `img[src^="/private/"]`
	for _, step := range []string{"cart", "checkout", "order"} {
		picturesLoad(b, "the "+step)
		if !js[bool](b, `document.querySelector('`+shown+`')?.naturalWidth > 0`) {
			t.Errorf("the %s does not show the photo", step)
		}
		switch step {
		case "cart":
			b.leads(200, b.click(`a[href="/checkout"]`))
		case "checkout":
			for id, text := range map[string]string{"name": "Käthe Kollwitz", "email": "kaethe@example.org", "line1": "Weißenburger Straße 25", "city": "Berlin", "postal_code": "10405"} {
				b.fill(id, text)
			}
			b.do(b.click(payThere))
			b.leads(200, b.click(`button[name="step"][value="place"]`))
		}
	}
	number := b.text(".number")
	// Each photo is noted before it is sent, under the id that it has then.
	var noted bool
	const q = `select bool_and(exists (select from unused_photo where media_id = l.photo)) from order_line l join orders o on o.id = l.order_id where o.number = $1`
	if err := w.Resident(t, w.Market(t, "de").HomeRegion).QueryRow(t.Context(), q, number).Scan(&noted); err != nil || !noted {
		t.Errorf("the photo of %s was noted: %v, %v", number, noted, err)
	}
	ownerReads(t, b, w, number)
	order := js[string](b, `[...document.querySelectorAll("a")].find((a) => a.textContent.includes("`+number+`")).getAttribute("href")`)
	b.visit(order)
	picturesLoad(b, "the owner's page of the order")
	if !js[bool](b, `document.querySelector('`+shown+`')?.naturalWidth > 0`) {
		t.Error("the owner does not see the photo")
	}
}
