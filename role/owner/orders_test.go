package owner

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"meridian/engine/signedurl"
	"meridian/world"
)

func anOrder(n int) world.Order {
	return world.Order{
		ID: strings.Repeat("a", 25) + string(rune('a'+n)), Number: fmt.Sprintf("SC-DE-%d", n), Market: "de", Currency: "EUR", PlacedAt: noon.Add(-time.Duration(n) * time.Hour),
		Contact:  world.Contact{Name: "Ada <b>", Email: "ada@example.com", Phone: "0228 1", Line1: "Weg 1", PostalCode: "53111", City: "Bonn"},
		Lines:    []world.OrderLine{{SKU: "stollen", Name: "Christstollen", Quantity: 2, UnitMinor: 3200, LineMinor: 6400, TaxMinor: 419}, {Name: "Brezel", Quantity: 1, UnitMinor: 90, LineMinor: 90, TaxMinor: 6}},
		Taxes:    []world.OrderTax{{Label: "USt", Rate: "7", NetMinor: 6065, TaxMinor: 425}},
		NetMinor: 6065, TaxMinor: 425, TotalMinor: 6490,
	}
}

func TestOrdersPage(t *testing.T) {
	d := newDesk(t)
	d.orders = []world.Order{anOrder(0), {ID: orderID, Market: "gb", Number: "SC-GB-1"}}
	res := d.signedIn().get("/owner/")
	want(t, res, 200,
		"107,00\u00a0€", "100,00\u00a0€", "<dd>3</dd>", // today
		`href="/owner/orders/aaaaaaaaaaaaaaaaaaaaaaaaaa"`, "SC-DE-0", "01.03.2026, 13:00", `datetime="2026-03-01T12:00:00Z"`,
		"Ada &lt;b&gt;", "Bonn", "2 × Christstollen, 1 × Brezel", "64,90\u00a0€")
	if strings.Contains(res.Body.String(), "SC-GB-1") || strings.Contains(res.Body.String(), "Older") {
		t.Error("another market's order is shown, or an older page that is not there")
	}
	from := time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC) // Berlin's midnight
	if day := d.days[0]; !day[0].Equal(from) || !day[1].Equal(from.Add(24*time.Hour)) {
		t.Errorf("today is %v", day)
	}
}

func TestTodayOnTheDayTheClocksChange(t *testing.T) {
	d := newDesk(t)
	for day, hours := range map[string]float64{"2026-03-29": 23, "2026-10-25": 25, "2026-06-01": 24} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		from, to := d.owner.sites["de"].today(at.Add(12 * time.Hour))
		if to.Sub(from).Hours() != hours || from.Format(time.DateOnly) != day {
			t.Errorf("%s is from %v to %v", day, from, to)
		}
	}
}

func TestOrdersEmpty(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	want(t, c.get("/owner/"), 200, "No orders yet")
	want(t, c.get("/owner/?before=1."+orderID), 200, "No older orders")
}

var olderLink = regexp.MustCompile(`href="([^"]+)" rel="next"`)

func TestOrdersPageByPage(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.PageSize = 2 })
	for n := range 4 {
		d.orders = append(d.orders, anOrder(n))
	}
	c := d.signedIn()
	first := c.get("/owner/")
	want(t, first, 200, "SC-DE-0", "SC-DE-1")
	m := olderLink.FindStringSubmatch(first.Body.String())
	if m == nil || strings.Contains(first.Body.String(), "SC-DE-2") {
		t.Fatalf("no link to older orders, or too many:\n%s", first.Body)
	}
	second := c.get(m[1])
	want(t, second, 200, "SC-DE-2", "SC-DE-3", "Newest")
	if strings.Contains(second.Body.String(), "SC-DE-1<") || olderLink.MatchString(second.Body.String()) {
		t.Errorf("the second page:\n%s", second.Body)
	}
	want(t, c.get("/owner/?before=rubbish"), 400, "does not exist")
}

func TestOrderPage(t *testing.T) {
	d := newDesk(t)
	d.orders = []world.Order{anOrder(0)}
	other := anOrder(1)
	other.Market = "gb"
	d.orders = append(d.orders, other)
	c := d.signedIn()
	want(t, c.get("/owner/orders/"+d.orders[0].ID), 200, "SC-DE-0", "Ada &lt;b&gt;\nWeg 1\n53111 Bonn", "mailto:ada@example.com", "0228 1",
		"32,00\u00a0€", "64,00\u00a0€", "4,19\u00a0€", "USt", "7 % of 60,65\u00a0€", "4,25\u00a0€", "64,90\u00a0€")
	for _, id := range []string{other.ID, strings.Repeat("z", 26), "x", strings.Repeat("A", 26), "%00"} {
		want(t, c.get("/owner/orders/"+id), 404, "no such order")
	}
}

