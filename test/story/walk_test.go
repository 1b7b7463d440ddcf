package story

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"meridian/app/mailbox"
	"meridian/data"
	"meridian/engine/money"
	"meridian/platform/i18n"
	"meridian/test/worldtest"
	"meridian/world"
)

// walkVariable has every language walk every step when it is "full"; else the
// steps that are the same in all of them are spread out over the languages.
const walkVariable = "STORY_WALK"

// Cards of the provider for trying out (app/testpay/README.md).
const (
	cardDeclined = "4000 0000 0000 0002"
	cardNoFunds  = "4000 0000 0000 9995"
	cardConfirm  = "4000 0000 0000 3220"
)

// stroll is how a language is walked. What is looked for finds the photo cake.
type stroll struct {
	locale, word, place string
	pickup              bool // else it is delivered
	narrow              bool // on a telephone
	failing             string
	why                 string // the key of what the shop says of the failing card
	code                string // a promotion's, refused first in a full walk
}

var strolls = []stroll{
	{locale: "de-DE", word: "Foto", place: "Köln", failing: cardDeclined, why: "payment.declined", code: "WELCOME10"},
	{locale: "en-GB", word: "photo", place: "Leeds", pickup: true, failing: cardNoFunds, why: "payment.insufficient_funds", code: "WELCOME10"},
	{locale: "en-US", word: "photo", place: "New York", narrow: true, failing: cardDeclined, why: "payment.declined", code: "WELCOME10"},
	{locale: "ja-JP", word: "写真", place: "千代田区", pickup: true, narrow: true, failing: cardNoFunds, why: "payment.insufficient_funds", code: "CAKE"},
	{locale: "en-IN", word: "photo", place: "Mumbai", pickup: true, failing: cardDeclined, why: "payment.declined", code: "WELCOME10"},
	{locale: "hi-IN", word: "फ़ोटो", place: "मुंबई", narrow: true, failing: cardNoFunds, why: "payment.insufficient_funds", code: "WELCOME10"},
}

// walker is somebody on the way through a market's shop in one language.
type walker struct {
	stroll
	*browser
	w      *worldtest.World
	market world.Market
	prefix string // of the language's addresses
	texts  i18n.Locale
	keys   *regexp.Regexp // finds what was not translated
	email  string
	axe    *axe
	full   bool
	page   int // how many were looked at
}

// TestStorefrontWalked walks the shop of every market in each of its languages: a
// photo cake is searched for and ordered with a photo, a promotion and a slot; a
// card is declined, another pays once the bank has asked; the owner gives some of
// it back. Every page is in the language; what the buyer sees, what the provider
// holds and what the letters say is the same.
func TestStorefrontWalked(t *testing.T) {
	w := theWorld(t)
	texts, keys := shippedTexts(t)
	a := &axe{source: axeSource()}
	t.Run("walks", func(t *testing.T) {
		for i, s := range strolls {
			m := w.Plan.Markets[slices.IndexFunc(w.Plan.Markets, func(m world.Market) bool { return slices.Contains(m.Locales, s.locale) })]
			t.Run(m.ID+" "+s.locale, func(t *testing.T) {
				t.Parallel()
				b := open(t, site(t, w, m.ID))
				k := &walker{stroll: s, browser: b, w: w, market: m, texts: texts.Locale(s.locale), keys: keys, axe: a,
					full: os.Getenv(walkVariable) == "full", page: i,
					email: fmt.Sprintf("walker-%s-%d@example.org", strings.ToLower(s.locale), time.Now().UnixNano())}
				if s.locale != m.Locales[0] {
					k.prefix = "/" + strings.ToLower(s.locale)
				}
				k.walk()
			})
		}
	})
	t.Run("accessibility", func(t *testing.T) { a.judge(t) })
}

func shippedTexts(t *testing.T) (*i18n.Texts, *regexp.Regexp) {
	t.Helper()
	folder, err := fs.Sub(data.FS, "locales")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := i18n.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	english, err := fs.ReadFile(folder, "en-GB.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+\.[a-z_0-9]+):`).FindAllStringSubmatch(string(english), -1) {
		keys = append(keys, regexp.QuoteMeta(m[1]))
	}
	return texts, regexp.MustCompile(`\b(` + strings.Join(keys, "|") + `)\b|\{[a-z_0-9]+\}|\{\{|<no value>`)
}

func (k *walker) walk() {
	k.size()
	cake := k.finds()
	k.w.Restock(k.t, k.market.ID, cake, 20)
	k.choosesPhoto()
	total := k.checksOut()
	order := k.pays(total)
	k.documents(order)
	back := k.givenBack(order)
	k.letters(order, total, back)
}

