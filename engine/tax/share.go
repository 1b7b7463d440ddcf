package tax

import (
	"cmp"
	"math/big"
	"slices"

	"meridian/engine/money"
)

// ratedLine is a line on its way through the reckoning.
type ratedLine struct {
	Line
	at    int // its place among the lines given
	rule  Rule
	exact *big.Rat // tax in minor units
	tax   int64    // the same, rounded
}

type rateGroup struct {
	rate  money.Rate
	label string
	lines []*ratedLine
	exact *big.Rat
}

// exactTax is a line's tax before any rounding, in minor units.
func (p Policy) exactTax(a money.Amount, rate money.Rate) *big.Rat {
	share := rate.Rat()
	if p.Inclusive {
		share.Quo(share, new(big.Rat).Add(share, big.NewRat(1, 1)))
	}
	return share.Mul(share, big.NewRat(a.Minor, 1))
}

// groupByRate sorts lines by rate, label and id, so that whatever a rounding
// decides afterwards cannot depend on the order in which they came.
func groupByRate(rated []ratedLine) []rateGroup {
	sorted := make([]*ratedLine, len(rated))
	for i := range rated {
		sorted[i] = &rated[i]
	}
	slices.SortStableFunc(sorted, func(a, b *ratedLine) int {
		return cmp.Or(cmp.Compare(a.rule.Rate, b.rule.Rate), cmp.Compare(a.rule.Label, b.rule.Label),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Amount.Minor, b.Amount.Minor))
	})
	var groups []rateGroup
	for _, line := range sorted {
		last := len(groups) - 1
		if last < 0 || groups[last].rate != line.rule.Rate || groups[last].label != line.rule.Label {
			groups = append(groups, rateGroup{rate: line.rule.Rate, label: line.rule.Label, exact: new(big.Rat)})
			last++
		}
		groups[last].lines = append(groups[last].lines, line)
		groups[last].exact.Add(groups[last].exact, line.exact)
	}
	return groups
}

// roundTaxes rounds at the policy's level and shares the outcome below it.
func (p Policy) roundTaxes(groups []rateGroup) error {
	if p.Per == PerDocument {
		whole, parts := new(big.Rat), make([]*big.Rat, len(groups))
		for i, g := range groups {
			whole.Add(whole, g.exact)
			parts[i] = g.exact
		}
		taxes, err := p.roundAndShare(whole, parts)
		if err != nil {
			return err
		}
		for i, g := range groups {
			if err := g.share(taxes[i]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, g := range groups {
		if err := p.roundGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// roundGroup rounds a group's tax by the line or as one.
func (p Policy) roundGroup(g rateGroup) error {
	if p.Per == PerRate {
		tax, err := money.RoundRat(g.exact, p.Rounding)
		if err != nil {
			return err
		}
		return g.share(tax)
	}
	for _, line := range g.lines {
		tax, err := money.RoundRat(line.exact, p.Rounding)
		if err != nil {
			return err
		}
		line.tax = tax
	}
	return nil
}

func (p Policy) roundAndShare(whole *big.Rat, parts []*big.Rat) ([]int64, error) {
	total, err := money.RoundRat(whole, p.Rounding)
	if err != nil {
		return nil, err
	}
	return money.Apportion(total, parts)
}

// share gives the group's tax to its lines.
func (g rateGroup) share(tax int64) error {
	parts := make([]*big.Rat, len(g.lines))
	for i, line := range g.lines {
		parts[i] = line.exact
	}
	taxes, err := money.Apportion(tax, parts)
	if err != nil {
		return err
	}
	for i, line := range g.lines {
		line.tax = taxes[i]
	}
	return nil
}
