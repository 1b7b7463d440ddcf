package api

import "time"

// OrderCard is an order in a list.
type OrderCard struct {
	ID       string    `json:"id" example:"aaaaaaaaaaaaaaaaaaaaaaaaaa"`
	Number   string    `json:"number" doc:"for people" example:"SC-DE-7K3M9Q"`
	State    string    `json:"state" doc:"awaiting_payment, placed, preparing, ready, completed, cancelled or expired" example:"placed"`
	Version  int64     `json:"version" doc:"counts its changes" example:"1"`
	PlacedAt time.Time `json:"placed_at" example:"2026-11-20T09:00:00Z"`
	Total    Amount    `json:"total" doc:"with tax, after discounts"`
	Refunded Amount    `json:"refunded" doc:"what of it was given back"`
	Name     string    `json:"name" doc:"of the buyer" example:"Ada Lovelace"`
	Lines    []Line    `json:"lines" nullable:"false"`
}

// Line is what was bought, as it was quoted.
type Line struct {
	SKU          string `json:"sku" example:"brezel"`
	Name         string `json:"name" example:"Brezel, 4 Stück"`
	Quantity     int    `json:"quantity" example:"2"`
	Unit         Amount `json:"unit" doc:"the price of one"`
	Sum          Amount `json:"sum" doc:"of all pieces, before discounts"`
	PriceVersion int64  `json:"price_version" doc:"names the price" example:"4"`

	Product        string `json:"product,omitempty" doc:"the slug of the SKU's product" example:"brezel"`
	ProductVersion int64  `json:"product_version,omitempty" doc:"the version that it was sold by: /products/{slug}/versions/{version} has it; none for orders from before versions were kept" example:"3"`
}

// Order is an order in full.
type Order struct {
	OrderCard
	Method       string  `json:"method" doc:"how it is paid for" example:"card"`
	Fulfilment   string  `json:"fulfilment" doc:"pickup, delivery or eat_in" example:"delivery"`
	Slot         *Slot   `json:"slot,omitempty" doc:"the window that it is for; none without one"`
	Contact      Contact `json:"contact"`
	Jurisdiction string  `json:"jurisdiction" doc:"whose tax it owes" example:"DE"`
	Net          Amount  `json:"net"`
	Tax          Amount  `json:"tax"`
	Discount     Amount  `json:"discount" doc:"what promotions took off, which total has left out"`
	Taxes        []Tax   `json:"taxes" nullable:"false"`
	LeftOut      *Amount `json:"left_out,omitempty" doc:"of the prices: the tax that they contain, where the buyer accounts for it"`

	TaxNotes   []string `json:"tax_notes" nullable:"false" doc:"what has to be told of the tax: intra_community (exempt, for the buyer accounts for it in another member state of the European Union) or tax_id_unverified (the register had not confirmed the buyer's number)" example:"[\"tax_id_unverified\"]"`
	TaxIDProof string   `json:"tax_id_proof,omitempty" doc:"the register's reference for its yes to contact.tax_id" example:"WAPIAAAAX1"`
}

// Takings are what a market took by the orders of some days. Orders that were not
// paid for, or were cancelled, are none.
type Takings struct {
	Market   string `json:"market" example:"de"`
	From     string `json:"from" format:"date" doc:"the first day, on the market's clocks" example:"2026-11-23"`
	Until    string `json:"until" format:"date" doc:"the day after the last" example:"2026-11-24"`
	TimeZone string `json:"time_zone" doc:"of the market's clocks" example:"Europe/Berlin"`
	Orders   int    `json:"orders" example:"3"`
	Gross    Amount `json:"gross" doc:"what they came to, with tax, after discounts"`
	Refunded Amount `json:"refunded" doc:"what of that was given back since, whenever, with tax"`
	Net      Amount `json:"net" doc:"what is left, without tax"`
	Tax      Amount `json:"tax" doc:"the tax in what is left: net + tax = gross - refunded"`
}

// Slot is a window of time.
type Slot struct {
	ID    string    `json:"id" example:"pickup-2026-11-23-0900"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Contact is where an order goes.
type Contact struct {
	Name       string `json:"name"`
	Email      string `json:"email"`
	Phone      string `json:"phone,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Company    string `json:"company,omitempty" doc:"of a business that buys"`
	TaxID      string `json:"tax_id,omitempty" doc:"its number with the tax office"`
}

// Tax is the tax of one rate on an order.
type Tax struct {
	Label string `json:"label" example:"MwSt. 7 %"`
	Rate  string `json:"rate" doc:"percent" example:"7"`
	Net   Amount `json:"net"`
	Tax   Amount `json:"tax"`

	Jurisdiction string `json:"jurisdiction,omitempty" doc:"whose tax it is" example:"DE"`
	Levy         string `json:"levy,omitempty" doc:"which of its taxes" example:"vat"`
	Part         string `json:"part,omitempty" doc:"of the levy" example:"state"`
	Source       string `json:"source,omitempty" doc:"where the law says so, as the table of rules had it on that day" example:"UStG §12(2) No.1"`
}

// OrderList is one page of a market's orders.
type OrderList struct {
	Orders []OrderCard `json:"orders" nullable:"false" doc:"the newest first"`
	Next   string      `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}
