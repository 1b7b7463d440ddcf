package shop

import (
	"context"
	"time"

	"meridian/engine/payment"
	"meridian/world"
)

// MarketPay is a provider that takes a market's payments. The first of a market
// takes the new ones; others stand for payments that were begun with them.
type MarketPay struct {
	Market   string
	Name     string
	Provider world.PaymentProvider
	Pages    string // scheme and host of its pages for buyers
}

// Payments keeps payments: resident data. What its methods promise is said at the
// adapter (adapter/postgres, PaymentStore).
type Payments interface {
	// Begin is the payment of an order that awaits one: the one that is not over,
	// or a new one. Errors: not_found, conflict when the order awaits none.
	Begin(ctx context.Context, orderID, provider string, now, due time.Time) (world.PaymentRow, error)
	// OfOrder are an order's payments, the latest first.
	OfOrder(ctx context.Context, orderID string) ([]world.PaymentRow, error)
	// Claim takes the lease of a payment until a moment; false while another has it.
	Claim(ctx context.Context, key string, now, until time.Time) (bool, error)
	// ClaimDue takes the leases of payments that are due, at most limit.
	ClaimDue(ctx context.Context, now, until time.Time, limit int) (keys []string, err error)
	// NextDue is when the next one is due; zero for none.
	NextDue(ctx context.Context) (time.Time, error)
	// Case is a payment and its order as they are now. wakes is for Release.
	Case(ctx context.Context, key string) (p world.PaymentRow, o payment.Order, wakes int64, err error)
	// Save writes what the provider has said, unless something newer is written.
	Save(ctx context.Context, key string, p world.Payment, now time.Time) error
	// Release gives a lease back, with when the payment is due next.
	Release(ctx context.Context, key string, until time.Time, wakes int64, due time.Time, tries int, trouble string) error
	// Heard notes a message once and makes its payment due; key "" for none of ours.
	Heard(ctx context.Context, provider string, e world.PaymentEvent, now time.Time) (key string, fresh bool, err error)
	// ForgetEvents removes messages from before a moment.
	ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error)
	// List are payments of a market ("" for all) in a state ("" for any), the newest
	// first; with troubled those alone that an operator has to look at.
	List(ctx context.Context, market string, state world.PaymentState, troubled bool, limit int) ([]world.PaymentRow, error)
	// Unsettled counts what is not settled, for operators.
	Unsettled(ctx context.Context, now, since time.Time) (world.PaymentSums, error)
}

// Paid changes orders by what becomes of their money.
type Paid interface {
	// Authorised has an order placed whose money is certain, once. conflict when it
	// is over.
	Authorised(ctx context.Context, orderID, paymentRef string, at time.Time) (world.Order, error)
	// Unpaid cancels an order whose money is not to be had. conflict when it is too
	// late for that.
	Unpaid(ctx context.Context, orderID, paymentRef string, at time.Time) error
	// RefundSettled notes that a refund's money has gone back, or that there was none.
	RefundSettled(ctx context.Context, orderID string, n int, at time.Time) error
}

// newCashier is what looks after this shop's payments.
func (s *Shop) newCashier() *cashier {
	return &cashier{
		payments: s.deps.Payments, paid: s.deps.Paid, providers: s.deps.Providers, now: s.deps.Now, log: s.deps.Log,
		pace:  payment.Pace{First: s.cfg.PayFirst, Longest: s.cfg.PayLongest, Retry: s.cfg.PayRetry, Patience: s.cfg.PayPatience},
		lease: s.cfg.PayLease, batch: 2 * together, poll: s.cfg.PayEvery, nudge: make(chan struct{}, 1), told: s.Told,
		request: func(ctx context.Context, row world.PaymentRow) (world.PaymentRequest, error) {
			o, err := s.deps.Orders.Order(ctx, row.OrderID)
			if err != nil {
				return world.PaymentRequest{}, err
			}
			return s.paymentRequest(o, row.Key), nil
		},
	}
}

// payOf is the provider that takes a market's new payments.
func (s *Shop) payOf(market string) (MarketPay, bool) { return s.cashier.first(market) }
