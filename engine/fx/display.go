package fx

import (
	"encoding/json"
	"fmt"
	"math/big"

	"meridian/engine/money"
	"meridian/engine/tax"
)

// Display is about what an amount is in another currency. It can be shown and
// no more: it gives no [money.Amount] and no minor units, on purpose, so that
// nothing which charges, stores a price or adds up an order takes one.
type Display struct {
	Rate   string   // units of the one for one of the other, to six digits; "" for a sum of several amounts
	Day    tax.Date // of the oldest list that was used; the day asked for where none was
	Age    int      // days from there to the day asked for; a weekend is two
	Missed int      // lists that should have come in between, and are not here
	Source string   // who published the rates; "" where none was used

	about  bool
	amount money.Amount
	exact  *big.Rat // in minor units of the amount's currency, before rounding
}

// About tells whether a rate was used: "about $12". False for an amount that was
// in that currency already.
func (d Display) About() bool { return d.about }

// Currency is what is shown.
func (d Display) Currency() string { return d.amount.Currency }

// Decimal is the figure, as [money.Amount.Decimal] writes it.
func (d Display) Decimal() string { return d.amount.Decimal() }

// Format is the figure as a locale writes it, for the page's word for "about"
// to stand before.
func (d Display) Format(locale string) string { return d.amount.Format(locale) }

// Propose is the figure as an owner may want to type it for a price: put to a rule
// for prices' endings, from the exact figure in one step. It fails as
// [money.Charm.Put] does.
func (d Display) Propose(rule money.Charm) (decimal string, err error) {
	price, err := rule.Put(d.exact, d.amount.Currency)
	return price.Decimal(), err
}

// String is for logs and terminals: "about 12.34 USD".
func (d Display) String() string {
	if !d.about {
		return d.amount.String()
	}
	return "about " + d.amount.String()
}

// Note says how good the figure is: by whose rates, of when, and which are
// missing. "" where no rate was used.
func (d Display) Note() string {
	if !d.about {
		return ""
	}
	note := fmt.Sprintf("by the rates of %s, %s", d.Day, d.Source)
	switch {
	case d.Missed == 1:
		note += "; a list is missing since"
	case d.Missed > 1:
		note += fmt.Sprintf("; %d lists are missing since", d.Missed)
	}
	return note
}

// MarshalJSON writes the figure as a decimal with its word, never as an amount.
func (d Display) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		About    bool   `json:"about"`
		Decimal  string `json:"decimal"`
		Currency string `json:"currency"`
		Rate     string `json:"rate,omitempty"`
		Day      string `json:"day"`
		Age      int    `json:"age_days"`
		Missed   int    `json:"missed_lists"`
		Source   string `json:"source,omitempty"`
	}{d.about, d.Decimal(), d.Currency(), d.Rate, d.Day.String(), d.Age, d.Missed, d.Source})
}
