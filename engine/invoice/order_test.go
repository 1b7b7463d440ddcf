package invoice_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/checkout"
	"meridian/engine/invoice"
	"meridian/engine/money"
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

// reckoned is an order of three loaves for 10.70 each from Germany to a business in
// France, by the rules that ship.
func reckoned(t *testing.T, b tax.Buyer) world.Order {
	t.Helper()
	table, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	terms, err := checkout.TermsOf(markets[2], checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	loaf := world.Offer{Product: world.Product{Slug: "brot", Name: "Brot", TaxClass: "bread"}, SKU: world.SKU{Key: "brot", PriceMinor: 1070, Currency: "EUR"}}
	wish := checkout.Wish{Fulfilment: world.Delivery, Jurisdiction: "FR", On: on, Buyer: b, Lines: []checkout.Line{{Offer: loaf, Quantity: 3}}}
	q, err := checkout.NewQuote(terms, wish, nil, nil, table)
	if err != nil {
		t.Fatal(err)
	}
	return world.Order{
		ID: "o", Number: "SC-1", Market: "de", Currency: "EUR", Jurisdiction: q.Jurisdiction, Lines: q.Lines, Taxes: q.Taxes, TaxShares: q.TaxShares, TaxNotes: q.TaxNotes,
		NetMinor: q.Net.Minor, TaxMinor: q.Tax.Minor, TotalMinor: q.Total.Minor, Inclusive: true, PlacedAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Contact: world.Contact{Name: "Zoé", Company: "Pain SARL", TaxID: b.TaxID},
	}
}

// What was reckoned as exempt is told so on the invoice and on the credit note, and
// each line agrees with the total; who is not confirmed pays the tax.
func TestASupplyToAnotherMemberState(t *testing.T) {
	const sentence = "Steuerfreie innergemeinschaftliche Lieferung (§ 4 Nr. 1 Buchst. b, § 6a UStG)"
	for verified, want := range map[bool]int64{true: 3000, false: 3210} {
		o := reckoned(t, tax.Buyer{Kind: tax.Business, TaxID: "FR40303265045", Verified: verified, Country: "FR"})
		b := invoice.Booking{Market: markets[2], Order: o, Day: on, Zone: time.UTC, Address: []string{"1 rue Victor", "67000 Strasbourg"}}
		r, err := order.NewRefund(o, nil, []world.RefundLine{{Line: 1, Quantity: 1}})
		if err != nil {
			t.Fatal(err)
		}
		if left := order.LeftOut(o); left != want-3210 || order.Doubted(o) == verified {
			t.Errorf("%d left out, doubted %v", left, order.Doubted(o))
		}
		b.Refunds = []world.Refund{r}
		for refund, gross := range []int64{want, want / 3} {
			b.Refund = refund
			d, err := b.Make("DE-1")
			if err != nil {
				t.Fatal(err)
			}
			if b.Original = d; d.Total.Gross.Minor != gross || d.Lines[0].Gross != d.Total.Gross || d.Summary[0].Net != d.Total.Net {
				t.Errorf("refund %d: %+v", refund, d)
			}
			if slices.Contains(d.Notes, sentence) != verified || d.Buyer.Unverified == verified || d.Buyer.TaxID != "FR40303265045" || !d.Complete() {
				t.Errorf("refund %d: notes %q, buyer %+v, missing %v", refund, d.Notes, d.Buyer, d.Missing)
			}
		}
	}
}

// Where the law wants the buyer's address, somebody's name is none.
func TestTheLawAsksForTheBuyersAddress(t *testing.T) {
	of := func(seller string, gross int64, business bool) invoice.Sale {
		sum := money.Amount{Minor: gross}
		s := invoice.Sale{Terms: tax.Sale{Seller: seller}, Full: business, Tax: tax.Result{Total: tax.Parts{Net: sum, Gross: sum}}}
		if business {
			s.Buyer.TaxID = "1"
		}
		return s
	}
	for _, c := range []struct {
		seller   string
		gross    int64
		business bool
		want     bool
	}{
		{"DE", 250_00, false, false}, {"DE", 250_01, false, true}, {"DE", 5_00, true, true}, {"GB", 250_00, false, false}, {"GB", 250_01, false, true}, {"GB", 5_00, true, true},
		{"IN-MH", 49_999_99, false, false}, {"IN-MH", 50_000_00, false, true}, {"IN-MH", 5_00, true, true}, {"JP", 900_000, false, false}, {"JP", 500, true, false},
		{"US-NY-NYC", 900_00, true, false}, {"FR", 5_00, false, true}, {"XX", 900_00, true, false},
	} {
		if got := invoice.AsksAddress(of(c.seller, c.gross, c.business)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	b := invoice.Booking{Market: markets[2], Order: reckoned(t, tax.Buyer{}), Day: on, Zone: time.UTC}
	d, err := b.Make("DE-1")
	if err != nil || len(d.Missing) != 1 || d.Missing[0].Field != "buyer" || d.Missing[0].Side() != invoice.OfBuyer {
		t.Errorf("without an address: missing %v, %v", d.Missing, err)
	}
	b.Address = []string{"Weg 1", "53111 Bonn"}
	if d, err = b.Make("DE-1"); err != nil || !d.Complete() || d.Buyer.Contact != "Zoé" || d.Buyer.Name != "Pain SARL" {
		t.Errorf("with one: %+v, %v", d, err)
	}
	for field, side := range map[string]invoice.Side{"seller.tax_id": invoice.OfSeller, "buyer.tax_id": invoice.OfBuyer, "lines.code": invoice.OfOrder, "seller": invoice.OfSeller} {
		if got := (invoice.Missing{Field: field}).Side(); got != side {
			t.Errorf("%s is of %q", field, got)
		}
	}
}
