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
	Slug     string // the SKU's key
	Quantity int
	Photo    string // media id of the buyer's photo, a private asset; "" for none
}

// Contact is where an order goes. It is resident data.
type Contact struct {
	Name, Email, Phone        string
	Line1, Line2, City, State string
	PostalCode                string
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
	TotalMinor   int64
	PlacedAt     time.Time
}

// OrderLine is what was bought, as it was quoted.
type OrderLine struct {
	Slug         string // the SKU's key
	Name         string
	TaxClass     string
	Quantity     int
	UnitMinor    int64
	LineMinor    int64
	TaxMinor     int64
	PriceVersion int64
	Photo        string // media id of the buyer's photo, a private asset; "" for none
}

// OrderTax is the tax of one rate on an order.
type OrderTax struct {
	Label    string
	Rate     string // percent, as the rule has it: "7", "0.125"
	NetMinor int64
	TaxMinor int64
}
