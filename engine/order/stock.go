package order

import (
	"cmp"
	"slices"

	"meridian/world"
)

// Movement is what happens to a SKU's stock with an order: by how much what is
// on hand and what is reserved change.
type Movement struct {
	SKU              string
	Kind             world.StockKind
	OnHand, Reserved int
}

// Placing is what an order does to stock when it is written: by card it
// reserves, else it sells at once. Movements are by SKU, one each: who makes
// them in that order never waits for another in a circle.
func Placing(o world.Order) []Movement {
	kind := world.StockReserve
	if o.State != world.OrderAwaitingPayment {
		kind = world.StockSell
	}
	pieces := map[string]int{}
	for _, l := range o.Lines {
		pieces[l.SKU] += l.Quantity
	}
	return movements(pieces, func(n int) Movement {
		if kind == world.StockReserve {
			return Movement{Kind: kind, Reserved: n}
		}
		return Movement{Kind: kind, OnHand: -n}
	})
}

// Moving is what an event does to the stock of an order in a state. given are
// its refunds up to now: what they gave back is not given back again.
func Moving(o world.Order, given []world.Refund, event world.OrderEvent) []Movement {
	switch {
	case event == world.OrderAuthorise:
		return movements(kept(o, given), func(n int) Movement { return Movement{Kind: world.StockSell, OnHand: -n, Reserved: -n} })
	case event == world.OrderExpire, event == world.OrderCancel && o.State == world.OrderAwaitingPayment:
		return movements(kept(o, given), func(n int) Movement { return Movement{Kind: world.StockRelease, Reserved: -n} })
	case event == world.OrderCancel:
		return movements(kept(o, given), giveBack)
	}
	return nil
}

// Returning is what a refund does to stock: the pieces that can be sold again
// are given back.
func Returning(o world.Order, r world.Refund) []Movement {
	pieces := map[string]int{}
	for _, l := range r.Lines {
		if l.Restock {
			pieces[o.Lines[l.Line-1].SKU] += l.Quantity
		}
	}
	return movements(pieces, giveBack)
}

func giveBack(n int) Movement { return Movement{Kind: world.StockGiveBack, OnHand: n} }

// kept are the pieces that no refund has given back, by SKU.
func kept(o world.Order, given []world.Refund) map[string]int {
	pieces := map[string]int{}
	for i, l := range o.Lines {
		pieces[l.SKU] += l.Quantity - returned(given, i+1)
	}
	return pieces
}

func movements(pieces map[string]int, of func(n int) Movement) []Movement {
	var out []Movement
	for sku, n := range pieces {
		if n == 0 {
			continue
		}
		m := of(n)
		m.SKU = sku
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Movement) int { return cmp.Compare(a.SKU, b.SKU) })
	return out
}