// The photo is shown by addresses that hold for a while, to this owner's page.
func TestACustomersPhotoIsShown(t *testing.T) {
	d := newDesk(t)
	o := anOrder(0)
	o.Lines[0].Photo = "2000000000000bbb"
	d.orders = []world.Order{o, anOrder(1)}
	c := d.signedIn()
	res := c.get("/owner/orders/" + o.ID)
	want(t, res, 200, "The customer's photo")
	ring, err := signedurl.New(signedurl.Settings{Keys: signingKeys, Longest: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	addresses := regexp.MustCompile(`/private/sweet-crumbs/2000000000000bbb/v1/auto/[^"]+`).FindAllString(res.Body.String(), -1)
	for _, address := range addresses {
		path, query, _ := strings.Cut(html.UnescapeString(address), "?")
		if left, err := ring.Verify(path, query, noon); err != nil || left < time.Hour {
			t.Errorf("%s holds for %v: %v", address, left, err)
		}
	}
	if len(addresses) != 2 || !strings.Contains(res.Header().Get("Cache-Control"), "no-store") {
		t.Errorf("%v, %v", addresses, res.Header())
	}
	if other := c.get("/owner/orders/" + anOrder(1).ID); strings.Contains(other.Body.String(), "/private/") {
		t.Error("an order without a photo shows one")
	}
}

func TestPlaceReadsBack(t *testing.T) {
	o := anOrder(3)
	o.PlacedAt = noon.Add(123456 * time.Microsecond)
	at, id, err := parsePlace(formatPlace(o))
	if err != nil || !at.Equal(o.PlacedAt) || id != o.ID {
		t.Errorf("got %v, %q, %v", at, id, err)
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, s := range []string{"", "1." + orderID, formatPlace(anOrder(1)), "-1." + orderID, fmt.Sprintf("%d.%s", int64(maxMicros), orderID), fmt.Sprintf("%d.%s", int64(maxMicros)+1, orderID), "1.", ".", "1.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, id, err := parsePlace(s)
		switch {
		case err != nil:
			if !world.Is(err, world.CodeInvalid) {
				t.Errorf("%q: %v", s, err)
			}
		case s == "":
			if !at.IsZero() {
				t.Errorf("the beginning is %v", at)
			}
		default:
			if year := at.Year(); year < 1970 || year > 9999 || !validToken(id) {
				t.Errorf("%q: %v, %q", s, at, id)
			}
			if _, err := url.ParseQuery("before=" + url.QueryEscape(s)); err != nil {
				t.Error(err)
			}
		}
	})
}

// Whose tax number its register had not confirmed is told, and by which rules an
// order was taxed.
func TestWhatIsToldOfAnOrdersTax(t *testing.T) {
	d, promised := newDesk(t, tokenFor([]string{"de"}, ReadOrders)), contract(t)
	doubted, exempt := anOrder(0), anOrder(1)
	doubted.Contact.Company, doubted.Contact.TaxID, doubted.TaxNotes = "Weiß & Co", "DE136695976", []string{"tax_id_unverified"}
	doubted.Taxes[0].Jurisdiction, doubted.Taxes[0].Levy, doubted.Taxes[0].Source = "DE", "vat", "UStG §12(2) No.1"
	exempt.Contact.TaxID, exempt.TaxIDProof, exempt.TaxNotes = "FR40303265045", "REF1", []string{"intra_community"}
	exempt.NetMinor, exempt.TaxMinor, exempt.TotalMinor = 6065, 0, 6065
	d.orders = []world.Order{doubted, exempt}
	c := d.signedIn()
	want(t, c.get("/owner/orders/"+doubted.ID), 200, "Weiß &amp; Co", "DE136695976 <strong>not confirmed by its register</strong>")
	res := c.get("/owner/orders/" + exempt.ID)
	want(t, res, 200, "FR40303265045", "Tax that the buyer accounts for", "-4,25\u00a0€", "60,65\u00a0€")
	if strings.Contains(res.Body.String(), "not confirmed") {
		t.Error("a number that was confirmed is doubted")
	}
	want(t, d.do(promised, "GET", "/orders/"+doubted.ID, ""), 200, `"tax_notes":["tax_id_unverified"]`, `"levy":"vat"`, `"source":"UStG §12(2) No.1"`)
	want(t, d.do(promised, "GET", "/orders/"+exempt.ID, ""), 200, `"tax_notes":["intra_community"]`, `"tax_id_proof":"REF1"`, `"left_out":{"minor":-425`)
}
