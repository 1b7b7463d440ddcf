package world

import "time"

// Picture is what a page needs to know of an asset to show it.
type Picture struct {
	MediaID       string // "" when there is none that may be shown
	Version       int
	Width, Height int // pixels
	Color         string
}

// CartLine is a SKU in a cart.
type CartLine struct {
	SKU      string // the SKU's key
	Quantity int
	Photo    string // media id of the buyer's photo, a private asset; "" for none
}

// CartAddition is what a visitor puts into a cart at once.
type CartAddition struct {
	SKU      string // the SKU's key
	Quantity int    // above 0
	Photo    string // media id of the buyer's photo; "" for none, which leaves the line's
	PhotoSum string // of the photo's bytes, alike for alike ones; "" for none
	Key      string // the idempotency key: the same again does nothing; "" for none
}

// CartMerge puts what is in one cart into another of the same market.
type CartMerge struct {
	Into, From string // the cart that stays, and the one that is empty then
	Key        string // the idempotency key: the same again does nothing; "" for none
}

// Check refuses a cart that would be put into itself; unprocessed.
func (m CartMerge) Check() error {
	if m.Into == m.From {
		return E(CodeUnprocessed, "world.cartmerge", "That is this very cart: name the other one, whose lines shall be put into it.")
	}
	return nil
}

// Contact is where an order goes. It is resident data.
type Contact struct {
	Name, Email, Phone        string
	Line1, Line2, City, State string
	PostalCode                string
	Company, TaxID            string // of a business that buys; "" for anybody else
}

// Order is a placed order. It is resident data.
type Order struct {
	ID           string // unguessable, 26 characters
	Number       string // for people: "SC-DE-7K3M9Q"
	Market       string
	CartID       string // the browser that placed it
	Locale       string
	Contact      Contact
	Lines        []OrderLine
	Taxes        []OrderTax
	Jurisdiction string
	Currency     string
	NetMinor     int64
	TaxMinor     int64
	TotalMinor   int64 // NetMinor + TaxMinor, after discounts
	PlacedAt     time.Time

	State         OrderState
	Version       int64     // counts up with every change; the number of entries in its log
	ExpiresAt     time.Time // while it awaits payment; else zero
	Method        PaymentMethod
	Fulfilment    Fulfilment
	Supply        string // how the goods are supplied, for tax: "takeaway", "delivery"
	Slot          OrderSlot
	Inclusive     bool  // prices contain the tax
	RoundingMinor int64 // what a payment in cash adds or leaves out; never by card
	DiscountMinor int64 // the sum of Discounts, and of the lines'
	Discounts     []OrderDiscount
	RefundedMinor int64 // the sum of its refunds
	TaxShares     []TaxShare
	TaxNotes      []string // what the reckoning of its tax has to say, by engine/tax's names
	TaxIDProof    string   // the register's reference for its yes to Contact.TaxID; "" for one that was not confirmed
}

// PayableMinor is what the buyer pays.
func (o Order) PayableMinor() int64 { return o.TotalMinor + o.RoundingMinor }

// OrderLine is what was bought, as it was quoted.
type OrderLine struct {
	SKU          string // the SKU's key
	Name         string
	TaxClass     string
	ServedHot    bool   // as [Product] has it
	ServedWith   string // likewise
	Quantity     int
	UnitMinor    int64
	LineMinor    int64 // UnitMinor × Quantity
	TaxMinor     int64 // of what is left after DiscountMinor
	PriceVersion int64
	Photo        string // media id of the buyer's photo, a private asset; "" for none

	Product        string // the slug of the product that the SKU belongs to
	ProductVersion int64  // of the product's row that the buyer was shown
	DiscountMinor  int64
}

// TaxShare is a line's share in one of its order's taxes.
type TaxShare struct {
	Line     int // its place in the order's Lines, from 1
	Tax      int // its place in the order's Taxes, from 1
	NetMinor int64
	TaxMinor int64
}

// OrderTax is the tax of one rate on an order.
type OrderTax struct {
	Label    string
	Rate     string // percent, as the rule has it: "7", "0.125"
	NetMinor int64
	TaxMinor int64

	// By which rule, as the table of rules had it when it was reckoned; "" for an
	// order from before this was kept, and for a refund.
	Jurisdiction string // whose tax it is: "US-NY"
	Levy         string // "vat", "sales"
	Part         string // of the levy
	Source       string // where the law says so; of several rules, a line each
}
