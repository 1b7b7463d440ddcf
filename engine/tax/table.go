// Package tax knows a sale's tax: which dated rule a jurisdiction has for a
// class of goods on a day, and what a list of lines owes under it, rounded as
// that country's law says. The arithmetic underneath is package money's.
package tax

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"meridian/engine/money"
	"meridian/world"
)

// Rule is the rate of one class of goods in one jurisdiction for a time.
type Rule struct {
	Jurisdiction string     // ISO 3166 country, or country and subdivision: "DE", "US-CA"
	Class        string     // what is sold, in the catalog's words: "bread", "hot_food"
	Rate         money.Rate // zero is a rate too, and is said
	From         Date       // first day
	To           Date       // last day, inclusive; zero is open
	Label        string     // for the receipt: "USt 7 %"
	Source       string     // the law or the page that says so
}

// holds tells whether the rule is in force on a day.
func (r Rule) holds(on Date) bool {
	return r.From.Compare(on) <= 0 && (r.To.IsZero() || on.Compare(r.To) <= 0)
}

// Limits are the largest table that is taken.
type Limits struct {
	MaxRules int // rules in a table
	MaxBytes int // of the CSV that it is loaded from
	MaxText  int // characters in a label or a source
}

// DefaultLimits hold a century of every country's rules.
var DefaultLimits = Limits{MaxRules: 20_000, MaxBytes: 8 << 20, MaxText: 300}

type key struct{ jurisdiction, class string }

// Table is an immutable set of rules without overlaps. It is safe for
// concurrent use.
type Table struct {
	rules  []Rule
	byRule map[key][]Rule // each by first day
}

// NewTable makes a table of rules under [DefaultLimits]. It fails with
// [world.CodeInvalid] when a rule is incomplete or two of them overlap, and
// with [world.CodeTooLarge] past a limit.
func NewTable(rules []Rule) (*Table, error) {
	if err := DefaultLimits.count(len(rules)); err != nil {
		return nil, err
	}
	var found faults
	for i, r := range rules {
		found.add(i+1, DefaultLimits.check(r)...)
	}
	return newTable(rules, found, func(i int) int { return i + 1 }, "rule")
}

// newTable builds the table if neither the faults found so far nor an overlap
// speaks against it. line is what the reader calls the i-th rule.
func newTable(rules []Rule, found faults, line func(i int) int, noun string) (*Table, error) {
	order := make([]int, len(rules))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareRules(rules[a], rules[b]) })
	t := &Table{rules: make([]Rule, 0, len(rules)), byRule: make(map[key][]Rule)}
	for n, i := range order {
		r := rules[i]
		// Sorted by first day, a rule that overlaps any overlaps its neighbour.
		if n > 0 {
			before := rules[order[n-1]]
			if before.Jurisdiction == r.Jurisdiction && before.Class == r.Class && before.holds(r.From) {
				found.add(line(i), fmt.Sprintf("overlaps %s %d: %s %s has two rates on %s; end one before the other begins",
					noun, line(order[n-1]), clip(r.Jurisdiction), clip(r.Class), r.From))
			}
		}
		t.rules = append(t.rules, r)
		k := key{r.Jurisdiction, r.Class}
		t.byRule[k] = append(t.byRule[k], r)
	}
	if err := found.err(noun); err != nil {
		return nil, err
	}
	return t, nil
}

func compareRules(a, b Rule) int {
	return cmp.Or(cmp.Compare(a.Jurisdiction, b.Jurisdiction), cmp.Compare(a.Class, b.Class), a.From.Compare(b.From))
}

// Rate finds the rule in force. It fails with [world.CodeUnprocessed] when
// there is none: what is not known is never taken for zero.
func (t *Table) Rate(jurisdiction, class string, on Date) (Rule, error) {
	rules := t.byRule[key{jurisdiction, class}]
	next := sort.Search(len(rules), func(i int) bool { return rules[i].From.Compare(on) > 0 })
	if next > 0 && rules[next-1].holds(on) {
		return rules[next-1], nil
	}
	return Rule{}, world.E(world.CodeUnprocessed, "tax.rate",
		fmt.Sprintf("no tax rule for %q in %q on %s; add one before selling it there", clip(class), clip(jurisdiction), on))
}

// Rules lists the table by jurisdiction, class and first day. The slice is the
// caller's own.
func (t *Table) Rules() []Rule { return slices.Clone(t.rules) }

var (
	jurisdictionForm = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,10}){0,2}$`)
	classForm        = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

func (l Limits) count(rules int) error {
	if rules > l.MaxRules {
		return world.E(world.CodeTooLarge, "tax.load",
			fmt.Sprintf("more than %d tax rules; drop those that ended long ago", l.MaxRules))
	}
	return nil
}

// check says what is wrong with a rule by itself.
func (l Limits) check(r Rule) []string {
	var wrong []string
	if !jurisdictionForm.MatchString(r.Jurisdiction) {
		wrong = append(wrong, fmt.Sprintf("jurisdiction %q; write it as DE or US-CA", clip(r.Jurisdiction)))
	}
	if !classForm.MatchString(r.Class) {
		wrong = append(wrong, fmt.Sprintf("tax_class %q; use lower-case letters, digits and _, a letter first", clip(r.Class)))
	}
	if r.Rate < 0 || r.Rate > money.MaxRate {
		wrong = append(wrong, fmt.Sprintf("rate %s; use 0 to %s", r.Rate.Percent(), money.MaxRate.Percent()))
	}
	switch {
	case !r.From.exists():
		wrong = append(wrong, "no first day; give valid_from")
	case !r.To.IsZero() && !r.To.exists():
		wrong = append(wrong, "the last day is not in the calendar; correct valid_to")
	case !r.To.IsZero() && r.To.Compare(r.From) < 0:
		wrong = append(wrong, fmt.Sprintf("valid_to %s is before valid_from %s; swap or correct them", r.To, r.From))
	}
	if !l.text(r.Label) {
		wrong = append(wrong, fmt.Sprintf("the label must be 1 to %d printable characters", l.MaxText))
	}
	if !l.text(r.Source) {
		wrong = append(wrong, fmt.Sprintf("the source must be 1 to %d printable characters", l.MaxText))
	}
	return wrong
}

func (l Limits) text(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= l.MaxText &&
		!strings.ContainsFunc(s, unicode.IsControl)
}
