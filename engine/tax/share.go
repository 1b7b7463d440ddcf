package tax

import (
	"cmp"
	"math/big"
	"slices"
	"strings"

	"meridian/engine/money"
)

// ratedLine is a line on its way through the reckoning.
type ratedLine struct {
	Line
	at     int // its place among the lines given
	rules  []Rule
	exempt bool       // its tax is reckoned only to be taken off
	exact  []*big.Rat // tax by rule, in minor units
	taxes  []int64    // the same, rounded
}

// reckon puts down the line's tax by rule before any rounding.
func (p Policy) reckon(line *ratedLine) {
	base := big.NewRat(line.Amount.Minor, 1)
	if p.Inclusive {
		base.Quo(base, new(big.Rat).Add(big.NewRat(1, 1), Combined(line.rules).Rat()))
	}
	line.exact, line.taxes = make([]*big.Rat, len(line.rules)), make([]int64, len(line.rules))
	for i, rule := range line.rules {
		line.exact[i] = new(big.Rat).Mul(base, rule.Rate.Rat())
	}
}

// share is what one line owes of one levy: a cell for each of its parts.
type share struct {
	line  *ratedLine
	rules []int // of the line, those of the levy
	exact *big.Rat
}

// taxGroup are the lines that owe one levy at the same rates.
type taxGroup struct {
	name   string
	shares []share
	exact  *big.Rat
}

// groupsOf sorts the lines that owe a levy by rates, id and amount, so that
// whatever a rounding decides afterwards cannot depend on the order in which
// they came.
func groupsOf(levy string, lines []*ratedLine) []taxGroup {
	byName := map[string]*taxGroup{}
	for _, line := range lines {
		s := share{line: line, exact: new(big.Rat)}
		var name strings.Builder
		for i, rule := range line.rules {
			if rule.Levy == levy {
				s.rules = append(s.rules, i)
				s.exact.Add(s.exact, line.exact[i])
				name.WriteString(printed(rule).String())
			}
		}
		if len(s.rules) == 0 {
			continue
		}
		g := byName[name.String()]
		if g == nil {
			g = &taxGroup{name: name.String(), exact: new(big.Rat)}
			byName[g.name] = g
		}
		g.shares = append(g.shares, s)
		g.exact.Add(g.exact, s.exact)
	}
	groups := make([]taxGroup, 0, len(byName))
	for _, g := range byName {
		slices.SortStableFunc(g.shares, func(a, b share) int {
			return cmp.Or(cmp.Compare(a.line.ID, b.line.ID), cmp.Compare(a.line.Amount.Minor, b.line.Amount.Minor))
		})
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b taxGroup) int { return cmp.Compare(a.name, b.name) })
	return groups
}

// roundLevy rounds one levy at the policy's level and shares the outcome below.
func (p Policy) roundLevy(groups []taxGroup) error {
	if p.Per != PerDocument {
		for _, g := range groups {
			if err := p.roundGroup(g); err != nil {
				return err
			}
		}
		return nil
	}
	parts, whole := make([]*big.Rat, len(groups)), new(big.Rat)
	for i, g := range groups {
		parts[i] = g.exact
		whole.Add(whole, g.exact)
	}
	total, err := money.RoundRat(whole, p.Rounding)
	if err != nil {
		return err
	}
	taxes, err := money.Apportion(total, parts)
	if err != nil {
		return err
	}
	for i, g := range groups {
		if err := g.give(taxes[i]); err != nil {
			return err
		}
	}
	return nil
}

// roundGroup rounds a group's tax by the line or as one.
func (p Policy) roundGroup(g taxGroup) error {
	if p.Per == PerRate {
		tax, err := money.RoundRat(g.exact, p.Rounding)
		if err != nil {
			return err
		}
		return g.give(tax)
	}
	for i, s := range g.shares {
		tax, err := money.RoundRat(s.exact, p.Rounding)
		if err != nil {
			return err
		}
		if err := (taxGroup{shares: g.shares[i : i+1]}).give(tax); err != nil {
			return err
		}
	}
	return nil
}

// give shares the group's tax among its lines and, at the same time, among the
// parts that are printed: both sums are shared from the exact tax, and the
// cells between them are filled so that they meet both.
func (g taxGroup) give(tax int64) error {
	parts := make([]*big.Rat, len(g.shares[0].rules))
	for i := range parts {
		parts[i] = new(big.Rat)
	}
	lines := make([]*big.Rat, len(g.shares))
	for n, s := range g.shares {
		lines[n] = s.exact
		for i, rule := range s.rules {
			parts[i].Add(parts[i], s.line.exact[rule])
		}
	}
	byLine, err := money.Apportion(tax, lines)
	if err != nil {
		return err
	}
	byPart, err := money.Apportion(tax, parts)
	if err != nil {
		return err
	}
	g.fill(byLine, byPart)
	return nil
}

// fill gives every cell its exact tax rounded down and hands out what is left
// of the lines' and the parts' sums: a unit each to the largest remainders
// first, then wherever both a line and a part still lack some.
func (g taxGroup) fill(byLine, byPart []int64) {
	type cell struct {
		line, part int
		rest       *big.Rat
	}
	var cells []cell
	for n, s := range g.shares {
		for i, rule := range s.rules {
			exact := s.line.exact[rule]
			floor := new(big.Int).Quo(exact.Num(), exact.Denom())
			cells = append(cells, cell{n, i, new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))})
			s.line.taxes[rule] = floor.Int64()
			byLine[n] -= floor.Int64()
			byPart[i] -= floor.Int64()
		}
	}
	slices.SortStableFunc(cells, func(a, b cell) int { return b.rest.Cmp(a.rest) })
	for _, most := range []int64{1, 1 << 62} {
		for _, c := range cells {
			give := min(most, byLine[c.line], byPart[c.part])
			s := g.shares[c.line]
			s.line.taxes[s.rules[c.part]] += give
			byLine[c.line] -= give
			byPart[c.part] -= give
		}
	}
}
