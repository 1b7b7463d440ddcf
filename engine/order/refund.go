package order

import (
	"fmt"
	"math/big"

	"meridian/world"
)

// Rest is all that no refund has given back, to be sold again.
func Rest(o world.Order, given []world.Refund) []world.RefundLine {
	var out []world.RefundLine
	for i, l := range o.Lines {
		if n := l.Quantity - returned(given, i+1); n > 0 {
			out = append(out, world.RefundLine{Line: i + 1, Quantity: n, Restock: true})
		}
	}
	return out
}

// NewRefund reckons what some pieces of an order's lines come to: of want it
// reads Line, Quantity and Restock. given are the refunds before this one.
//
// Of a line, what k of its pieces have come to is the line's amount × k / its
// quantity, rounded half up, however the k were divided among refunds; a refund
// is the difference of two such sums. So it never matters in how many steps
// something is given back, and the last piece brings every line, tax and total
// back to exactly nothing. Discounts come off in the same measure.
//
// It fails with [world.CodeInvalid] for no lines, a line twice or one that the
// order has not, and a quantity below one; with [world.CodeConflict] for more
// pieces than are left.
func NewRefund(o world.Order, given []world.Refund, want []world.RefundLine) (world.Refund, error) {
	r := world.Refund{OrderID: o.ID, N: len(given) + 1}
	if len(want) == 0 {
		return r, invalid("choose at least one piece to give back")
	}
	taxes := make([]world.OrderTax, len(o.Taxes))
	for i, t := range o.Taxes {
		taxes[i] = world.OrderTax{Label: t.Label, Rate: t.Rate}
	}
	touched := make([]bool, len(taxes))
	seen := map[int]bool{}
	for _, w := range want {
		if w.Line < 1 || w.Line > len(o.Lines) || seen[w.Line] || w.Quantity < 1 {
			return r, invalid(fmt.Sprintf("line %d of the refund: name each of the order's lines once, with at least one piece", w.Line))
		}
		seen[w.Line] = true
		before := returned(given, w.Line)
		if left := o.Lines[w.Line-1].Quantity - before; w.Quantity > left {
			return r, world.E(world.CodeConflict, "order.refund", fmt.Sprintf("of line %d only %d are left to give back; look at the order again", w.Line, left))
		}
		s := span{from: before, to: before + w.Quantity, of: o.Lines[w.Line-1].Quantity}
		line := refundLine(o, w, s)
		for _, share := range o.TaxShares {
			if share.Line != w.Line {
				continue
			}
			t := &taxes[share.Tax-1]
			touched[share.Tax-1] = true
			t.TaxMinor += s.part(share.TaxMinor)
			t.NetMinor += s.netPart(o, w.Line, share, line)
		}
		r.Lines = append(r.Lines, line)
		r.NetMinor, r.TaxMinor, r.TotalMinor = r.NetMinor+line.NetMinor, r.TaxMinor+line.TaxMinor, r.TotalMinor+line.TotalMinor
	}
	for i, t := range taxes {
		if touched[i] {
			r.Taxes = append(r.Taxes, t)
		}
	}
	return r, nil
}

func refundLine(o world.Order, w world.RefundLine, s span) world.RefundLine {
	line := world.RefundLine{Line: w.Line, Quantity: w.Quantity, Restock: w.Restock}
	of := o.Lines[w.Line-1]
	// A line's tax is the sum of its shares, so that a refund's rates sum to its
	// lines whatever the rounding.
	shared := false
	for _, share := range o.TaxShares {
		if share.Line == w.Line {
			line.TaxMinor, shared = line.TaxMinor+s.part(share.TaxMinor), true
		}
	}
	if !shared {
		line.TaxMinor = s.part(of.TaxMinor)
	}
	if o.Inclusive {
		line.TotalMinor = s.part(of.LineMinor - of.DiscountMinor)
		line.NetMinor = line.TotalMinor - line.TaxMinor
		return line
	}
	line.NetMinor = s.part(of.LineMinor - of.DiscountMinor)
	line.TotalMinor = line.NetMinor + line.TaxMinor
	return line
}

// span is a refund's place among a line's pieces: those that it follows, up to
// those that it ends with, of all.
type span struct{ from, to, of int }

// part is the span's part of an amount.
func (s span) part(minor int64) int64 { return s.upTo(minor, s.to) - s.upTo(minor, s.from) }

// upTo is minor × k / of, rounded half up.
func (s span) upTo(minor int64, k int) int64 {
	twice := new(big.Int).Mul(big.NewInt(minor), big.NewInt(int64(2*k)))
	twice.Add(twice, big.NewInt(int64(s.of)))
	return twice.Div(twice, big.NewInt(int64(2*s.of))).Int64() // Div rounds down; k ≤ of, so it fits
}

// netPart is the part of what a share is the tax on: the line's own net, where
// the share is on all of that.
func (s span) netPart(o world.Order, n int, share world.TaxShare, line world.RefundLine) int64 {
	of := o.Lines[n-1]
	net := of.LineMinor - of.DiscountMinor
	if o.Inclusive {
		net -= of.TaxMinor
	}
	if share.NetMinor == net {
		return line.NetMinor
	}
	return s.part(share.NetMinor)
}

// returned is how many pieces of a line refunds have given back.
func returned(given []world.Refund, line int) int {
	n := 0
	for _, r := range given {
		for _, l := range r.Lines {
			if l.Line == line {
				n += l.Quantity
			}
		}
	}
	return n
}

func invalid(message string) error { return world.E(world.CodeInvalid, "order.refund", message) }
