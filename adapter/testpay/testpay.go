// Package testpay takes payments by the provider to try things out with, whose
// other side is app/testpay. It meets [world.PaymentProvider].
package testpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"meridian/engine/webhooksig"
	"meridian/platform/vendorapi"
	"meridian/world"
)

// Name is the provider's.
const Name = "testpay"

// maxEvent is the most bytes of an event.
const maxEvent = 16 << 10

// Options say which account at which provider.
type Options struct {
	URL       string   // where its interface is: http or https and a host
	Key       string   // the account's
	Secrets   []string // what its messages are signed with: one, or two while one takes the place of the other
	Tolerance time.Duration
	Timeout   time.Duration // for one request and its answer
	Transport http.RoundTripper
	Now       func() time.Time
}

// Provider is one account. It is safe for concurrent use.
type Provider struct {
	base      string
	key       string
	secrets   []webhooksig.Secret
	tolerance time.Duration
	caller    vendorapi.Caller
}

// New fails with invalid for an address, a key or a secret that cannot be.
func New(o Options) (*Provider, error) {
	const op = "testpay.new"
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" {
		return nil, world.E(world.CodeInvalid, op, "testpay's url must be http or https and a host, without a path.")
	}
	if o.Key == "" {
		return nil, world.E(world.CodeInvalid, op, "testpay needs the account's key.")
	}
	if o.Tolerance <= 0 || o.Timeout <= 0 {
		return nil, world.E(world.CodeInvalid, op, "testpay's tolerance and timeout must be above zero.")
	}
	p := &Provider{base: o.URL, key: o.Key, tolerance: o.Tolerance, caller: vendorapi.Caller{
		Vendor: Name, Transport: o.Transport, Timeout: o.Timeout, Now: o.Now, Secret: o.Key,
		Refusals: map[int]world.Code{http.StatusConflict: world.CodeConflict, http.StatusUnprocessableEntity: world.CodeUnprocessed},
	}}
	for _, text := range o.Secrets {
		s, err := webhooksig.ParseSecret(text)
		if err != nil {
			return nil, world.Wrap(op, err)
		}
		p.secrets = append(p.secrets, s)
	}
	return p, nil
}

// opened is what a payment is opened with, as the provider reads it.
type opened struct {
	OrderID     string `json:"order_id"`
	Number      string `json:"number"`
	Currency    string `json:"currency"`
	Minor       int64  `json:"minor"`
	Description string `json:"description"`
	ReturnURL   string `json:"return_url"`
	CancelURL   string `json:"cancel_url"`
	Locale      string `json:"locale"`
}

// Open is as [world.PaymentProvider] has it. The buyer's address is not told.
func (p *Provider) Open(ctx context.Context, r world.PaymentRequest) (world.Payment, error) {
	return p.ask(ctx, http.MethodPost, "", r.Key, opened{r.OrderID, r.Number, r.Currency, r.Minor, r.Description, r.ReturnURL, r.CancelURL, r.Locale})
}

// Look is as [world.PaymentProvider] has it.
func (p *Provider) Look(ctx context.Context, ref string) (world.Payment, error) {
	return p.about(ctx, http.MethodGet, ref, "", "", nil)
}

// amount is what is captured or given back.
type amount struct {
	Minor int64 `json:"minor"`
}

// Capture is as [world.PaymentProvider] has it.
func (p *Provider) Capture(ctx context.Context, ref, key string, minor int64) (world.Payment, error) {
	return p.about(ctx, http.MethodPost, ref, "/capture", key, amount{minor})
}

// Void is as [world.PaymentProvider] has it.
func (p *Provider) Void(ctx context.Context, ref, key string) (world.Payment, error) {
	return p.about(ctx, http.MethodPost, ref, "/void", key, nil)
}

// Refund is as [world.PaymentProvider] has it.
func (p *Provider) Refund(ctx context.Context, ref, key string, minor int64) (world.Payment, error) {
	return p.about(ctx, http.MethodPost, ref, "/refunds", key, amount{minor})
}

var validRef = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`).MatchString

func (p *Provider) about(ctx context.Context, method, ref, what, key string, body any) (world.Payment, error) {
	if !validRef(ref) {
		return world.Payment{}, world.E(world.CodeNotFound, "testpay.ref", "The provider has no such payment.")
	}
	return p.ask(ctx, method, "/"+ref+what, key, body)
}

func (p *Provider) ask(ctx context.Context, method, path, key string, body any) (world.Payment, error) {
	const op = "testpay.ask"
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return world.Payment{}, world.Wrap(op, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, p.base+"/v1/payments"+path, bytes.NewReader(content))
	if err != nil {
		return world.Payment{}, world.Wrap(op, err)
	}
	r.Header.Set("Authorization", "Bearer "+p.key)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := p.caller.Do(ctx, r)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return world.Payment{}, ctx.Err()
		}
		return world.Payment{}, world.Wrap(op, err)
	}
	return parsePayment(a.Body)
}

// parsePayment reads a payment. It fails with bad_upstream for what is none.
func parsePayment(body []byte) (world.Payment, error) {
	var a struct {
		Ref, URL, Currency, Failure         string
		State                               world.PaymentState
		Amount, Captured, Refunded, Version int64
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return world.Payment{}, world.Because(world.CodeBadUpstream, "testpay.payment", "testpay's answer is no payment.", err)
	}
	switch a.State {
	case world.PaymentOpened, world.PaymentActionRequired, world.PaymentAuthorised, world.PaymentCaptured, world.PaymentFailed, world.PaymentVoided:
	default:
		return world.Payment{}, world.E(world.CodeBadUpstream, "testpay.payment", "testpay's answer has no state that we know.")
	}
	if !validRef(a.Ref) || a.Amount < 1 || a.Captured < 0 || a.Captured > a.Amount || a.Refunded < 0 || a.Refunded > a.Captured || a.Version < 1 {
		return world.Payment{}, world.E(world.CodeBadUpstream, "testpay.payment", "testpay's answer has sums that cannot be.")
	}
	return world.Payment{
		Provider: Name, Ref: a.Ref, URL: a.URL, State: a.State, Currency: a.Currency, AmountMinor: a.Amount,
		CapturedMinor: a.Captured, RefundedMinor: a.Refunded, Failure: a.Failure, Version: a.Version,
	}, nil
}

// Event is as [world.PaymentProvider] has it.
func (p *Provider) Event(header http.Header, body []byte, now time.Time) (world.PaymentEvent, error) {
	const op = "testpay.event"
	if len(body) > maxEvent {
		return world.PaymentEvent{}, world.E(world.CodeTooLarge, op, fmt.Sprintf("An event has at most %d bytes.", maxEvent))
	}
	id, _, err := webhooksig.Verify(header, body, now, p.tolerance, p.secrets...)
	if err != nil {
		return world.PaymentEvent{}, world.Wrap(op, err)
	}
	var e struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      struct {
			Payment string `json:"payment"`
			Key     string `json:"key"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Type == "" {
		return world.PaymentEvent{}, world.Because(world.CodeInvalid, op, "The event is signed, but cannot be read.", err)
	}
	return world.PaymentEvent{ID: id, Ref: e.Data.Payment, Key: e.Data.Key, At: e.Timestamp}, nil
}
