package order_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/order"
	"meridian/world"
)

// sold is an order of three cakes at 1.00, with 0.20 tax in them, less 0.05, and a coffee.
func sold(inclusive bool) world.Order {
	o := world.Order{
		ID: "o", Currency: "EUR", Inclusive: inclusive, State: world.OrderPlaced, Method: world.PayCard,
		Lines: []world.OrderLine{
			{SKU: "cake", Quantity: 3, UnitMinor: 100, LineMinor: 300, DiscountMinor: 5, TaxMinor: 19},
			{SKU: "coffee", Quantity: 1, UnitMinor: 420, LineMinor: 420, TaxMinor: 67},
		},
		Taxes:     []world.OrderTax{{Label: "USt 7 %", Rate: "7", NetMinor: 276, TaxMinor: 19}, {Label: "USt 19 %", Rate: "19", NetMinor: 353, TaxMinor: 67}},
		TaxShares: []world.TaxShare{{Line: 1, Tax: 1, NetMinor: 276, TaxMinor: 19}, {Line: 2, Tax: 2, NetMinor: 353, TaxMinor: 67}},
		NetMinor:  629, TaxMinor: 86, TotalMinor: 715,
	}
	return o
}

func TestARefundOfSomePieces(t *testing.T) {
	o := sold(true)
	first, err := order.NewRefund(o, nil, []world.RefundLine{{Line: 1, Quantity: 1, Restock: true}})
	if err != nil {
		t.Fatal(err)
	}
	if first.N != 1 || first.OrderID != "o" || first.TotalMinor != 98 || first.TaxMinor != 6 || first.NetMinor != 92 {
		t.Errorf("first %+v", first)
	}
	if want := []world.OrderTax{{Label: "USt 7 %", Rate: "7", NetMinor: 92, TaxMinor: 6}}; !slices.Equal(first.Taxes, want) {
		t.Errorf("taxes %+v", first.Taxes)
	}
	rest, err := order.NewRefund(o, []world.Refund{first}, order.Rest(o, []world.Refund{first}))
	if err != nil {
		t.Fatal(err)
	}
	if rest.N != 2 || rest.TotalMinor != 715-98 || rest.TaxMinor != 86-6 {
		t.Errorf("rest %+v", rest)
	}
	if left := order.Rest(o, []world.Refund{first, rest}); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestARefundIsRefused(t *testing.T) {
	o := sold(true)
	given := []world.Refund{{Lines: []world.RefundLine{{Line: 1, Quantity: 2}}}}
	for name, c := range map[string]struct {
		want []world.RefundLine
		code world.Code
	}{
		"the last piece":    {[]world.RefundLine{{Line: 1, Quantity: 1}}, ""},
		"nothing":           {nil, world.CodeInvalid},
		"no piece":          {[]world.RefundLine{{Line: 1}}, world.CodeInvalid},
		"fewer than none":   {[]world.RefundLine{{Line: 1, Quantity: -1}}, world.CodeInvalid},
		"line zero":         {[]world.RefundLine{{Line: 0, Quantity: 1}}, world.CodeInvalid},
		"a third line":      {[]world.RefundLine{{Line: 3, Quantity: 1}}, world.CodeInvalid},
		"a line twice":      {[]world.RefundLine{{Line: 2, Quantity: 1}, {Line: 2, Quantity: 1}}, world.CodeInvalid},
		"more than is left": {[]world.RefundLine{{Line: 1, Quantity: 2}}, world.CodeConflict},
	} {
		if _, err := order.NewRefund(o, given, c.want); world.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// However an order is given back, in whatever steps, each line, each tax and the
// totals come to exactly nothing, no step is below zero in its total, and what
// goes back to the shelf is what left it.
func TestRefundsBringEverythingBackToNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		var given []world.Refund
		var net, tax, total int64
		taxes := map[string]int64{}
		nets := map[string]int64{}
		back := map[string]int{}
		for len(order.Rest(o, given)) > 0 {
			rest := order.Rest(o, given)
			var want []world.RefundLine
			for _, l := range rest {
				if l.Quantity = rapid.IntRange(0, l.Quantity).Draw(t, "pieces"); l.Quantity > 0 {
					want = append(want, l)
				}
			}
			if len(want) == 0 {
				want = rest
			}
			r, err := order.NewRefund(o, given, want)
			if err != nil {
				t.Fatal(err)
			}
			var lines int64
			for _, l := range r.Lines {
				lines += l.TotalMinor
				if l.TotalMinor < 0 || l.TaxMinor < 0 || l.NetMinor+l.TaxMinor != l.TotalMinor {
					t.Fatalf("line %+v", l)
				}
			}
			var rates int64
			for _, x := range r.Taxes {
				taxes[x.Label] += x.TaxMinor
				nets[x.Label] += x.NetMinor
				rates += x.TaxMinor
			}
			if lines != r.TotalMinor || rates != r.TaxMinor || r.NetMinor+r.TaxMinor != r.TotalMinor {
				t.Fatalf("refund %+v", r)
			}
			for _, m := range order.Returning(o, r) {
				back[m.SKU] += m.OnHand
			}
			net, tax, total, given = net+r.NetMinor, tax+r.TaxMinor, total+r.TotalMinor, append(given, r)
		}
		if net != o.NetMinor || tax != o.TaxMinor || total != o.TotalMinor {
			t.Fatalf("given back %d + %d = %d of %d + %d = %d", net, tax, total, o.NetMinor, o.TaxMinor, o.TotalMinor)
		}
		for _, x := range o.Taxes {
			if taxes[x.Label] != x.TaxMinor || nets[x.Label] != x.NetMinor {
				t.Fatalf("%s: %d on %d of %d on %d", x.Label, taxes[x.Label], nets[x.Label], x.TaxMinor, x.NetMinor)
			}
		}
		for _, m := range order.Placing(o) {
			if back[m.SKU] != -m.OnHand {
				t.Fatalf("%s: %d sold, %d back", m.SKU, -m.OnHand, back[m.SKU])
			}
		}
	})
}

