package stripe

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/test/paytest"
	"meridian/world"
)

const hookSecret = "whsec_0123456789abcdefghijklmnop"

func sign(secret string, at time.Time, body []byte) http.Header {
	return http.Header{headerSignature: {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, body, secret)))}}
}

func provider(t testing.TB, way http.RoundTripper, timeout time.Duration) *Provider {
	t.Helper()
	p, err := New(Options{Key: apiKey, Secrets: []string{"whsec_the-secret-of-before", hookSecret}, Tolerance: 5 * time.Minute, Timeout: timeout, URL: "http://stripe.test", Transport: way})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestContract(t *testing.T) {
	paytest.Run(t, func(t *testing.T, through func(http.RoundTripper) http.RoundTripper, timeout time.Duration) paytest.Rig {
		f := newFake()
		return paytest.Rig{
			Provider: provider(t, through(f), timeout), Buyer: f.buyer, Secrets: []string{apiKey, hookSecret}, Largest: maxEvent,
			Event: func(p world.Payment) []byte {
				o := map[string]any{"id": "cus_1", "object": "customer", "metadata": map[string]string{}}
				if p.Ref != "" {
					o = map[string]any{"id": p.Ref, "object": "checkout.session", "metadata": map[string]string{metaKey: "k"}}
				}
				body, _ := json.Marshal(map[string]any{"id": "evt_1", "object": "event", "created": 1772366400, "data": map[string]any{"object": o}})
				return body
			},
			Sign: func(_ string, at time.Time, body []byte) http.Header { return sign(hookSecret, at, body) },
		}
	})
}

// What Stripe ended by itself has failed; what we ended is voided.
func TestEnds(t *testing.T) {
	f := newFake()
	p := provider(t, f, time.Second)
	open := func(key string) world.Payment {
		q, err := p.Open(t.Context(), world.PaymentRequest{Key: key, OrderID: "o", Number: "N", Currency: "EUR", Minor: 500, ReturnURL: "http://a.test", CancelURL: "http://a.test"})
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	left := open("a")
	f.sessions[left.Ref]["status"] = "expired"
	if q, err := p.Look(t.Context(), left.Ref); err != nil || q.State != world.PaymentFailed || q.Failure != world.FailureAbandoned {
		t.Errorf("its time is over: %+v, %v", q, err)
	}
	lapsed := open("b")
	f.buyer(t, lapsed, paytest.Pays)
	pi := f.sessions[lapsed.Ref]["payment_intent"].(map[string]any)
	pi["status"], pi["cancellation_reason"] = "canceled", "automatic"
	if q, err := p.Look(t.Context(), lapsed.Ref); err != nil || q.State != world.PaymentFailed {
		t.Errorf("an authorisation that lapsed: %+v, %v", q, err)
	}
}

// A refund that comes back is seen, and is newer.
func TestARefundComesBack(t *testing.T) {
	f := newFake()
	p := provider(t, f, time.Second)
	q, err := p.Open(t.Context(), world.PaymentRequest{Key: "a", OrderID: "o", Number: "N", Currency: "EUR", Minor: 500, ReturnURL: "http://a.test", CancelURL: "http://a.test"})
	if err != nil {
		t.Fatal(err)
	}
	f.buyer(t, q, paytest.Pays)
	if _, err := p.Capture(t.Context(), q.Ref, "c", 500); err != nil {
		t.Fatal(err)
	}
	before, err := p.Refund(t.Context(), q.Ref, "r", 200)
	if err != nil || before.RefundedMinor != 200 {
		t.Fatalf("%+v, %v", before, err)
	}
	f.refunds[0]["status"] = "failed"
	after, err := p.Look(t.Context(), q.Ref)
	if err != nil || after.RefundedMinor != 0 || after.Version <= before.Version {
		t.Errorf("%+v, %v after %+v", after, err, before)
	}
}

// docs.stripe.com/currencies.
func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		currency    string
		minor, says int64
	}{
		{"EUR", 3490, 3490}, {"USD", 1, 1}, {"JPY", 1200, 1200}, {"KRW", 5000, 5000}, {"KWD", 1230, 1230}, {"ISK", 1200, 120_000}, {"UGX", 700, 70_000},
		{"HUF", 120_050, 120_050}, {"TWD", 1000, 1000}, {"INR", 5001, 5001},
	} {
		got, err := toStripe(c.currency, c.minor)
		back, backErr := fromStripe(c.currency, got)
		if err != nil || backErr != nil || got != c.says || back != c.minor {
			t.Errorf("%d %s: %d, back %d, %v, %v", c.minor, c.currency, got, back, err, backErr)
		}
	}
	for _, c := range []struct {
		currency string
		minor    int64
	}{{"KWD", 1234}, {"EUR", 0}, {"EUR", -1}, {"EUR", maxAmount + 1}, {"ISK", 1_000_000}, {"", 1}, {"eur", 1}, {"XXY", 1}} {
		if got, err := toStripe(c.currency, c.minor); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("%d %s: %d, %v", c.minor, c.currency, got, err)
		}
	}
	if _, err := fromStripe("ISK", 150); !world.Is(err, world.CodeBadUpstream) {
		t.Errorf("half a króna: %v", err)
	}
}

