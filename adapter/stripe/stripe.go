// Package stripe takes payments by Stripe: a Checkout Session is the buyer's
// page, and the money is captured by its own step. It meets
// [world.PaymentProvider]; a payment's reference is its session's id.
package stripe

import (
	"context"
	"net/http"
	"regexp"
	"time"

	stripe "github.com/stripe/stripe-go/v85"

	"meridian/world"
)

// Name is the provider's.
const Name = "stripe"

// Metadata of ours at Stripe. They name deeds, never people.
const (
	metaKey     = "meridian_key"     // of a session and its intent: what it was opened with
	metaVoided  = "meridian_voided"  // of a session: it was ended by us
	metaCapture = "meridian_capture" // of an intent: the key that captured it
	metaRefund  = "meridian_refund"  // of a refund: its key
)

// Options say which account and how it is asked.
type Options struct {
	Key       string        // secret or restricted: write for Checkout Sessions, PaymentIntents and Refunds
	Secrets   []string      // of the webhook endpoint: one, or two while one takes the place of the other
	Tolerance time.Duration // most between an event's time and ours
	Timeout   time.Duration // for one request and its answer
	URL       string        // of the interface; "" for Stripe's own
	Transport http.RoundTripper
}

// Provider is one account. It is safe for concurrent use.
type Provider struct {
	backend   stripe.Backend
	key       string
	secrets   []string
	tolerance time.Duration
	timeout   time.Duration
}

// New fails with invalid for options that cannot be.
func New(o Options) (*Provider, error) {
	if o.Key == "" || o.Tolerance <= 0 || o.Timeout <= 0 || o.Transport == nil {
		return nil, world.E(world.CodeInvalid, "stripe.new", "Stripe needs a key, and a tolerance and a timeout above zero.")
	}
	for _, s := range o.Secrets {
		if len(s) < minSecret {
			return nil, world.E(world.CodeInvalid, "stripe.new", "A webhook secret of Stripe's begins with whsec_ and is longer.")
		}
	}
	c := &stripe.BackendConfig{
		HTTPClient: &http.Client{
			Transport:     exchange{o.Transport},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the key is for one address
		},
		MaxNetworkRetries: stripe.Int64(0), // who asks tries again
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		EnableTelemetry:   stripe.Bool(false),
	}
	if o.URL != "" {
		c.URL = stripe.String(o.URL)
	}
	return &Provider{backend: stripe.GetBackendWithConfig(stripe.APIBackend, c), key: o.Key, secrets: o.Secrets, tolerance: o.Tolerance, timeout: o.Timeout}, nil
}

var (
	validRef = regexp.MustCompile(`^cs_[A-Za-z0-9_]{1,250}$`).MatchString
	intent   = stripe.String("payment_intent")
)

// Open is as [world.PaymentProvider] has it.
func (p *Provider) Open(ctx context.Context, r world.PaymentRequest) (world.Payment, error) {
	amount, err := toStripe(r.Currency, r.Minor)
	if err != nil {
		return world.Payment{}, err
	}
	what := r.Description
	if what == "" {
		what = r.Number
	}
	params := &stripe.CheckoutSessionCreateParams{
		Mode:               stripe.String(string(stripe.CheckoutSessionModePayment)),
		PaymentMethodTypes: []*string{stripe.String("card")},
		ClientReferenceID:  stripe.String(r.OrderID),
		SuccessURL:         stripe.String(r.ReturnURL),
		CancelURL:          stripe.String(r.CancelURL),
		Locale:             stripe.String(localeOf(r.Locale)),
		Metadata:           map[string]string{metaKey: r.Key},
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{
			Quantity: stripe.Int64(1),
			PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
				Currency: stripe.String(lower(r.Currency)), UnitAmount: stripe.Int64(amount),
				ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String(what)},
			},
		}},
		PaymentIntentData: &stripe.CheckoutSessionCreatePaymentIntentDataParams{
			CaptureMethod: stripe.String(string(stripe.PaymentIntentCaptureMethodManual)),
			Description:   stripe.String(r.Number),
			Metadata:      map[string]string{metaKey: r.Key},
		},
		Expand: []*string{intent},
	}
	if r.Email != "" {
		params.CustomerEmail = stripe.String(r.Email)
	}
	params.SetIdempotencyKey("open-" + r.Key)
	s := &stripe.CheckoutSession{}
	if err := p.call(ctx, "stripe.open", http.MethodPost, "/v1/checkout/sessions", &params.Params, params, s); err != nil {
		return world.Payment{}, err
	}
	if s.LastResponse.Header.Get("Idempotent-Replayed") != "" { // as it was then; what has become of it?
		return p.Look(ctx, s.ID)
	}
	return p.payment(ctx, "stripe.open", s)
}

