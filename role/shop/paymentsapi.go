package shop

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"meridian/engine/payment"
	"meridian/platform/httpserver"
	"meridian/world"
)

// PaymentsPath is where operators of the region ask for payments, with the wire
// key: a list, one by its key, and to look after one now. It names no buyer.
const PaymentsPath = "/-/payments"

// maxPayments is the most of a list.
const maxPayments = 1000

// PaymentShown is a payment as operators see it.
type PaymentShown struct {
	Key      string             `json:"key"`
	OrderID  string             `json:"order"`
	Market   string             `json:"market"`
	Provider string             `json:"provider"`
	Ref      string             `json:"ref,omitempty"`
	State    world.PaymentState `json:"state"`
	Currency string             `json:"currency"`
	Amount   int64              `json:"amount_minor"`
	Captured int64              `json:"captured_minor"`
	Refunded int64              `json:"refunded_minor"`
	Failure  string             `json:"failure,omitempty"`
	OpenedAt time.Time          `json:"opened_at"`
	DueAt    time.Time          `json:"due_at,omitzero"`
	Tries    int                `json:"tries,omitempty"`
	Trouble  string             `json:"trouble,omitempty"`
	Order    *PaymentOrder      `json:"of,omitempty"` // of one payment alone
}

// PaymentOrder is what a payment's order says.
type PaymentOrder struct {
	State   world.OrderState `json:"state"`
	Due     int64            `json:"due_minor"`
	Refunds int64            `json:"refunds_minor"`
	Matches bool             `json:"matches"` // its money is what it says
	Next    payment.Do       `json:"next"`    // what is to be done
	Why     string           `json:"why,omitempty"`
}

func paymentShown(p world.PaymentRow) PaymentShown {
	return PaymentShown{Key: p.Key, OrderID: p.OrderID, Market: p.Market, Provider: p.Provider, Ref: p.Ref, State: p.State, Currency: p.Currency,
		Amount: p.AmountMinor, Captured: p.CapturedMinor, Refunded: p.RefundedMinor, Failure: p.Failure, OpenedAt: p.OpenedAt, DueAt: p.DueAt, Tries: p.Tries, Trouble: p.Trouble}
}

// paymentsAPI answers one of the operators' requests.
func (s *Shop) paymentsAPI(do func(r *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := httpserver.CheckBearer(r, s.cfg.WireKey)
		var v any
		if err == nil {
			v, err = do(r)
		}
		var body []byte
		if err == nil {
			body, err = json.Marshal(v)
		}
		if err != nil {
			s.fail(w, r, nil, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(body, '\n')) // who has gone needs none
	}
}

func (s *Shop) listPayments(r *http.Request) (any, error) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > maxPayments {
		return nil, world.E(world.CodeInvalid, "shop.payments", "limit: write 1 to 1000")
	}
	rows, err := s.deps.Payments.List(r.Context(), q.Get("market"), world.PaymentState(q.Get("state")), q.Get("troubled") == "1", limit)
	out := make([]PaymentShown, 0, len(rows))
	for _, p := range rows {
		out = append(out, paymentShown(p))
	}
	return map[string]any{"payments": out}, world.Wrap("shop.payments", err)
}

func (s *Shop) onePayment(r *http.Request) (any, error) {
	return s.shownPayment(r.Context(), r.PathValue("key"))
}

func (s *Shop) shownPayment(ctx context.Context, key string) (PaymentShown, error) {
	p, o, _, err := s.deps.Payments.Case(ctx, key)
	if err != nil {
		return PaymentShown{}, world.Wrap("shop.payment", err)
	}
	out, next := paymentShown(p), payment.Next(o, p.Payment)
	out.Order = &PaymentOrder{State: o.State, Due: o.DueMinor, Refunds: o.Refunds, Matches: payment.Matches(o, p.Payment), Next: next.Do, Why: next.Why}
	return out, nil
}

// reconcilePayment looks after one payment now.
func (s *Shop) reconcilePayment(r *http.Request) (any, error) {
	key := r.PathValue("key")
	if _, err := s.cashier.settle(r.Context(), key); err != nil {
		return nil, world.Wrap("shop.payment", err)
	}
	return s.shownPayment(r.Context(), key)
}
