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
	*rating
	at    int       // its place among the lines given
	exact []big.Int // tax by rule, in parts of a minor unit; see exactly
	taxes []int64   // the same in minor units, rounded
}

// rating is what lines of one class and supply have in common.
type rating struct {
	rules  []Rule
	names  []string // of the rules, as summaries tell them apart
	exempt bool     // the tax is reckoned only to be taken off
}

// divisor is what a price is divided by, in a rate's parts, before each rate is
// taken of it.
func (p Policy) divisor(rules []Rule) int64 {
	if p.Inclusive {
		return int64(money.Whole + Combined(rules))
	}
	return int64(money.Whole)
}

// exactly puts down the lines' taxes by rule before any rounding, in parts so small
// that each is a whole number of them; one is how many make a minor unit.
func (p Policy) exactly(lines []*ratedLine) (one *big.Int) {
	one = big.NewInt(1)
	var part, factor big.Int
	for _, line := range lines {
		money.Widen(one, factor.SetInt64(p.divisor(line.rules)))
	}
	for _, line := range lines {
		part.Quo(one, factor.SetInt64(p.divisor(line.rules)))
		part.Mul(&part, factor.SetInt64(line.Amount.Minor))
		line.exact, line.taxes = make([]big.Int, len(line.rules)), make([]int64, len(line.rules))
		for i, rule := range line.rules {
			line.exact[i].Mul(&part, factor.SetInt64(int64(rule.Rate)))
		}
	}
	return one
}

// share is what one line owes of one levy: a cell for each of its parts.
type share struct {
	line  *ratedLine
	rules []int // of the line, those of the levy
	exact *big.Int
}

// taxGroup are the lines that owe one levy at the same rates.
type taxGroup struct {
	name   string
	shares []share
	exact  *big.Int
	one    *big.Int // how many of exact's parts make a minor unit
}

// groupsOf sorts the lines that owe a levy by rates, id and amount, so that
// whatever a rounding decides afterwards cannot depend on the order in which
// they came.
func groupsOf(levy string, lines []*ratedLine, one *big.Int) []taxGroup {
	byName := map[string]*taxGroup{}
	for _, line := range lines {
		s := share{line: line, exact: new(big.Int)}
		var name string
		for i, rule := range line.rules {
			if rule.Levy == levy {
				s.rules = append(s.rules, i)
				s.exact.Add(s.exact, &line.exact[i])
				name += line.names[i]
			}
		}
		if len(s.rules) == 0 {
			continue
		}
		g := byName[name]
		if g == nil {
			g = &taxGroup{name: name, exact: new(big.Int), one: one}
			byName[name] = g
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
	if len(groups) == 0 {
		return nil
	}
	parts, whole, one := make([]*big.Int, len(groups)), new(big.Int), groups[0].one
	for i, g := range groups {
		parts[i] = g.exact
		whole.Add(whole, g.exact)
	}
	total, err := money.RoundOver(whole, one, p.Rounding)
	if err != nil {
		return err
	}
	taxes, err := money.ApportionOver(total, parts, one)
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
		tax, err := money.RoundOver(g.exact, g.one, p.Rounding)
		if err != nil {
			return err
		}
		return g.give(tax)
	}
	for i, s := range g.shares {
		tax, err := money.RoundOver(s.exact, g.one, p.Rounding)
		if err != nil {
			return err
		}
		if err := (taxGroup{shares: g.shares[i : i+1], one: g.one}).give(tax); err != nil {
			return err
		}
	}
	return nil
}

// give shares the group's tax among its lines and, at the same time, among the
// parts that are printed: both sums are shared from the exact tax, and the
// cells between them are filled so that they meet both.
func (g taxGroup) give(tax int64) error {
	parts := make([]*big.Int, len(g.shares[0].rules))
	for i := range parts {
		parts[i] = new(big.Int)
	}
	lines := make([]*big.Int, len(g.shares))
	for n, s := range g.shares {
		lines[n] = s.exact
		for i, rule := range s.rules {
			parts[i].Add(parts[i], &s.line.exact[rule])
		}
	}
	byLine, err := money.ApportionOver(tax, lines, g.one)
	if err != nil {
		return err
	}
	byPart, err := money.ApportionOver(tax, parts, g.one)
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
		rest       *big.Int
	}
	cells, rests, floor := make([]cell, 0, len(byLine)*len(byPart)), make([]big.Int, len(byLine)*len(byPart)), new(big.Int)
	for n, s := range g.shares {
		for i, rule := range s.rules {
			rest := &rests[len(cells)]
			floor.QuoRem(&s.line.exact[rule], g.one, rest)
			cells = append(cells, cell{n, i, rest})
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
