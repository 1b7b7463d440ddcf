package owner

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/engine/order"
	"meridian/world"
)

// maxReason is the longest reason that is written into an order's log, in bytes.
const maxReason = 500

// stateWords are what the owners' pages call the states of an order.
var stateWords = map[world.OrderState]string{
	world.OrderAwaitingPayment: "Awaiting payment", world.OrderPlaced: "Placed", world.OrderPreparing: "Preparing", world.OrderReady: "Ready",
	world.OrderCompleted: "Completed", world.OrderCancelled: "Cancelled", world.OrderExpired: "Expired",
}

// eventWords are what the log says of events, and stepWords what buttons do.
var (
	eventWords = map[world.OrderEvent]string{
		world.OrderPlace: "Ordered", world.OrderAuthorise: "Payment confirmed", world.OrderExpire: "Expired without payment", world.OrderAccept: "Accepted",
		world.OrderMakeReady: "Made ready", world.OrderComplete: "Handed over", world.OrderCancel: "Cancelled", world.OrderRefund: "Refunded",
	}
	stepWords = map[world.OrderEvent]string{
		world.OrderAccept: "Accept and prepare", world.OrderMakeReady: "Ready", world.OrderComplete: "Handed over",
	}
)

// orderWork is what an order's page says of its state, and offers.
type orderWork struct {
	URL, Key                  string
	State, Method, Fulfilment string
	When                      string // of its slot; "" for none
	Steps                     []stepButton
	MayCancel, MayRefund      bool
	Left                      []leftLine // what can be refunded
	Log                       []logRow
	Refunds                   []refundRow
	Documents                 []documentRow
	Wrong                     string // why what was sent was not done
}

type stepButton struct{ Value, Label string }

type leftLine struct {
	N, Left int
	Name    string
}

type logRow struct {
	At              moment
	Text, Who, Note string
}

type refundRow struct {
	At                 moment
	Total, Tax, Reason string
	Owed               bool // the money has not gone back yet
}

// workOf is what can be done with an order now.
func (o *Owner) workOf(v *visit, found world.Order) (orderWork, error) {
	log, refunds, err := o.deps.Orders.History(v.r.Context(), found.ID)
	if err != nil {
		return orderWork{}, world.Wrap("owner.order", err)
	}
	w := orderWork{URL: ordersPath + "orders/" + found.ID, State: stateWords[found.State], Method: "On collection", Fulfilment: "Delivery"}
	if w.Key, err = newToken(o.deps.Random); err != nil {
		return w, err
	}
	if found.Method == world.PayCard {
		w.Method = "By card"
	}
	switch found.Fulfilment {
	case world.PickUp:
		w.Fulfilment = "Pick-up"
	case world.EatIn:
		w.Fulfilment = "Eaten at the shop"
	}
	if found.Slot.ID != "" {
		w.When = v.at.slots.Format(found.Slot.Start.In(v.at.zone), found.Slot.End)
	}
	if w.Documents, err = o.documentsOf(v, found); err != nil {
		return w, err
	}
	for _, e := range order.May(found.State, world.ByOwner, order.FactsOf(found, refunds, o.deps.Now())) {
		switch {
		case e == world.OrderCancel:
			w.MayCancel = true
		case e == world.OrderRefund:
			w.MayRefund = true
		default:
			w.Steps = append(w.Steps, stepButton{string(e), stepWords[e]})
		}
	}
	for _, l := range order.Rest(found, refunds) {
		w.Left = append(w.Left, leftLine{N: l.Line, Left: l.Quantity, Name: found.Lines[l.Line-1].Name})
	}
	for _, n := range log {
		who := n.Who
		if who == "" {
			who = string(n.By)
		}
		w.Log = append(w.Log, logRow{At: v.at.moment(n.At), Text: eventWords[n.Event], Who: who, Note: n.Text})
	}
	for _, r := range refunds {
		w.Refunds = append(w.Refunds, refundRow{At: v.at.moment(r.At), Total: v.at.money(r.TotalMinor), Tax: v.at.money(r.TaxMinor), Reason: r.Reason, Owed: !r.Settled})
	}
	return w, nil
}

// leadOn does what an order's page offers: leads it on, cancels it, or refunds
// some of it. What cannot be done any more is said on the page.
func (o *Owner) leadOn(v *visit) error {
	found, err := o.orderOf(v, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	form := v.r.PostForm
	reason := strings.TrimSpace(strings.ToValidUTF8(form.Get("reason"), ""))
	if len(reason) > maxReason {
		return world.E(world.CodeInvalid, "owner.order", fmt.Sprintf("The reason has more than %d bytes. Write less.", maxReason))
	}
	now := o.deps.Now().UTC()
	switch event := world.OrderEvent(form.Get("step")); event {
	case world.OrderAccept, world.OrderMakeReady, world.OrderComplete, world.OrderCancel:
		_, err = o.deps.Orders.Change(v.r.Context(), world.OrderStep{OrderID: found.ID, Event: event, By: world.ByOwner, Who: v.email, Text: reason, At: now})
	case world.OrderRefund:
		err = o.refund(v, found, reason, now)
	default:
		err = world.E(world.CodeInvalid, "owner.order", "The form names no step. Open the order again.")
	}
	switch world.CodeOf(err) {
	case "":
		o.owes(v)
		seeOther(v, ordersPath+"orders/"+found.ID)
		return nil
	case world.CodeConflict, world.CodeForbidden, world.CodeUnprocessed:
		if found, err = o.orderOf(v, v.r.PathValue("id")); err != nil {
			return err
		}
		return o.orderPage(v, found, http.StatusConflict, "That cannot be done any more. This is how the order stands now.")
	}
	return world.Wrap("owner.order", err)
}

// refund gives back the pieces that the form names. The form's key makes it one
// refund however often it is sent.
func (o *Owner) refund(v *visit, found world.Order, reason string, now time.Time) error {
	form := v.r.PostForm
	if !validToken(form.Get("key")) {
		return world.E(world.CodeInvalid, "owner.refund", "The form has no key. Open the order again.")
	}
	want := world.Refund{OrderID: found.ID, Key: form.Get("key"), At: now, By: world.ByOwner, Who: v.email, Reason: reason}
	for i := range found.Lines {
		typed := form.Get(fmt.Sprint("line-", i+1))
		n, err := strconv.Atoi(typed)
		if typed != "" && (err != nil || n < 0) {
			return world.E(world.CodeInvalid, "owner.refund", "A number of pieces is not one. Write whole numbers.")
		}
		if n > 0 {
			want.Lines = append(want.Lines, world.RefundLine{Line: i + 1, Quantity: n, Restock: form.Get("restock") != ""})
		}
	}
	_, err := o.deps.Orders.Refund(v.r.Context(), want)
	return err
}
