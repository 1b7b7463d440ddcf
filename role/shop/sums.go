package shop

import (
	"context"
	"slices"
	"strings"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/order"
	"meridian/engine/tax"
	"meridian/world"
)

// sums is what a cart or an order comes to, as pages show it.
type sums struct {
	Lines      []sumLine
	Taxes      []sumTax
	Discounts  []sumTax
	Net, Total string
	Rounding   string // what paying in cash adds or leaves out, "" for nothing,
	Payable    string // and what is paid then
	Refunded   string // what was given back; "" for nothing
	OnTop      bool   // tax comes on top of prices; else they include it
	Open       bool   // tax is not known before the address;
	Note       string // then this says so
}

type sumLine struct {
	Name     string
	Quantity int
	Sum      string
}

type sumTax struct{ Label, Tax string }

// sums shows what an order comes to; of it as much as is known.
func (at *site) sums(o world.Order) *sums {
	out := &sums{Net: at.money(o.NetMinor), Total: at.money(o.TotalMinor), OnTop: !at.terms.Tax.Inclusive}
	taxes, jurisdiction := o.Taxes, o.Jurisdiction
	for _, l := range o.Lines {
		out.Lines = append(out.Lines, sumLine{Name: l.Name, Quantity: l.Quantity, Sum: at.money(l.LineMinor)})
	}
	for _, d := range o.Discounts {
		out.Discounts = append(out.Discounts, sumTax{Label: d.Label, Tax: at.money(-d.Minor)})
	}
	if left := order.LeftOut(o); left != 0 {
		out.Discounts = append(out.Discounts, sumTax{Label: at.texts.Text("tax.left_out"), Tax: at.money(left)})
	}
	if o.RoundingMinor != 0 {
		out.Rounding, out.Payable = at.money(o.RoundingMinor), at.money(o.PayableMinor())
	}
	if o.RefundedMinor != 0 {
		out.Refunded = at.money(-o.RefundedMinor)
	}
	parts := severalTaxes(taxes)
	for _, t := range taxes {
		label := at.taxLabel(t.Rate, jurisdiction)
		if parts && t.Rate != "0" {
			label = at.texts.Text("tax.part", "Rate", at.decimal(t.Rate), "Label", t.Label)
		}
		out.Taxes = append(out.Taxes, sumTax{Label: label, Tax: at.money(t.TaxMinor)})
	}
	return out
}

// severalTaxes reports whether a summary has taxes of different names, as
// where a country and a state each take one.
func severalTaxes(taxes []world.OrderTax) bool {
	return slices.ContainsFunc(taxes, func(t world.OrderTax) bool { return t.Label != taxes[0].Label })
}

// taxLabel says what tax of a rate (percent, with a point) is called where it
// is owed.
func (at *site) taxLabel(rate, jurisdiction string) string {
	key := "tax.added"
	switch {
	case rate == "0":
		key = "tax.zero"
	case at.terms.Tax.Inclusive:
		key = "tax.included"
	}
	return at.texts.Text(key, "Rate", at.decimal(rate), "Place", at.place(jurisdiction))
}

// decimal is a number with a point as the locale writes it in a price.
func (at *site) decimal(number string) string { return money.Decimal(number, at.locale()) }

// place names a jurisdiction: by a text ("state.us_ca") if there is one, else
// by its own code within the country.
func (at *site) place(jurisdiction string) string {
	for path := jurisdiction; path != ""; path = path[:max(0, strings.LastIndexByte(path, '-'))] { // a city by its state
		if key := "state." + strings.ReplaceAll(strings.ToLower(path), "-", "_"); at.texts.Has(key) {
			return at.texts.Text(key)
		}
	}
	return strings.TrimPrefix(jurisdiction, at.market.Country+"-")
}

func (at *site) quoteSums(q checkout.Quote, rounded bool) *sums { return at.sums(wouldBe(q, rounded)) }

// wouldBe is what an order by a quote comes to; rounded where it is paid in cash.
func wouldBe(q checkout.Quote, rounded bool) world.Order {
	o := world.Order{Lines: q.Lines, Taxes: q.Taxes, Jurisdiction: q.Jurisdiction, TaxNotes: q.TaxNotes, Discounts: q.Discounts, NetMinor: q.Net.Minor, TaxMinor: q.Tax.Minor, TotalMinor: q.Total.Minor}
	if rounded {
		o.RoundingMinor = q.Rounding.Minor
	}
	return o
}

// openSums adds up a cart whose tax the address will decide: prices only, and
// a text that says so.
func (at *site) openSums(b basket, note string) (*sums, error) {
	o, err := at.untaxed(b)
	if err != nil {
		return nil, err
	}
	out := at.sums(o)
	out.Open, out.Note = true, at.texts.Text(note)
	return out, nil
}

// untaxed is what a cart comes to by its prices alone.
func (at *site) untaxed(b basket) (world.Order, error) {
	net := money.Amount{Currency: at.market.Currency}
	var lines []world.OrderLine
	for _, l := range b.sold() {
		price, err := money.Amount{Minor: l.Offer.PriceMinor, Currency: l.Offer.Currency}.Mul(l.Quantity)
		if err != nil {
			return world.Order{}, err
		}
		if net, err = net.Add(price); err != nil {
			return world.Order{}, err
		}
		lines = append(lines, world.OrderLine{SKU: l.Offer.Key, Name: l.Offer.Label(), Quantity: l.Quantity, UnitMinor: l.Offer.PriceMinor, LineMinor: price.Minor, PriceVersion: l.Offer.PriceVersion})
	}
	return world.Order{Lines: lines, NetMinor: net.Minor, TotalMinor: net.Minor}, nil
}

// basketSums adds up a cart as far as it can be before an address is known;
// nil for one with nothing to add up.
func (s *Shop) basketSums(ctx context.Context, at *site, b basket) (*sums, error) {
	if len(b.sold()) == 0 {
		return nil, nil
	}
	if at.jurisdiction() == "" {
		return at.openSums(b, "tax.at_checkout")
	}
	w := s.readWish(at, nil)
	err := s.look(ctx, at, b, &w)
	var q checkout.Quote
	if err == nil {
		q, err = s.quote(ctx, at, b, w, "", at.jurisdiction(), tax.Buyer{})
	}
	if err != nil {
		return nil, world.Wrap("shop.sums", err)
	}
	return at.quoteSums(q, false), nil
}
