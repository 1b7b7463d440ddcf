package stripe

import (
	"context"
	"strings"

	stripe "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"

	"meridian/world"
)

// Versions: Stripe numbers nothing, but everything goes one way. The state's rank
// counts first, then how far each refund has come.
const (
	rankOpen = iota + 1
	rankAuthorised
	rankOver // captured, voided or failed
	rankBits = 32
)

// payment is what a session and its intent say. Of what is captured it asks for
// the refunds too.
func (p *Provider) payment(ctx context.Context, op string, s *stripe.CheckoutSession) (world.Payment, error) {
	if s == nil || !validRef(s.ID) {
		return world.Payment{}, world.E(world.CodeBadUpstream, op, "Stripe's answer is no payment.")
	}
	out := world.Payment{Provider: Name, Ref: s.ID, Currency: strings.ToUpper(string(s.Currency))}
	var err error
	if out.AmountMinor, err = fromStripe(out.Currency, s.AmountTotal); err != nil {
		return world.Payment{}, world.Because(world.CodeBadUpstream, op, "Stripe's answer has no amount that we know.", err)
	}
	rank, progress := int64(0), int64(0)
	if out.State, rank, err = stateOf(s); err != nil {
		return world.Payment{}, world.Wrap(op, err)
	}
	out.Failure = failureOf(s, out.State)
	switch out.State {
	case world.PaymentOpened, world.PaymentActionRequired:
		out.URL = s.URL
	case world.PaymentCaptured:
		if out.CapturedMinor, err = fromStripe(out.Currency, s.PaymentIntent.AmountReceived); err != nil {
			return world.Payment{}, world.Wrap(op, err)
		}
		given, err := p.refunds(ctx, op, s.PaymentIntent.ID)
		if err != nil {
			return world.Payment{}, err
		}
		var sum int64
		for _, r := range given {
			back, far := refundState(r.Status)
			progress += far
			if !back {
				sum += r.Amount
			}
		}
		if out.RefundedMinor, err = fromStripe(out.Currency, sum); err != nil {
			return world.Payment{}, world.Wrap(op, err)
		}
	}
	out.Version = rank<<rankBits + progress
	return out, nil
}

// refundState is whether a refund came back, and how far it has come.
func refundState(s stripe.RefundStatus) (back bool, far int64) {
	switch s {
	case stripe.RefundStatusFailed, stripe.RefundStatusCanceled:
		return true, 3
	case stripe.RefundStatusSucceeded:
		return false, 2
	}
	return false, 1 // pending, requires_action
}

// stateOf reads a session with its intent (docs.stripe.com/payments/paymentintents/lifecycle).
func stateOf(s *stripe.CheckoutSession) (world.PaymentState, int64, error) {
	pi := s.PaymentIntent
	if pi != nil {
		switch pi.Status {
		case stripe.PaymentIntentStatusRequiresCapture:
			return world.PaymentAuthorised, rankAuthorised, nil
		case stripe.PaymentIntentStatusSucceeded:
			return world.PaymentCaptured, rankOver, nil
		case stripe.PaymentIntentStatusCanceled:
			return ended(s), rankOver, nil
		case stripe.PaymentIntentStatusRequiresAction:
			if s.Status == stripe.CheckoutSessionStatusOpen {
				return world.PaymentActionRequired, rankOpen, nil
			}
		}
	}
	switch s.Status {
	case stripe.CheckoutSessionStatusOpen, stripe.CheckoutSessionStatusComplete: // complete without money: it is under way
		return world.PaymentOpened, rankOpen, nil
	case stripe.CheckoutSessionStatusExpired:
		return ended(s), rankOver, nil
	}
	return "", 0, world.E(world.CodeBadUpstream, "stripe.state", "Stripe's answer has no state that we know.")
}

// ended tells what we have ended from what Stripe has: a session whose time is
// over, an authorisation that nobody captured.
func ended(s *stripe.CheckoutSession) world.PaymentState {
	ours := s.Metadata[metaVoided] != ""
	if pi := s.PaymentIntent; pi != nil {
		ours = ours || pi.CancellationReason == stripe.PaymentIntentCancellationReasonAbandoned && s.Status == stripe.CheckoutSessionStatusComplete
	}
	if ours {
		return world.PaymentVoided
	}
	return world.PaymentFailed
}

// failures are our codes for Stripe's (docs.stripe.com/declines/codes, error-codes).
var failures = map[string]world.PaymentFailure{
	"insufficient_funds": world.FailureFunds, "lost_card": world.FailureLost, "stolen_card": world.FailureLost, "pickup_card": world.FailureLost,
	"expired_card": world.FailureExpiredCard, "incorrect_number": world.FailureNumber, "invalid_number": world.FailureNumber,
	"incorrect_cvc": world.FailureNumber, "invalid_cvc": world.FailureNumber, "invalid_expiry_month": world.FailureNumber, "invalid_expiry_year": world.FailureNumber,
	"authentication_required": world.FailureAuthentication, "payment_intent_authentication_failure": world.FailureAuthentication,
	"card_not_supported": world.FailureDeclined,
}

// failureOf is why the last try did not work.
func failureOf(s *stripe.CheckoutSession, state world.PaymentState) world.PaymentFailure {
	switch state {
	case world.PaymentFailed:
		return world.FailureAbandoned
	case world.PaymentOpened:
	default:
		return ""
	}
	if s.PaymentIntent == nil || s.PaymentIntent.LastPaymentError == nil {
		return ""
	}
	e := s.PaymentIntent.LastPaymentError
	for _, code := range []string{string(e.DeclineCode), string(e.Code)} {
		if f, ok := failures[code]; ok {
			return f
		}
	}
	return world.FailureDeclined
}

func lower(currency string) string { return strings.ToLower(currency) }

// formOf is a query as Stripe reads it.
func formOf(params any) []byte {
	v := &form.Values{}
	form.AppendTo(v, params)
	return []byte(v.Encode())
}
