package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"meridian/app"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/engine/taxid"
	"meridian/world"
)

// taxQuestion is what `tax explain` is asked.
type taxQuestion struct {
	world, rules, market, place, seller, date string
	class, mode, with                         string
	hot, confirmed                            bool
	buyer, taxID, country, amount             string
}

// taxAnswer is what it says.
type taxAnswer struct {
	Market   string         `json:"market"`
	Sale     tax.Sale       `json:"sale"`
	Class    string         `json:"class"`
	Supply   tax.Supply     `json:"supply"`
	TaxID    string         `json:"tax_id,omitempty"` // what is known of the buyer's number
	Rate     string         `json:"rate,omitempty"`   // in percent
	Exempt   bool           `json:"exempt,omitempty"` // then Rate is what comes off the price
	Rules    []taxRule      `json:"rules"`
	Rejected []rejectedRule `json:"rejected"`
	Policy   string         `json:"policy"`
	Steps    []string       `json:"steps,omitempty"`
	Result   *tax.Parts     `json:"result,omitempty"`
	Notes    []tax.Note     `json:"notes,omitempty"`
	Missing  string         `json:"missing,omitempty"`
}

type rejectedRule struct {
	taxRule
	Why string `json:"why"`
}

func (c *cli) taxExplain() *cobra.Command {
	var q taxQuestion
	cmd := &cobra.Command{
		Use: "explain --market MARKET --class CLASS", Short: "Say which rule gives a figure, its source, and why no other does",
		Long: `Finds the rules for one line of a sale, as the checkout does, and says of every
rule for its class why it applies or does not. With --amount it reckons the
tax and shows each rounding.`,
		Example: `  meridian tax explain --market de --class cake --mode eat_in --date 2025-12-31 --amount 4.20
  meridian tax explain --market us --jurisdiction US-NY-NYC --class hot_drink --mode takeaway --hot --amount 3.95
  meridian tax explain --market de --jurisdiction FR --class cake --buyer business --tax-id FR40303265045 --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			answer, err := q.answer()
			if err != nil {
				return err
			}
			return c.print(answer, func(w io.Writer) { answer.tell(w) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.market, "market", "", "the market that sells")
	f.StringVar(&q.class, "class", "", "class of goods, such as cake")
	f.StringVar(&q.mode, "mode", string(tax.Delivery), "takeaway, delivery or eat_in")
	f.BoolVar(&q.hot, "hot", false, "sold hot, or kept hot")
	f.StringVar(&q.with, "with", "", "utensils or gift; none: nothing")
	f.StringVar(&q.date, "date", "", "day of supply; none: today in the market")
	f.StringVar(&q.place, "jurisdiction", "", "where it is supplied, such as US-NY-NYC; none: the market's own, or where it stands")
	f.StringVar(&q.seller, "seller", "", "where the shop stands; none: as the world file has it")
	f.StringVar(&q.buyer, "buyer", "consumer", "consumer or business")
	f.StringVar(&q.taxID, "tax-id", "", "the business's number")
	f.StringVar(&q.country, "tax-country", "", "the number's country; none: as its letters say")
	f.BoolVar(&q.confirmed, "confirmed", false, "take the number for confirmed by its register, which is not asked here")
	f.StringVar(&q.amount, "amount", "", "price as the market states prices, such as 4.20")
	f.StringVar(&q.rules, "rules", "", "CSV file of rules; none: those that ship")
	f.StringVar(&q.world, "world", "", "world file; none: the one that ships")
	return cmd
}

func (q taxQuestion) answer() (taxAnswer, error) {
	w, err := app.ReadWorld(q.world)
	if err != nil {
		return taxAnswer{}, err
	}
	m, ok := w.MarketByID(q.market)
	if !ok || q.class == "" {
		return taxAnswer{}, world.E(world.CodeInvalid, "tax.explain",
			fmt.Sprintf("Give --market (one of %s) and --class, such as cake.", strings.Join(marketIDs(w), ", ")))
	}
	table, err := taxRules(q.rules)
	if err != nil {
		return taxAnswer{}, err
	}
	a := taxAnswer{Market: m.ID, Class: q.class, Supply: tax.Supply{Mode: tax.Mode(q.mode), Hot: q.hot, With: tax.With(q.with)}}
	if a.Sale, err = q.sale(m); err != nil {
		return taxAnswer{}, err
	}
	a.Sale.Buyer, a.TaxID = q.business()
	e, err := table.Explain(a.Sale, q.class, a.Supply)
	if err != nil {
		return taxAnswer{}, err
	}
	a.choose(e)
	policy, err := tax.PolicyOf(m.Tax)
	if err != nil {
		return taxAnswer{}, err
	}
	a.Policy = fmt.Sprintf("prices %s tax, rounded %s per %s", map[bool]string{true: "include", false: "are without"}[policy.Inclusive], policy.Rounding, policy.Per)
	if q.amount == "" || e.Missing != nil {
		return a, nil
	}
	return a, a.reckon(q, m, table, policy, e.Rules)
}

// said is an error as its reader is told it.
func said(err error) string {
	if e, ok := errors.AsType[*world.Error](err); ok {
		return e.Message
	}
	return err.Error()
}

func marketIDs(w *world.World) (ids []string) {
	for _, m := range w.Markets {
		ids = append(ids, m.ID)
	}
	return ids
}

// sale is where and when it is sold.
func (q taxQuestion) sale(m world.Market) (tax.Sale, error) {
	s := tax.Sale{Seller: q.seller, Jurisdiction: q.place}
	if s.Seller == "" {
		s.Seller = m.Tax.Seller
	}
	if s.Seller == "" {
		s.Seller = m.Country
	}
	if places := m.TaxPlaces(); s.Jurisdiction == "" && len(places) == 1 {
		s.Jurisdiction = places[0]
	}
	if s.Jurisdiction == "" {
		s.Jurisdiction = s.Seller
	}
	var err error
	s.On, err = taxDay(q.date, m)
	return s, err
}

// business is the buyer, and what is known of its number.
func (q taxQuestion) business() (tax.Buyer, string) {
	if q.buyer == "consumer" {
		return tax.Buyer{}, ""
	}
	b := tax.Buyer{Kind: tax.BuyerKind(q.buyer)}
	if q.taxID == "" {
		return b, ""
	}
	id, err := taxid.ParseVAT(q.taxID)
	if q.country != "" {
		id, err = taxid.Parse(q.country, q.taxID)
	}
	if err != nil {
		b.TaxID = q.taxID
		return b, said(err)
	}
	b.TaxID, b.Country, b.Verified = id.String(), id.Country, q.confirmed
	if q.confirmed {
		return b, fmt.Sprintf("%s is well formed, and taken for confirmed", id)
	}
	return b, fmt.Sprintf("%s is well formed (%s); its register was not asked, so it changes nothing", id, taxid.Source(id.Country))
}

// choose sorts what was looked at into what applies and what does not.
func (a *taxAnswer) choose(e tax.Explanation) {
	a.Rules, a.Rejected, a.Exempt = []taxRule{}, []rejectedRule{}, e.Exempt
	if e.Missing != nil {
		a.Missing = said(e.Missing)
	} else {
		a.Rate = tax.Combined(e.Rules).Percent()
	}
	for _, r := range e.Rules {
		a.Rules = append(a.Rules, showRule(r))
	}
	for _, c := range e.Candidates {
		if !c.Applies || !slices.Contains(e.Rules, c.Rule) {
			a.Rejected = append(a.Rejected, rejectedRule{showRule(c.Rule), c.Why})
		}
	}
}

// reckon puts down the tax of the amount, step by step.
func (a *taxAnswer) reckon(q taxQuestion, m world.Market, table *tax.Table, policy tax.Policy, rules []tax.Rule) error {
	amount, err := money.Parse(q.amount, m.Currency)
	if err != nil {
		return err
	}
	steps, err := policy.Steps(amount, rules)
	if err != nil {
		return err
	}
	for _, s := range steps {
		a.Steps = append(a.Steps, sayStep(amount, policy, tax.Combined(rules), s))
	}
	result, err := table.Compute(policy, a.Sale, []tax.Line{{ID: "line", Class: q.class, Supply: a.Supply, Amount: amount}})
	if err != nil {
		return err
	}
	for _, c := range result.Lines[0].Components {
		a.Steps = append(a.Steps, fmt.Sprintf("%s %s %s %%: %s", c.Rule.Jurisdiction, c.Rule.Label, c.Rule.Rate.Percent(), c.Tax))
	}
	a.Result, a.Notes = &result.Total, result.Notes
	return nil
}
