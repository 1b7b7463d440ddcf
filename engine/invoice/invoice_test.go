package invoice_test

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"meridian/engine/invoice"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

var on = tax.Date{Year: 2026, Month: 11, Day: 21}

// rules is the table that ships, read once.
var rules = sync.OnceValues(func() (*tax.Table, error) {
	f, err := os.Open("../../data/tax.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return tax.Load(f)
})

// goods is a line by class, how it is supplied and its price.
type goods struct {
	class string
	mode  tax.Mode
	minor int64
}

// sold is a sale with a good document's worth of particulars.
func sold(t testing.TB, seller, place, currency string, policy tax.Policy, buyer tax.Buyer, all ...goods) invoice.Sale {
	t.Helper()
	s := invoice.Sale{
		Number: "XX-26-000001", Issued: on, Order: "SC-1", Inclusive: policy.Inclusive,
		Seller: invoice.Party{Name: "Sweet Crumbs", Address: []string{"1 High Street"}, TaxID: "ID1"},
		Buyer:  invoice.Party{Name: "Ada", Address: []string{"2 Low Road"}, TaxID: buyer.TaxID},
		Terms:  tax.Sale{Seller: seller, Jurisdiction: place, On: on, Buyer: buyer},
	}
	var lines []tax.Line
	for i, g := range all {
		id := string(rune('a' + i))
		lines = append(lines, tax.Line{ID: id, Class: g.class, Supply: tax.Supply{Mode: g.mode}, Amount: money.Amount{Minor: g.minor, Currency: currency}})
		s.Items = append(s.Items, invoice.Item{ID: id, Name: "The " + g.class, Code: invoice.HSN(g.class, g.mode), Quantity: 2})
	}
	table, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	if s.Tax, err = table.Compute(policy, s.Terms, lines); err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	inclusive = tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}
	japanese  = tax.Policy{Inclusive: true, Rounding: money.Down, Per: tax.PerRate}
	onTop     = tax.Policy{Rounding: money.HalfUp, Per: tax.PerDocument}
	italian   = tax.Buyer{Kind: tax.Business, TaxID: "IT00743110157", Verified: true}
)

