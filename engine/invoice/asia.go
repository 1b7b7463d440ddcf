package invoice

import (
	"fmt"
	"regexp"
	"strings"

	"meridian/engine/money"
	"meridian/engine/tax"
)

// reducedSince is the first day on which Japan has had two rates.
var reducedSince = tax.Date{Year: 2019, Month: 10, Day: 1}

// reduced is the reduced rate, 8 %.
const reduced money.Rate = 80_000

// japan: the qualified invoice system of October 2023. Shops that sell to
// anybody may leave out the buyer's name (a simplified qualified invoice).
var japan = law{
	sections: map[Kind]string{Full: "消費税法 §57の4①", Simplified: "消費税法 §57の4②", Credit: "消費税法 §57の4③"},
	titles:   map[Kind]string{Full: "適格請求書", Simplified: "適格簡易請求書", Credit: "適格返還請求書"},
	kind: func(s Sale) Kind {
		if s.Full {
			return Full
		}
		return Simplified
	},
	mark: func(s Sale, rate money.Rate) string {
		if rate == reduced && s.Terms.On.Compare(reducedSince) >= 0 {
			return "※"
		}
		return ""
	},
	notes: func(_ Sale, d Document) []string {
		for _, l := range d.Lines {
			if l.Mark != "" {
				return []string{"※は軽減税率（8%）対象品目"}
			}
		}
		return nil
	},
	needs: []need{
		{"seller", "§57の4①一", of(), func(d Document) bool { return d.Seller.Name != "" }},
		{"seller.tax_id", "§57の4①一", of(), func(d Document) bool { return strings.HasPrefix(d.Seller.TaxID, "T") }},
		{"buyer", "§57の4①六", of(Full), hasName},
		{"supplied", "§57の4①二", of(), hasSupplied},
		{"lines.name", "§57の4①三", of(), hasNames},
		{"corrects", "§57の4③二", of(Credit), func(d Document) bool { return !d.CorrectsOn.IsZero() }},
	},
}

// indianNumber is what rule 46(b) takes for a number: up to sixteen letters,
// digits, dashes and slashes.
var indianNumber = regexp.MustCompile(`^[A-Za-z0-9/-]{1,16}$`)

// namedFrom is the value from which an unregistered buyer is named, in paise
// (rule 46(e)).
const namedFrom = 50_000_00

// india: rule 46 of the CGST Rules 2017; a bill of supply (rule 49) for exempt
// goods alone, and both on one paper (rule 46A) for who is not registered.
var india = law{
	sections: map[Kind]string{
		Full: "CGST Rules 2017, rule 46", Supply: "CGST Rules 2017, rule 49", Mixed: "CGST Rules 2017, rule 46A",
		Credit: "CGST Act 2017 s. 34; rule 53",
	},
	titles: map[Kind]string{Full: "Tax Invoice", Supply: "Bill of Supply", Mixed: "Invoice-cum-bill of supply", Credit: "Credit Note"},
	kind: func(s Sale) Kind {
		free, taxed := 0, 0
		for _, l := range s.Tax.Lines {
			if l.Rate() == 0 {
				free++
			} else {
				taxed++
			}
		}
		switch {
		case taxed == 0:
			return Supply
		case free > 0 && s.Buyer.TaxID == "":
			return Mixed
		}
		return Full
	},
	relabel: func(s Sale, label string) string {
		if label == "SGST" && indianStates[s.Terms.Jurisdiction].union {
			return "UTGST"
		}
		return label
	},
	place: func(s Sale) string {
		state, ok := indianStates[s.Terms.Jurisdiction]
		if !ok {
			return ""
		}
		return fmt.Sprintf("%s (%s)", state.name, state.code)
	},
	notes: func(_ Sale, d Document) []string {
		if d.Kind == Supply {
			return nil
		}
		return []string{"Tax payable on reverse charge: No"}
	},
	needs: []need{
		{"seller", "rule 46(a)", of(), hasSeller},
		{"seller.tax_id", "rule 46(a)", of(), hasSellerID},
		{"number", "rule 46(b): at most 16 letters, digits, - and /", of(), func(d Document) bool { return indianNumber.MatchString(d.Number) }},
		{"issued", "rule 46(c)", of(), hasIssued},
		{"buyer", "rule 46(d) and (e)", func(s Sale, _ Document) bool {
			return s.Buyer.TaxID != "" || s.Tax.Total.Net.Minor >= namedFrom
		}, hasBuyer},
		{"lines.code", "rule 46(g)", of(), hasCodes},
		{"lines.name", "rule 46(h)", of(), hasNames},
		{"place", "rule 46(n)", of(), hasPlace},
		{"corrects", "rule 53(1A)(g)", of(Credit), hasOriginal},
	},
}

// unitedStates: no law knows a tax invoice. A receipt states the tax apart
// from the price, as most states ask (New York Tax Law § 1132(a)).
var unitedStates = law{
	sections: map[Kind]string{Receipt: "N.Y. Tax Law § 1132(a)", Credit: "20 NYCRR 534.6"},
	titles:   map[Kind]string{Receipt: "Receipt", Credit: "Refund receipt"},
	paper:    "letter",
	kind:     func(Sale) Kind { return Receipt },
	needs: []need{
		{"seller", "N.Y. Tax Law § 1132(a)", of(), hasSeller},
		{"issued", "20 NYCRR 533.2(b)", of(), hasIssued},
		{"lines.name", "20 NYCRR 533.2(b)", of(), hasNames},
		{"corrects", "20 NYCRR 534.6", of(Credit), hasOriginal},
	},
}
