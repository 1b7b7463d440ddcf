// Package checkout decides what a checkout decides, without the database that
// it writes to: totals and limits of a cart, what has changed since they were
// shown, whether a contact can be delivered to, and the names an order goes by.
package checkout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/tax"
	"meridian/world"
)

// Limits are the largest order that is taken. Every one of them must be positive.
type Limits struct {
	MaxLines    int   // products in a cart
	MaxQuantity int   // of one product
	MaxTotal    int64 // of the order with tax, in minor units of the market's currency
}

// DefaultLimits are a bakery's largest order.
var DefaultLimits = Limits{MaxLines: 50, MaxQuantity: 99, MaxTotal: 10_000_000}

// Terms are what a market sells under.
type Terms struct {
	Currency string // ISO 4217
	Seller   string // jurisdiction path of the shop
	Tax      tax.Policy
	Limits   Limits
}

// TermsOf reads a market's terms from the world file. It fails with
// [world.CodeInvalid] for a currency or a tax policy that is not known.
func TermsOf(m world.Market, limits Limits) (Terms, error) {
	if _, err := money.Digits(m.Currency); err != nil {
		return Terms{}, world.Wrap("checkout.terms", err)
	}
	policy, err := tax.PolicyOf(m.Tax)
	if err != nil {
		return Terms{}, world.Wrap("checkout.terms", err)
	}
	return Terms{Currency: m.Currency, Seller: m.Seller(), Tax: policy, Limits: limits}, nil
}

// Mode is how goods reach their buyer by a way of fulfilment, as tax has it.
func Mode(f world.Fulfilment) tax.Mode {
	switch f {
	case world.PickUp:
		return tax.Takeaway
	case world.EatIn:
		return tax.EatIn
	}
	return tax.Delivery
}

// Supply is how a product reaches its buyer by a way of fulfilment, as tax has it.
func Supply(f world.Fulfilment, p world.Product) tax.Supply {
	return tax.Supply{Mode: Mode(f), Hot: p.ServedHot, With: tax.With(p.ServedWith)}
}

// Taxed tells whether the tax on a product is known for any way and place in which
// a market sells it on a day. Where it is for none it fails as [tax.Table.Find] does
// for one that is picked up.
func Taxed(m world.Market, p world.Product, on tax.Date, table *tax.Table) error {
	known := func(place string, f world.Fulfilment) error {
		_, err := table.Find(tax.Sale{Seller: m.Seller(), Jurisdiction: place, On: on}, p.TaxClass, Supply(f, p))
		return err
	}
	err := known(m.Seller(), world.PickUp)
	if err == nil || m.EatIn && known(m.Seller(), world.EatIn) == nil ||
		slices.ContainsFunc(m.TaxPlaces(), func(place string) bool { return known(place, world.Delivery) == nil }) {
		return nil
	}
	return world.Wrap("checkout.taxed", err)
}

// Sale is a sale to a consumer, of goods that are handed over in a jurisdiction.
func (t Terms) Sale(jurisdiction string, on tax.Date) tax.Sale {
	return tax.Sale{Seller: t.Seller, Jurisdiction: jurisdiction, On: on}
}

// Line is a SKU in a cart, with the price that the catalog has now.
type Line struct {
	Offer    world.Offer
	Quantity int
}

// Wish is what a buyer asks for.
type Wish struct {
	Lines        []Line
	Codes        []string // of promotions, as they were typed
	Fulfilment   world.Fulfilment
	Jurisdiction string    // where the goods are handed over
	Buyer        tax.Buyer // the zero Buyer is a consumer
	At           time.Time // by which promotions are judged
	On           tax.Date  // the day on which the goods are handed over
	Cash         bool      // it is paid for with coins and notes
}

