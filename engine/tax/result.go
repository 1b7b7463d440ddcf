package tax

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"meridian/engine/money"
)

// Parts is a sum and its tax: Net + Tax = Gross, to the minor unit.
type Parts struct {
	Net   money.Amount `json:"net"`
	Tax   money.Amount `json:"tax"`
	Gross money.Amount `json:"gross"`
}

// Component is what a line owes by one rule.
type Component struct {
	Rule Rule
	Tax  money.Amount
}

// Printed is the line of a tax summary that the component goes to.
func (c Component) Printed() Printed { return printed(c.Rule) }

// LineTax is a line with its tax, which is the sum of its components.
type LineTax struct {
	ID         string
	Components []Component // from the country down
	Parts
}

// Rate is what the line is taxed at in all.
func (l LineTax) Rate() (sum money.Rate) {
	for _, c := range l.Components {
		sum += c.Rule.Rate
	}
	return sum
}

// RateTax is one line of a tax summary: what all lines that share a rate of a
// levy owe by it. Net is what it is levied on, so two levies on the same goods
// have the same Net; Gross is Net and this levy.
type RateTax struct {
	Printed
	Parts
}

// Printed is what tells one line of a tax summary from another.
type Printed struct {
	Jurisdiction string     `json:"jurisdiction"`
	Levy         string     `json:"levy"`
	Part         string     `json:"part,omitempty"`
	Rate         money.Rate `json:"rate"`
	Label        string     `json:"label"`
}

func printed(r Rule) Printed {
	return Printed{Jurisdiction: r.Jurisdiction, Levy: r.Levy, Part: r.Part, Rate: r.Rate, Label: r.Label}
}

// String is a name that no other summary line has; it sorts as they do.
func (p Printed) String() string {
	rate := strconv.FormatInt(int64(p.Rate), 10)
	return p.Jurisdiction + "/" + p.Levy + "/" + p.Part + "/" + strings.Repeat("0", max(0, 10-len(rate))) + rate + "/" + p.Label + ";"
}

func (p Printed) compare(q Printed) int {
	return cmp.Or(cmp.Compare(p.Jurisdiction, q.Jurisdiction), cmp.Compare(p.Levy, q.Levy), cmp.Compare(p.Part, q.Part),
		cmp.Compare(p.Rate, q.Rate), cmp.Compare(p.Label, q.Label))
}

// Result is a reckoning. The components of a line sum to its tax, the lines to
// the total, and the taxes of the rates to the total's tax.
type Result struct {
	Lines []LineTax // as they were given
	Rates []RateTax // by place from the country down, levy, part, rate and label
	Total Parts
	Notes []Note // what the law or the clerk has to be told, each once
}

// summarise makes a result of lines: every sum is made of them, so that no
// level can differ from the one below. There is at least one line.
func summarise(lines []LineTax, notes []Note) (Result, error) {
	zero := money.Amount{Currency: lines[0].Net.Currency}
	none := Parts{Net: zero, Tax: zero, Gross: zero}
	r := Result{Lines: lines, Total: none, Notes: notes}
	for _, line := range lines {
		var err error
		if r.Total, err = r.Total.plus(line.Parts); err != nil {
			return Result{}, err
		}
		for _, c := range line.Components {
			if err := r.add(printed(c.Rule), line.Net, c.Tax, none); err != nil {
				return Result{}, err
			}
		}
	}
	slices.SortFunc(r.Rates, func(a, b RateTax) int { return a.compare(b.Printed) })
	return r, nil
}

// add puts one component into the summary.
func (r *Result) add(p Printed, net, tax money.Amount, none Parts) error {
	gross, err := net.Add(tax)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Rates, func(o RateTax) bool { return o.Printed == p })
	if i < 0 {
		i = len(r.Rates)
		r.Rates = append(r.Rates, RateTax{Printed: p, Parts: none})
	}
	r.Rates[i].Parts, err = r.Rates[i].plus(Parts{Net: net, Tax: tax, Gross: gross})
	return err
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
