package world

import "time"

// OrderState is how far an order has come. What leads from one to the next,
// and who may do that, is engine/order's to say.
type OrderState string

// The states of an order.
const (
	OrderAwaitingPayment OrderState = "awaiting_payment" // its stock is reserved until it expires
	OrderPlaced          OrderState = "placed"           // paid for, or to be paid on collection
	OrderPreparing       OrderState = "preparing"        // the shop works on it
	OrderReady           OrderState = "ready"            // to be collected, or on its way
	OrderCompleted       OrderState = "completed"        // the buyer has it
	OrderCancelled       OrderState = "cancelled"
	OrderExpired         OrderState = "expired" // it was not paid for in time
)

// OrderEvent is what happens to an order.
type OrderEvent string

// The events of an order. The first of each is [OrderPlace].
const (
	OrderPlace     OrderEvent = "place"
	OrderAuthorise OrderEvent = "authorise" // the money is certain
	OrderExpire    OrderEvent = "expire"
	OrderAccept    OrderEvent = "accept"
	OrderMakeReady OrderEvent = "make_ready"
	OrderComplete  OrderEvent = "complete"
	OrderCancel    OrderEvent = "cancel"
	OrderRefund    OrderEvent = "refund" // of some of its pieces; the state stays
)

// OrderStep is something that somebody does to an order.
type OrderStep struct {
	OrderID string
	Event   OrderEvent
	By      Actor
	Who     string // an owner's e-mail address, a payment's reference
	Text    string // why
	At      time.Time
	Key     string // the idempotency key: the same again does nothing; "" for none
	Expect  int64  // the version that the order must have; 0 for any
}

// Actor is who does something to an order.
type Actor string

// The actors.
const (
	ByBuyer   Actor = "buyer"
	ByOwner   Actor = "owner"
	BySystem  Actor = "system"  // the passing of time
	ByPayment Actor = "payment" // what the provider of payments says
)

// Fulfilment is how an order reaches its buyer.
type Fulfilment string

// The ways.
const (
	PickUp   Fulfilment = "pickup"
	Delivery Fulfilment = "delivery"
	EatIn    Fulfilment = "eat_in" // at the shop's tables, where the market offers it
)

// AtShop reports whether the goods are handed over where the shop stands, so that
// there is no address and the tax of that place is owed.
func (f Fulfilment) AtShop() bool { return f == PickUp || f == EatIn }

// OrderSlot is the window of time that an order is for; without an ID it has none.
type OrderSlot struct {
	ID         string // as engine/slots names it: "pickup-2026-11-23-0900"
	Start, End time.Time
	Capacity   int // orders that the window takes; known where an order is placed, not stored with it
}

// OrderDiscount is what a promotion takes off an order.
type OrderDiscount struct {
	Promotion string // its id
	Label     string // as the buyer was told
	Code      string // by which it was asked for; "" for one that needs none
	Minor     int64
	// How often the promotion may be used in all, and by one buyer; 0 is without
	// limit. Known where an order is placed, not stored with it.
	MaxUses, PerBuyer int
}

// OrderNote is an entry of an order's log. N counts from 1.
type OrderNote struct {
	N        int64
	At       time.Time
	Event    OrderEvent
	By       Actor
	Who      string     // an owner's e-mail address, a payment's reference; "" for a buyer
	From, To OrderState // From is "" for the first
	Text     string     // why, in the words of whoever did it
}

// Refund is a credit note: what a buyer gets back of an order.
type Refund struct {
	OrderID  string
	N        int    // counts an order's refunds from 1
	Key      string // the idempotency key: the same again is the same refund
	At       time.Time
	By       Actor
	Who      string
	Reason   string
	Lines    []RefundLine
	Taxes    []OrderTax
	NetMinor int64
	TaxMinor int64
	// TotalMinor is what is owed; NetMinor + TaxMinor.
	TotalMinor int64
	Settled    bool  // the money has gone back, or none had come
	Expect     int64 // wanted of the order at this version; 0 for any. It is not kept.
}

// RefundLine is how many pieces of an order's line are given back.
type RefundLine struct {
	Line                           int // of the order, from 1
	Quantity                       int
	Restock                        bool // the pieces can be sold again
	NetMinor, TaxMinor, TotalMinor int64
}

// StockKind is a kind of movement in the ledger of stock.
type StockKind string

// The kinds of movement.
const (
	StockReceive  StockKind = "receive"   // baked or delivered
	StockReserve  StockKind = "reserve"   // held for an order that is not paid for yet
	StockRelease  StockKind = "release"   // let go of again
	StockSell     StockKind = "sell"      // out of what was reserved, or at once
	StockGiveBack StockKind = "give_back" // by a cancellation or a refund
	StockCorrect  StockKind = "correct"   // counted anew
)

// StockLevel is how many pieces of a SKU a market has, and how many of them are
// reserved. What can be sold is the difference.
type StockLevel struct {
	SKU              string
	OnHand, Reserved int
}

// Available is how many can be sold.
func (l StockLevel) Available() int { return l.OnHand - l.Reserved }

// Availability is whether any of a SKU can be sold: all of stock that leaves the
// zone it is in.
type Availability struct {
	SKU     string
	SoldOut bool
}
