package invoice_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/checkout"
	"meridian/engine/invoice"
	"meridian/engine/order"
	"meridian/engine/tax"
	"meridian/world"
)

// markets are those that documents of random orders are made in.
var markets = []world.Market{
	market("us", "US", "USD", "US-NY-NYC", "exclusive", "half_up", "document", "US-IL-PEORIA", "US-AR-PULASKI-LR"),
	market("gb", "GB", "GBP", "", "inclusive", "half_up", "rate", "GB"),
	market("de", "DE", "EUR", "", "inclusive", "half_up", "rate", "DE"),
	market("jp", "JP", "JPY", "", "inclusive", "down", "rate", "JP"),
	market("in", "IN", "INR", "IN-MH", "inclusive", "half_up", "rate", "IN-MH", "IN-KA"),
}

func market(id, country, currency, seller, prices, rounding, per string, places ...string) world.Market {
	m := world.Market{ID: id, Country: country, Currency: currency, Tax: world.TaxSpec{Prices: prices, Rounding: rounding, Per: per, Seller: seller},
		Company: world.Company{Name: "Sweet Crumbs", Address: []string{"1 High Street"}, TaxID: "T1"}}
	for _, p := range places {
		m.Delivery = append(m.Delivery, world.Area{Tax: p})
	}
	return m
}

// placed is a random order of a market, reckoned by the rules that ship.
func placed(t *rapid.T, m world.Market, table *tax.Table) world.Order {
	terms, err := checkout.TermsOf(m, checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	wish := checkout.Wish{Fulfilment: world.Delivery, Jurisdiction: rapid.SampledFrom(m.TaxPlaces()).Draw(t, "place"), On: on}
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		key := fmt.Sprint("p", i)
		wish.Lines = append(wish.Lines, checkout.Line{Quantity: rapid.IntRange(1, 5).Draw(t, "pieces"), Offer: world.Offer{
			Product: world.Product{Slug: key, TaxClass: rapid.SampledFrom([]string{"bread", "cake", "chocolate_biscuit"}).Draw(t, "class")},
			SKU:     world.SKU{Key: key, PriceMinor: rapid.Int64Range(0, 5000).Draw(t, "price"), Currency: m.Currency},
		}})
	}
	q, err := checkout.NewQuote(terms, wish, nil, nil, table)
	if err != nil {
		t.Fatal(err)
	}
	return world.Order{
		ID: "o", Number: "SC-1", Market: m.ID, Currency: m.Currency, Jurisdiction: q.Jurisdiction, Lines: q.Lines, Taxes: q.Taxes, TaxShares: q.TaxShares,
		NetMinor: q.Net.Minor, TaxMinor: q.Tax.Minor, TotalMinor: q.Total.Minor, Inclusive: terms.Tax.Inclusive,
		Fulfilment: world.Delivery, Supply: string(tax.Delivery), PlacedAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
}

// A document says what its order says, line by line and tax by tax, and the credit
// notes of all its refunds come to the same sums.
func TestDocumentsOfAnOrderComeToItsSums(t *testing.T) {
	table, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(markets).Draw(t, "market")
		b := invoice.Booking{Market: m, Order: placed(t, m, table), Day: on, Zone: time.UTC}
		series, err := b.Series()
		if err != nil {
			t.Fatal(err)
		}
		number, err := series.Number(1)
		if err != nil {
			t.Fatal(err)
		}
		if b.Original, err = b.Make(number); err != nil {
			t.Fatal(err)
		}
		d, o := b.Original, b.Order
		if d.Total.Net.Minor != o.NetMinor || d.Total.Tax.Minor != o.TaxMinor || d.Total.Gross.Minor != o.TotalMinor || len(d.Lines) != len(o.Lines) || len(d.Summary) != len(o.Taxes) {
			t.Fatalf("the document %+v is not the order's %+v", d, o)
		}
		var net, taxed int64
		for rest := order.Rest(o, b.Refunds); len(rest) > 0; rest = order.Rest(o, b.Refunds) {
			rest[0].Quantity = rapid.IntRange(1, rest[0].Quantity).Draw(t, "back")
			r, err := order.NewRefund(o, b.Refunds, rest[:1])
			if err != nil {
				t.Fatal(err)
			}
			b.Refunds = append(b.Refunds, r)
			if r.TotalMinor == 0 {
				continue // owes no credit note
			}
			b.Refund = r.N
			credit, err := b.Make("XX")
			if err != nil {
				t.Fatal(err)
			}
			if credit.Kind != invoice.Credit || credit.Corrects != number || credit.Total.Gross.Minor != r.TotalMinor {
				t.Fatalf("credit note %+v of %+v", credit, r)
			}
			net, taxed = net+credit.Total.Net.Minor, taxed+credit.Total.Tax.Minor
		}
		if net != o.NetMinor || taxed != o.TaxMinor {
			t.Fatalf("credit notes of %d and %d, of %d and %d", net, taxed, o.NetMinor, o.TaxMinor)
		}
	})
}

func TestADocumentOfARefundThatThereIsNot(t *testing.T) {
	b := invoice.Booking{Market: markets[2], Order: world.Order{Currency: "EUR"}, Refund: 1, Day: on, Zone: time.UTC}
	if _, err := b.Make("XX"); !world.Is(err, world.CodeNotFound) {
		t.Errorf("got %v", err)
	}
}
