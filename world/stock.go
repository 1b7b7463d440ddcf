package world

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// StockAct is what an owner does to a market's stock by hand.
type StockAct string

// The acts.
const (
	ActReceive  StockAct = "receive"   // so many pieces more: baked or delivered
	ActWriteOff StockAct = "write_off" // so many fewer: stale, broken, gone
	ActCount    StockAct = "count"     // so many are there, whatever was believed
)

// StockChange is one act.
type StockChange struct {
	Market, SKU string
	Act         StockAct
	Pieces      int    // for [ActCount] those that are on hand, else those that come or go
	Key         string // the idempotency key; "" for none
	Who         string // an owner's e-mail address, a token's name
	Reason      string // needed where pieces go
}

// Limits of an act.
const (
	MaxStockPieces = 1_000_000
	MaxStockReason = 200 // characters
)

// Check tells whether the act can be one. It fails with [CodeInvalid], saying what to
// write.
func (c StockChange) Check() error {
	bad := func(fix string) error { return E(CodeInvalid, "stock.check", fix) }
	least := 1
	switch c.Act {
	case ActCount:
		least = 0
	case ActReceive, ActWriteOff:
	default:
		return bad(fmt.Sprintf("Stock is changed by %s, %s or %s: say which.", ActReceive, ActWriteOff, ActCount))
	}
	switch {
	case c.Pieces < least || c.Pieces > MaxStockPieces:
		return bad(fmt.Sprintf("The number of pieces is %d to %d: correct it.", least, MaxStockPieces))
	case !utf8.ValidString(c.Reason) || utf8.RuneCountInString(c.Reason) > MaxStockReason:
		return bad(fmt.Sprintf("The reason has more than %d characters: shorten it.", MaxStockReason))
	case c.Act != ActReceive && c.Reason == "":
		return bad("Say why: the ledger keeps it.")
	}
	return nil
}

// StockMovement is an entry of the ledger of stock.
type StockMovement struct {
	ID               int64
	At               time.Time
	SKU              string
	Kind             StockKind
	OnHand, Reserved int    // what it adds to each
	OrderID, Number  string // of the order that made it; "" for none
	Who, Note        string
}

// StockFault is a SKU whose level is not what the ledger, or the orders, say: never
// when all is well. 0 stands for a level, a movement or an order that is not there.
type StockFault struct {
	SKU                     string
	OnHand, Moved           int // on hand by the level, and by the sum of the ledger
	Reserved, MovedReserved int
	Ordered                 int // reserved by orders that await payment
}
