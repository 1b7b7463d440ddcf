package tax

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"meridian/engine/money"
)

// Candidate is a rule that was looked at, and why it applies or does not.
type Candidate struct {
	Rule    Rule
	Applies bool
	Why     string // a sentence, in English, without a full stop
}

// Explanation is how the rules of a class were chosen.
type Explanation struct {
	Rules      []Rule      // as [Table.Find] gives them; nil with Missing
	Candidates []Candidate // all rules for the class at the places that were looked at, drafts too
	Missing    error       // as [Table.Find] fails; nil with Rules
	Exempt     bool        // a supply to a business in another member state: the rules are those of the tax that is taken off
}

// Explain says which rules tax a class of goods and why the others do not. It
// fails with [world.CodeInvalid] for an incomplete sale or supply; where a rule
// is missing, the explanation says so.
func (t *Table) Explain(sale Sale, class string, supply Supply) (Explanation, error) {
	if err := sale.check(); err != nil {
		return Explanation{}, err
	}
	now, err := circumstances(sale, supply)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Exempt: sale.exempt(supply)}
	if e.Exempt {
		sale = sale.atHome()
		if now, err = circumstances(sale, supply); err != nil {
			return Explanation{}, err
		}
	}
	e.Rules, e.Missing = t.Find(sale, class, supply)
	for _, place := range levels(sale.Jurisdiction) {
		below := false
		for _, r := range t.rules {
			if r.Jurisdiction != place || r.Class != class {
				continue
			}
			won, found := t.best(key{place, levyPart{r.Levy, r.Part}, class}, now, sale.On)
			c := Candidate{Rule: r, Applies: found && won.Row == r.Row && won.Class == r.Class}
			c.Why = r.why(c.Applies, won, now, sale.On)
			below = below || (c.Applies && r.Below)
			e.Candidates = append(e.Candidates, c)
		}
		if !below && len(t.levies[place]) > 0 {
			break
		}
	}
	return e, nil
}

// why says what a rule has to do with a sale. won is what applies in its stead.
func (r Rule) why(applies bool, won Rule, now When, on Date) string {
	switch {
	case applies && r.Below:
		return "applies; smaller places add to it"
	case applies:
		return "applies"
	case r.Status == Draft:
		return "is a draft: proposed, not law, and never applied"
	case r.From.Compare(on) > 0:
		return "begins on " + r.From.String()
	case !r.To.IsZero() && on.Compare(r.To) > 0:
		return "ended on " + r.To.String()
	}
	if misses := r.When.misses(now); len(misses) > 0 {
		var parts []string
		for _, d := range misses {
			this := "this is " + now.text(d)
			if now.sets[d] == 0 {
				this = "here that is not known"
			}
			parts = append(parts, fmt.Sprintf("%s %s; %s", whenDimensions[d].column,
				strings.ReplaceAll(r.When.text(d), " ", " or "), this))
		}
		return "is for " + strings.Join(parts, ", and for ")
	}
	return fmt.Sprintf("gives way to row %d, which asks for more", won.Row)
}

// Step is the reckoning of one levy for one price, as a clerk would write it.
type Step struct {
	Levy    string
	Rate    money.Rate // the sum of its rules'
	Exact   *big.Rat   // in minor units, before it is rounded
	Rounded int64      // in minor units, by the policy's rounding
	Parts   []Rule     // the rules that it is shared among
}

// Steps reckons one price by rules, levy by levy, as a sale of that one line
// is. It fails with [world.CodeInvalid] for a bad policy and with
// [world.CodeTooLarge] past an int64.
func (p Policy) Steps(amount money.Amount, rules []Rule) ([]Step, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	line := &ratedLine{Line: Line{Amount: amount}, rules: rules}
	p.reckon(line)
	var steps []Step
	for _, levy := range leviesOf([]*ratedLine{line}) {
		s := Step{Levy: levy, Exact: new(big.Rat)}
		for i, r := range rules {
			if r.Levy == levy {
				s.Rate += r.Rate
				s.Exact.Add(s.Exact, line.exact[i])
				s.Parts = append(s.Parts, r)
			}
		}
		var err error
		if s.Rounded, err = money.RoundRat(s.Exact, p.Rounding); err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return slices.Clip(steps), nil
}
