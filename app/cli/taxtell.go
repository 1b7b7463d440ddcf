package cli

import (
	"fmt"
	"io"
	"strings"

	"meridian/engine/money"
	"meridian/engine/tax"
)

// hundred is 100 %.
const hundred money.Rate = 1_000_000

// sayStep is the sum of one levy as a clerk would write it.
func sayStep(amount money.Amount, policy tax.Policy, whole money.Rate, s tax.Step) string {
	sum := fmt.Sprintf("%s × %s / 100", amount.Decimal(), s.Rate.Percent())
	if policy.Inclusive {
		sum = fmt.Sprintf("%s × %s / %s", amount.Decimal(), s.Rate.Percent(), (hundred + whole).Percent())
	}
	return fmt.Sprintf("%s: %s = %s minor units, %s: %s", s.Levy, sum, s.Exact.FloatString(4), policy.Rounding,
		money.Amount{Minor: s.Rounded, Currency: amount.Currency})
}

func (a taxAnswer) tell(w io.Writer) {
	heat := "cold"
	if a.Supply.Hot {
		heat = "hot"
	}
	with := "with nothing"
	if a.Supply.With != tax.Nothing {
		with = "with " + string(a.Supply.With)
	}
	buyer := "consumer"
	if a.Sale.Buyer.Kind != tax.Consumer {
		buyer = string(a.Sale.Buyer.Kind)
	}
	fmt.Fprintf(w, "%s, %s, %s, %s; sold by %s to a %s in %s on %s\n", a.Class, a.Supply.Mode, heat, with, a.Sale.Seller, buyer, a.Sale.Jurisdiction, a.Sale.On)
	if a.TaxID != "" {
		fmt.Fprintf(w, "tax id: %s\n", a.TaxID)
	}
	switch {
	case a.Missing != "":
		fmt.Fprintf(w, "\nno tax can be reckoned: %s\n", a.Missing)
	case a.Exempt:
		fmt.Fprintf(w, "\nexempt, as a supply to a business in another member state (Directive 2006/112/EC, Article 138); off the price comes %s %%\n", a.Rate)
	default:
		fmt.Fprintf(w, "\n%s %%\n", a.Rate)
	}
	for _, r := range a.Rules {
		fmt.Fprintf(w, "  row %d: %s %s %s %% (%s), %s, %s\n    source: %s (%s confidence)\n", r.Row, r.Jurisdiction, r.levy(), r.Rate, r.Label, r.When, r.days(), r.Source, r.Confidence)
	}
	switch {
	case len(a.Rejected) > 0 && a.Missing != "":
		fmt.Fprintf(w, "\nlooked at:\n")
	case len(a.Rejected) > 0:
		fmt.Fprintf(w, "\nnot these:\n")
	}
	for _, r := range a.Rejected {
		fmt.Fprintf(w, "  row %d: %s %s %s %%, %s, %s: %s\n", r.Row, r.Jurisdiction, r.levy(), r.Rate, r.When, r.days(), r.Why)
	}
	fmt.Fprintf(w, "\n%s\n", a.Policy)
	for _, s := range a.Steps {
		fmt.Fprintf(w, "  %s\n", s)
	}
	for _, n := range a.Notes {
		fmt.Fprintf(w, "  note: %s\n", strings.ReplaceAll(string(n), "_", " "))
	}
	if a.Result != nil {
		fmt.Fprintf(w, "  net %s + tax %s = gross %s\n", a.Result.Net, a.Result.Tax, a.Result.Gross)
	}
}
