// Package tax knows a sale's tax: which dated rules the places of a sale have
// for a class of goods and a way of supplying it, and what a list of lines
// owes under them, rounded as that country's law says. The arithmetic
// underneath is package money's.
package tax

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"meridian/world"
)

// Limits are the largest table that is taken.
type Limits struct {
	MaxRules int // rules in a table
	MaxSame  int // rules of one place, levy, part and class
	MaxBytes int // of the CSV that it is loaded from
	MaxText  int // characters in a label or a source
}

// DefaultLimits hold a century of every country's rules.
var DefaultLimits = Limits{MaxRules: 20_000, MaxSame: 100, MaxBytes: 8 << 20, MaxText: 300}

// levyPart is one thing that a place takes.
type levyPart struct{ levy, part string }

type key struct {
	jurisdiction string
	levyPart
	class string
}

// Table is an immutable set of rules of which one always wins. It is safe for
// concurrent use.
type Table struct {
	rules  []Rule
	byRule map[key][]Rule         // law only
	levies map[string][]placeLevy // law only, by place, in the order in which they are printed
}

// placeLevy is a levy of a place, and on which routes it is taken at all.
type placeLevy struct {
	levyPart
	routes answerSet
}

// NewTable makes a table of rules under [DefaultLimits]. It fails with
// [world.CodeInvalid] when a rule is incomplete, when two of them overlap or
// speak of the same sale without one of them being the more specific, and
// with [world.CodeTooLarge] past a limit. A rule's Row becomes its place in
// the list.
func NewTable(rules []Rule) (*Table, error) {
	if err := DefaultLimits.count(len(rules)); err != nil {
		return nil, err
	}
	rules = slices.Clone(rules)
	var found faults
	for i := range rules {
		rules[i].Row = i + 1
		found.add(i+1, DefaultLimits.check(rules[i])...)
	}
	return DefaultLimits.newTable(rules, found, "rule")
}

// newTable builds the table if neither the faults found so far nor a conflict
// between rules speaks against it. noun is what the reader calls a row.
func (l Limits) newTable(rules []Rule, found faults, noun string) (*Table, error) {
	slices.SortStableFunc(rules, compareRules)
	t := &Table{rules: rules, byRule: map[key][]Rule{}, levies: map[string][]placeLevy{}}
	for _, r := range rules {
		if r.Status != Law {
			continue
		}
		k := key{r.Jurisdiction, levyPart{r.Levy, r.Part}, r.Class}
		t.byRule[k] = append(t.byRule[k], r)
		t.addLevy(r)
	}
	for place := range t.levies {
		slices.SortFunc(t.levies[place], func(a, b placeLevy) int {
			return cmp.Or(cmp.Compare(a.levy, b.levy), cmp.Compare(a.part, b.part))
		})
	}
	for k, same := range t.byRule {
		if len(same) > l.MaxSame {
			return nil, world.E(world.CodeTooLarge, "tax.load",
				fmt.Sprintf("more than %d tax rules for %q in %q; drop those that ended long ago", l.MaxSame, clip(k.class), clip(k.jurisdiction)))
		}
		found.conflicts(same, noun)
	}
	if err := found.err(noun); err != nil {
		return nil, err
	}
	return t, nil
}

// addLevy notes that a place takes what the rule is of.
func (t *Table) addLevy(r Rule) {
	of, routes := levyPart{r.Levy, r.Part}, r.When.at(byRoute)
	all := t.levies[r.Jurisdiction]
	if i := slices.IndexFunc(all, func(p placeLevy) bool { return p.levyPart == of }); i >= 0 {
		all[i].routes |= routes
		return
	}
	t.levies[r.Jurisdiction] = append(all, placeLevy{of, routes})
}

// conflicts finds rules of one key that cannot stand beside each other.
func (f *faults) conflicts(same []Rule, noun string) {
	for i, a := range same {
		for _, b := range same[:i] {
			if !a.meets(b) {
				continue
			}
			on := a.From
			if b.From.Compare(on) > 0 {
				on = b.From
			}
			switch {
			case a.When == b.When:
				f.add(max(a.Row, b.Row), fmt.Sprintf("overlaps %s %d: %s %s, %s has two rates on %s; end one before the other begins",
					noun, min(a.Row, b.Row), clip(a.Jurisdiction), clip(a.Class), a.When, on))
			case !a.says(b) && !a.When.within(b.When) && !b.When.within(a.When):
				if c, ok := unsettled(a, b, same); ok {
					f.add(max(a.Row, b.Row), fmt.Sprintf("contradicts %s %d: %s %s, %s, has two rates on %s and neither is the more specific; add a rule for both",
						noun, min(a.Row, b.Row), clip(a.Jurisdiction), clip(a.Class), c, on))
				}
			}
		}
	}
}

// unsettled finds circumstances under which two rules both hold, differ and no
// third rule, more specific than both, settles it on every day that they share.
func unsettled(a, b Rule, same []Rule) (When, bool) {
	for _, c := range allCircumstances() {
		if !a.When.holds(c) || !b.When.holds(c) {
			continue
		}
		settled := slices.ContainsFunc(same, func(r Rule) bool {
			return r.When.holds(c) && r.When.within(a.When) && r.When.within(b.When) && r.covers(a, b)
		})
		if !settled {
			return c, true
		}
	}
	return When{}, false
}

// covers tells whether the rule is in force on every day that two others share.
func (r Rule) covers(a, b Rule) bool {
	first, last := a.From, a.To
	if b.From.Compare(first) > 0 {
		first = b.From
	}
	if last.IsZero() || (!b.To.IsZero() && b.To.Compare(last) < 0) {
		last = b.To
	}
	return r.holds(first) && (r.To.IsZero() || (!last.IsZero() && r.holds(last)))
}

// Rules lists the table, drafts too, by place, levy, class, circumstances and
// first day. The slice is the caller's own.
func (t *Table) Rules() []Rule { return slices.Clone(t.rules) }

// Classes are the classes of goods that the rules of a country, or of a place in it,
// know, in order.
func (t *Table) Classes(country string) []string {
	known := map[string]bool{}
	for _, r := range t.rules {
		if r.Jurisdiction == country || strings.HasPrefix(r.Jurisdiction, country+"-") {
			known[r.Class] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

func (l Limits) count(rules int) error {
	if rules > l.MaxRules {
		return world.E(world.CodeTooLarge, "tax.load",
			fmt.Sprintf("more than %d tax rules; drop those that ended long ago", l.MaxRules))
	}
	return nil
}
