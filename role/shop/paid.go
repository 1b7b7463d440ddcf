package shop

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"meridian/world"
)

// payBody is what an order's page says of its payment.
type payBody struct {
	URL     string // where to pay; "" when there is nothing to pay
	Failure string // why the last try did not work
	Never   bool   // the provider does not take this sum: Failure says what to do instead
	Paid    bool
	Again   string // where it is looked at again, while it is not known whether it is paid
	Refresh string // the header field by which a browser goes there by itself; "" for never
}

// While nobody knows whether a buyer has paid, a page looks again by itself: so
// often, and after so many seconds each. Whoever asks anew by the link may go on.
const (
	maxChecks    = 20
	checkSeconds = 3
)

// checkingField counts, in an order's address, how often its payment was asked for in vain.
const checkingField = "checking"

// checks is how often this browser has asked in vain; 0 for an address without it.
func checks(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get(checkingField))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxChecks)
}

// refresh is the header field that looks again, after n looks in vain.
func refresh(paid string, n int) string {
	if n >= maxChecks {
		return ""
	}
	return fmt.Sprintf("%d; url=%s?%s=%d", checkSeconds, paid, checkingField, n)
}

// paidBack is where the provider sends the buyer. The payment is looked at and
// settled, and the order shown as it is then; what takes longer is finished later,
// and the page says so in place of asking for the money once more.
// To a browser that has not placed it, for the buyer has ordered by a program, no
// more is told than how it stands.
func (s *Shop) paidBack(w http.ResponseWriter, r *http.Request, at *site) error {
	id := r.PathValue("id")
	if !validID(id) {
		return world.E(world.CodeNotFound, "shop.paid", "")
	}
	o, err := s.deps.Orders.Order(r.Context(), id)
	if err == nil && o.Market != at.market.ID {
		err = world.E(world.CodeNotFound, "shop.paid", "")
	}
	if err != nil {
		return world.Wrap("shop.paid", err)
	}
	rows, err := s.deps.Payments.OfOrder(r.Context(), o.ID)
	if err != nil {
		return world.Wrap("shop.paid", err)
	}
	known := true
	if len(rows) > 0 && !rows[0].Over() {
		ctx, cancel := context.WithTimeout(r.Context(), s.cfg.PayWait)
		defer cancel()
		if known, err = s.cashier.settle(ctx, rows[0].Key); err != nil {
			s.deps.Log.InfoContext(ctx, "a payment is settled later", "payment", rows[0].Key, "err", err)
		}
	}
	if o.CartID != s.cartID(r) {
		return s.paidElsewhere(w, r, at, id, known)
	}
	show := at.prefix + "/orders/" + o.ID
	if !known {
		show += fmt.Sprintf("?%s=%d", checkingField, checks(r)+1)
	}
	http.Redirect(w, r, show, http.StatusSeeOther)
	return nil
}

func (s *Shop) paidElsewhere(w http.ResponseWriter, r *http.Request, at *site, id string, known bool) error {
	o, err := s.deps.Orders.Order(r.Context(), id)
	if err != nil {
		return world.Wrap("shop.paid", err)
	}
	v := s.view(at, "/")
	v.Title = v.T(headOf(o))
	if !known && o.State == world.OrderAwaitingPayment {
		v.Title = v.T("payment.checking")
		if again := refresh(at.prefix+"/orders/"+id+"/paid", checks(r)+1); again != "" {
			w.Header().Set("Refresh", again)
		}
	}
	v.Body = failureBody{Heading: v.Title}
	return s.render(w, r, http.StatusOK, "error", v)
}

// payView is what an order's page says of its payment.
func (s *Shop) payView(r *http.Request, at *site, o world.Order) (payBody, error) {
	if o.Method != world.PayCard {
		return payBody{}, nil
	}
	rows, err := s.deps.Payments.OfOrder(r.Context(), o.ID)
	if err != nil {
		return payBody{}, world.Wrap("shop.order", err)
	}
	show, n := at.prefix+"/orders/"+o.ID, checks(r)
	body := payBody{}
	switch payingOf(o, rows, n) {
	case payNothing:
		return payBody{Paid: len(rows) > 0 && !rows[0].Over()}, nil
	case payChecking:
		return payBody{Again: show + "/paid", Refresh: refresh(show+"/paid", n)}, nil
	case payNever:
		body.Never = true
	case payNow:
		body.URL = show + "/pay"
	}
	if len(rows) > 0 && rows[0].Failure != "" {
		body.Failure = at.texts.Text(failureText(rows[0].Failure))
	}
	return body, nil
}

// paying is what its buyer can do about an order by card. The order's page and the
// API go by it alike.
type paying int

const (
	payNothing  paying = iota // the order awaits no payment
	payNow                    // it can be paid
	payChecking               // it may be paid, and nobody can say yet
	payNever                  // the provider does not take this sum
)

// payingOf judges by an order's payments, the latest first, and by how often the
// browser that asks has just had them looked at in vain.
func payingOf(o world.Order, rows []world.PaymentRow, checks int) paying {
	switch {
	case o.State != world.OrderAwaitingPayment:
		return payNothing
	case len(rows) > 0 && inDoubt(rows[0], checks):
		return payChecking
	case len(rows) > 0 && rows[0].Failure == world.FailureNotByCard:
		return payNever
	}
	return payNow
}

// inDoubt reports whether the buyer may have paid and nobody can say: the look
// that has just been tried did not come to its end, the last ones failed, or the
// money is there and the order does not know it yet. Before its first answer the
// buyer has seen no page to pay at.
func inDoubt(p world.PaymentRow, checks int) bool {
	if p.Over() || p.Ref == "" {
		return false
	}
	return checks > 0 || p.Tries > 0 || p.State == world.PaymentAuthorised || p.State == world.PaymentCaptured
}
