package order

import (
	"fmt"
	"slices"
	"strconv"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// Reckoned is the tax of an order as its rows have it: what it was reckoned at
// when it was placed, whatever the rules say now. Its lines go by [LineID], in
// the order's own order; a line of its summary is one of the order's taxes. It
// fails with [world.CodeInvalid] for rows that make no reckoning.
func Reckoned(o world.Order) (tax.Result, error) {
	lines := make([]tax.LineTax, len(o.Lines))
	for i, l := range o.Lines {
		net := l.LineMinor - l.DiscountMinor
		if o.Inclusive {
			net -= l.TaxMinor
		}
		lines[i] = tax.LineTax{ID: LineID(i + 1), Parts: parts(o.Currency, net, 0)}
	}
	for _, share := range o.TaxShares {
		if share.Line < 1 || share.Line > len(lines) || share.Tax < 1 || share.Tax > len(o.Taxes) {
			return tax.Result{}, world.E(world.CodeInvalid, "order.reckoned", fmt.Sprintf("the order %s has a share of a line or tax that it has not", o.Number))
		}
		l, t := &lines[share.Line-1], o.Taxes[share.Tax-1]
		rate, err := money.ParsePercent(t.Rate)
		if err != nil {
			return tax.Result{}, world.Wrap("order.reckoned", err)
		}
		rule := tax.Rule{Part: taxName(share.Tax), Rate: rate, Label: t.Label}
		l.Components = append(l.Components, tax.Component{Rule: rule, Tax: money.Amount{Minor: share.TaxMinor, Currency: o.Currency}})
		l.Parts = parts(o.Currency, share.NetMinor, l.Tax.Minor+share.TaxMinor)
	}
	for i, l := range o.Lines { // one whose rows do not say which tax it is
		if len(lines[i].Components) == 0 && l.TaxMinor > 0 {
			lines[i].Components = []tax.Component{{Rule: tax.Rule{Part: taxName(0)}, Tax: money.Amount{Minor: l.TaxMinor, Currency: o.Currency}}}
			lines[i].Parts = parts(o.Currency, lines[i].Net.Minor, l.TaxMinor)
		}
	}
	notes := make([]tax.Note, len(o.TaxNotes))
	for i, n := range o.TaxNotes {
		notes[i] = tax.Note(n)
	}
	return tax.Result{Lines: lines, Notes: notes}.Left(nil)
}

// LeftOut is what an order's total is below its prices less discounts, where the
// prices contain a tax that the buyer accounts for ([tax.IntraCommunity]): never
// more than 0, in minor units.
func LeftOut(o world.Order) int64 {
	if !slices.Contains(o.TaxNotes, string(tax.IntraCommunity)) {
		return 0
	}
	left := o.TotalMinor
	for _, l := range o.Lines {
		left -= l.LineMinor - l.DiscountMinor
	}
	return left
}

// Doubted reports whether the buyer's tax number was not confirmed by its register
// when the order was placed ([tax.Unverified]).
func Doubted(o world.Order) bool { return slices.Contains(o.TaxNotes, string(tax.Unverified)) }

// LineID is what [Reckoned] calls the n-th line of an order, from 1.
func LineID(n int) string { return strconv.Itoa(n) }

// taxName is a name of an order's n-th tax that sorts as they do.
func taxName(n int) string { return fmt.Sprintf("%06d", n) }

func parts(currency string, net, taxed int64) tax.Parts {
	of := func(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: currency} }
	return tax.Parts{Net: of(net), Tax: of(taxed), Gross: of(net + taxed)}
}
