package checkout_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"meridian/engine/checkout"
	"meridian/engine/order"
	"meridian/engine/tax"
	"meridian/world"
)

func shipped(t testing.TB) *tax.Table {
	t.Helper()
	text, err := os.Open("../../data/tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	table, err := tax.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

var britain = world.Market{Country: "GB", Currency: "GBP", Tax: world.TaxSpec{Prices: "inclusive", Rounding: "half_up", Per: "rate"}, Delivery: []world.Area{{Tax: "GB"}}}

// pasty is a British offer for £6.00.
func pasty(key string, hot bool, with string) world.Offer {
	return world.Offer{Product: world.Product{Slug: key, TaxClass: "savoury", ServedHot: hot, ServedWith: with}, SKU: world.SKU{Key: key, PriceMinor: 600, Currency: "GBP", PriceVersion: 1}}
}

// Hot and cold of one class have their own rates in one cart, and each comes back
// at its own.
func TestEachLineIsTaxedAsItIsServed(t *testing.T) {
	terms, err := checkout.TermsOf(britain, checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []world.Fulfilment{world.PickUp, world.Delivery} {
		q, err := checkout.NewQuote(terms, checkout.Wish{Fulfilment: way, Jurisdiction: "GB", On: on,
			Lines: []checkout.Line{{Offer: pasty("cold", false, ""), Quantity: 1}, {Offer: pasty("hot", true, "utensils"), Quantity: 2}}}, nil, nil, shipped(t))
		if err != nil {
			t.Fatal(err)
		}
		want := []world.OrderTax{{Label: "VAT", Rate: "0", NetMinor: 600, Jurisdiction: "GB", Levy: "vat", Source: "HMRC VAT Notice 701/14 (via tideaccounting and farnellclarke summaries)"},
			{Label: "VAT", Rate: "20", NetMinor: 1000, TaxMinor: 200, Jurisdiction: "GB", Levy: "vat", Source: "HMRC VAT Notice 709/1; farnellclarke"}}
		if !slices.Equal(q.Taxes, want) || q.Lines[0].TaxMinor != 0 || q.Lines[1].TaxMinor != 200 {
			t.Errorf("%s: %+v of %+v", way, q.Taxes, q.Lines)
		}
		if l := q.Lines; l[0].ServedHot || l[0].ServedWith != "" || !l[1].ServedHot || l[1].ServedWith != "utensils" {
			t.Errorf("%s: the lines are kept as %+v", way, l)
		}
		o := world.Order{Currency: "GBP", Inclusive: true, Lines: q.Lines, Taxes: q.Taxes, TaxShares: q.TaxShares}
		for line, taxed := range map[int]int64{1: 0, 2: 100} {
			if r, err := order.NewRefund(o, nil, []world.RefundLine{{Line: line, Quantity: 1}}); err != nil || r.TotalMinor != 600 || r.TaxMinor != taxed {
				t.Errorf("%s: one of line %d comes back as %+v, %v", way, line, r, err)
			}
		}
	}
}

// What no rule taxes is refused, and is told before it is for sale.
func TestServedAsNoRuleKnows(t *testing.T) {
	terms, err := checkout.TermsOf(britain, checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	table, gift := shipped(t), pasty("tin", false, "gift")
	_, err = checkout.NewQuote(terms, checkout.Wish{Fulfilment: world.PickUp, Jurisdiction: "GB", On: on, Lines: []checkout.Line{{Offer: gift, Quantity: 1}}}, nil, nil, table)
	for what, err := range map[string]error{"the quote": err, "the product": checkout.Taxed(britain, gift.Product, on, table)} {
		if !world.Is(err, world.CodeUnprocessed) || !strings.Contains(err.Error(), `no vat rule for "savoury" in "GB"`) || !strings.Contains(err.Error(), "with gift") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := checkout.Taxed(britain, pasty("hot", true, "").Product, on, table); err != nil {
		t.Error(err)
	}
	odd := pasty("odd", false, "plates")
	if err := checkout.Taxed(britain, odd.Product, on, table); !world.Is(err, world.CodeInvalid) {
		t.Errorf("with plates: %v", err)
	}
	// New York alone taxes a bundle; a shop that stands elsewhere can deliver it there.
	america := world.Market{Country: "US", Tax: world.TaxSpec{Seller: "US-CA-LA"}, Delivery: []world.Area{{Tax: "US-CA-SF"}, {Tax: "US-NY-NYC"}}}
	cake := world.Product{TaxClass: "cake", ServedWith: "gift"}
	if err := checkout.Taxed(america, cake, on, table); err != nil {
		t.Error(err)
	}
	america.Delivery = america.Delivery[:1]
	if err := checkout.Taxed(america, cake, on, table); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("in California alone: %v", err)
	}
}

// The same cake at the same price has another tax in it at the shop's tables, by the
// day in Germany.
func TestEatenAtTheShop(t *testing.T) {
	table := shipped(t)
	for name, c := range map[string]struct {
		country, currency string
		way               world.Fulfilment
		on                tax.Date
		rate              string
		taxed             int64
	}{
		"Japan, taken away":    {"JP", "JPY", world.PickUp, on, "8", 80},
		"Japan, delivered":     {"JP", "JPY", world.Delivery, on, "8", 80},
		"Japan, eaten in":      {"JP", "JPY", world.EatIn, on, "10", 98},
		"Germany, taken away":  {"DE", "EUR", world.PickUp, tax.Date{Year: 2025, Month: 12, Day: 31}, "7", 70},
		"Germany, in 2025":     {"DE", "EUR", world.EatIn, tax.Date{Year: 2025, Month: 12, Day: 31}, "19", 172},
		"Germany, since 2026":  {"DE", "EUR", world.EatIn, tax.Date{Year: 2026, Month: 1, Day: 1}, "7", 70},
		"Britain, a cold cake": {"GB", "GBP", world.EatIn, on, "20", 180},
	} {
		m := world.Market{Country: c.country, Currency: c.currency, EatIn: true, Tax: world.TaxSpec{Prices: "inclusive", Rounding: "down", Per: "rate"}}
		terms, err := checkout.TermsOf(m, checkout.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		place, err := terms.Place(checkout.ContactRules{}, world.EatIn, world.Contact{})
		if err != nil || place != c.country {
			t.Fatalf("%s: it owes the tax of %q, %v", name, place, err)
		}
		cake := world.Offer{Product: world.Product{Slug: "cake", TaxClass: "cake"}, SKU: world.SKU{Key: "cake", PriceMinor: 1080, Currency: c.currency}}
		q, err := checkout.NewQuote(terms, checkout.Wish{Fulfilment: c.way, Jurisdiction: place, On: c.on, Lines: []checkout.Line{{Offer: cake, Quantity: 1}}}, nil, nil, table)
		if err != nil || len(q.Taxes) != 1 || q.Taxes[0].Rate != c.rate || q.Tax.Minor != c.taxed || q.Total.Minor != 1080 {
			t.Errorf("%s: %+v, %v", name, q.Taxes, err)
		}
	}
}

// What can only be eaten at the shop is for sale where a market offers that.
func TestTaxedAtTheShopAlone(t *testing.T) {
	table, err := tax.Load(strings.NewReader(`jurisdiction,levy,part,classes,with,temperature,mode,route,buyer,rate_percent,below,valid_from,valid_to,label,confidence,status,source
DE,vat,,soup,,,eat_in,,,7,,2021-01-01,,USt,high,law,x
`))
	if err != nil {
		t.Fatal(err)
	}
	m := world.Market{Country: "DE", Delivery: []world.Area{{Tax: "DE"}}}
	soup := world.Product{TaxClass: "soup"}
	if err := checkout.Taxed(m, soup, on, table); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("without tables: %v", err)
	}
	m.EatIn = true
	if err := checkout.Taxed(m, soup, on, table); err != nil {
		t.Errorf("with tables: %v", err)
	}
}
