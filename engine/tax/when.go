package tax

import (
	"fmt"
	"slices"
	"strings"

	"meridian/world"
)

// The dimensions of a supply, in the order in which a rule that names one is
// preferred to a rule that names another and says the same.
const (
	byWith = iota
	byTemperature
	byMode
	byRoute
	byBuyer
	dimensions
)

// dimension is one question about a supply and its possible answers.
type dimension struct {
	column  string
	answers []string
}

var whenDimensions = [dimensions]dimension{
	byWith:        {"with", []string{"nothing", "utensils", "gift"}},
	byTemperature: {"temperature", []string{"cold", "hot"}},
	byMode:        {"mode", []string{"takeaway", "delivery", "eat_in"}},
	byRoute:       {"route", []string{"intra", "inter"}},
	byBuyer:       {"buyer", []string{"consumer", "business"}},
}

// answerSet is a set of answers, a bit each; 0 stands for all of them.
type answerSet uint8

// When are the circumstances that a rule asks for. The zero When asks for none.
type When struct{ sets [dimensions]answerSet }

// WhenAny is no condition at all.
var WhenAny = When{}

// ParseWhen reads conditions: a list of answers for each column, parted by
// spaces, or "" for any. It fails with [world.CodeInvalid] for an answer that
// is not known or there twice.
func ParseWhen(with, temperature, mode, route, buyer string) (When, error) {
	var w When
	for d, text := range [dimensions]string{byWith: with, byTemperature: temperature, byMode: mode, byRoute: route, byBuyer: buyer} {
		set, err := whenDimensions[d].parse(text)
		if err != nil {
			return When{}, err
		}
		w.sets[d] = set
	}
	return w, nil
}

func (d dimension) parse(text string) (answerSet, error) {
	var set answerSet
	for word := range strings.FieldsSeq(text) {
		i := slices.Index(d.answers, word)
		if i < 0 || set&(1<<i) != 0 {
			return 0, world.E(world.CodeInvalid, "tax.when",
				fmt.Sprintf("%s: %q is not one answer of %s", d.column, clip(word), strings.Join(d.answers, ", ")))
		}
		set |= 1 << i
	}
	if set == d.all() { // to ask for all is to ask for nothing
		return 0, nil
	}
	return set, nil
}

func (d dimension) all() answerSet { return 1<<len(d.answers) - 1 }

// at is the set of a dimension with "any" spelt out.
func (w When) at(d int) answerSet {
	if w.sets[d] == 0 {
		return whenDimensions[d].all()
	}
	return w.sets[d]
}

// text is the answers of a dimension as [ParseWhen] reads them.
func (w When) text(d int) string {
	var words []string
	for i, word := range whenDimensions[d].answers {
		if w.sets[d]&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// String is the conditions for a reader: "mode eat_in, temperature hot"; "any
// supply" without any.
func (w When) String() string {
	var parts []string
	for d, dim := range whenDimensions {
		if w.sets[d] != 0 {
			parts = append(parts, dim.column+" "+strings.ReplaceAll(w.text(d), " ", " or "))
		}
	}
	if len(parts) == 0 {
		return "any supply"
	}
	return strings.Join(parts, ", ")
}

// holds tells whether each circumstance is among those asked for.
func (w When) holds(c When) bool { return len(w.misses(c)) == 0 }

// misses are the dimensions in which a circumstance is not what is asked for.
func (w When) misses(c When) []int {
	var out []int
	for d := range dimensions {
		if w.at(d)&c.at(d) != c.at(d) {
			out = append(out, d)
		}
	}
	return out
}

// within tells whether w asks for all that v asks for.
func (w When) within(v When) bool { return v.holds(w) }

// circumstances are those of one line: one answer to every question.
func circumstances(sale Sale, supply Supply) (When, error) {
	answers := [dimensions]string{
		byWith: string(supply.With), byTemperature: "cold", byMode: string(supply.Mode),
		byRoute: sale.route(), byBuyer: string(sale.Buyer.Kind),
	}
	if supply.With == Nothing {
		answers[byWith] = "nothing"
	}
	if supply.Hot {
		answers[byTemperature] = "hot"
	}
	if sale.Buyer.Kind == Consumer {
		answers[byBuyer] = "consumer"
	}
	if supply.Mode == "" {
		return When{}, world.E(world.CodeInvalid, "tax.supply",
			"it is not said how the goods reach the buyer; use takeaway, delivery or eat_in")
	}
	var c When
	for d, answer := range answers {
		if d == byRoute && answer == "" {
			continue // either: only a rule for both will do
		}
		i := slices.Index(whenDimensions[d].answers, answer)
		if i < 0 {
			return When{}, world.E(world.CodeInvalid, "tax.supply", fmt.Sprintf("%s: %q is not one of %s",
				whenDimensions[d].column, clip(answer), strings.Join(whenDimensions[d].answers, ", ")))
		}
		c.sets[d] = 1 << i
	}
	return c, nil
}

// allCircumstances are every possible answer to every question.
func allCircumstances() []When {
	out := []When{{}}
	for d, dim := range whenDimensions {
		var next []When
		for _, w := range out {
			for i := range dim.answers {
				w.sets[d] = 1 << i
				next = append(next, w)
			}
		}
		out = next
	}
	return out
}
