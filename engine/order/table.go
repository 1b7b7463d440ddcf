package order

import (
	"slices"

	"meridian/world"
)

// States are all states, in the order in which an order comes through them.
var States = []world.OrderState{
	world.OrderAwaitingPayment, world.OrderPlaced, world.OrderPreparing, world.OrderReady, world.OrderCompleted, world.OrderCancelled, world.OrderExpired,
}

// Events are all events that can happen to an order that is written.
var Events = []world.OrderEvent{
	world.OrderAuthorise, world.OrderExpire, world.OrderAccept, world.OrderMakeReady, world.OrderComplete, world.OrderCancel, world.OrderRefund,
}

// cell is one cell of the table: where it leads, or why nowhere.
type cell struct {
	to      world.OrderState
	by      []world.Actor
	guard   func(world.Actor, Facts) Reason // nil: none
	refused Reason
}

func (c cell) allows(by world.Actor) bool { return slices.Contains(c.by, by) }

func (c cell) when(guard func(world.Actor, Facts) Reason) cell {
	c.guard = guard
	return c
}

func leads(to world.OrderState, by ...world.Actor) cell { return cell{to: to, by: by} }

func no(r Reason) cell { return cell{refused: r} }

type row = map[world.OrderEvent]cell

// transitions is the whole of what can happen. A buyer can cancel until the
// shop begins to work, unless all of it was given back; the provider of payments can when it has no money after
// all; refunds of a part are for orders that were placed, and change no state.
var transitions = map[world.OrderState]row{
	world.OrderAwaitingPayment: {
		world.OrderAuthorise: leads(world.OrderPlaced, world.ByPayment).when(byCard),
		world.OrderExpire:    leads(world.OrderExpired, world.BySystem).when(due),
		world.OrderAccept:    no(TooEarly),
		world.OrderMakeReady: no(TooEarly),
		world.OrderComplete:  no(TooEarly),
		world.OrderCancel:    leads(world.OrderCancelled, world.ByBuyer, world.ByOwner, world.ByPayment),
		world.OrderRefund:    no(TooEarly),
	},
	world.OrderPlaced: {
		world.OrderAuthorise: no(Already),
		world.OrderExpire:    no(TooLate),
		world.OrderAccept:    leads(world.OrderPreparing, world.ByOwner),
		world.OrderMakeReady: leads(world.OrderReady, world.ByOwner), // bread needs no preparing
		world.OrderComplete:  no(TooEarly),
		world.OrderCancel:    leads(world.OrderCancelled, world.ByBuyer, world.ByOwner, world.ByPayment).when(worthwhile),
		world.OrderRefund:    leads(world.OrderPlaced, world.ByOwner).when(somethingLeft),
	},
	world.OrderPreparing: {
		world.OrderAuthorise: no(Already),
		world.OrderExpire:    no(TooLate),
		world.OrderAccept:    no(Already),
		world.OrderMakeReady: leads(world.OrderReady, world.ByOwner),
		world.OrderComplete:  no(TooEarly),
		world.OrderCancel:    leads(world.OrderCancelled, world.ByOwner, world.ByPayment),
		world.OrderRefund:    leads(world.OrderPreparing, world.ByOwner).when(somethingLeft),
	},
	world.OrderReady: {
		world.OrderAuthorise: no(Already),
		world.OrderExpire:    no(TooLate),
		world.OrderAccept:    no(TooLate),
		world.OrderMakeReady: no(Already),
		world.OrderComplete:  leads(world.OrderCompleted, world.ByOwner),
		world.OrderCancel:    leads(world.OrderCancelled, world.ByOwner, world.ByPayment),
		world.OrderRefund:    leads(world.OrderReady, world.ByOwner).when(somethingLeft),
	},
	world.OrderCompleted: {
		world.OrderAuthorise: no(Already),
		world.OrderExpire:    no(TooLate),
		world.OrderAccept:    no(TooLate),
		world.OrderMakeReady: no(TooLate),
		world.OrderComplete:  no(Already),
		world.OrderCancel:    no(TooLate),
		world.OrderRefund:    leads(world.OrderCompleted, world.ByOwner).when(somethingLeft),
	},
	world.OrderCancelled: {
		world.OrderAuthorise: no(TooLate),
		world.OrderExpire:    no(Final),
		world.OrderAccept:    no(Final),
		world.OrderMakeReady: no(Final),
		world.OrderComplete:  no(Final),
		world.OrderCancel:    no(Already),
		world.OrderRefund:    no(Final),
	},
	world.OrderExpired: {
		world.OrderAuthorise: no(TooLate),
		world.OrderExpire:    no(Already),
		world.OrderAccept:    no(Final),
		world.OrderMakeReady: no(Final),
		world.OrderComplete:  no(Final),
		world.OrderCancel:    no(Final),
		world.OrderRefund:    no(Final),
	},
}

func byCard(_ world.Actor, f Facts) Reason {
	if f.Method != world.PayCard {
		return NoCard
	}
	return ""
}

func due(_ world.Actor, f Facts) Reason {
	if f.Now.Before(f.ExpiresAt) {
		return NotDue
	}
	return ""
}

// worthwhile keeps a buyer from cancelling what was given back whole: nothing would
// come of it. The shop may: it ends the order, and frees its slot.
func worthwhile(by world.Actor, f Facts) Reason {
	if by != world.ByBuyer {
		return ""
	}
	return somethingLeft(by, f)
}

func somethingLeft(_ world.Actor, f Facts) Reason {
	if f.Remaining < 1 {
		return NothingLeft
	}
	return ""
}
