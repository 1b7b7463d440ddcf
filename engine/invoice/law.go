package invoice

import (
	"slices"

	"meridian/engine/money"
	"meridian/engine/tax"
)

// law is what a country asks of documents.
type law struct {
	sections map[Kind]string
	titles   map[Kind]string
	paper    string // "" is A4
	kind     func(s Sale) Kind
	relabel  func(s Sale, label string) string    // nil: as the rule has it
	mark     func(s Sale, rate money.Rate) string // nil: none
	place    func(s Sale) string                  // nil: not asked for
	notes    func(s Sale, d Document) []string    // nil: none
	needs    []need
}

func (l law) label(s Sale, label string) string {
	if l.relabel == nil {
		return label
	}
	return l.relabel(s, label)
}

// need is one thing that a law asks for.
type need struct {
	field, section string
	of             func(s Sale, d Document) bool // the documents that it is asked of
	has            func(d Document) bool
}

// What documents must have, by field.
var (
	hasSeller   = func(d Document) bool { return d.Seller.Name != "" && len(d.Seller.Address) > 0 }
	hasSellerID = func(d Document) bool { return d.Seller.TaxID != "" }
	hasBuyer    = func(d Document) bool { return d.Buyer.Name != "" && len(d.Buyer.Address) > 0 }
	hasName     = func(d Document) bool { return d.Buyer.Name != "" }
	hasBuyerID  = func(d Document) bool { return d.Buyer.TaxID != "" }
	hasNumber   = func(d Document) bool { return d.Number != "" }
	hasIssued   = func(d Document) bool { return !d.Issued.IsZero() }
	hasSupplied = func(d Document) bool { return !d.Supplied.IsZero() }
	hasNames    = func(d Document) bool { return !slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Name == "" }) }
	hasCodes    = func(d Document) bool { return !slices.ContainsFunc(d.Lines, func(l Line) bool { return l.Code == "" }) }
	hasPlace    = func(d Document) bool { return d.Place != "" }
	hasOriginal = func(d Document) bool { return d.Corrects != "" && !d.CorrectsOn.IsZero() }
)

// of says which documents a need is of.
func of(kinds ...Kind) func(Sale, Document) bool {
	return func(_ Sale, d Document) bool { return len(kinds) == 0 || slices.Contains(kinds, d.Kind) }
}

// intraCommunity tells whether a sale is exempt because the buyer accounts for
// the tax.
func intraCommunity(s Sale, _ Document) bool { return slices.Contains(s.Tax.Notes, tax.IntraCommunity) }

// upTo takes a simplified document for sums up to a limit, in minor units of
// the country's currency with tax, unless the buyer wants a full one or the
// goods leave for a business in another member state.
func upTo(minor int64) func(Sale) Kind {
	return func(s Sale) Kind {
		if s.Full || intraCommunity(s, Document{}) || s.Tax.Total.Gross.Minor > minor {
			return Full
		}
		return Simplified
	}
}

// laws by the seller's country.
var laws = map[string]law{
	"DE": germany, "GB": britain, "JP": japan, "IN": india, "US": unitedStates,
	"FR": memberState("Facture", "Avoir", "Exonération de TVA, article 262 ter, I du CGI", "CGI annexe II art. 242 nonies A"),
	"SE": memberState("Faktura", "Kreditfaktura", "Undantag från skatteplikt, unionsintern varuförsäljning, 10 kap. 42 § ML", "ML 17 kap. 24 §"),
}

// memberState is the law of a state of the Union that has no simplified
// document here: Article 226 of Directive 2006/112/EC, as the state's own act
// has it.
func memberState(title, credit, exemption, section string) law {
	return law{
		sections: map[Kind]string{Full: section, Credit: "Directive 2006/112/EC Art. 219"},
		titles:   map[Kind]string{Full: title, Credit: credit},
		kind:     func(Sale) Kind { return Full },
		notes:    exempt(exemption),
		needs:    europeanNeeds("Directive 2006/112/EC Art. 226"),
	}
}