func (k *walker) size() {
	if k.narrow {
		k.do(chromedp.EmulateViewport(390, 1700, chromedp.EmulateMobile, chromedp.EmulateTouch))
		return
	}
	k.tall()
}

// looks judges the page that is shown: its language, its words, its pictures, and
// whether all can use it.
func (k *walker) looks(name string) {
	k.t.Helper()
	if lang := js[string](k.browser, `document.documentElement.lang`); lang != k.locale {
		k.t.Errorf("%s is in %q, want %q", name, lang, k.locale)
	}
	k.sees(name)
}

// sees is looks for a page that need not be in the language.
func (k *walker) sees(name string) {
	k.t.Helper()
	text := js[string](k.browser, `(document.querySelector(".mbar")?.remove(), document.title + "\n" + document.body.innerText)`)
	if key := k.keys.FindString(text); key != "" {
		k.t.Errorf("%s has %q in it, which is no text", name, key)
	}
	if wide := js[int](k.browser, `document.documentElement.scrollWidth - innerWidth`); wide > 0 && name != "invoice" && name != "credit note" {
		k.t.Errorf("%s is %d pixels wider than the window", name, wide)
	}
	k.page++
	if k.full || k.page%3 == 0 {
		k.axe.look(k.browser, k.market.ID+" "+k.locale+" "+name)
	}
	if k.shooting() {
		if js[bool](k.browser, `document.images.length > 0`) {
			picturesLoad(k.browser, name)
		}
		width := 1280
		if k.narrow {
			width = 390
		}
		k.shot(fmt.Sprintf("%s-%s-%s-%d", k.market.ID, k.locale, strings.ReplaceAll(name, " ", "_"), width))
	}
}

// says wants a text of the language on the page.
func (k *walker) says(selector, key string, pairs ...any) {
	k.t.Helper()
	if want := k.texts.Text(key, pairs...); !strings.Contains(k.text(selector), want) {
		k.t.Errorf("%s: %s does not say %q: %q", k.locale, selector, want, k.text(selector))
	}
}

// finds looks for a word on the home page and goes to the photo cake.
func (k *walker) finds() (cake string) {
	k.visit(k.prefix + "/")
	k.says("main", "menu.all")
	k.looks("home")
	k.do(chromedp.SendKeys(chromedp.CSS("#find"), k.word))
	k.leads(200, k.click("form.find button"))
	k.says("h1", "search.title")
	k.says("main [role=status]", "search.count", "Count", js[int](k.browser, `document.querySelectorAll("main .card").length`))
	k.looks("search")
	if k.full {
		k.visit(k.prefix + "/search?q=xqzzqx")
		k.says("main", "search.none")
		k.looks("search without a hit")
		k.leads(200, k.backTo("/search?q="))
	}
	cake = "photo-cake"
	if k.market.ID == "de" {
		cake = photoCake
	}
	k.leads(200, k.click(fmt.Sprintf(`.card a[href="%s/p/%s"]`, k.prefix, cake)))
	k.says(".facts", "product.allergens")
	k.looks("product")
	return cake
}

func (k *walker) backTo(path string) chromedp.Action[chromedp.Void] {
	return chromedp.Navigate(k.host + k.prefix + path + k.word)
}

