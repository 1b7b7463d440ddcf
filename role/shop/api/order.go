package api

import (
	"time"

	"meridian/platform/httpserver"
)

// Order is an order as it is now.
type Order struct {
	Sums
	ID         string     `json:"id" example:"b2c3d4e5f6g7h2i3j4k5l6m7n2"`
	Number     string     `json:"number" doc:"by which people name it" example:"SC-DE-7K3M9Q"`
	State      string     `json:"state" enum:"awaiting_payment,placed,preparing,ready,completed,cancelled,expired"`
	PlacedAt   time.Time  `json:"placed_at" example:"2026-11-21T13:00:00+01:00"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"while it awaits payment: until when its stock and slot are held" example:"2026-11-21T13:15:00+01:00"`
	Fulfilment string     `json:"fulfilment" enum:"pickup,delivery,eat_in"`
	Method     string     `json:"method" enum:"card,on_collection"`
	Slot       *Window    `json:"slot,omitempty"`
	Contact    Contact    `json:"contact"`
	Lines      []Line     `json:"lines" nullable:"false"`
	Refunded   *Amount    `json:"refunded,omitempty" doc:"what was given back"`
	History    []Event    `json:"history" nullable:"false" doc:"what has happened to it, oldest first"`
	Payment    *Payment   `json:"payment,omitempty" doc:"of an order by card that costs something"`
	MayCancel  bool       `json:"may_cancel" doc:"whether its buyer can cancel it now"`
}

// Event is something that has happened to an order.
type Event struct {
	At    time.Time `json:"at" example:"2026-11-21T13:00:00+01:00"`
	Event string    `json:"event" enum:"place,authorise,expire,accept,make_ready,complete,cancel,refund"`
	State string    `json:"state" doc:"of the order from then on" example:"placed"`
	Text  string    `json:"text,omitempty" doc:"why, in the shop's words"`
}

// Payment is what has become of an order's payment.
type Payment struct {
	State    string `json:"state" enum:"none,opened,action_required,authorised,captured,failed,voided" doc:"none: it was not begun yet"`
	Checking bool   `json:"checking" doc:"whether the buyer may have paid and it is not certain yet: do not have them pay again, and ask for the order again in some seconds"`
	Captured Amount `json:"captured" doc:"what the shop has taken"`
	Failure  string `json:"failure,omitempty" doc:"why the last try did not work; not_by_card: the provider does not take this sum. Cancel the order, and order with the method on_collection" example:"declined"`
	Start    string `json:"start,omitempty" doc:"where it is begun, by POST, while it may be: the order awaits it, a card can pay it, and no payment is being checked. A path of this API" example:"/api/v1/orders/b2c3d4e5f6g7h2i3j4k5l6m7n2/payment"`
}

// PaymentPage is where an order is paid for.
type PaymentPage struct {
	URL string `json:"url,omitempty" doc:"a page of the provider's, for the buyer alone, to be opened in a browser; none when there is nothing left to pay: ask for the order. It leads back to the shop's own page" example:"https://pay.example/c/b2c3d4"`
}

// Refusal is the problem document of an order that was not placed.
type Refusal struct {
	httpserver.Problem
	Quote *Quote `json:"quote,omitempty" doc:"what holds now: show it, and order by it"`
}
