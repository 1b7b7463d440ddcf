package tax

import (
	"fmt"
	"slices"

	"meridian/engine/money"
	"meridian/world"
)

// Compute reckons the tax of a sale's lines. The order of the lines matters
// only to the order of Result.Lines, as long as their ids differ. Rates of one
// levy are added up before they are rounded, and the outcome is shared among
// the places that take it; levies of different names (CGST and SGST) are
// rounded each for itself.
//
// With inclusive prices the total is the sum of the prices, but for a supply
// to a business in another member state: there the tax that is in the price at
// the seller's place is taken off.
//
// It fails with [world.CodeInvalid] for no lines, a negative one, an
// incomplete sale or a bad policy, with [world.CodeUnprocessed] where a rule is
// missing, with [world.CodeConflict] for lines in two currencies, and with
// [world.CodeTooLarge] past an int64.
func (t *Table) Compute(policy Policy, sale Sale, lines []Line) (Result, error) {
	if err := policy.check(); err != nil {
		return Result{}, err
	}
	if len(lines) == 0 {
		return Result{}, world.E(world.CodeInvalid, "tax.compute", "nothing to tax; give at least one line")
	}
	rated := make([]*ratedLine, len(lines))
	for i, line := range lines {
		var err error
		if rated[i], err = t.rate(sale, line); err != nil {
			return Result{}, world.Wrap("tax.compute", err)
		}
		rated[i].at = i
		policy.reckon(rated[i])
	}
	for _, levy := range leviesOf(rated) {
		if err := policy.roundLevy(groupsOf(levy, rated)); err != nil {
			return Result{}, world.Wrap("tax.compute", err)
		}
	}
	return policy.result(sale, rated)
}

// rate finds the rules of a line.
func (t *Table) rate(sale Sale, line Line) (*ratedLine, error) {
	if line.Amount.Minor < 0 {
		return nil, world.E(world.CodeInvalid, "tax.compute",
			fmt.Sprintf("line %q is negative; refund its sale with Result.Refund", clip(line.ID)))
	}
	r := &ratedLine{Line: line, exempt: sale.exempt(line.Supply)}
	if r.exempt {
		sale = sale.atHome()
	}
	var err error
	r.rules, err = t.Find(sale, line.Class, line.Supply)
	return r, err
}

// leviesOf are the names of all levies that are owed, sorted.
func leviesOf(lines []*ratedLine) []string {
	var names []string
	for _, line := range lines {
		for _, rule := range line.rules {
			names = append(names, rule.Levy)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// result splits every line and sums up.
func (p Policy) result(sale Sale, rated []*ratedLine) (Result, error) {
	lines := make([]LineTax, len(rated))
	for i, r := range rated {
		line, err := p.split(sale, r)
		if err != nil {
			return Result{}, world.Wrap("tax.compute", err)
		}
		lines[i] = line
	}
	result, err := summarise(lines, sale.notes(rated))
	return result, world.Wrap("tax.compute", err)
}

// split is a line's price with its rounded tax taken out or put on top.
func (p Policy) split(sale Sale, line *ratedLine) (LineTax, error) {
	out := LineTax{ID: line.ID}
	tax := money.Amount{Currency: line.Amount.Currency}
	for i, rule := range line.rules {
		c := Component{Rule: rule, Tax: money.Amount{Minor: line.taxes[i], Currency: line.Amount.Currency}}
		out.Components = append(out.Components, c)
		var err error
		if tax, err = tax.Add(c.Tax); err != nil {
			return LineTax{}, err
		}
	}
	var err error
	if p.Inclusive {
		out.Parts = Parts{Tax: tax, Gross: line.Amount}
		out.Net, err = line.Amount.Sub(tax)
	} else {
		out.Parts = Parts{Net: line.Amount, Tax: tax}
		out.Gross, err = line.Amount.Add(tax)
	}
	switch {
	case err != nil:
		return LineTax{}, err
	case out.Net.Minor < 0:
		return LineTax{}, world.E(world.CodeInvalid, "tax.compute",
			fmt.Sprintf("line %q: its taxes, each rounded up, are more than its price; round by the document", clip(line.ID)))
	case line.exempt:
		return sale.takeOff(out), nil
	}
	return out, nil
}
