package tax

import (
	"fmt"
	"strings"

	"meridian/engine/money"
	"meridian/world"
)

// Mode is how goods reach the buyer. The zero Mode is refused: eating in and
// taking away are taxed differently in most countries.
type Mode string

// The modes.
const (
	Takeaway Mode = "takeaway"
	Delivery Mode = "delivery"
	EatIn    Mode = "eat_in"
)

// With is what the goods are sold together with.
type With string

// What goods can come with. Gift is a bundle with goods that are taxed
// otherwise and are more than a wrapping: a tin, a mug.
const (
	Nothing  With = ""
	Utensils With = "utensils"
	Gift     With = "gift"
)

// BuyerKind is who buys.
type BuyerKind string

// The kinds of buyers. Who has not shown to be a business is a consumer.
const (
	Consumer BuyerKind = ""
	Business BuyerKind = "business"
)

// Supply is how a line reaches its buyer.
type Supply struct {
	Mode Mode `json:"mode"`
	Hot  bool `json:"hot,omitempty"` // sold hot, or kept hot
	With With `json:"with,omitempty"`
}

// Buyer is who buys, as far as tax asks.
type Buyer struct {
	Kind     BuyerKind `json:"kind,omitempty"`
	TaxID    string    `json:"tax_id,omitempty"`   // as package taxid normalises it
	Verified bool      `json:"verified,omitempty"` // the register that keeps TaxID has confirmed it
	Country  string    `json:"country,omitempty"`  // ISO 3166-1, where it is established; "" when not known
}

// Sale is what all lines of an order share.
type Sale struct {
	Seller       string `json:"seller"`       // jurisdiction path of the shop: "DE", "US-NY-NYC", "IN-MH"
	Buyer        Buyer  `json:"buyer"`        //
	Jurisdiction string `json:"jurisdiction"` // path of where the goods are handed over
	On           Date   `json:"on"`           // day of supply, on the market's clock
}

// Line is what is taxed: the price of one line after discounts, as the market
// states prices.
type Line struct {
	ID     string       // tells lines apart where a unit can go to either
	Class  string       // of the goods, as in [Rule]; never of the circumstances
	Supply Supply       //
	Amount money.Amount // for all of the line's quantity; not negative
}

// check says what is missing of a sale before any rule is looked for.
func (s Sale) check() error {
	for _, path := range []struct{ name, value string }{{"seller", s.Seller}, {"jurisdiction", s.Jurisdiction}} {
		if !jurisdictionForm.MatchString(path.value) {
			return world.E(world.CodeInvalid, "tax.sale",
				fmt.Sprintf("the %s %q is not a place; write it as DE, US-CA or US-NY-NYC", path.name, clip(path.value)))
		}
	}
	if !s.On.exists() {
		return world.E(world.CodeInvalid, "tax.sale", "the sale has no date; say on which day it is supplied")
	}
	return nil
}

// route tells whether the goods cross a border of the seller's state or
// country on their way; "" when that is not known, because the state of one of
// them is not said.
func (s Sale) route() string {
	seller, place := levels(s.Seller), levels(s.Jurisdiction)
	switch {
	case seller[0] != place[0]:
		return "inter"
	case len(seller) == 1 || len(place) == 1:
		return ""
	case seller[1] != place[1]:
		return "inter"
	}
	return "intra"
}

// levels cuts a path into its places from the country down: "US-NY-NYC" is
// US, US-NY and US-NY-NYC.
func levels(path string) []string {
	var out []string
	for i := range len(path) {
		if path[i] == '-' {
			out = append(out, path[:i])
		}
	}
	return append(out, path)
}

// country is the first level of a path.
func country(path string) string {
	c, _, _ := strings.Cut(path, "-")
	return c
}
