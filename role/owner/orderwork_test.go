package owner

import (
	"net/url"
	"strings"
	"testing"

	"meridian/world"
)

func placedOrder() world.Order {
	o := anOrder(0)
	o.State, o.Method, o.Fulfilment, o.Inclusive = world.OrderPlaced, world.PayCard, world.PickUp, true
	return o
}

func TestAnOrdersPageOffersWhatCanBeDone(t *testing.T) {
	d := newDesk(t)
	o := placedOrder()
	d.orders = []world.Order{o}
	d.notes = []world.OrderNote{{N: 1, At: noon, Event: world.OrderPlace, By: world.ByBuyer, To: world.OrderPlaced}}
	d.refunds = []world.Refund{{N: 1, At: noon, Reason: "squashed", TotalMinor: 3200, TaxMinor: 209, Lines: []world.RefundLine{{Line: 1, Quantity: 1}}}}
	c := d.signedIn()
	want(t, c.get("/owner/orders/"+o.ID), 200, "Placed", "By card", "Pick-up", `value="accept"`, `value="make_ready"`, `value="cancel"`, `name="line-1"`, `max="1"`, `name="line-2"`, "squashed", "on its way", "Ordered")
	o.Fulfilment = world.EatIn
	d.orders = []world.Order{o}
	want(t, c.get("/owner/orders/"+o.ID), 200, "Eaten at the shop")
	o.State = world.OrderExpired
	d.orders = []world.Order{o}
	res := c.get("/owner/orders/" + o.ID)
	want(t, res, 200, "Expired")
	for _, button := range []string{`value="accept"`, `value="cancel"`, `value="refund"`, `value="complete"`} {
		if strings.Contains(res.Body.String(), button) {
			t.Errorf("an expired order offers %s", button)
		}
	}
	want(t, c.get("/owner/"), 200, "Expired")
}

func TestAnOwnerLeadsAnOrderOn(t *testing.T) {
	d := newDesk(t)
	o := placedOrder()
	other := anOrder(1)
	other.Market = "gb"
	d.orders = []world.Order{o, other}
	c := d.signedIn()
	path := "/owner/orders/" + o.ID
	for _, step := range []string{"accept", "make_ready", "complete", "cancel"} {
		if res := c.post(path, url.Values{"step": {step}, "reason": {" why "}}); res.Code != 303 || res.Header().Get("Location") != path {
			t.Errorf("%s: %d to %q", step, res.Code, res.Header().Get("Location"))
		}
		got := d.steps[len(d.steps)-1]
		if got.OrderID != o.ID || string(got.Event) != step || got.By != world.ByOwner || got.Who == "" || got.Text != "why" || got.At.IsZero() {
			t.Errorf("%+v", got)
		}
	}
	n := len(d.steps)
	want(t, c.post(path, url.Values{"step": {"expire"}}), 400)
	want(t, c.post(path, url.Values{"step": {"cancel"}, "reason": {strings.Repeat("x", maxReason+1)}}), 400)
	want(t, c.post("/owner/orders/"+other.ID, url.Values{"step": {"cancel"}}), 404)
	if len(d.steps) != n {
		t.Errorf("%d steps too many", len(d.steps)-n)
	}
	d.refused = world.E(world.CodeConflict, "fake", "")
	want(t, c.post(path, url.Values{"step": {"accept"}}), 409, "cannot be done any more")
}

func TestAnOwnerRefundsPieces(t *testing.T) {
	d := newDesk(t)
	o := placedOrder()
	d.orders = []world.Order{o}
	c := d.signedIn()
	path, key := "/owner/orders/"+o.ID, strings.Repeat("a", tokenLength)
	form := url.Values{"step": {"refund"}, "key": {key}, "line-1": {"1"}, "line-2": {"0"}, "restock": {"yes"}, "reason": {"squashed"}}
	if res := c.post(path, form); res.Code != 303 {
		t.Fatalf("%d: %s", res.Code, res.Body)
	}
	got := d.wanted[0]
	if got.OrderID != o.ID || got.Key != key || got.By != world.ByOwner || got.Who == "" || got.Reason != "squashed" || len(got.Lines) != 1 || got.Lines[0] != (world.RefundLine{Line: 1, Quantity: 1, Restock: true}) {
		t.Errorf("%+v", got)
	}
	for name, bad := range map[string][2]string{"a word": {"line-1", "two"}, "below none": {"line-1", "-1"}, "no key": {"key", ""}} {
		again := url.Values{}
		for k, v := range form {
			again[k] = v
		}
		again.Set(bad[0], bad[1])
		if res := c.post(path, again); res.Code != 400 || len(d.wanted) != 1 {
			t.Errorf("%s: %d", name, res.Code)
		}
	}
}
