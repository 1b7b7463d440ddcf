package shop

import (
	"testing"

	"meridian/world"
)

// Nobody is thanked for an order whose money all went back.
func TestWhatAnOrdersPageBeginsWith(t *testing.T) {
	for _, c := range []struct {
		state           world.OrderState
		total, refunded int64
		want            string
	}{
		{world.OrderPlaced, 500, 0, "order.thanks"},
		{world.OrderPlaced, 500, 499, "order.thanks"},
		{world.OrderPlaced, 500, 500, "order.event_refund"},
		{world.OrderPlaced, 0, 0, "order.thanks"},
		{world.OrderCancelled, 500, 500, "order.state_cancelled"},
		{world.OrderExpired, 500, 0, "order.state_expired"},
	} {
		if got := headOf(world.Order{State: c.state, TotalMinor: c.total, RefundedMinor: c.refunded}); got != c.want {
			t.Errorf("%s, %d of %d given back: %s, want %s", c.state, c.refunded, c.total, got, c.want)
		}
	}
}
