package tax

import (
	"cmp"
	"fmt"
	"slices"

	"meridian/engine/money"
	"meridian/world"
)

// Find gives the rules that tax a class of goods, one for each levy that is
// printed, from the country down. Of the rules in force whose circumstances
// hold, the one wins that asks for all that the others ask for. A smaller
// place adds to a larger one only where the larger one's rule says so.
//
// It fails with [world.CodeInvalid] for an incomplete sale or supply, and with
// [world.CodeUnprocessed] where a rule is missing: what is not known is never
// taken for zero.
func (t *Table) Find(sale Sale, class string, supply Supply) ([]Rule, error) {
	if err := sale.check(); err != nil {
		return nil, err
	}
	now, err := circumstances(sale, supply)
	if err != nil {
		return nil, err
	}
	path := levels(sale.Jurisdiction)
	var out []Rule
	for i, place := range path {
		// A federation may leave the tax to its states.
		if i == 0 && len(path) > 1 && len(t.levies[place]) == 0 {
			continue
		}
		rules, err := t.at(place, class, now, sale.On)
		if err != nil {
			return nil, err
		}
		out = append(out, rules...)
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Below }) {
			return out, nil
		}
	}
	return nil, world.E(world.CodeUnprocessed, "tax.find",
		fmt.Sprintf("%q leaves a part of the tax on %q to its counties and cities; say in which one it is supplied",
			clip(sale.Jurisdiction), clip(class)))
}

// Combined is the sum of the rules' rates.
func Combined(rules []Rule) money.Rate {
	var sum money.Rate
	for _, r := range rules {
		sum += r.Rate
	}
	return sum
}

// at are the rules of one place, one for each levy that it takes on the route.
func (t *Table) at(place, class string, now When, on Date) ([]Rule, error) {
	var out []Rule
	for _, l := range t.levies[place] {
		if l.routes&now.at(byRoute) == 0 {
			continue
		}
		rule, ok := t.best(key{place, l.levyPart, class}, now, on)
		if !ok {
			return nil, missing(place, l.levyPart, class, now, on)
		}
		out = append(out, rule)
	}
	if len(out) == 0 {
		return nil, missing(place, levyPart{}, class, now, on)
	}
	return out, nil
}

// best is the most specific rule in force: one that no other, asking for more,
// replaces. Loading has seen to it that if several are left they say the same;
// then the first in order is named.
func (t *Table) best(k key, now When, on Date) (Rule, bool) {
	var hold []Rule
	for _, r := range t.byRule[k] {
		if r.holds(on) && r.When.holds(now) {
			hold = append(hold, r)
		}
	}
	left := slices.DeleteFunc(slices.Clone(hold), func(r Rule) bool {
		return slices.ContainsFunc(hold, func(o Rule) bool { return o.When != r.When && o.When.within(r.When) })
	})
	if len(left) == 0 {
		return Rule{}, false
	}
	return slices.MinFunc(left, preferred), true
}

// preferred sorts rules that are equally specific: first those that say more
// of what the goods come with, then of heat, mode, route and buyer.
func preferred(a, b Rule) int {
	for d := range dimensions {
		if c := cmp.Compare(count(a.When.at(d)), count(b.When.at(d))); c != 0 {
			return c
		}
	}
	return compareWhen(a.When, b.When)
}

func count(s answerSet) (n int) {
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

func missing(place string, l levyPart, class string, now When, on Date) error {
	what := "tax"
	if l.levy != "" {
		what = l.levy
	}
	if l.part != "" {
		what += " (" + l.part + ")"
	}
	advice := "add one before selling it there"
	if now.sets[byRoute] == 0 {
		advice += ", or say in which states seller and buyer are"
	}
	return world.E(world.CodeUnprocessed, "tax.find",
		fmt.Sprintf("no %s rule for %q in %q on %s (%s); %s", what, clip(class), clip(place), on, now, advice))
}