// Quote is what an order would cost. Net + Tax = Total, and each is the sum of
// its lines less their discounts, to the minor unit.
type Quote struct {
	Jurisdiction    string
	Fulfilment      world.Fulfilment
	Date            tax.Date              // whose rules were used
	Lines           []world.OrderLine     // as the cart has them
	Taxes           []world.OrderTax      // by place, tax and rate; one line for each levy
	TaxShares       []world.TaxShare      // by line, then tax
	TaxNotes        []string              // what has to be told about the tax, each a [tax.Note]
	Discounts       []world.OrderDiscount // in the order in which they were taken off
	Refused         []promotion.Refusal   // codes that do not work
	Discount        money.Amount          // the sum of Discounts
	Net, Tax, Total money.Amount
	Rounding        money.Amount // what paying in cash adds, or leaves out
}

// NewQuote reckons what a buyer wishes for, under a market's promotions; used
// tells how often each was used, nil for never. It fails with
// [world.CodeInvalid] for an empty cart, a SKU twice, a quantity below one or a
// negative price; with [world.CodeTooLarge] past a limit; with
// [world.CodeConflict] for a price in another currency; and with
// [world.CodeUnprocessed] where the tax is not known. A code that does not work is
// no failure: see Quote.Refused.
func NewQuote(terms Terms, wish Wish, promotions []promotion.Promotion, used promotion.Used, table *tax.Table) (Quote, error) {
	if err := terms.checkCart(wish.Lines); err != nil {
		return Quote{}, err
	}
	full := make([]money.Amount, len(wish.Lines))
	for i, line := range wish.Lines {
		var err error
		if full[i], err = terms.price(line); err != nil {
			return Quote{}, err
		}
	}
	if used == nil {
		used = func(string) (int, int) { return 0, 0 }
	}
	applied, err := promotion.Apply(promotions, promoted(wish.Lines), wish.Codes, wish.At, used)
	if err != nil {
		return Quote{}, world.Wrap("checkout.quote", err)
	}
	taxed := make([]tax.Line, len(wish.Lines))
	for i, line := range wish.Lines {
		taxed[i] = tax.Line{ID: line.Offer.Key, Class: line.Offer.TaxClass, Supply: Supply(wish.Fulfilment, line.Offer.Product), Amount: applied.Lines[i]}
	}
	sale := terms.Sale(wish.Jurisdiction, wish.On)
	sale.Buyer = wish.Buyer
	result, err := table.Compute(terms.Tax, sale, taxed)
	if err != nil {
		return Quote{}, world.Wrap("checkout.quote", err)
	}
	if most := (money.Amount{Minor: terms.Limits.MaxTotal, Currency: terms.Currency}); result.Total.Gross.Minor > most.Minor {
		return Quote{}, tooLarge(fmt.Sprintf("an order can be at most %s; order in parts or call us", most))
	}
	q := newQuote(wish, full, applied, result)
	q.Rounding = money.Amount{Currency: terms.Currency}
	if wish.Cash {
		if _, q.Rounding, err = q.Total.InCash(); err != nil {
			return Quote{}, world.Wrap("checkout.quote", err)
		}
	}
	return q, nil
}

// promoted is a cart as promotions see it.
func promoted(cart []Line) []promotion.Line {
	out := make([]promotion.Line, len(cart))
	for i, l := range cart {
		out[i] = promotion.Line{SKU: l.Offer.Key, Category: l.Offer.Category, Quantity: l.Quantity,
			Unit: money.Amount{Minor: l.Offer.PriceMinor, Currency: l.Offer.Currency}}
	}
	return out
}

// checkCart holds a cart to the limits before anything is multiplied.
func (t Terms) checkCart(cart []Line) error {
	if len(cart) == 0 {
		return world.E(world.CodeInvalid, "checkout.quote", "the cart is empty; put something into it")
	}
	if len(cart) > t.Limits.MaxLines {
		return tooLarge(fmt.Sprintf("a cart can hold at most %d different products; take some out", t.Limits.MaxLines))
	}
	seen := make(map[string]bool, len(cart))
	for _, line := range cart {
		slug := line.Offer.Key
		switch {
		case seen[slug]:
			return world.E(world.CodeInvalid, "checkout.quote",
				fmt.Sprintf("%q is in the cart twice; add the two quantities together", slug))
		case line.Quantity < 1:
			return world.E(world.CodeInvalid, "checkout.quote",
				fmt.Sprintf("the quantity of %q is below one; take it out of the cart instead", slug))
		case line.Quantity > t.Limits.MaxQuantity:
			return tooLarge(fmt.Sprintf("at most %d of %q can be ordered at once; order fewer", t.Limits.MaxQuantity, slug))
		}
		seen[slug] = true
	}
	return nil
}