// Look is as [world.PaymentProvider] has it.
func (p *Provider) Look(ctx context.Context, ref string) (world.Payment, error) {
	s, err := p.session(ctx, ref)
	if err != nil {
		return world.Payment{}, err
	}
	return p.payment(ctx, "stripe.look", s)
}

func (p *Provider) session(ctx context.Context, ref string) (*stripe.CheckoutSession, error) {
	const op = "stripe.look"
	if !validRef(ref) {
		return nil, world.E(world.CodeNotFound, op, "Stripe has no such payment.")
	}
	params := &stripe.CheckoutSessionRetrieveParams{Expand: []*string{intent}}
	s := &stripe.CheckoutSession{}
	err := p.call(ctx, op, http.MethodGet, "/v1/checkout/sessions/"+ref, &params.Params, params, s)
	return s, err
}

// Capture is as [world.PaymentProvider] has it.
func (p *Provider) Capture(ctx context.Context, ref, key string, minor int64) (world.Payment, error) {
	const op = "stripe.capture"
	s, now, amount, err := p.nowAnd(ctx, op, ref, minor)
	switch {
	case err != nil:
		return world.Payment{}, err
	case now.State == world.PaymentCaptured && s.PaymentIntent.Metadata[metaCapture] == key && now.CapturedMinor == minor:
		return now, nil
	case now.State != world.PaymentAuthorised:
		return world.Payment{}, world.E(world.CodeConflict, op, "It is "+string(now.State)+": only an authorised payment can be captured.")
	case minor > now.AmountMinor:
		return world.Payment{}, world.E(world.CodeInvalid, op, "More cannot be captured than was authorised.")
	}
	params := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(amount), Metadata: map[string]string{metaCapture: key}}
	params.SetIdempotencyKey("capture-" + key)
	taken := &stripe.PaymentIntent{}
	if err := p.call(ctx, op, http.MethodPost, "/v1/payment_intents/"+s.PaymentIntent.ID+"/capture", &params.Params, params, taken); err != nil {
		return world.Payment{}, err
	}
	s.PaymentIntent = taken
	return p.payment(ctx, op, s)
}

// now is a session and what it says.
func (p *Provider) now(ctx context.Context, op, ref string) (*stripe.CheckoutSession, world.Payment, error) {
	s, err := p.session(ctx, ref)
	if err != nil {
		return nil, world.Payment{}, world.Wrap(op, err)
	}
	now, err := p.payment(ctx, op, s)
	return s, now, err
}

// nowAnd is that, and an amount of it as Stripe counts it.
func (p *Provider) nowAnd(ctx context.Context, op, ref string, minor int64) (*stripe.CheckoutSession, world.Payment, int64, error) {
	s, now, err := p.now(ctx, op, ref)
	if err != nil {
		return nil, world.Payment{}, 0, err
	}
	amount, err := toStripe(now.Currency, minor)
	return s, now, amount, err
}

// Void is as [world.PaymentProvider] has it. A session that the buyer completes
// while it is being ended is looked at once more.
func (p *Provider) Void(ctx context.Context, ref, key string) (world.Payment, error) {
	const op = "stripe.void"
	for again := true; ; again = false {
		s, now, err := p.now(ctx, op, ref)
		switch {
		case err != nil:
			return world.Payment{}, err
		case now.State == world.PaymentVoided || now.State == world.PaymentFailed:
			return now, nil
		case now.State == world.PaymentCaptured:
			return world.Payment{}, world.E(world.CodeConflict, op, "It is captured: refund it.")
		case now.State == world.PaymentAuthorised:
			err = p.cancel(ctx, op, s.PaymentIntent.ID, key)
		default:
			err = p.expire(ctx, op, ref, key)
		}
		if err != nil && (!again || !world.Is(err, world.CodeConflict)) {
			return world.Payment{}, err
		}
		if err == nil {
			return p.Look(ctx, ref)
		}
	}
}

