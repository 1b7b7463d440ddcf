package api

import "time"

// Checkout is how a cart is to be ordered.
type Checkout struct {
	Fulfilment string  `json:"fulfilment" enum:"pickup,delivery,eat_in" doc:"the market's fulfilments has those that it offers" example:"pickup"`
	Slot       string  `json:"slot,omitempty" maxLength:"64" doc:"one of GET /slots, of pickup for what is eaten at the shop; without one it is for no set time" example:"pickup-2026-11-23-0900"`
	Code       string  `json:"code,omitempty" maxLength:"64" doc:"of a promotion" example:"ADVENT"`
	Method     string  `json:"method" enum:"card,on_collection" doc:"how it is paid for; the market's payment_methods has those that it takes" example:"card"`
	Contact    Contact `json:"contact" doc:"who orders, and where it goes"`
}

// Contact is who orders. Which fields a market asks for, GET /market says; what is
// wrong with one, the quote.
type Contact struct {
	_          struct{} `additionalProperties:"false"`
	Name       string   `json:"name,omitempty" example:"Jürgen Weiß"`
	Email      string   `json:"email,omitempty" example:"j@example.com"`
	Phone      string   `json:"phone,omitempty" example:"+49 30 123456"`
	Line1      string   `json:"line1,omitempty" doc:"street and number; for a delivery, and of what is picked up where the law wants the buyer's address on the invoice: of a business, or above some sum (a fault asks for it then)" example:"Weg 1"`
	Line2      string   `json:"line2,omitempty"`
	PostalCode string   `json:"postal_code,omitempty" example:"10115"`
	City       string   `json:"city,omitempty" example:"Berlin"`
	State      string   `json:"state,omitempty" doc:"by its code, where the market has them"`
	Company    string   `json:"company,omitempty" doc:"of a business"`
	TaxID      string   `json:"tax_id,omitempty" doc:"of a business"`
}

// QuoteAsked asks what a cart would cost.
type QuoteAsked struct {
	_ struct{} `additionalProperties:"false"`
	Checkout
}

// OrderAsked orders a cart at the price that a quote has said.
type OrderAsked struct {
	_ struct{} `additionalProperties:"false"`
	Checkout
	Quoted string `json:"quoted" minLength:"1" maxLength:"32768" doc:"as the quote has it, unchanged: nothing else than that is placed" example:"DE,pickup,0;3490;schwarzwaelder-kirschtorte:1:3490:cake"`
}

// Quote is what a cart would cost, and what stands against its being ordered.
// Nothing is held for it.
type Quote struct {
	Sums
	Lines     []Line    `json:"lines" nullable:"false" doc:"what there is of the cart"`
	Final     bool      `json:"final" doc:"whether tax and total are known: they may need the address"`
	Slot      *Window   `json:"slot,omitempty" doc:"that was chosen and can be had"`
	Faults    []Fault   `json:"faults" nullable:"false" doc:"what to mend before it can be ordered; none is a quote to order by"`
	Quoted    string    `json:"quoted,omitempty" doc:"to be sent with the order, where there are no faults; what is in it may change" example:"DE,pickup,0;3490;schwarzwaelder-kirschtorte:1:3490:cake"`
	ExpiresAt time.Time `json:"expires_at" doc:"until when it can hold at the latest: the slot closes, or the day ends whose rules were used. A price may change before; an order at another one is refused with a new quote" example:"2026-11-23T07:00:00+01:00"`
}

// Fault is one thing to mend.
type Fault struct {
	At   string `json:"at" doc:"cart, lines.SKU, contact.FIELD, slot, code or quoted" example:"contact.postal_code"`
	Code string `json:"code" doc:"for programs: empty, gone, short, photo, required, too_long, characters, email, phone, postal_code, state, tax_id, tax_id_unknown, delivery, other_state, total, changed, or why a promotion's code does nothing: not_found, ended, not_yet, not_these_products, used_up, used_by_you, too_few, minimum, too_many, nothing_left, excluded_by" example:"required"`
	Text string `json:"text" doc:"for people, in the locale" example:"Bitte ausfüllen."`
	Left int    `json:"left,omitempty" doc:"of short: how many there are"`
}

// Sums are what lines come to. Where tax is not known yet, net and total are the
// sum of the prices.
type Sums struct {
	Discounts    []Discount `json:"discounts" nullable:"false" doc:"by promotion"`
	Taxes        []Tax      `json:"taxes" nullable:"false" doc:"by name and rate"`
	Jurisdiction string     `json:"jurisdiction,omitempty" doc:"whose tax is owed: a country, or a path within it" example:"DE"`
	Net          Amount     `json:"net" doc:"without tax"`
	Tax          Amount     `json:"tax"`
	Total        Amount     `json:"total" doc:"net and tax"`
	LeftOut      *Amount    `json:"left_out,omitempty" doc:"of the prices: the tax that they contain, where a business accounts for it in its own member state of the European Union"`
	Rounding     *Amount    `json:"rounding,omitempty" doc:"what paying in cash adds or leaves out"`
	Payable      Amount     `json:"payable" doc:"total and rounding"`
}

// Line is what of a SKU is bought.
type Line struct {
	SKU          string `json:"sku" example:"schwarzwaelder-kirschtorte"`
	Name         string `json:"name" example:"Schwarzwälder Kirschtorte, 20 cm"`
	Quantity     int    `json:"quantity" example:"1"`
	Price        Amount `json:"price" doc:"of one"`
	PriceVersion int64  `json:"price_version" doc:"names that price for ever" example:"7"`
	Amount       Amount `json:"amount" doc:"of all, before discounts"`
	Discount     Amount `json:"discount" doc:"the line's part in the discounts, above zero"`
	Tax          Amount `json:"tax" doc:"of what is left"`
	Photo        bool   `json:"photo" doc:"whether it is made with a photo of the buyer's"`
}

// Discount is what a promotion takes off.
type Discount struct {
	Promotion string `json:"promotion" doc:"its id" example:"advent"`
	Label     string `json:"label" example:"Advent: 10 %"`
	Code      string `json:"code,omitempty" doc:"by which it was asked for; none where it needs none" example:"ADVENT"`
	Amount    Amount `json:"amount" doc:"above zero"`
}

// Tax is the tax of one rate.
type Tax struct {
	Label string `json:"label" doc:"its name in law" example:"MwSt."`
	Rate  string `json:"rate" doc:"percent" example:"7"`
	Net   Amount `json:"net"`
	Tax   Amount `json:"tax"`
}

// Window is when an order is handed over.
type Window struct {
	ID    string    `json:"id" example:"pickup-2026-11-23-0900"`
	Start time.Time `json:"start" example:"2026-11-23T09:00:00+01:00"`
	End   time.Time `json:"end" example:"2026-11-23T10:00:00+01:00"`
}
