package shop

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"meridian/engine/payment"
	"meridian/platform/httpserver"
	"meridian/world"
)

// pay leads the buyer to the provider's page, or says on the order's why there is none.
func (s *Shop) pay(w http.ResponseWriter, r *http.Request, at *site) error {
	o, err := s.ownOrder(r, at)
	if err != nil {
		return err
	}
	err = s.leadToPay(w, r, at, o)
	if world.Is(err, world.CodeUnprocessed) {
		httpserver.LogError(r.Context(), s.deps.Log, r, err)
		return s.orderPage(w, r, at, o, http.StatusUnprocessableEntity, nil)
	}
	return err
}

// leadToPay leads the buyer of an order to the provider's page. The payment is
// written before the provider is asked, and asked for again by the same key.
func (s *Shop) leadToPay(w http.ResponseWriter, r *http.Request, at *site, o world.Order) error {
	show := at.prefix + "/orders/" + o.ID
	with, ok := s.payOf(o.Market)
	if !ok || o.Method != world.PayCard || o.State != world.OrderAwaitingPayment {
		http.Redirect(w, r, show, http.StatusSeeOther)
		return nil
	}
	page, err := s.payPage(r.Context(), with, o)
	if err != nil {
		return err
	}
	if page == "" { // its page says what has become of it
		page = show + "/paid"
	}
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}

// payPage is the provider's page where an order is paid for; "" when it is paid or
// over by now. It fails with unprocessed for a sum that the provider never takes, such
// as less than its smallest, and with unavailable for what it refuses otherwise.
func (s *Shop) payPage(ctx context.Context, with MarketPay, o world.Order) (string, error) {
	for again := true; ; again = false {
		p, err := s.openPayment(ctx, with, o)
		switch {
		case world.Is(err, world.CodeConflict):
			return "", nil
		case err != nil:
			return "", err
		case (p.State == world.PaymentFailed || p.State == world.PaymentVoided) && again:
			continue // over at the provider: another one
		}
		return p.URL, nil
	}
}

// openPayment begins an order's payment, or takes the one that was begun.
func (s *Shop) openPayment(ctx context.Context, with MarketPay, o world.Order) (world.Payment, error) {
	const op = "shop.pay"
	now := s.deps.Now()
	row, err := s.deps.Payments.Begin(ctx, o.ID, with.Name, now, now.Add(s.cashier.pace.First))
	if err != nil {
		return world.Payment{}, world.Wrap(op, err)
	}
	provider, err := s.cashier.provider(row.Market, row.Provider)
	if err != nil {
		return world.Payment{}, err
	}
	var said world.Payment
	if row.Ref != "" {
		said, err = provider.Look(ctx, row.Ref)
	} else {
		said, err = s.cashier.open(ctx, provider, row, s.paymentRequest(o, row.Key))
		if world.Is(err, world.CodeUnprocessed) {
			return world.Payment{}, world.Because(world.CodeUnprocessed, op, s.orderSite(o).texts.Text("payment.not_by_card"), err)
		}
	}
	switch {
	case world.Is(err, world.CodeInvalid): // no fault of who reads this: it may work later
		return world.Payment{}, world.Because(world.CodeUnavailable, op, "", err)
	case err != nil:
		return world.Payment{}, world.Wrap(op, err)
	}
	known, err := payment.Join(row.Payment, said)
	if err == nil {
		err = s.deps.Payments.Save(ctx, row.Key, known, s.deps.Now())
	}
	if err == nil && known.Failure != row.Failure {
		s.Told()
	}
	return said, world.Wrap(op, err)
}

// paymentRequest is what an order's payment is opened with: of the order alone, so
// that it is the same each time.
func (s *Shop) paymentRequest(o world.Order, key string) world.PaymentRequest {
	at := s.orderSite(o)
	show := s.origin(at.market.Host) + at.prefix + "/orders/" + o.ID
	return world.PaymentRequest{
		Key: key, OrderID: o.ID, Number: o.Number, Currency: o.Currency, Minor: o.PayableMinor(),
		Description: at.name(s.world.Name), ReturnURL: show + "/paid", CancelURL: show, Locale: o.Locale, Email: o.Contact.Email,
	}
}

// orderSite is the site that an order was placed at.
func (s *Shop) orderSite(o world.Order) *site {
	for _, m := range s.world.Markets {
		if m.ID == o.Market {
			return s.siteIn(m, o.Locale)
		}
	}
	return nil // no order is of a market that the world does not have: the rows are this region's
}

// failureText is the key of a text about a failure. Who holds a lost card is told
// no more than that it was declined.
func failureText(f world.PaymentFailure) string {
	switch f {
	case world.FailureFunds, world.FailureExpiredCard, world.FailureNumber, world.FailureAuthentication, world.FailureAbandoned, world.FailureNotByCard:
		return "payment." + f
	}
	return "payment." + world.FailureDeclined
}

// hook answers a provider, which reads no pages.
func (s *Shop) hook(w http.ResponseWriter, r *http.Request, at *site) error {
	w.Header().Set("Cache-Control", "no-store")
	if err := s.hear(w, r, at); err != nil {
		s.fail(w, r, nil, err)
	}
	return nil
}

// hear takes a provider's message: POST /payments/{provider}. It is a hint: the
// payment is made due, and whoever looks after payments asks the provider.
func (s *Shop) hear(w http.ResponseWriter, r *http.Request, at *site) error {
	const op = "shop.hook"
	if !at.home {
		return world.E(world.CodeMisdirected, op, "")
	}
	name := r.PathValue("provider")
	provider, err := s.cashier.provider(at.market.ID, name)
	if err != nil {
		return world.E(world.CodeNotFound, op, "There is no such provider here.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxHook))
	if err != nil {
		return formError(err)
	}
	now := s.deps.Now()
	e, err := provider.Event(r.Header, body, now)
	if err != nil {
		return world.Wrap(op, err)
	}
	key, fresh, err := s.deps.Payments.Heard(r.Context(), name, e, now)
	if err != nil {
		return world.Wrap(op, err)
	}
	if fresh {
		s.deps.Log.DebugContext(r.Context(), "a provider has told of a payment", "provider", name, "payment", key)
		s.cashier.wake()
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// formActions are whom a page's forms may lead to: browsers hold the redirects
// that follow a form to it, too.
func formActions(providers []MarketPay) string {
	var b strings.Builder
	b.WriteString("form-action 'self'")
	for i, p := range providers {
		if p.Pages != "" && !seen(providers[:i], p.Pages) {
			fmt.Fprintf(&b, " %s", p.Pages)
		}
	}
	return b.String()
}

func seen(providers []MarketPay, pages string) bool {
	for _, p := range providers {
		if p.Pages == pages {
			return true
		}
	}
	return false
}
