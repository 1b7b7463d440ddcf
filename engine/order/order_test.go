package order_test

import (
	"slices"
	"testing"
	"time"

	"meridian/engine/order"
	"meridian/world"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

var actors = []world.Actor{world.ByBuyer, world.ByOwner, world.BySystem, world.ByPayment}

// willing are facts under which no guard objects.
var willing = order.Facts{Method: world.PayCard, Now: now, ExpiresAt: now, Remaining: 1}

// The whole table, one line a state: what each event leads to and who may do it
// (b buyer, o owner, s system, p payment), or why it is refused.
func TestTheWholeTable(t *testing.T) {
	want := map[world.OrderState][]string{
		//                            authorise    expire      accept       make_ready   complete     cancel          refund
		world.OrderAwaitingPayment: {"placed p", "expired s", "too_early", "too_early", "too_early", "cancelled bop", "too_early"},
		world.OrderPlaced:          {"already", "too_late", "preparing o", "ready o", "too_early", "cancelled bop", "placed o"},
		world.OrderPreparing:       {"already", "too_late", "already", "ready o", "too_early", "cancelled op", "preparing o"},
		world.OrderReady:           {"already", "too_late", "too_late", "already", "completed o", "cancelled op", "ready o"},
		world.OrderCompleted:       {"already", "too_late", "too_late", "too_late", "already", "too_late", "completed o"},
		world.OrderCancelled:       {"too_late", "final", "final", "final", "final", "already", "final"},
		world.OrderExpired:         {"too_late", "already", "final", "final", "final", "final", "final"},
	}
	if len(want) != len(order.States) {
		t.Fatalf("%d states", len(order.States))
	}
	for _, from := range order.States {
		if len(want[from]) != len(order.Events) {
			t.Fatalf("%s: %d events, the table has %d", from, len(order.Events), len(want[from]))
		}
		for i, event := range order.Events {
			if got := say(from, event); got != want[from][i] {
				t.Errorf("%s, %s: %q, want %q", from, event, got, want[from][i])
			}
		}
	}
}

func say(from world.OrderState, event world.OrderEvent) string {
	said, may := "", ""
	for _, by := range actors {
		to, refused := order.Next(from, event, by, willing)
		switch {
		case refused == "":
			said, may = string(to), may+string(by[:1])
		case refused != order.NotYours:
			return string(refused)
		}
	}
	return said + " " + may
}

func TestGuards(t *testing.T) {
	early, cash, none := willing, willing, willing
	early.Now = now.Add(-time.Nanosecond)
	cash.Method = world.PayOnCollection
	none.Remaining = 0
	for _, c := range []struct {
		name  string
		from  world.OrderState
		event world.OrderEvent
		by    world.Actor
		facts order.Facts
		want  order.Reason
	}{
		{"just due", world.OrderAwaitingPayment, world.OrderExpire, world.BySystem, willing, ""},
		{"a moment before", world.OrderAwaitingPayment, world.OrderExpire, world.BySystem, early, order.NotDue},
		{"by card", world.OrderAwaitingPayment, world.OrderAuthorise, world.ByPayment, willing, ""},
		{"on collection", world.OrderAwaitingPayment, world.OrderAuthorise, world.ByPayment, cash, order.NoCard},
		{"a piece left", world.OrderCompleted, world.OrderRefund, world.ByOwner, willing, ""},
		{"nothing left", world.OrderCompleted, world.OrderRefund, world.ByOwner, none, order.NothingLeft},
		{"a buyer cancels nothing that was given back", world.OrderPlaced, world.OrderCancel, world.ByBuyer, none, order.NothingLeft},
		{"the shop ends it", world.OrderPlaced, world.OrderCancel, world.ByOwner, none, ""},
		{"there is no money after all", world.OrderPlaced, world.OrderCancel, world.ByPayment, none, ""},
		{"no such state", "lost", world.OrderCancel, world.ByOwner, willing, order.Unknown},
		{"no such event", world.OrderPlaced, "eat", world.ByOwner, willing, order.Unknown},
		{"no such actor", world.OrderPlaced, world.OrderAccept, "", willing, order.NotYours},
		{"no order is placed twice", world.OrderPlaced, world.OrderPlace, world.ByBuyer, willing, order.Unknown},
	} {
		if _, got := order.Next(c.from, c.event, c.by, c.facts); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatAPageOffers(t *testing.T) {
	for _, c := range []struct {
		from world.OrderState
		by   world.Actor
		want []world.OrderEvent
	}{
		{world.OrderPlaced, world.ByBuyer, []world.OrderEvent{world.OrderCancel}},
		{world.OrderPreparing, world.ByBuyer, nil},
		{world.OrderPlaced, world.ByOwner, []world.OrderEvent{world.OrderAccept, world.OrderMakeReady, world.OrderCancel, world.OrderRefund}},
		{world.OrderCompleted, world.ByOwner, []world.OrderEvent{world.OrderRefund}},
		{world.OrderExpired, world.ByOwner, nil},
	} {
		if got := order.May(c.from, c.by, willing); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: %v, want %v", c.from, c.by, got, c.want)
		}
	}
}

func TestTheBuyerSeesNoStaff(t *testing.T) {
	log := []world.OrderNote{
		{N: 1, Event: world.OrderPlace, By: world.ByBuyer, To: world.OrderPlaced},
		{N: 2, Event: world.OrderAccept, By: world.ByOwner, Who: "anna@example.org", Text: "for Ben, he knows them", From: world.OrderPlaced, To: world.OrderPreparing},
		{N: 3, Event: world.OrderCancel, By: world.ByOwner, Who: "anna@example.org", Text: "the oven is broken", From: world.OrderPreparing, To: world.OrderCancelled},
		{N: 4, Event: world.OrderCancel, By: world.ByPayment, Who: "pay_17", Text: "card_declined"},
	}
	kept := slices.Clone(log)
	got := order.Shown(log)
	for i, n := range got {
		want := kept[i]
		want.Who, want.Text = "", map[int]string{2: "the oven is broken"}[i]
		if n != want {
			t.Errorf("shown %+v, want %+v", n, want)
		}
	}
	if !slices.Equal(log, kept) {
		t.Error("the log itself was changed")
	}
}