// drawn is an order whose lines have one tax, or two that share it.
func drawn(t *rapid.T) world.Order {
	o := world.Order{ID: "o", Currency: "EUR", State: world.OrderPlaced, Inclusive: rapid.Bool().Draw(t, "inclusive")}
	for i := range rapid.IntRange(1, 6).Draw(t, "lines") {
		l := world.OrderLine{SKU: fmt.Sprint("p", i), Quantity: rapid.IntRange(1, 48).Draw(t, "quantity"), UnitMinor: rapid.Int64Range(1, 5000).Draw(t, "unit")}
		l.LineMinor = l.UnitMinor * int64(l.Quantity)
		l.DiscountMinor = rapid.Int64Range(0, l.LineMinor).Draw(t, "discount")
		base := l.LineMinor - l.DiscountMinor
		l.TaxMinor = base * rapid.Int64Range(0, 28).Draw(t, "rate") / 128
		net := base
		if o.Inclusive {
			net -= l.TaxMinor
		}
		half := l.TaxMinor / 2
		parts := []int64{l.TaxMinor}
		if rapid.Bool().Draw(t, "split") {
			parts = []int64{half, l.TaxMinor - half}
		}
		for _, part := range parts {
			o.Taxes = append(o.Taxes, world.OrderTax{Label: fmt.Sprint("tax ", len(o.Taxes)), Rate: "7", NetMinor: net, TaxMinor: part})
			o.TaxShares = append(o.TaxShares, world.TaxShare{Line: i + 1, Tax: len(o.Taxes), NetMinor: net, TaxMinor: part})
		}
		o.Lines = append(o.Lines, l)
		o.NetMinor, o.TaxMinor, o.TotalMinor = o.NetMinor+net, o.TaxMinor+l.TaxMinor, o.TotalMinor+net+l.TaxMinor
	}
	return o
}

func TestWhatAnOrderDoesToStock(t *testing.T) {
	o := sold(true)
	waiting := o
	waiting.State = world.OrderAwaitingPayment
	given := []world.Refund{{Lines: []world.RefundLine{{Line: 1, Quantity: 2, Restock: true}}}}
	for name, c := range map[string]struct {
		got, want []order.Movement
	}{
		"placed":      {order.Placing(o), []order.Movement{{"cake", world.StockSell, -3, 0}, {"coffee", world.StockSell, -1, 0}}},
		"reserved":    {order.Placing(waiting), []order.Movement{{"cake", world.StockReserve, 0, 3}, {"coffee", world.StockReserve, 0, 1}}},
		"paid":        {order.Moving(waiting, nil, world.OrderAuthorise), []order.Movement{{"cake", world.StockSell, -3, -3}, {"coffee", world.StockSell, -1, -1}}},
		"expired":     {order.Moving(waiting, nil, world.OrderExpire), []order.Movement{{"cake", world.StockRelease, 0, -3}, {"coffee", world.StockRelease, 0, -1}}},
		"given up":    {order.Moving(waiting, nil, world.OrderCancel), []order.Movement{{"cake", world.StockRelease, 0, -3}, {"coffee", world.StockRelease, 0, -1}}},
		"cancelled":   {order.Moving(o, given, world.OrderCancel), []order.Movement{{"cake", world.StockGiveBack, 1, 0}, {"coffee", world.StockGiveBack, 1, 0}}},
		"accepted":    {order.Moving(o, given, world.OrderAccept), nil},
		"returned":    {order.Returning(o, given[0]), []order.Movement{{"cake", world.StockGiveBack, 2, 0}}},
		"thrown away": {order.Returning(o, world.Refund{Lines: []world.RefundLine{{Line: 2, Quantity: 1}}}), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
