package tax

import (
	"slices"

	"meridian/engine/money"
)

// Note is something that an invoice or a clerk has to be told about a
// reckoning; package invoice has the words that each law asks for.
type Note string

// The notes.
const (
	// IntraCommunity: exempt, the buyer accounts for the tax where the goods
	// arrive (Directive 2006/112/EC, Articles 138 and 200).
	IntraCommunity Note = "intra_community"
	// Unverified: the buyer says to be a business, but its number is not
	// confirmed, so the normal tax was reckoned.
	Unverified Note = "tax_id_unverified"
)

// member is a state of the European Union for the tax on goods, and the days
// between which it was one; a zero day is open. The code is that of its VAT
// ids: Greece has EL, Northern Ireland XI.
type member struct {
	code     string
	from, to Date
}

// members since VAT ids of today's form began, by Treaty; the United Kingdom
// to the end of the transition period, Northern Ireland since, under the
// Windsor Framework.
var members = []member{
	{code: "AT"}, {code: "BE"}, {code: "BG"}, {code: "CY"}, {code: "CZ"}, {code: "DE"}, {code: "DK"},
	{code: "EE"}, {code: "EL"}, {code: "ES"}, {code: "FI"}, {code: "FR"}, {code: "HR", from: Date{2013, 7, 1}},
	{code: "HU"}, {code: "IE"}, {code: "IT"}, {code: "LT"}, {code: "LU"}, {code: "LV"}, {code: "MT"}, {code: "NL"},
	{code: "PL"}, {code: "PT"}, {code: "RO"}, {code: "SE"}, {code: "SI"}, {code: "SK"},
	{code: "GB", to: Date{2020, 12, 31}}, {code: "XI", from: Date{2021, 1, 1}},
}

// InUnion tells whether a country (ISO 3166-1, or the letters of its VAT ids)
// belongs to the European Union's territory for the tax on goods on a day.
func InUnion(code string, on Date) bool {
	if code == "GR" {
		code = "EL"
	}
	return slices.ContainsFunc(members, func(m member) bool {
		return m.code == code && m.from.Compare(on) <= 0 && (m.to.IsZero() || on.Compare(m.to) <= 0)
	})
}

// exempt tells whether a supply is one of goods from one member state to
// another, to a business that is registered in a state other than the one in
// which the transport begins (Directive 2006/112/EC, Article 138(1) as amended
// by Directive (EU) 2018/1910: the confirmed number is a condition). What is
// eaten in or fetched stays where it is sold.
func (s Sale) exempt(supply Supply) bool {
	from, to := country(s.Seller), country(s.Jurisdiction)
	return supply.Mode == Delivery && s.Buyer.Kind == Business && s.Buyer.Verified &&
		from != to && InUnion(from, s.On) && InUnion(to, s.On) && s.registeredElsewhere(from)
}

// registeredElsewhere tells whether the buyer's number is of a member state
// other than the seller's.
func (s Sale) registeredElsewhere(from string) bool {
	if len(s.Buyer.TaxID) < 3 {
		return false
	}
	of := s.Buyer.TaxID[:2]
	return InUnion(of, s.On) && of != from && (of != "EL" || from != "GR")
}

// atHome is the same sale as if the goods stayed with the seller: the tax that
// is in its prices.
func (s Sale) atHome() Sale {
	s.Jurisdiction, s.Buyer = s.Seller, Buyer{Country: country(s.Seller)}
	return s
}

// takeOff is an exempt line: its price without the tax that was in it.
func (s Sale) takeOff(line LineTax) LineTax {
	none := money.Amount{Currency: line.Net.Currency}
	rule := line.Components[0].Rule
	rule.Rate, rule.Below, rule.Row = 0, false, 0
	rule.Jurisdiction, rule.Part, rule.When = country(s.Seller), "intra_community", WhenAny
	rule.Source = "Directive 2006/112/EC, Article 138(1)"
	line.Components = []Component{{Rule: rule, Tax: none}}
	line.Tax, line.Gross = none, line.Net
	return line
}

// notes are what has to be said about the lines.
func (s Sale) notes(lines []*ratedLine) []Note {
	if slices.ContainsFunc(lines, func(l *ratedLine) bool { return l.exempt }) {
		return []Note{IntraCommunity}
	}
	if s.Buyer.Kind == Business && s.Buyer.TaxID != "" && !s.Buyer.Verified {
		return []Note{Unverified}
	}
	return nil
}
