package tax

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"meridian/engine/money"
)

// Status tells law from what is only planned.
type Status string

// The states of a rule.
const (
	Law   Status = "law"
	Draft Status = "draft" // proposed or passed but not in force; it never applies
)

// Confidence is how sure the reviewer of a rule is of it.
type Confidence string

// The degrees of confidence.
const (
	High   Confidence = "high"   // read in the law or at the authority
	Medium Confidence = "medium" // from a source that was not fetched again
	Low    Confidence = "low"    // from hearsay
)

// Rule is the rate of one class of goods in one place under some
// circumstances for a time.
type Rule struct {
	Jurisdiction string // path: "DE", "US-NY", "US-NY-NYC"
	Levy         string // what is rounded as one: "vat", "sales", "cgst"
	Part         string // tells apart what one place takes twice under one levy: "city", "mctd"; mostly ""
	Class        string // of goods: "bread", "hot_drink"
	When         When
	Rate         money.Rate // zero is a rate too, and is said
	Below        bool       // smaller places within this one add to it
	From         Date       // first day
	To           Date       // last day, inclusive; zero is open
	Label        string     // for the receipt: "MwSt."
	Confidence   Confidence
	Status       Status
	Source       string // the law or the page that says so
	Row          int    // line of the file, or place in the list, that it came from
}

// holds tells whether the rule is in force on a day.
func (r Rule) holds(on Date) bool {
	return r.From.Compare(on) <= 0 && (r.To.IsZero() || on.Compare(r.To) <= 0)
}

// meets tells whether two rules share a day.
func (r Rule) meets(o Rule) bool { return r.holds(o.From) || o.holds(r.From) }

// says tells whether two rules come to the same on a receipt.
func (r Rule) says(o Rule) bool {
	return r.Rate == o.Rate && r.Label == o.Label && r.Below == o.Below
}

func compareRules(a, b Rule) int {
	return cmp.Or(cmp.Compare(a.Jurisdiction, b.Jurisdiction), cmp.Compare(a.Levy, b.Levy), cmp.Compare(a.Part, b.Part),
		cmp.Compare(a.Class, b.Class), compareWhen(a.When, b.When), a.From.Compare(b.From), cmp.Compare(a.Status, b.Status))
}

// compareWhen sorts conditions: fewer answers first, by dimension.
func compareWhen(a, b When) int {
	for d := range dimensions {
		if c := cmp.Compare(a.sets[d], b.sets[d]); c != 0 {
			return c
		}
	}
	return 0
}

var (
	jurisdictionForm = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,10}){0,3}$`)
	classForm        = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	partForm         = regexp.MustCompile(`^([a-z][a-z0-9_]{0,39})?$`)
)

// check says what is wrong with a rule by itself.
func (l Limits) check(r Rule) []string {
	var wrong []string
	if !jurisdictionForm.MatchString(r.Jurisdiction) {
		wrong = append(wrong, fmt.Sprintf("jurisdiction %q; write it as DE, US-CA or US-NY-NYC", clip(r.Jurisdiction)))
	}
	for _, f := range []struct {
		name, text string
		form       *regexp.Regexp
	}{{"levy", r.Levy, classForm}, {"part", r.Part, partForm}, {"classes", r.Class, classForm}} {
		if !f.form.MatchString(f.text) {
			wrong = append(wrong, fmt.Sprintf("%s %q; use lower-case letters, digits and _, a letter first", f.name, clip(f.text)))
		}
	}
	if r.Rate < 0 || r.Rate > money.MaxRate {
		wrong = append(wrong, fmt.Sprintf("rate %s; use 0 to %s", r.Rate.Percent(), money.MaxRate.Percent()))
	}
	wrong = append(wrong, checkDays(r)...)
	if r.Status != Law && r.Status != Draft {
		wrong = append(wrong, fmt.Sprintf("status %q; use law or draft", clip(string(r.Status))))
	}
	if r.Confidence != High && r.Confidence != Medium && r.Confidence != Low {
		wrong = append(wrong, fmt.Sprintf("confidence %q; use high, medium or low", clip(string(r.Confidence))))
	}
	if !l.text(r.Label) {
		wrong = append(wrong, fmt.Sprintf("the label must be 1 to %d printable characters", l.MaxText))
	}
	if !l.text(r.Source) {
		wrong = append(wrong, fmt.Sprintf("the source must be 1 to %d printable characters", l.MaxText))
	}
	return wrong
}

func checkDays(r Rule) []string {
	switch {
	case !r.From.exists():
		return []string{"no first day; give valid_from"}
	case !r.To.IsZero() && !r.To.exists():
		return []string{"the last day is not in the calendar; correct valid_to"}
	case !r.To.IsZero() && r.To.Compare(r.From) < 0:
		return []string{fmt.Sprintf("valid_to %s is before valid_from %s; swap or correct them", r.To, r.From)}
	}
	return nil
}

func (l Limits) text(s string) bool {
	return strings.TrimSpace(s) != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= l.MaxText &&
		!strings.ContainsFunc(s, unicode.IsControl)
}