// papers is one good sale for each law.
func papers(t testing.TB) map[string]invoice.Sale {
	jp := sold(t, "JP", "JP", "JPY", japanese, tax.Buyer{}, goods{"cake", tax.Takeaway, 540}, goods{"cake", tax.EatIn, 550})
	jp.Seller.TaxID = "T7000012050002"
	return map[string]invoice.Sale{
		"DE":           sold(t, "DE", "DE", "EUR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 20000}, goods{"drink", tax.Delivery, 5001}),
		"DE small":     sold(t, "DE", "DE", "EUR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 20000}, goods{"drink", tax.Delivery, 5000}),
		"DE exempt":    sold(t, "DE", "IT", "EUR", inclusive, italian, goods{"cake", tax.Delivery, 10700}),
		"GB":           sold(t, "GB", "GB", "GBP", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 25001}),
		"GB small":     sold(t, "GB", "GB", "GBP", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 12500}, goods{"chocolate_biscuit", tax.Delivery, 12500}),
		"JP":           jp,
		"IN":           sold(t, "IN-MH", "IN-MH", "INR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 105000}),
		"IN across":    sold(t, "IN-MH", "IN-KA", "INR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 105000}),
		"IN territory": sold(t, "IN-CH", "IN-CH", "INR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 105000}),
		"IN bread":     sold(t, "IN-MH", "IN-MH", "INR", inclusive, tax.Buyer{}, goods{"bread", tax.Delivery, 4500}),
		"IN both":      sold(t, "IN-MH", "IN-MH", "INR", inclusive, tax.Buyer{}, goods{"bread", tax.Delivery, 4500}, goods{"cake", tax.Delivery, 105000}),
		"IN business":  sold(t, "IN-MH", "IN-MH", "INR", inclusive, tax.Buyer{Kind: tax.Business, TaxID: "27AAPFU0939F1ZV"}, goods{"bread", tax.Delivery, 4500}, goods{"cake", tax.Delivery, 105000}),
		"US":           sold(t, "US-NY-NYC", "US-NY-NYC", "USD", onTop, tax.Buyer{}, goods{"cake", tax.EatIn, 1000}),
		"FR":           sold(t, "FR", "FR", "EUR", inclusive, tax.Buyer{}, goods{"cake", tax.Takeaway, 1055}),
		"SE":           sold(t, "SE", "SE", "SEK", inclusive, tax.Buyer{}, goods{"cake", tax.Takeaway, 10600}),
	}
}

func TestWhatEachLawAsksFor(t *testing.T) {
	for name, want := range map[string]struct {
		kind    invoice.Kind
		title   string
		place   string
		summary string // label rate net tax mark
		notes   string
	}{
		"DE":           {invoice.Full, "Rechnung", "", "MwSt. 7 18692 1308; MwSt. 19 4203 798", ""},
		"DE small":     {invoice.Simplified, "Rechnung", "", "MwSt. 7 18692 1308; MwSt. 19 4202 798", ""},
		"DE exempt":    {invoice.Full, "Rechnung", "", "MwSt. 0 10000 0", "Steuerfreie innergemeinschaftliche Lieferung (§ 4 Nr. 1 Buchst. b, § 6a UStG)"},
		"GB":           {invoice.Full, "VAT invoice", "", "VAT 0 25001 0", ""},
		"GB small":     {invoice.Simplified, "VAT receipt", "", "VAT 0 12500 0; VAT 20 10417 2083", ""},
		"JP":           {invoice.Simplified, "適格簡易請求書", "", "消費税 8 500 40 ※; 消費税 10 500 50", "※は軽減税率（8%）対象品目"},
		"IN":           {invoice.Full, "Tax Invoice", "Maharashtra (27)", "CGST 2.5 100000 2500; SGST 2.5 100000 2500", "Tax payable on reverse charge: No"},
		"IN across":    {invoice.Full, "Tax Invoice", "Karnataka (29)", "IGST 5 100000 5000", "Tax payable on reverse charge: No"},
		"IN territory": {invoice.Full, "Tax Invoice", "Chandigarh (04)", "CGST 2.5 100000 2500; UTGST 2.5 100000 2500", "Tax payable on reverse charge: No"},
		"IN bread":     {invoice.Supply, "Bill of Supply", "Maharashtra (27)", "CGST 0 4500 0; SGST 0 4500 0", ""},
		"IN both":      {invoice.Mixed, "Invoice-cum-bill of supply", "Maharashtra (27)", "CGST 0 4500 0; CGST 2.5 100000 2500; SGST 0 4500 0; SGST 2.5 100000 2500", "Tax payable on reverse charge: No"},
		"IN business":  {invoice.Full, "Tax Invoice", "Maharashtra (27)", "CGST 0 4500 0; CGST 2.5 100000 2500; SGST 0 4500 0; SGST 2.5 100000 2500", "Tax payable on reverse charge: No"},
		"US":           {invoice.Receipt, "Receipt", "", "New York State sales tax 4 1000 40; New York City sales tax 4.5 1000 45; Metropolitan Commuter Transportation District 0.375 1000 4", ""},
		"FR":           {invoice.Full, "Facture", "", "TVA 5.5 1000 55", ""},
		"SE":           {invoice.Full, "Faktura", "", "Moms 6 10000 600", ""},
	} {
		d, err := invoice.Make(papers(t)[name])
		if err != nil || !d.Complete() {
			t.Errorf("%s: %v, lacks %v", name, err, d.Missing)
			continue
		}
		if d.Kind != want.kind || d.Title != want.title || d.Place != want.place || d.Law == "" || strings.Join(d.Notes, "; ") != want.notes {
			t.Errorf("%s: %s, %q, place %q, law %q, notes %q", name, d.Kind, d.Title, d.Place, d.Law, d.Notes)
		}
		if got := summary(d); got != want.summary {
			t.Errorf("%s: %s, want %s", name, got, want.summary)
		}
		sumsUp(t, name, d)
	}
}

func summary(d invoice.Document) string {
	var out []string
	for _, r := range d.Summary {
		text := strings.Join([]string{r.Label, r.Rate, digits(r.Net), digits(r.Tax), r.Mark}, " ")
		out = append(out, strings.TrimSpace(text))
	}
	return strings.Join(out, "; ")
}

// digits is an amount in minor units.
func digits(a money.Amount) string {
	return strings.TrimLeft(strings.ReplaceAll(a.Decimal(), ".", ""), "0") + zero(a)
}

func zero(a money.Amount) string {
	if a.Minor == 0 {
		return "0"
	}
	return ""
}

// sumsUp adds a document up as its reader would.
func sumsUp(t *testing.T, name string, d invoice.Document) {
	t.Helper()
	var net, taxes, gross, columns, rates int64
	for _, l := range d.Lines {
		net, taxes, gross = net+l.Net.Minor, taxes+l.Tax.Minor, gross+l.Gross.Minor
		for _, c := range l.Taxes {
			columns += c.Tax.Minor
		}
	}
	for _, r := range d.Summary {
		rates += r.Tax.Minor
	}
	if net != d.Total.Net.Minor || gross != d.Total.Gross.Minor || taxes != d.Total.Tax.Minor || columns != taxes || rates != taxes || net+taxes != gross {
		t.Errorf("%s does not add up: %+v", name, d)
	}
}

// Each particular that a law asks for is missed when it is taken away, and
// nothing else is.
func TestWhatIsMissingIsSaid(t *testing.T) {
	without := map[string]func(*invoice.Sale){
		"seller":        func(s *invoice.Sale) { s.Seller.Name = "" },
		"seller.tax_id": func(s *invoice.Sale) { s.Seller.TaxID = "" },
		"buyer":         func(s *invoice.Sale) { s.Buyer.Name = "" },
		"buyer.tax_id":  func(s *invoice.Sale) { s.Buyer.TaxID = "" },
		"number":        func(s *invoice.Sale) { s.Number = "" },
		"issued":        func(s *invoice.Sale) { s.Issued = tax.Date{} },
		"supplied":      func(s *invoice.Sale) { s.Terms.On = tax.Date{} },
		"lines.name":    func(s *invoice.Sale) { s.Items[0].Name = "" },
		"lines.code":    func(s *invoice.Sale) { s.Items[0].Code = "" },
		"place":         func(s *invoice.Sale) { s.Terms.Jurisdiction = "IN" },
	}
	for name, asked := range map[string]string{
		"DE":          "seller seller.tax_id buyer number issued supplied lines.name",
		"DE small":    "seller issued lines.name",
		"DE exempt":   "seller seller.tax_id buyer buyer.tax_id number issued supplied lines.name",
		"GB":          "seller seller.tax_id buyer number issued supplied lines.name",
		"GB small":    "seller seller.tax_id supplied lines.name",
		"JP":          "seller seller.tax_id supplied lines.name",
		"IN":          "seller seller.tax_id number issued lines.name lines.code place",
		"IN business": "seller seller.tax_id buyer number issued lines.name lines.code place",
		"US":          "seller issued lines.name",
		"FR":          "seller seller.tax_id buyer number issued supplied lines.name",
	} {
		for field, take := range without {
			s := papers(t)[name]
			take(&s)
			d, err := invoice.Make(s)
			if err != nil {
				t.Fatal(err)
			}
			missed := slices.ContainsFunc(d.Missing, func(m invoice.Missing) bool { return m.Field == field && m.Law != "" })
			if want := slices.Contains(strings.Fields(asked), field); missed != want || (want && len(d.Missing) != 1) {
				t.Errorf("%s without %s: lacks %v, want that: %v", name, field, d.Missing, want)
			}
		}
	}
}

func TestTheirOwnAsks(t *testing.T) {
	small := papers(t)["DE small"]
	small.Full, small.Buyer = true, invoice.Party{}
	if d, err := invoice.Make(small); err != nil || d.Kind != invoice.Full || d.Complete() {
		t.Errorf("a full one on demand: %s, %v, %v", d.Kind, d.Missing, err)
	}
	full := papers(t)["JP"]
	full.Full, full.Buyer = true, invoice.Party{}
	if d, err := invoice.Make(full); err != nil || d.Title != "適格請求書" || d.Complete() {
		t.Errorf("Japan, full: %s, %v, %v", d.Title, d.Missing, err)
	}
	rich := sold(t, "IN-MH", "IN-MH", "INR", inclusive, tax.Buyer{}, goods{"cake", tax.Delivery, 52_500_00})
	rich.Buyer = invoice.Party{}
	if d, err := invoice.Make(rich); err != nil || len(d.Missing) != 1 || d.Missing[0].Field != "buyer" {
		t.Errorf("India, 50,000 rupees: %v, %v", d.Missing, err)
	}
	long := papers(t)["IN"]
	long.Number = "IN-2026-000000001"
	if d, err := invoice.Make(long); err != nil || d.Complete() {
		t.Errorf("India, a number of 17 signs: %v", err)
	}
	jp := papers(t)["JP"]
	jp.Seller.TaxID = "7000012050002"
	if d, err := invoice.Make(jp); err != nil || d.Complete() {
		t.Errorf("Japan, a number without T: %v", err)
	}
	d, err := invoice.Make(papers(t)["JP"])
	if err != nil || d.Lines[0].Mark != "※" || d.Lines[1].Mark != "" || d.Lines[0].UnitNet != "250.0000" {
		t.Errorf("Japan's lines: %+v, %v", d.Lines, err)
	}
}

func TestACreditNote(t *testing.T) {
	for name, title := range map[string]string{
		"DE": "Rechnungskorrektur", "GB": "VAT credit note", "JP": "適格返還請求書", "IN": "Credit Note", "US": "Refund receipt", "FR": "Avoir", "SE": "Kreditfaktura",
	} {
		s := papers(t)[name]
		refund, err := s.Tax.Refund(nil, []tax.Back{{ID: "a", Gross: s.Tax.Lines[0].Gross}})
		if err != nil {
			t.Fatal(err)
		}
		s.Tax, s.Items, s.Corrects, s.CorrectsOn = refund, s.Items[:1], "XX-26-000001", on
		d, err := invoice.Make(s)
		if err != nil || d.Kind != invoice.Credit || d.Title != title || d.Law == "" || !d.Complete() {
			t.Errorf("%s: %s %q %v, %v", name, d.Kind, d.Title, d.Missing, err)
		}
		sumsUp(t, name, d)
		s.CorrectsOn = tax.Date{}
		if d, err = invoice.Make(s); err != nil || d.Complete() {
			t.Errorf("%s: a credit note for nothing in particular: %v", name, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	good := papers(t)["DE"]
	change := func(f func(*invoice.Sale)) invoice.Sale { s := good; s.Items = slices.Clone(s.Items); f(&s); return s }
	for name, c := range map[string]struct {
		sale invoice.Sale
		code world.Code
	}{
		"no country":      {change(func(s *invoice.Sale) { s.Terms.Seller = "" }), world.CodeUnprocessed},
		"unknown country": {change(func(s *invoice.Sale) { s.Terms.Seller = "BR" }), world.CodeUnprocessed},
		"too few items":   {change(func(s *invoice.Sale) { s.Items = s.Items[:1] }), world.CodeInvalid},
		"another item":    {change(func(s *invoice.Sale) { s.Items[0].ID = "z" }), world.CodeInvalid},
		"none of it":      {change(func(s *invoice.Sale) { s.Items[0].Quantity = 0 }), world.CodeInvalid},
	} {
		if _, err := invoice.Make(c.sale); !world.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestNumbersRunOn(t *testing.T) {
	march := tax.Date{Year: 2027, Month: 3, Day: 31}
	for _, c := range []struct {
		market, country string
		credit          bool
		on              tax.Date
		first           string
	}{
		{"de", "DE", false, march, "DE-27-000001"}, {"de", "DE", true, march, "DE-27C000001"},
		{"in", "IN", false, march, "IN-26-000001"}, {"in", "IN", false, tax.Date{Year: 2027, Month: 4, Day: 1}, "IN-27-000001"},
	} {
		s, err := invoice.SeriesOf(c.market, c.country, c.credit, c.on)
		if err != nil {
			t.Fatal(err)
		}
		last := ""
		for n := 1; n <= 1000; n++ {
			next, err := s.Number(n)
			if err != nil || next <= last || len(next) > 16 || (n == 1 && next != c.first) {
				t.Fatalf("after %q comes %q: %v", last, next, err)
			}
			last = next
		}
	}
	s, err := invoice.SeriesOf("de", "DE", false, on)
	if err != nil {
		t.Fatal(err)
	}
	for n, code := range map[int]world.Code{0: world.CodeTooLarge, 999_999: "", 1_000_000: world.CodeTooLarge} {
		if got, err := s.Number(n); world.CodeOf(err) != code {
			t.Errorf("number %d: %q, %v", n, got, err)
		}
	}
	for _, market := range []string{"", "d", "DE", "germany"} {
		if _, err := invoice.SeriesOf(market, "DE", false, on); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", market, err)
		}
	}
	if _, err := invoice.SeriesOf("de", "DE", false, tax.Date{}); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no day: %v", err)
	}
}
