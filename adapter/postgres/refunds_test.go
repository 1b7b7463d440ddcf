package postgres_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"meridian/engine/order"
	"meridian/world"
)

// Refunds are reckoned one from another by their numbers: by clocks that go back the
// taxes that are given back are still those that were charged, of each rate and in all.
func TestRefundsByClocksThatGoBack(t *testing.T) {
	s, _ := newOrders(t, map[string]int{"a": 10_000, "b": 10_000})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 12 {
		o := ordered(t, s, map[string]int{"a": 2 + rng.IntN(5), "b": 2 + rng.IntN(5)})
		o.NetMinor, o.TaxMinor, o.TotalMinor, o.Taxes = 0, 0, 0, nil
		for i := range o.Lines {
			l, rate := &o.Lines[i], int64(7+12*i)
			l.UnitMinor = 1 + rng.Int64N(400)
			l.LineMinor = l.UnitMinor * int64(l.Quantity)
			l.TaxMinor = l.LineMinor * rate / (100 + rate)
			o.Taxes = append(o.Taxes, world.OrderTax{Label: fmt.Sprint("T", rate), Rate: fmt.Sprint(rate), NetMinor: l.LineMinor - l.TaxMinor, TaxMinor: l.TaxMinor})
			o.TaxShares = append(o.TaxShares, world.TaxShare{Line: i + 1, Tax: i + 1, NetMinor: l.LineMinor - l.TaxMinor, TaxMinor: l.TaxMinor})
			o.TaxMinor, o.TotalMinor = o.TaxMinor+l.TaxMinor, o.TotalMinor+l.LineMinor
		}
		o.NetMinor = o.TotalMinor - o.TaxMinor
		placed, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; ; n++ {
			_, given, err := s.History(t.Context(), o.ID)
			if err != nil {
				t.Fatal(err)
			}
			rest := order.Rest(placed, given)
			if len(rest) == 0 {
				break
			}
			of := rest[rng.IntN(len(rest))]
			of.Quantity = 1 + rng.IntN(of.Quantity)
			at := time.Date(2026, 11, 22, 12, rng.IntN(60), 0, 0, time.UTC)
			if _, err := s.Refund(t.Context(), world.Refund{OrderID: o.ID, Key: fmt.Sprint("refund-", n), At: at, By: world.ByOwner, Lines: []world.RefundLine{of}}); err != nil {
				t.Fatal(err)
			}
		}
		_, given, err := s.History(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		reckoned, err := order.Refunded(placed, given)
		if err != nil {
			t.Fatal(err)
		}
		net, tax, taxes := int64(0), int64(0), map[string]int64{}
		for i, r := range given {
			net, tax = net+r.NetMinor, tax+r.TaxMinor
			for _, x := range r.Taxes {
				taxes[x.Label] += x.TaxMinor
			}
			if r.N != i+1 || reckoned[i].Total.Tax.Minor != r.TaxMinor {
				t.Errorf("refund %d at place %d gave back %d of tax, and is reckoned as %d", r.N, i+1, r.TaxMinor, reckoned[i].Total.Tax.Minor)
			}
		}
		if net != o.NetMinor || tax != o.TaxMinor {
			t.Errorf("given back %d + %d of %d + %d", net, tax, o.NetMinor, o.TaxMinor)
		}
		for _, x := range o.Taxes {
			if taxes[x.Label] != x.TaxMinor {
				t.Errorf("%s: %d of %d", x.Label, taxes[x.Label], x.TaxMinor)
			}
		}
	}
}
