package api

import "time"

// Level is how much there is of a SKU.
type Level struct {
	SKU       string `json:"sku" example:"brezel"`
	OnHand    int    `json:"on_hand" example:"40"`
	Reserved  int    `json:"reserved" doc:"held for orders that are not paid for yet" example:"2"`
	Available int    `json:"available" doc:"what can be sold" example:"38"`
}

// LevelList is one page of a market's stock.
type LevelList struct {
	Levels []Level `json:"levels" nullable:"false" doc:"of the products of this page; none for a SKU that was never received"`
	Next   string  `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// StockAct is something that is done to stock by hand.
type StockAct struct {
	_      struct{} `additionalProperties:"false"`
	Act    string   `json:"act" enum:"receive,write_off,count" doc:"so many more, so many fewer, or so many are there" example:"receive"`
	Pieces int      `json:"pieces" minimum:"0" maximum:"1000000" example:"12"`
	Reason string   `json:"reason,omitempty" maxLength:"200" doc:"needed for all but receive; the ledger keeps it"`
}

// Movement is an entry of the ledger of stock.
type Movement struct {
	ID       int64     `json:"id" example:"17"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind" doc:"receive, reserve, release, sell, give_back or correct" example:"receive"`
	OnHand   int       `json:"on_hand" doc:"what it adds" example:"12"`
	Reserved int       `json:"reserved" doc:"what it adds" example:"0"`
	Order    string    `json:"order,omitempty" doc:"the id of the order that made it"`
	Who      string    `json:"who,omitempty" doc:"an owner's address, or a token's name"`
	Reason   string    `json:"reason,omitempty"`
}

// MovementList is one page of a SKU's ledger.
type MovementList struct {
	Movements []Movement `json:"movements" nullable:"false" doc:"the newest first"`
	Next      string     `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// StockCheck is where a market's stock disagrees with itself.
type StockCheck struct {
	Market string       `json:"market" example:"de"`
	Faults []StockFault `json:"faults" nullable:"false" doc:"by SKU; none when all is well"`
	More   bool         `json:"more" doc:"there are more faults than these"`
}

// StockFault is a SKU whose level is not what the ledger, or the orders, say.
type StockFault struct {
	SKU            string `json:"sku" example:"brezel"`
	OnHand         int    `json:"on_hand" doc:"what is sold from" example:"40"`
	LedgerOnHand   int    `json:"ledger_on_hand" doc:"the sum of its movements" example:"42"`
	Reserved       int    `json:"reserved" example:"2"`
	LedgerReserved int    `json:"ledger_reserved" doc:"the sum of its movements" example:"2"`
	OrdersReserved int    `json:"orders_reserved" doc:"pieces in orders that await payment" example:"2"`
}

// Step leads an order on.
type Step struct {
	_      struct{} `additionalProperties:"false"`
	Step   string   `json:"step" enum:"accept,make_ready,complete,cancel" example:"accept"`
	Reason string   `json:"reason,omitempty" maxLength:"500" doc:"shown to the buyer"`
}

// RefundWish is what of an order is given back.
type RefundWish struct {
	_      struct{}     `additionalProperties:"false"`
	Lines  []RefundLine `json:"lines" nullable:"false" minItems:"1" maxItems:"100"`
	Reason string       `json:"reason,omitempty" maxLength:"500" doc:"shown to the buyer"`
}

// RefundLine is how many pieces of a line.
type RefundLine struct {
	_        struct{} `additionalProperties:"false"`
	Line     int      `json:"line" minimum:"1" maximum:"1000" doc:"its place in the order's lines, from 1" example:"1"`
	Quantity int      `json:"quantity" minimum:"1" maximum:"1000000" example:"1"`
	Restock  bool     `json:"restock,omitempty" doc:"the pieces can be sold again"`
}

// Refund is a credit note.
type Refund struct {
	N       int       `json:"n" doc:"counts the order's from 1" example:"1"`
	At      time.Time `json:"at"`
	Total   Amount    `json:"total"`
	Net     Amount    `json:"net"`
	Tax     Amount    `json:"tax"`
	Settled bool      `json:"settled" doc:"the money has gone back, or none had come"`
	Reason  string    `json:"reason,omitempty"`
}
