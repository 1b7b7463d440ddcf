package shop

import (
	"fmt"
	"strconv"
	"strings"

	"meridian/engine/checkout"
	"meridian/world"
)

// quoted is what a checkout form says that the visitor was shown. It is not a
// promise: every total is reckoned anew, and this only tells whether and what
// to say about a difference. So it needs no signature.
type quoted struct {
	terms string // jurisdiction, way of fulfilment, discount, and cash rounding where there is any
	total int64
	lines []world.OrderLine // SKU, Quantity, UnitMinor, TaxClass, ServedHot, ServedWith
}

// quotedOf is the quote as the form carries it. It names neither the slot nor the
// method: these are ordered as the very form asks for them, and what they change is in
// the sums.
func quotedOf(q checkout.Quote) quoted {
	terms := fmt.Sprintf("%s,%s,%d", q.Jurisdiction, q.Fulfilment, q.Discount.Minor) + roundingTerm(q.Rounding.Minor)
	return quoted{terms: terms, total: q.Total.Minor, lines: q.Lines}
}

// roundingTerm names what paying in cash adds, or leaves out; "" for nothing.
func roundingTerm(minor int64) string {
	if minor == 0 {
		return ""
	}
	return fmt.Sprintf(",cash%d", minor)
}

// String is the form's text: "DE,delivery,0;1270;brezel:2:180:bread;pasty:1:250:savoury/hot;…",
// and "CH,delivery,0,cash-2;1272;…" where two are rounded off.
func (q quoted) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s;%d", q.terms, q.total)
	for _, l := range q.lines {
		fmt.Fprintf(&b, ";%s:%d:%d:%s", l.SKU, l.Quantity, l.UnitMinor, taxedAs(l))
	}
	return b.String()
}

// hot stands for what is served hot.
const hot = "hot"

// taxedAs is what a line is taxed as: its class, and what is said of how it is
// served: "savoury/hot/utensils".
func taxedAs(l world.OrderLine) string {
	parts := []string{l.TaxClass}
	if l.ServedHot {
		parts = append(parts, hot)
	}
	if l.ServedWith != "" {
		parts = append(parts, l.ServedWith)
	}
	return strings.Join(parts, "/")
}

// parseQuoted reads what String wrote. ok is false for anything else: then the
// visitor is shown the totals again.
func parseQuoted(text string, maxLines int) (q quoted, ok bool) {
	parts := strings.Split(text, ";")
	if len(parts) < 3 || len(parts) > maxLines+2 {
		return quoted{}, false
	}
	q.terms = parts[0]
	total, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return quoted{}, false
	}
	q.total = total
	for _, part := range parts[2:] {
		f := strings.Split(part, ":")
		if len(f) != 4 || !slugForm.MatchString(f[0]) {
			return quoted{}, false
		}
		n, err1 := strconv.Atoi(f[1])
		unit, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil || n < 1 || unit < 0 {
			return quoted{}, false
		}
		l := world.OrderLine{SKU: f[0], Name: f[0], Quantity: n, UnitMinor: unit}
		class, served, _ := strings.Cut(f[3], "/")
		l.TaxClass = class
		for part := range strings.SplitSeq(served, "/") {
			if part == hot {
				l.ServedHot = true
			} else {
				l.ServedWith = part
			}
		}
		q.lines = append(q.lines, l)
	}
	return q, true
}

// changes are what to tell a visitor whose form showed something else than
// holds now; none when the order may be placed as it was shown.
func (at *site) changes(shown, now quoted, b basket) (out []notice) {
	for _, c := range checkout.Verify(at.market.Currency, shown.lines, b.products()) {
		switch c.Kind {
		case checkout.PriceChanged:
			out = append(out, notice{Text: at.texts.Text("cart.price_changed", "Name", b.name(c.Slug),
				"Old", at.money(c.WasMinor), "New", at.money(c.NowMinor))})
		case checkout.Gone:
			out = append(out, notice{Text: at.texts.Text("cart.out_of_stock", "Name", b.name(c.Slug))})
		}
	}
	if len(out) == 0 && shown.String() != now.String() {
		out = append(out, notice{Text: at.texts.Text("checkout.changed")}) // another quantity, state, rate or promotion
	}
	return out
}

func (b basket) products() []world.Offer {
	var out []world.Offer
	for _, l := range b.lines {
		if !l.gone() {
			out = append(out, l.product)
		}
	}
	return out
}

// name is a product's name as far as the cart knows it.
func (b basket) name(slug string) string {
	for _, l := range b.lines {
		if l.SKU == slug && !l.gone() {
			return l.product.Label()
		}
	}
	return slug
}