func TestAmountsGoThereAndBack(t *testing.T) {
	all := append(append([]string{"EUR", "USD", "GBP", "INR", "HUF", "TWD", "ISK", "UGX", "CLF"}, zeroDecimal...), threeDecimal...)
	rapid.Check(t, func(t *rapid.T) {
		currency, minor := rapid.SampledFrom(all).Draw(t, "currency"), rapid.Int64().Draw(t, "minor")
		if _, err := money.Digits(currency); err != nil {
			t.Skip("no such currency here")
		}
		amount, err := toStripe(currency, minor)
		if err != nil {
			return
		}
		if back, err := fromStripe(currency, amount); err != nil || back != minor || amount < 1 || amount > maxAmount {
			t.Fatalf("%d %s is %d, and back %d, %v", minor, currency, amount, back, err)
		}
	})
}

func TestLocales(t *testing.T) {
	for locale, want := range map[string]string{"de-DE": "de", "en-GB": "en-GB", "en-US": "en", "ja-JP": "ja", "hi-IN": "auto", "": "auto"} {
		if got := localeOf(locale); got != want {
			t.Errorf("%s: %s", locale, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	f := newFake()
	for body, c := range map[string]struct {
		status int
		code   world.Code
	}{
		`{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds"}}`:        {402, world.CodeUnprocessed},
		`{"error":{"type":"invalid_request_error","code":"idempotency_key_in_use"}}`:                        {409, world.CodeBusy},
		`{"error":{"type":"invalid_request_error","code":"lock_timeout"}}`:                                  {429, world.CodeBusy},
		`{"error":{"type":"invalid_request_error","code":"balance_insufficient"}}`:                          {400, world.CodeUnprocessed},
		`{"error":{"type":"invalid_request_error","code":"amount_too_small"}}`:                              {400, world.CodeUnprocessed},
		`{"error":{"type":"invalid_request_error","code":"amount_too_large"}}`:                              {400, world.CodeUnprocessed},
		`{"error":{"type":"invalid_request_error","code":"email_invalid"}}`:                                 {400, world.CodeInvalid},
		`{"error":{"type":"invalid_request_error","code":"parameter_invalid_empty","param":"success_url"}}`: {400, world.CodeInvalid},
		`{"error":{"type":"idempotency_error"}}`:                                                            {400, world.CodeConflict},
		`{"error":{"type":"invalid_request_error","message":"No such email: buyer@example.org"}}`:           {400, world.CodeInvalid},
		`moved`: {302, world.CodeBadUpstream},
	} {
		p := provider(t, roundTrip(func(r *http.Request) (*http.Response, error) {
			res, err := f.RoundTrip(r)
			res.StatusCode = c.status
			res.Header.Set("Location", "http://elsewhere.test/")
			res.Body = io.NopCloser(strings.NewReader(body))
			return res, err
		}), time.Second)
		_, err := p.Look(t.Context(), "cs_test_1")
		if !world.Is(err, c.code) || strings.Contains(err.Error(), "buyer@") {
			t.Errorf("%s: %v, want %s", body, err, c.code)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzEvent(f *testing.F) {
	p := provider(f, newFake(), time.Second)
	noon := time.Unix(1772366400, 0)
	f.Add("t=1772366400,v1=00", []byte(`{"id":"evt_1"}`))
	f.Add("t=1772366400,t=0,v1=,", []byte(`{}`))
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		if e, err := p.Event(http.Header{headerSignature: {signature}}, body, noon); !world.Is(err, world.CodeUnsigned) && !world.Is(err, world.CodeTooLarge) {
			t.Errorf("believed: %+v, %v", e, err)
		}
		if e, err := p.Event(sign(hookSecret, noon, body), body, noon); err == nil && e.ID == "" {
			t.Errorf("without an id: %+v", e)
		}
	})
}
