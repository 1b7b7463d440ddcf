package owner

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"meridian/engine/money"
	"meridian/engine/promotion"
)

// fieldsOf is a promotion as it stands in its form.
func (at *site) fieldsOf(f promotion.Offer) url.Values {
	form := url.Values{"name": {f.ID}, "kind": {string(f.Kind)}, "code": {f.Code}, "skus": {strings.Join(f.SKUs, ", ")}, "category": f.Categories,
		"from": {at.clockText(f.From)}, "to": {at.clockText(f.To)}}
	for locale, text := range f.Labels {
		form.Set(labelName(locale), text)
	}
	if f.Kind == promotion.Percent {
		form.Set("percent", at.decimal(f.Percent.Percent()))
	}
	if f.Amount.Minor > 0 {
		form.Set("amount", at.typed(f.Amount.Minor))
	}
	if f.MinSubtotal.Minor > 0 {
		form.Set("min", at.typed(f.MinSubtotal.Minor))
	}
	for name, n := range map[string]int{"buy": f.Buy, "get": f.Get, "max-uses": f.MaxUses, "max-per-buyer": f.MaxPerBuyer, "rank": f.Rank} {
		if n != 0 {
			form.Set(name, strconv.Itoa(n))
		}
	}
	if f.Exclusive {
		form.Set("exclusive", "yes")
	}
	return form
}

// formReader reads fields, and keeps the first that is wrong.
type formReader struct {
	at    *site
	form  url.Values
	wrong string
}

func (r *formReader) bad(text string) {
	if r.wrong == "" {
		r.wrong = text
	}
}

func (r *formReader) text(name string) string { return strings.TrimSpace(r.form.Get(name)) }

// number is a whole number of 0 to a million; 0 for an empty field.
func (r *formReader) number(name, called string) int {
	typed := r.text(name)
	if typed == "" {
		return 0
	}
	n, err := strconv.Atoi(typed)
	if err != nil || n < 0 || n > 1_000_000 {
		r.bad(called + ": write a whole number, such as 3, or nothing.")
	}
	return n
}

// sum is an amount of the market's money; none for an empty field.
func (r *formReader) sum(name, called string) money.Amount {
	typed := r.text(name)
	if typed == "" {
		return money.Amount{}
	}
	a, err := r.at.price.Parse(typed)
	if err != nil {
		r.bad(called + ": " + messageOf(err))
	}
	return a
}

// clock is a moment on the market's clocks; zero for an empty field.
func (r *formReader) clock(name, called string) time.Time {
	typed := r.text(name)
	if typed == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(dateTimeField, typed, r.at.zone)
	if err != nil || t.Year() < 2000 || t.Year() > 9998 {
		r.bad(called + ": write a date and time like 2026-12-01T09:00, or nothing.")
		return time.Time{}
	}
	return t.UTC()
}

// offerOf reads a promotion's form, but for its name and version; wrong says what to
// mend. What the form cannot know is left to who keeps it.
func (at *site) offerOf(form url.Values) (f promotion.Offer, wrong string) {
	r := &formReader{at: at, form: form}
	f.Labels = map[string]string{}
	for _, locale := range at.market.Locales {
		f.Labels[locale] = r.text(labelName(locale))
	}
	f.Kind, f.Code = promotion.Kind(r.text("kind")), r.text("code")
	if f.Kind == promotion.Percent {
		var err error
		if f.Percent, err = money.ParsePercent(strings.Replace(r.text("percent"), at.point, ".", 1)); err != nil {
			r.bad("Percent: write a number like " + at.decimal("12.5") + ".")
		}
	}
	if f.Kind == promotion.Amount {
		f.Amount = r.sum("amount", "Amount")
	}
	f.MinSubtotal = r.sum("min", "Smallest order")
	f.Buy, f.Get = r.number("buy", "Buy"), r.number("get", "Get free")
	f.MaxUses, f.MaxPerBuyer, f.Rank = r.number("max-uses", "Uses in all"), r.number("max-per-buyer", "Uses of one buyer"), r.number("rank", "Rank")
	f.From, f.To = r.clock("from", "From"), r.clock("to", "Until")
	f.SKUs = strings.FieldsFunc(form.Get("skus"), func(c rune) bool { return c == ',' || c == ';' || c <= ' ' })
	f.Categories = form["category"]
	f.Exclusive = form.Get("exclusive") != ""
	return f, r.wrong
}
