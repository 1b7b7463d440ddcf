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
