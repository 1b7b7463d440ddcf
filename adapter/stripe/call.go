package stripe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	stripe "github.com/stripe/stripe-go/v85"

	"meridian/world"
)

// maxAnswer is the most bytes of an answer that are read.
const maxAnswer = 1 << 20

// maxTryAfter: a longer Retry-After is taken for this.
const maxTryAfter = time.Hour

// told is what an exchange has said beside its body: the library's errors know
// no status where the body is none of Stripe's.
type told struct {
	status int
	after  time.Duration
}

type toldKey struct{}

// exchange notes the status, and bounds the body.
type exchange struct{ next http.RoundTripper }

// RoundTrip asks once.
func (e exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := e.next.RoundTrip(r)
	if err != nil {
		return res, err
	}
	if t, ok := r.Context().Value(toldKey{}).(*told); ok {
		t.status = res.StatusCode
		if seconds, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 32); err == nil {
			t.after = min(time.Duration(seconds)*time.Second, maxTryAfter)
		}
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxAnswer), res.Body}
	return res, nil
}

func (p *Provider) call(ctx context.Context, op, method, path string, base *stripe.Params, params stripe.ParamsContainer, into stripe.LastResponseSetter) error {
	return p.send(ctx, op, base, func() error { return p.backend.Call(method, path, p.key, params, into) })
}

// send makes one request and gives its failure our code.
func (p *Provider) send(ctx context.Context, op string, base *stripe.Params, do func() error) error {
	t := &told{}
	limited, cancel := context.WithTimeout(context.WithValue(ctx, toldKey{}, t), p.timeout)
	defer cancel()
	base.Context = limited
	err := do()
	switch late := net.Error(nil); {
	case err == nil && t.status >= 200 && t.status <= 299:
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case limited.Err() != nil, errors.As(err, &late) && late.Timeout():
		return world.E(world.CodeTimeout, op, fmt.Sprintf("Stripe did not answer within %s.", p.timeout))
	case t.status == 0:
		return world.Because(world.CodeUnavailable, op, "Stripe cannot be reached.", err)
	}
	return refused(op, t, err)
}

// refused gives an answer that is none of success our code
// (docs.stripe.com/api/errors). Stripe's own sentence may repeat what it was
// sent, so only its codes are kept.
func refused(op string, t *told, err error) error {
	var e *stripe.Error
	if !errors.As(err, &e) {
		e = &stripe.Error{}
	}
	code, say := codeOf(t.status, e)
	cause := fmt.Errorf("status %d, type %.40q, code %.60q, decline %.60q, request %.60q", t.status, e.Type, e.Code, e.DeclineCode, e.RequestID)
	if t.after > 0 && (code == world.CodeBusy || code == world.CodeUnavailable) {
		cause = errors.Join(world.TryAfter(t.after), cause)
	}
	return world.Because(code, op, "Stripe "+say+".", cause)
}

func codeOf(status int, e *stripe.Error) (world.Code, string) {
	switch e.Code {
	case stripe.ErrorCodePaymentIntentUnexpectedState, stripe.ErrorCodeChargeAlreadyCaptured, stripe.ErrorCodeChargeAlreadyRefunded, stripe.ErrorCodeChargeExpiredForCapture:
		return world.CodeConflict, "does not allow it in the payment's state"
	case stripe.ErrorCodeBalanceInsufficient:
		return world.CodeUnprocessed, "has not enough of our money to give back"
	case stripe.ErrorCodeAmountTooSmall, stripe.ErrorCodeAmountTooLarge, stripe.ErrorCodeInvalidChargeAmount:
		return world.CodeUnprocessed, "does not take this amount"
	case stripe.ErrorCodeIdempotencyKeyInUse, stripe.ErrorCodeLockTimeout:
		return world.CodeBusy, "is still at the same request"
	}
	switch {
	case e.Type == stripe.ErrorTypeIdempotency:
		return world.CodeConflict, "was asked for something else by this key"
	case status < 300, status >= 500 && status != http.StatusServiceUnavailable:
		return world.CodeBadUpstream, "fails"
	case status == http.StatusServiceUnavailable:
		return world.CodeUnavailable, "is not available"
	case status < 400:
		return world.CodeBadUpstream, "leads elsewhere: set the address of its interface"
	case status == http.StatusTooManyRequests:
		return world.CodeBusy, "has had too many requests"
	case status == http.StatusUnauthorized:
		return world.CodeUnsigned, "does not know the key: set a good one"
	case status == http.StatusForbidden:
		return world.CodeForbidden, "does not let the key do this: give it that right"
	case status == http.StatusNotFound:
		return world.CodeNotFound, "has no such payment"
	case status == http.StatusConflict:
		return world.CodeBusy, "is at work on the same thing"
	case status == http.StatusPaymentRequired:
		return world.CodeUnprocessed, "does not get the money from the bank"
	}
	return world.CodeInvalid, "refuses the request"
}
