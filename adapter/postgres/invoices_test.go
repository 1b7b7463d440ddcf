package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/adapter/postgres"
	"meridian/engine/checkout"
	"meridian/engine/invoice"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/test/pgtest"
	"meridian/world"
)

var issuedOn = tax.Date{Year: 2026, Month: 11, Day: 22}

// paper is a document of all kinds of fields.
func paper(number string) (invoice.Document, error) {
	of := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "EUR"} }
	parts := tax.Parts{Net: of(100), Tax: of(7), Gross: of(107)}
	return invoice.Document{
		Kind: invoice.Simplified, Law: "UStDV § 33", Title: "Rechnung", Paper: "A4", Number: number, Issued: issuedOn, Supplied: issuedOn, Order: "SC-DE-1",
		Seller: invoice.Party{Name: "S", Address: []string{"Zeil 1"}, TaxID: "DE123456788"}, Buyer: invoice.Party{Name: "Jürgen"},
		Lines:   []invoice.Line{{Name: "Brezel", Quantity: 1, UnitNet: "1.0000", Taxes: []invoice.Amount{{Label: "MwSt.", Rate: "7", Tax: of(7)}}, Parts: parts}},
		Summary: []invoice.Rate{{Label: "MwSt.", Rate: "7", Parts: parts}}, Total: parts, Inclusive: true,
		Missing: []invoice.Missing{{Field: "seller.tax_id", Law: "§ 14"}},
	}, nil
}

func series(t *testing.T, credit bool) invoice.Series {
	t.Helper()
	s, err := invoice.SeriesOf("de", "DE", credit, issuedOn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// placedOrders are new orders that owe a document each.
func placedOrders(t *testing.T, s *postgres.OrderStore, n int) (ids []string) {
	t.Helper()
	for range n {
		o, _, err := s.Place(t.Context(), ordered(t, s, map[string]int{"brezel": 2}), "key-0123456789abcdef", draw)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID)
	}
	return ids
}

func TestADocumentIsIssuedOnceAndKeptAsItWas(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 100})
	store := postgres.NewInvoiceStore(c)
	id := placedOrders(t, s, 1)[0]
	refund := world.Refund{OrderID: id, Key: "refund-0123456789ab", At: time.Now(), By: world.ByOwner, Lines: []world.RefundLine{{Line: 1, Quantity: 1}}}
	for range 2 {
		if _, err := s.Refund(t.Context(), refund); err != nil {
			t.Fatal(err)
		}
	}
	owed, err := store.Owed(t.Context(), 10)
	if want := []invoice.Entry{{OrderID: id}, {OrderID: id, Refund: 1}}; err != nil || !reflect.DeepEqual(owed, want) {
		t.Fatalf("owed %+v, %v", owed, err)
	}
	want, _ := paper("DE-26-000001")
	for range 2 {
		got, err := store.Issue(t.Context(), owed[0], series(t, false), paper)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("issued %+v, %v", got, err)
		}
	}
	if got, err := store.Issue(t.Context(), owed[1], series(t, true), paper); err != nil || got.Number != "DE-26C000001" {
		t.Errorf("credit note %q, %v", got.Number, err)
	}
	all, err := store.OfOrder(t.Context(), id)
	if err != nil || len(all) != 2 || !reflect.DeepEqual(all[0].Document, want) || all[1].Document.Number != "DE-26C000001" {
		t.Errorf("of the order %+v, %v", all, err)
	}
	if owed, err := store.Owed(t.Context(), 10); err != nil || len(owed) != 0 {
		t.Errorf("still owed %v, %v", owed, err)
	}
	if _, err := store.Issue(t.Context(), invoice.Entry{OrderID: id, Refund: 2}, series(t, true), paper); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a refund that there is not: %v", err)
	}
	for _, change := range []string{
		`update invoice set document = '{}'`, `delete from invoice`, `delete from invoice_series`,
		`update invoice_series set last = last + 2`, `insert into invoice_series (market, credit, year, last) values ('de', false, 2027, 5)`,
	} {
		if _, err := c.Pool.Exec(t.Context(), change); err == nil {
			t.Errorf("%s was let through", change)
		}
	}
}