// europeanNeeds are those of Article 226, under the name of an act.
func europeanNeeds(section string) []need {
	return []need{
		{"seller", section + " (5)", of(), hasSeller},
		{"seller.tax_id", section + " (3)", of(Full, Credit), hasSellerID},
		{"buyer", section + " (5)", of(Full, Credit), hasBuyer},
		{"buyer.tax_id", section + " (4)", intraCommunity, hasBuyerID},
		{"number", section + " (2)", of(Full, Credit), hasNumber},
		{"issued", section + " (1)", of(), hasIssued},
		{"supplied", section + " (7)", of(Full), hasSupplied},
		{"lines.name", section + " (6)", of(), hasNames},
		{"corrects", "Directive 2006/112/EC Art. 219", of(Credit), hasOriginal},
	}
}

// exempt is the sentence for a supply that the buyer accounts for.
func exempt(sentence string) func(Sale, Document) []string {
	return func(s Sale, d Document) []string {
		if intraCommunity(s, d) {
			return []string{sentence}
		}
		return nil
	}
}

// germany: § 14 (4) UStG; up to 250 euros § 33 UStDV, which asks for neither
// number nor buyer nor the seller's tax number.
var germany = law{
	sections: map[Kind]string{Full: "UStG § 14 (4)", Simplified: "UStDV § 33", Credit: "UStG § 14 (4), § 17 (1)"},
	titles:   map[Kind]string{Full: "Rechnung", Simplified: "Rechnung", Credit: "Rechnungskorrektur"},
	kind:     upTo(250_00),
	notes:    exempt("Steuerfreie innergemeinschaftliche Lieferung (§ 4 Nr. 1 Buchst. b, § 6a UStG)"),
	needs: []need{
		{"seller", "UStG § 14 (4) No. 1", of(), hasSeller},
		{"seller.tax_id", "UStG § 14 (4) No. 2", of(Full, Credit), hasSellerID},
		{"buyer", "UStG § 14 (4) No. 1", of(Full), hasBuyer},
		{"buyer.tax_id", "UStG § 14a (3)", intraCommunity, hasBuyerID},
		{"issued", "UStG § 14 (4) No. 3", of(), hasIssued},
		{"number", "UStG § 14 (4) No. 4", of(Full, Credit), hasNumber},
		{"lines.name", "UStG § 14 (4) No. 5", of(), hasNames},
		{"supplied", "UStG § 14 (4) No. 6", of(Full), hasSupplied},
		{"corrects", "UStDV § 31 (5)", of(Credit), hasOriginal},
	},
}

// britain: a full VAT invoice by regulation 14 of the VAT Regulations 1995; up
// to 250 pounds a simplified one by regulation 16.
var britain = law{
	sections: map[Kind]string{Full: "SI 1995/2518 reg. 14", Simplified: "SI 1995/2518 reg. 16", Credit: "SI 1995/2518 reg. 15C"},
	titles:   map[Kind]string{Full: "VAT invoice", Simplified: "VAT receipt", Credit: "VAT credit note"},
	kind:     upTo(250_00),
	needs: []need{
		{"seller", "reg. 14(1)(d)", of(), hasSeller},
		{"seller.tax_id", "reg. 14(1)(d), 16(1)(a)", of(), hasSellerID},
		{"buyer", "reg. 14(1)(e)", of(Full, Credit), hasBuyer},
		{"number", "reg. 14(1)(a)", of(Full, Credit), hasNumber},
		{"issued", "reg. 14(1)(c)", of(Full, Credit), hasIssued},
		{"supplied", "reg. 14(1)(b), 16(1)(b)", of(Full, Simplified), hasSupplied},
		{"lines.name", "reg. 14(1)(g), 16(1)(c)", of(), hasNames},
		{"corrects", "reg. 15C(5)", of(Credit), hasOriginal},
	},
}