func (p *Provider) cancel(ctx context.Context, op, id, key string) error {
	params := &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String(string(stripe.PaymentIntentCancellationReasonAbandoned))}
	params.SetIdempotencyKey("void-" + key)
	return p.call(ctx, op, http.MethodPost, "/v1/payment_intents/"+id+"/cancel", &params.Params, params, &stripe.PaymentIntent{})
}

// expire ends a session that nobody has paid. That it is by us is noted first:
// what has expired by itself looks the same.
func (p *Provider) expire(ctx context.Context, op, ref, key string) error {
	note := &stripe.CheckoutSessionUpdateParams{Metadata: map[string]string{metaVoided: key}}
	if err := p.call(ctx, op, http.MethodPost, "/v1/checkout/sessions/"+ref, &note.Params, note, &stripe.CheckoutSession{}); err != nil {
		return err
	}
	params := &stripe.CheckoutSessionExpireParams{}
	return p.call(ctx, op, http.MethodPost, "/v1/checkout/sessions/"+ref+"/expire", &params.Params, params, &stripe.CheckoutSession{})
}

// Refund is as [world.PaymentProvider] has it.
func (p *Provider) Refund(ctx context.Context, ref, key string, minor int64) (world.Payment, error) {
	const op = "stripe.refund"
	s, now, amount, err := p.nowAnd(ctx, op, ref, minor)
	switch {
	case err != nil:
		return world.Payment{}, err
	case now.State != world.PaymentCaptured:
		return world.Payment{}, world.E(world.CodeConflict, op, "It is "+string(now.State)+": only what is captured can go back.")
	}
	given, err := p.refunds(ctx, op, s.PaymentIntent.ID)
	if err != nil {
		return world.Payment{}, err
	}
	for _, r := range given {
		if r.Metadata[metaRefund] != key {
			continue
		}
		if r.Amount != amount {
			return world.Payment{}, world.E(world.CodeConflict, op, "This key gave another amount back.")
		}
		return now, nil
	}
	if minor > now.CapturedMinor-now.RefundedMinor {
		return world.Payment{}, world.E(world.CodeConflict, op, "More cannot go back than is left of what was captured.")
	}
	params := &stripe.RefundCreateParams{Amount: stripe.Int64(amount), PaymentIntent: stripe.String(s.PaymentIntent.ID), Metadata: map[string]string{metaRefund: key, metaKey: s.Metadata[metaKey]}}
	params.SetIdempotencyKey("refund-" + key)
	if err := p.call(ctx, op, http.MethodPost, "/v1/refunds", &params.Params, params, &stripe.Refund{}); err != nil {
		return world.Payment{}, err
	}
	return p.payment(ctx, op, s)
}

// maxRefunds is how many refunds of one payment are read.
const maxRefunds = 100

// refunds are those of an intent.
func (p *Provider) refunds(ctx context.Context, op, intent string) ([]*stripe.Refund, error) {
	params := &stripe.RefundListParams{PaymentIntent: stripe.String(intent)}
	params.Limit = stripe.Int64(maxRefunds)
	list := &stripe.RefundList{}
	base := &stripe.Params{}
	err := p.send(ctx, op, base, func() error {
		return p.backend.CallRaw(http.MethodGet, "/v1/refunds", p.key, formOf(params), base, list)
	})
	switch {
	case err != nil:
		return nil, err
	case list.Data == nil:
		return nil, world.E(world.CodeBadUpstream, op, "Stripe's answer is no list of refunds.")
	case list.HasMore:
		return nil, world.E(world.CodeTooLarge, op, "This payment has more refunds than are read.")
	}
	return list.Data, nil
}
