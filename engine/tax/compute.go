package tax

import (
	"fmt"

	"meridian/engine/money"
	"meridian/world"
)

// Line is what is taxed: the price of one line, as the market states prices.
type Line struct {
	ID     string       // tells lines apart where a unit can go to either
	Class  string       // of the goods, as in [Rule]
	Amount money.Amount // for all of the line's quantity; not negative
}

// Parts is a sum and its tax: Net + Tax = Gross, to the minor unit.
type Parts struct {
	Net, Tax, Gross money.Amount
}

// LineTax is a line with its tax.
type LineTax struct {
	ID   string
	Rule Rule
	Parts
}

// RateTax is the tax of all lines that share a rate and a label.
type RateTax struct {
	Rate  money.Rate
	Label string
	Parts
}

// Result is a reckoning. The lines sum to the rates and the rates to the total.
type Result struct {
	Lines []LineTax // as they were given
	Rates []RateTax // by rate, then label
	Total Parts
}

// Compute reckons the tax of lines on a day. The order of the lines matters
// only to the order of Result.Lines, as long as their ids differ. With
// inclusive prices the total is the sum of the prices, always. It fails with
// [world.CodeInvalid] for no lines, a negative one or a bad policy, with
// [world.CodeUnprocessed] for a class without a rule, with
// [world.CodeConflict] for lines in two currencies, and with
// [world.CodeTooLarge] past an int64.
func (t *Table) Compute(policy Policy, jurisdiction string, lines []Line, on Date) (Result, error) {
	if err := policy.check(); err != nil {
		return Result{}, err
	}
	if len(lines) == 0 {
		return Result{}, world.E(world.CodeInvalid, "tax.compute", "nothing to tax; give at least one line")
	}
	rated := make([]ratedLine, len(lines))
	for i, line := range lines {
		if line.Amount.Minor < 0 {
			return Result{}, world.E(world.CodeInvalid, "tax.compute",
				fmt.Sprintf("line %q is negative; reckon a refund as its sale and turn the sign", clip(line.ID)))
		}
		rule, err := t.Rate(jurisdiction, line.Class, on)
		if err != nil {
			return Result{}, world.Wrap("tax.compute", err)
		}
		rated[i] = ratedLine{Line: line, at: i, rule: rule, exact: policy.exactTax(line.Amount, rule.Rate)}
	}
	groups := groupByRate(rated)
	if err := policy.roundTaxes(groups); err != nil {
		return Result{}, world.Wrap("tax.compute", err)
	}
	return policy.result(groups, lines)
}

// result sums up from the lines, so that no level can differ from the one below.
func (p Policy) result(groups []rateGroup, lines []Line) (Result, error) {
	zero := money.Amount{Currency: lines[0].Amount.Currency}
	none := Parts{Net: zero, Tax: zero, Gross: zero}
	r := Result{Lines: make([]LineTax, len(lines)), Total: none}
	for _, g := range groups {
		sum := RateTax{Rate: g.rate, Label: g.label, Parts: none}
		for _, line := range g.lines {
			parts, err := p.split(line)
			if err != nil {
				return Result{}, err
			}
			r.Lines[line.at] = LineTax{ID: line.ID, Rule: line.rule, Parts: parts}
			if sum.Parts, err = sum.plus(parts); err != nil {
				return Result{}, err
			}
		}
		var err error
		if r.Total, err = r.Total.plus(sum.Parts); err != nil {
			return Result{}, err
		}
		r.Rates = append(r.Rates, sum)
	}
	return r, nil
}

// split is a line's price with its rounded tax taken out or put on top.
func (p Policy) split(line *ratedLine) (Parts, error) {
	tax := money.Amount{Minor: line.tax, Currency: line.Amount.Currency}
	if p.Inclusive {
		net, err := line.Amount.Sub(tax)
		return Parts{Net: net, Tax: tax, Gross: line.Amount}, err
	}
	gross, err := line.Amount.Add(tax)
	return Parts{Net: line.Amount, Tax: tax, Gross: gross}, err
}

func (a Parts) plus(b Parts) (sum Parts, err error) {
	if sum.Net, err = a.Net.Add(b.Net); err != nil {
		return Parts{}, err
	}
	if sum.Tax, err = a.Tax.Add(b.Tax); err != nil {
		return Parts{}, err
	}
	sum.Gross, err = a.Gross.Add(b.Gross)
	return sum, err
}