// Whoever issues at once, and whatever fails on the way, numbers have no gap and
// none is there twice.
func TestNumbersHaveNoGaps(t *testing.T) {
	conn := pgtest.Resident(t)
	c := pgtest.Cluster(t, "resident-test", "test", conn)
	if err := postgres.SeedStock(t.Context(), c.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 100}}); err != nil {
		t.Fatal(err)
	}
	ids := placedOrders(t, postgres.NewOrderStore(c), 12)
	shop, err := postgres.Open(t.Context(), "resident-test", "test", true, conn+" role=meridian_shop", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	defer shop.Close()
	store := postgres.NewInvoiceStore(shop)
	var mu sync.Mutex
	var numbers []string
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range ids {
				e := invoice.Entry{OrderID: ids[(i+3*g)%len(ids)]}
				broken := errors.New("no paper")
				_, err := store.Issue(t.Context(), e, series(t, false), func(string) (invoice.Document, error) { return invoice.Document{}, broken })
				if err != nil && !errors.Is(err, broken) {
					t.Error(err)
				}
				d, err := store.Issue(t.Context(), e, series(t, false), paper)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				numbers = append(numbers, d.Number)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	for i, n := range numbers {
		if want := fmt.Sprintf("DE-26-%06d", i+1); n != want || len(numbers) != len(ids) {
			t.Fatalf("number %d of %d is %s", i+1, len(numbers), n)
		}
	}
}

// What awaits payment owes nothing until its money is certain, and what never had
// a document owes no credit note.
func TestOnlyWhatIsPlacedOwesADocument(t *testing.T) {
	s, c := newOrders(t, map[string]int{"brezel": 100})
	store := postgres.NewInvoiceStore(c)
	o := ordered(t, s, map[string]int{"brezel": 1})
	o.State, o.Method, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, time.Now().Add(time.Hour)
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	if all, err := store.OfOrder(t.Context(), o.ID); err != nil || len(all) != 0 {
		t.Errorf("before it is paid: %v, %v", all, err)
	}
	if _, err := s.Authorised(t.Context(), o.ID, "pay-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	if all, err := store.OfOrder(t.Context(), o.ID); err != nil || len(all) != 1 || all[0].Issued() {
		t.Errorf("when it is paid: %v, %v", all, err)
	}
	if _, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderCancel, By: world.ByOwner, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if all, err := store.OfOrder(t.Context(), o.ID); err != nil || len(all) != 2 {
		t.Errorf("cancelled: %v, %v", all, err)
	}
	if o, err := s.Order(t.Context(), o.ID); err != nil || o.RefundedMinor != o.TotalMinor {
		t.Errorf("cancelled: %d of %d given back, %v", o.RefundedMinor, o.TotalMinor, err)
	}
}

// abroad is an order, as it was quoted, of a business in France whose number is
// confirmed.
func abroad(t *testing.T, s *postgres.OrderStore, m world.Market) world.Order {
	t.Helper()
	rules, err := os.Open("../../data/tax.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer rules.Close()
	table, err := tax.Load(rules)
	if err != nil {
		t.Fatal(err)
	}
	terms, err := checkout.TermsOf(m, checkout.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	offer := world.Offer{Product: world.Product{Slug: "brezel", Name: "Brezel", TaxClass: "bread"}, SKU: world.SKU{Key: "brezel", PriceMinor: 1070, Currency: "EUR"}}
	q, err := checkout.NewQuote(terms, checkout.Wish{Fulfilment: world.Delivery, Jurisdiction: "FR", On: issuedOn, Lines: []checkout.Line{{Offer: offer, Quantity: 10}},
		Buyer: tax.Buyer{Kind: tax.Business, TaxID: "FR40303265045", Verified: true, Country: "FR"}}, nil, nil, table)
	if err != nil {
		t.Fatal(err)
	}
	o := ordered(t, s, map[string]int{"brezel": 10})
	o.Contact.Company, o.Contact.TaxID, o.TaxIDProof = "Pain SARL", "FR40303265045", "REF1"
	o.Lines, o.Taxes, o.TaxShares, o.TaxNotes, o.Jurisdiction = q.Lines, q.Taxes, q.TaxShares, q.TaxNotes, q.Jurisdiction
	o.NetMinor, o.TaxMinor, o.TotalMinor = q.Net.Minor, q.Tax.Minor, q.Total.Minor
	return o
}

// What was said of an order's tax, and by which rule, is kept with it: its invoice
// and its credit note say it, and their lines come to their totals.
func TestDocumentsOfASupplyToAnotherMemberState(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"brezel": 100})
	m := world.Market{ID: "de", Country: "DE", Currency: "EUR", Tax: world.TaxSpec{Prices: "inclusive", Rounding: "half_up", Per: "rate"},
		Company: world.Company{Name: "S", Address: []string{"Zeil 1"}, TaxID: "DE123456788"}}
	asked := abroad(t, s, m)
	placed, _, err := s.Place(t.Context(), asked, "key-0123456789abcdef", draw)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Order(t.Context(), placed.ID)
	if err != nil || !slices.Equal(o.TaxNotes, []string{string(tax.IntraCommunity)}) || !slices.Equal(o.Taxes, asked.Taxes) || o.Taxes[0].Source == "" {
		t.Fatalf("kept %+v, %v", o, err)
	}
	back := world.Refund{OrderID: o.ID, Key: "refund-0123456789ab", At: time.Now(), By: world.ByOwner, Lines: []world.RefundLine{{Line: 1, Quantity: 4}}}
	if back, err = s.Refund(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	b := invoice.Booking{Market: m, Order: o, Refunds: []world.Refund{back}, Day: issuedOn, Zone: time.UTC, Address: []string{"1 rue Victor", "67000 Strasbourg"}}
	for refund, gross := range []int64{10000, 4000} {
		b.Refund = refund
		d, err := b.Make("DE-26-1")
		if err != nil {
			t.Fatal(err)
		}
		if b.Original = d; len(d.Notes) != 1 || d.Buyer.TaxID != "FR40303265045" || d.Lines[0].Gross.Minor != gross || d.Total.Gross.Minor != gross || !d.Complete() {
			t.Errorf("%+v", d)
		}
	}
}
