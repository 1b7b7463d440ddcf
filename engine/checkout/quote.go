// Package checkout decides what a checkout decides, without the database that
// it writes to: totals and limits of a cart, what has changed since they were
// shown, whether a contact can be delivered to, and the names an order goes by.
package checkout

import (
	"fmt"

	"meridian/engine/money"
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
	seller := m.Tax.Seller
	if seller == "" {
		seller = m.Country
	}
	return Terms{Currency: m.Currency, Seller: seller, Tax: policy, Limits: limits}, nil
}

// Supply is how the shop's goods reach their buyers.
var Supply = tax.Supply{Mode: tax.Delivery}

// Sale is a sale to a consumer, of goods that are handed over in a jurisdiction.
func (t Terms) Sale(jurisdiction string, on tax.Date) tax.Sale {
	return tax.Sale{Seller: t.Seller, Jurisdiction: jurisdiction, On: on}
}

// Line is a SKU in a cart, with the price that the catalog has now.
type Line struct {
	Offer    world.Offer
	Quantity int
}

// Quote is what an order would cost. Net + Tax = Total, and each is the sum of
// its lines, to the minor unit.
type Quote struct {
	Jurisdiction    string
	Date            tax.Date          // whose rules were used
	Lines           []world.OrderLine // as the cart has them
	Taxes           []world.OrderTax  // by place, tax and rate; one line for each levy
	Net, Tax, Total money.Amount
}

// NewQuote reckons a cart. It fails with [world.CodeInvalid] for an empty
// cart, a product twice, a quantity below one or a negative price; with
// [world.CodeTooLarge] past a limit; with [world.CodeConflict] for a price in
// another currency; and with [world.CodeUnprocessed] where the tax is not known.
func NewQuote(terms Terms, cart []Line, jurisdiction string, on tax.Date, table *tax.Table) (Quote, error) {
	if err := terms.checkCart(cart); err != nil {
		return Quote{}, err
	}
	taxed := make([]tax.Line, len(cart))
	for i, line := range cart {
		amount, err := terms.price(line)
		if err != nil {
			return Quote{}, err
		}
		taxed[i] = tax.Line{ID: line.Offer.Key, Class: line.Offer.TaxClass, Supply: Supply, Amount: amount}
	}
	result, err := table.Compute(terms.Tax, terms.Sale(jurisdiction, on), taxed)
	if err != nil {
		return Quote{}, world.Wrap("checkout.quote", err)
	}
	if most := (money.Amount{Minor: terms.Limits.MaxTotal, Currency: terms.Currency}); result.Total.Gross.Minor > most.Minor {
		return Quote{}, tooLarge(fmt.Sprintf("an order can be at most %s; order in parts or call us", most))
	}
	return newQuote(cart, taxed, result, jurisdiction, on), nil
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

func newQuote(cart []Line, taxed []tax.Line, result tax.Result, jurisdiction string, on tax.Date) Quote {
	q := Quote{
		Jurisdiction: jurisdiction, Date: on,
		Lines: make([]world.OrderLine, len(cart)),
		Taxes: make([]world.OrderTax, len(result.Rates)),
		Net:   result.Total.Net, Tax: result.Total.Tax, Total: result.Total.Gross,
	}
	for i, line := range cart {
		q.Lines[i] = world.OrderLine{
			Slug: line.Offer.Key, Name: line.Offer.Label(), TaxClass: line.Offer.TaxClass,
			Quantity: line.Quantity, UnitMinor: line.Offer.PriceMinor, LineMinor: taxed[i].Amount.Minor,
			TaxMinor: result.Lines[i].Tax.Minor, PriceVersion: line.Offer.PriceVersion,
		}
	}
	for i, r := range result.Rates {
		q.Taxes[i] = world.OrderTax{Label: r.Label, Rate: r.Rate.Percent(), NetMinor: r.Net.Minor, TaxMinor: r.Tax.Minor}
	}
	return q
}

func tooLarge(message string) error {
	return world.E(world.CodeTooLarge, "checkout.quote", message)
}