// choosesPhoto puts the cake into the cart, with a file that is none first.
func (k *walker) choosesPhoto() {
	dir := k.t.TempDir()
	for name, content := range map[string][]byte{"none.jpg": []byte("this is no picture"), "me.jpg": photo(k.t)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
	k.choose("#photo", filepath.Join(dir, "none.jpg"))
	k.leads(422, k.click("form.buy button"))
	k.says("#photo-wrong", "photo.unsupported")
	k.looks("photo refused")
	k.choose("#photo", filepath.Join(dir, "me.jpg"))
	k.leads(200, k.click("form.buy button"))
	k.says("h1", "cart.title")
	if !js[bool](k.browser, `[...document.querySelectorAll('.photoline img[src^="/private/"]')].length === 1`) {
		k.t.Error("the cart does not show the photo")
	}
	k.looks("cart")
}

// checksOut chooses how and when the cake comes and what is taken off, and places
// the order. It returns the total that the page shows.
func (k *walker) checksOut() (total string) {
	k.leads(200, k.click(fmt.Sprintf(`a[href="%s/checkout"]`, k.prefix)))
	k.says("h1", "checkout.title")
	k.looks("checkout")
	if k.full {
		k.leads(422, k.click(`button[name="step"][value="place"], button[name="step"][value="review"]`))
		k.says("#wrong", "error.summary")
		k.says("#name-wrong", "error.required")
		k.looks("checkout with errors")
	}
	address := worldtest.Address(k.market, "Ada Lovelace", k.email)
	address.Set("city", k.place)
	for field := range address {
		if js[bool](k.browser, fmt.Sprintf(`document.getElementById(%q)?.tagName === "INPUT"`, field)) {
			k.fill(field, address.Get(field))
		} else {
			k.do(chromedp.SetValue(chromedp.CSS("#"+field), address.Get(field)))
		}
	}
	if k.pickup {
		k.do(k.click(`input[name="fulfilment"][value="pickup"]`))
	}
	if k.full || k.pickup {
		k.fill("code", "NOPE")
		k.leads(200, k.click(`aside button[value="look"]`))
		k.says("#code-wrong", "promotion.not_found", "Code", "NOPE")
		k.looks("code refused")
	}
	k.fill("code", k.code)
	k.leads(200, k.click(`aside button[value="look"]`))
	if label := k.promotion(); k.text("#code-wrong") != "" || !strings.Contains(k.text(".sums"), label) {
		k.t.Errorf("%s takes nothing off, want %q: %s", k.code, label, k.text("aside"))
	}
	k.choosesSlot()
	k.do(k.click(`input[name="method"][value="card"]`))
	k.says("fieldset:has(#slot)", "checkout.slot")
	k.looks("checkout with a promotion")
	return k.text(".sums .total td")
}

// choosesSlot takes the last slot that is open: the first may close meanwhile. Where
// nothing is delivered in the days that are shown, as about holidays, the cake is
// fetched.
func (k *walker) choosesSlot() {
	k.t.Helper()
	const choose = `(() => { const s = document.getElementById("slot"), i = [...s.options].findLastIndex((o) => o.value && !o.disabled); if (i > 0) s.selectedIndex = i; return i > 0; })()`
	if js[bool](k.browser, choose) {
		return
	}
	k.do(k.click(`input[name="fulfilment"][value="pickup"]`))
	k.leads(200, k.click(`aside button[value="look"]`))
	if !js[bool](k.browser, choose) {
		k.t.Fatalf("%s offers no slot", k.market.ID)
	}
}

// promotion is what the market calls the code's promotion.
func (k *walker) promotion() (label string) {
	k.t.Helper()
	const q = `select labels ->> $2 from promotion where market = $1 and code = $3`
	if err := k.w.Catalog(k.t, k.market.HomeRegion).QueryRow(k.t.Context(), q, k.market.ID, k.locale, k.code).Scan(&label); err != nil {
		k.t.Fatal(err)
	}
	return label
}

// heard waits until the shop knows that a card was declined: the provider tells it
// beside what it shows to the buyer.
func (k *walker) heard() {
	k.t.Helper()
	conn := k.w.Resident(k.t, k.market.HomeRegion)
	eventually(k.t, pageWithin, "the shop has heard that the card was declined", func() bool {
		var heard bool
		const q = `select exists (select from payment p join orders o on o.id = p.order_id where o.email = $1 and p.failure <> '')`
		if err := conn.QueryRow(k.t.Context(), q, k.email).Scan(&heard); err != nil {
			k.t.Fatal(err)
		}
		return heard
	})
}

// pays is declined with one card and pays with another, after the bank has asked.
// It returns the order's path.
func (k *walker) pays(total string) (path string) {
	k.leads(200, k.click(`button[name="step"][value="place"]`))
	k.shows(".sum dd", total)
	k.card(k.failing)
	k.shows(".problem", "")
	k.paysPage("pay declined")
	if k.full || k.narrow {
		// Who goes back finds the order waiting, and why, once the shop has heard it.
		k.heard()
		k.leads(200, k.click("main > p > a"))
		k.says("h1", "payment.awaited")
		k.says(".notice", k.why)
		k.looks("order unpaid")
		k.leads(200, k.click(".notice a.button"))
	}
	k.card(cardConfirm)
	k.shows(".ask", total)
	k.paysPage("pay bank")
	k.leads(200, k.click(`button[value="yes"]`))
	k.placed()
	k.says("h1", "order.thanks")
	k.says("main", "payment.card")
	k.says(".log", "order.event_authorise")
	if got := k.text(".sums .total td"); got != total {
		k.t.Errorf("the order's total is %q, the checkout's was %q", got, total)
	}
	k.looks("order")
	return js[string](k.browser, `location.pathname`)
}

func (k *walker) card(number string) {
	k.t.Helper()
	k.do(chromedp.SendKeys(chromedp.CSS("#number"), number))
	k.leads(200, k.click("form button"))
}

// paysPage is looks for the provider's page, which has languages, no countries.
func (k *walker) paysPage(name string) {
	k.t.Helper()
	language, _, _ := strings.Cut(k.locale, "-")
	if lang := js[string](k.browser, `document.documentElement.lang`); lang != language {
		k.t.Errorf("%s is in %q, want %q", name, lang, language)
	}
	k.sees(name)
}

// documents opens the invoice and the list of orders.
func (k *walker) documents(order string) {
	k.leads(200, k.click(fmt.Sprintf(`a[href="%s/invoice"]`, order)))
	k.looks("invoice")
	k.leads(200, chromedp.Navigate(k.host+k.prefix+"/orders"))
	k.says(".orders", "order.state_placed")
	k.looks("orders")
}

// givenBack has the owner refund the cake, and the buyer see it. It returns what
// the buyer got back.
func (k *walker) givenBack(order string) (back string) {
	id := order[strings.LastIndex(order, "/")+1:]
	ownerIn(k.browser, k.w, k.market.ID)
	k.leads(200, chromedp.Navigate(k.host+"/owner/orders/"+id))
	k.sees("owner's order")
	k.fill("line-1", "1")
	k.fill("because", "Zu süß")
	k.leads(200, k.click(`button[value="refund"]`))
	k.sees("owner's order refunded")
	k.leads(200, chromedp.Navigate(k.host+order))
	k.says(".sums", "order.refunded")
	k.says(".log", "order.event_refund")
	k.looks("order refunded")
	k.leads(200, k.click(fmt.Sprintf(`a[href="%s/refunds/1"]`, order)))
	k.looks("credit note")
	return k.reconciles(id)
}

// paid is what the provider says of a payment.
type paid struct {
	State                      world.PaymentState
	Amount, Captured, Refunded int64
}

// reconciles wants the provider to have captured the order's total and given back
// the refund's, which it returns as the market writes it.
func (k *walker) reconciles(id string) (back string) {
	k.t.Helper()
	var ref string
	var total, refunded int64
	resident := k.w.Resident(k.t, k.market.HomeRegion)
	const q = `select p.ref, o.total_minor, (select sum(r.total_minor) from refund r where r.order_id = o.id)::bigint
		from orders o join payment p on p.order_id = o.id and p.state = 'captured' where o.id = $1`
	eventually(k.t, pageWithin, "the payment of "+id+" is captured", func() bool {
		return resident.QueryRow(k.t.Context(), q, id).Scan(&ref, &total, &refunded) == nil
	})
	provider := k.w.Provider(k.t)
	var p paid
	eventually(k.t, pageWithin, fmt.Sprintf("the provider has captured %d and given back %d", total, refunded), func() bool {
		a := provider.Get(k.t, "/v1/payments/"+ref, "Authorization", "Bearer "+k.w.Secrets(k.t).Pay[k.market.ID].Key)
		if a.Status != http.StatusOK {
			k.t.Fatalf("the provider answers %d: %s", a.Status, a.Body)
		}
		if err := json.Unmarshal(a.Body, &p); err != nil {
			k.t.Fatal(err)
		}
		return p.Captured == total && p.Refunded == refunded
	})
	if p.Amount != total || refunded <= 0 || refunded > total {
		k.t.Errorf("the order's total is %d, refunded %d: %+v", total, refunded, p)
	}
	return money.Amount{Minor: refunded, Currency: k.market.Currency}.Format(k.locale)
}

// letters finds both letters in the mailbox, in the buyer's language.
func (k *walker) letters(order, total, back string) {
	var number string
	id := order[strings.LastIndex(order, "/")+1:]
	if err := k.w.Resident(k.t, k.market.HomeRegion).QueryRow(k.t.Context(), `select number from orders where id = $1`, id).Scan(&number); err != nil {
		k.t.Fatal(err)
	}
	wants := map[string]string{
		k.texts.Text("mail.placed_subject", "Number", number):   total,
		k.texts.Text("mail.refunded_subject", "Number", number): k.texts.Text("mail.refunded_lead", "Amount", back),
	}
	var last mailbox.Letter
	eventually(k.t, pageWithin, "letters about the order and the refund have come to "+k.email, func() bool {
		found := 0
		for _, l := range k.mails() {
			if want, ok := wants[l.Subject]; ok && l.To == k.email && !l.Again {
				if !strings.Contains(l.Text, want) || k.keys.MatchString(l.Text+l.HTML) {
					k.t.Fatalf("the letter %q does not say %q:\n%s", l.Subject, want, l.Text)
				}
				last, found = l, found+1
			}
		}
		return found >= len(wants)
	})
	k.do(chromedp.Navigate("data:text/html;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(last.HTML))))
	k.looks("letter")
}

func (k *walker) mails() []mailbox.Letter {
	k.t.Helper()
	var all struct{ Mails []mailbox.Letter }
	if err := json.Unmarshal(k.w.Admin(k.t).Get(k.t, "/mails").Body, &all); err != nil {
		k.t.Fatal(err)
	}
	return all.Mails
}
