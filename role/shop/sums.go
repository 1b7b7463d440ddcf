package shop

import (
	"slices"
	"strings"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/world"
)

// sums is what a cart or an order comes to, as pages show it.
type sums struct {
	Lines      []sumLine
	Taxes      []sumTax
	Net, Total string
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

func (at *site) sums(lines []world.OrderLine, taxes []world.OrderTax, jurisdiction string, net, total int64) *sums {
	out := &sums{Net: at.money(net), Total: at.money(total), OnTop: !at.terms.Tax.Inclusive}
	for _, l := range lines {
		out.Lines = append(out.Lines, sumLine{Name: l.Name, Quantity: l.Quantity, Sum: at.money(l.LineMinor)})
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
func (at *site) decimal(number string) string {
	if strings.Contains(money.Amount{Minor: 1050, Currency: "EUR"}.Format(at.locale()), "10,50") {
		return strings.Replace(number, ".", ",", 1)
	}
	return number
}

// place names a jurisdiction: by a text ("state.us_ca") if there is one, else
// by its own code within the country.
func (at *site) place(jurisdiction string) string {
	if key := "state." + strings.ReplaceAll(strings.ToLower(jurisdiction), "-", "_"); at.texts.Has(key) {
		return at.texts.Text(key)
	}
	return strings.TrimPrefix(jurisdiction, at.market.Country+"-")
}

func (at *site) quoteSums(q checkout.Quote) *sums {
	return at.sums(q.Lines, q.Taxes, q.Jurisdiction, q.Net.Minor, q.Total.Minor)
}

// openSums adds up a cart whose tax the address will decide: prices only, and
// a text that says so.
func (at *site) openSums(b basket, note string) (*sums, error) {
	net := money.Amount{Currency: at.market.Currency}
	var lines []world.OrderLine
	for _, l := range b.sold() {
		price, err := money.Amount{Minor: l.Offer.PriceMinor, Currency: l.Offer.Currency}.Mul(l.Quantity)
		if err != nil {
			return nil, err
		}
		if net, err = net.Add(price); err != nil {
			return nil, err
		}
		lines = append(lines, world.OrderLine{Name: l.Offer.Label(), Quantity: l.Quantity, LineMinor: price.Minor})
	}
	out := at.sums(lines, nil, "", net.Minor, net.Minor)
	out.Open, out.Note = true, at.texts.Text(note)
	return out, nil
}

// basketSums adds up a cart as far as it can be before an address is known;
// nil for one with nothing to add up.
func (s *Shop) basketSums(at *site, b basket) (*sums, error) {
	if len(b.sold()) == 0 {
		return nil, nil
	}
	if at.jurisdiction() == "" {
		return at.openSums(b, "tax.at_checkout")
	}
	q, err := s.quote(at, b, at.jurisdiction())
	if err != nil {
		return nil, world.Wrap("shop.sums", err)
	}
	return at.quoteSums(q), nil
}