// price is a line's price for all of its quantity.
func (t Terms) price(line Line) (money.Amount, error) {
	p := line.Offer
	if p.Currency != t.Currency {
		return money.Amount{}, world.E(world.CodeConflict, "checkout.quote",
			fmt.Sprintf("%q is priced in %q and this shop sells in %s; price it anew", p.Key, p.Currency, t.Currency))
	}
	if p.PriceMinor < 0 {
		return money.Amount{}, world.E(world.CodeInvalid, "checkout.quote",
			fmt.Sprintf("%q has a negative price; price it anew", p.Key))
	}
	amount, err := money.Amount{Minor: p.PriceMinor, Currency: p.Currency}.Mul(line.Quantity)
	return amount, world.Wrap("checkout.quote", err)
}

func newQuote(wish Wish, full []money.Amount, applied promotion.Applied, result tax.Result) Quote {
	q := Quote{
		Jurisdiction: wish.Jurisdiction, Fulfilment: wish.Fulfilment, Date: wish.On,
		Lines: make([]world.OrderLine, len(wish.Lines)),
		Taxes: make([]world.OrderTax, len(result.Rates)),
		Net:   result.Total.Net, Tax: result.Total.Tax, Total: result.Total.Gross,
		Discount: applied.Total, Refused: applied.Refused,
	}
	for i, line := range wish.Lines {
		q.Lines[i] = world.OrderLine{
			SKU: line.Offer.Key, Name: line.Offer.Label(), TaxClass: line.Offer.TaxClass, ServedHot: line.Offer.ServedHot, ServedWith: line.Offer.ServedWith,
			Quantity: line.Quantity, UnitMinor: line.Offer.PriceMinor, LineMinor: full[i].Minor,
			DiscountMinor: full[i].Minor - applied.Lines[i].Minor,
			TaxMinor:      result.Lines[i].Tax.Minor, PriceVersion: line.Offer.PriceVersion,
			Product: line.Offer.Slug, ProductVersion: line.Offer.Version,
		}
		q.TaxShares = append(q.TaxShares, shares(i, result)...)
	}
	for i, r := range result.Rates {
		q.Taxes[i] = world.OrderTax{Label: r.Label, Rate: r.Rate.Percent(), NetMinor: r.Net.Minor, TaxMinor: r.Tax.Minor,
			Jurisdiction: r.Jurisdiction, Levy: r.Levy, Part: r.Part, Source: sources(r.Printed, result)}
	}
	for _, n := range result.Notes {
		q.TaxNotes = append(q.TaxNotes, string(n))
	}
	for _, d := range applied.Discounts {
		q.Discounts = append(q.Discounts, world.OrderDiscount{Promotion: d.Promotion, Label: d.Label, Code: d.Code, Minor: d.Total.Minor})
	}
	return q
}

// shares are the n-th line's parts in the taxes of a result.
func shares(n int, result tax.Result) []world.TaxShare {
	var out []world.TaxShare
	line := result.Lines[n]
	for at, rate := range result.Rates {
		for _, c := range line.Components {
			if c.Printed() == rate.Printed {
				out = append(out, world.TaxShare{Line: n + 1, Tax: at + 1, NetMinor: line.Net.Minor, TaxMinor: c.Tax.Minor})
			}
		}
	}
	return out
}

// sources are where the law says what a line of the summary is made of.
func sources(p tax.Printed, result tax.Result) string {
	var out []string
	for _, line := range result.Lines {
		for _, c := range line.Components {
			if c.Printed() == p && c.Rule.Source != "" && !slices.Contains(out, c.Rule.Source) {
				out = append(out, c.Rule.Source)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func tooLarge(message string) error {
	return world.E(world.CodeTooLarge, "checkout.quote", message)
}
