package order

import (
	"fmt"
	"strconv"

	"meridian/engine/money"
	"meridian/engine/tax"
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
// reads Line, Quantity and Restock. given are the refunds before this one, as
// they were written, oldest first.
//
// Of a line, some of the pieces that are left come to as much of what is left
// of it, rounded down, so the last piece takes the last of it; [tax.Result.Refund]
// shares that among its net and its taxes. In however many steps an order is given
// back, every line, tax and total comes back to exactly nothing. Discounts come off
// in the same measure, and what was free comes to nothing.
//
// It fails with [world.CodeInvalid] for no lines, a line twice or one that the
// order has not, and a quantity below one; with [world.CodeConflict] for more
// pieces than are left.
func NewRefund(o world.Order, given []world.Refund, want []world.RefundLine) (world.Refund, error) {
	r := world.Refund{OrderID: o.ID, N: len(given) + 1}
	if len(want) == 0 {
		return r, invalid("choose at least one piece to give back")
	}
	sale, err := Reckoned(o)
	if err != nil {
		return r, err
	}
	before, err := Refunded(o, given)
	if err != nil {
		return r, err
	}
	left, err := sale.Left(before)
	if err != nil {
		return r, world.Wrap("order.refund", err)
	}
	seen := map[int]bool{}
	for _, w := range want {
		if w.Line < 1 || w.Line > len(o.Lines) || seen[w.Line] || w.Quantity < 1 {
			return r, invalid(fmt.Sprintf("line %d of the refund: name each of the order's lines once, with at least one piece", w.Line))
		}
		seen[w.Line] = true
		pieces := o.Lines[w.Line-1].Quantity - returned(given, w.Line)
		if w.Quantity > pieces {
			return r, world.E(world.CodeConflict, "order.refund", fmt.Sprintf("of line %d only %d are left to give back; look at the order again", w.Line, pieces))
		}
		gross, err := left.Lines[w.Line-1].Pieces(w.Quantity, pieces)
		if err != nil {
			return r, world.Wrap("order.refund", err)
		}
		r.Lines = append(r.Lines, world.RefundLine{Line: w.Line, Quantity: w.Quantity, Restock: w.Restock, TotalMinor: gross.Minor})
	}
	result, err := next(o, sale, before, r)
	if err != nil {
		return r, err
	}
	err = fill(&r, o, result)
	return r, err
}

// Refunded are the refunds of an order as reckonings, in the order in which they
// were given: each gives back what its lines say, shared among what was left then.
func Refunded(o world.Order, given []world.Refund) ([]tax.Result, error) {
	if len(given) == 0 {
		return nil, nil
	}
	sale, err := Reckoned(o)
	if err != nil {
		return nil, err
	}
	out := make([]tax.Result, 0, len(given))
	for _, g := range given {
		result, err := next(o, sale, out, g)
		if err != nil {
			return nil, err
		}
		out = append(out, result)
	}
	return out, nil
}

// next is a refund's reckoning. One of free goods alone has no lines.
func next(o world.Order, sale tax.Result, before []tax.Result, r world.Refund) (tax.Result, error) {
	var back []tax.Back
	for _, l := range r.Lines {
		if l.TotalMinor > 0 {
			back = append(back, tax.Back{ID: LineID(l.Line), Gross: money.Amount{Minor: l.TotalMinor, Currency: o.Currency}})
		}
	}
	if len(back) == 0 {
		return tax.Result{Total: parts(o.Currency, 0, 0)}, nil
	}
	result, err := sale.Refund(before, back)
	return result, world.Wrap("order.refund", err)
}

// fill puts a reckoning's sums into a refund.
func fill(r *world.Refund, o world.Order, result tax.Result) error {
	byID := map[string]tax.LineTax{}
	for _, l := range result.Lines {
		byID[l.ID] = l
	}
	for i := range r.Lines {
		l := byID[LineID(r.Lines[i].Line)]
		r.Lines[i].NetMinor, r.Lines[i].TaxMinor = l.Net.Minor, l.Tax.Minor
	}
	for _, t := range result.Rates {
		n, err := strconv.Atoi(t.Part)
		if err != nil {
			return world.Wrap("order.refund", err)
		}
		if n == 0 {
			continue
		}
		of := o.Taxes[n-1]
		r.Taxes = append(r.Taxes, world.OrderTax{Label: of.Label, Rate: of.Rate, NetMinor: t.Net.Minor, TaxMinor: t.Tax.Minor})
	}
	r.NetMinor, r.TaxMinor, r.TotalMinor = result.Total.Net.Minor, result.Total.Tax.Minor, result.Total.Gross.Minor
	return nil
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
