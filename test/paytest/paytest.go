// Package paytest asks every adapter of a payment provider the same: whether it
// meets the contract of [world.PaymentProvider], with a buyer who pays, declines
// and is asked by a bank, and with a network that loses answers.
package paytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"meridian/world"
)

// Act is what a buyer does.
type Act int

// What a buyer does on the provider's page.
const (
	Pays    Act = iota // with a card that works
	Asked              // with a card whose bank asks first
	Agrees             // to what the bank asks
	Refuses            // what the bank asks
	IsPoor             // with a card without enough money
)

// Rig is an adapter and the provider behind it.
type Rig struct {
	Provider world.PaymentProvider
	Buyer    func(t *testing.T, p world.Payment, act Act) // does nothing when p is over
	// Event is the body of a message about a payment; about none of ours for the
	// zero Payment. Sign is the header that it comes with.
	Event func(p world.Payment) []byte
	Sign  func(id string, at time.Time, body []byte) http.Header
	// Secrets are what no error may repeat.
	Secrets []string
	// Largest is the most bytes of a message.
	Largest int
}

// Make makes a rig whose adapter asks the provider by way of through, and waits
// so long for an answer.
type Make func(t *testing.T, through func(http.RoundTripper) http.RoundTripper, timeout time.Duration) Rig

// network stands between adapter and provider.
type network struct {
	next   http.RoundTripper
	answer atomic.Pointer[func(r *http.Request, next http.RoundTripper) (*http.Response, error)]
	asked  atomic.Int64
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.asked.Add(1)
	if do := n.answer.Load(); do != nil {
		return (*do)(r, n.next)
	}
	return n.next.RoundTrip(r)
}

func (n *network) does(do func(r *http.Request, next http.RoundTripper) (*http.Response, error)) {
	n.answer.Store(&do)
}

func (n *network) works() { n.answer.Store(nil) }

type suite struct {
	Rig
	net  *network
	keys int
}

func start(t *testing.T, make Make, timeout time.Duration) *suite {
	t.Helper()
	s := &suite{net: &network{}}
	s.Rig = make(t, func(next http.RoundTripper) http.RoundTripper { s.net.next = next; return s.net }, timeout)
	return s
}

func (s *suite) key() string { s.keys++; return fmt.Sprintf("order-7_%d", s.keys) }

func (s *suite) request(currency string, minor int64) world.PaymentRequest {
	return world.PaymentRequest{
		Key: s.key(), OrderID: "0123456789abcdefghjkmnpqrs", Number: "SC-DE-7K3M9Q", Currency: currency, Minor: minor,
		Description: "Brot & Kuchen", ReturnURL: "http://de.test/orders/x/paid", CancelURL: "http://de.test/orders/x",
		Locale: "de-DE", Email: "buyer@example.org",
	}
}

func (s *suite) open(t *testing.T, currency string, minor int64) world.Payment {
	t.Helper()
	p, err := s.Provider.Open(t.Context(), s.request(currency, minor))
	want(t, "open", p, err, world.PaymentOpened, minor, 0, 0)
	if p.URL == "" || p.Ref == "" || p.Currency != currency || p.Provider == "" || p.Failure != "" {
		t.Fatalf("opened: %+v", p)
	}
	return p
}

// authorised is a payment that the buyer has paid.
func (s *suite) authorised(t *testing.T, currency string, minor int64) world.Payment {
	t.Helper()
	p := s.open(t, currency, minor)
	s.Buyer(t, p, Pays)
	return s.look(t, p, world.PaymentAuthorised, 0, 0)
}

func (s *suite) look(t *testing.T, p world.Payment, state world.PaymentState, captured, refunded int64) world.Payment {
	t.Helper()
	now, err := s.Provider.Look(t.Context(), p.Ref)
	want(t, "look", now, err, state, p.AmountMinor, captured, refunded)
	if now.Version < p.Version || now.Ref != p.Ref || now.Currency != p.Currency || now.Provider != p.Provider {
		t.Fatalf("%+v is older than %+v, or another", now, p)
	}
	if over := state != world.PaymentOpened && state != world.PaymentActionRequired; over && now.URL != "" {
		t.Fatalf("there is nothing to do any more, but a URL: %+v", now)
	}
	return now
}

func want(t *testing.T, what string, p world.Payment, err error, state world.PaymentState, amount, captured, refunded int64) {
	t.Helper()
	if err != nil || p.State != state || p.AmountMinor != amount || p.CapturedMinor != captured || p.RefundedMinor != refunded {
		t.Fatalf("%s: %+v, %v; want %s, %d, captured %d, refunded %d", what, p, err, state, amount, captured, refunded)
	}
}

func refused(t *testing.T, what string, err error, code world.Code) {
	t.Helper()
	if e := new(world.Error); !errors.As(err, &e) || e.Code != code || e.Message == "" {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// Run runs the suite.
func Run(t *testing.T, make Make) {
	t.Run("paid, captured and refunded", func(t *testing.T) { paid(t, start(t, make, 10*time.Second)) })
	t.Run("declined, asked by the bank", func(t *testing.T) { declined(t, start(t, make, 10*time.Second)) })
	t.Run("voided", func(t *testing.T) { voided(t, start(t, make, 10*time.Second)) })
	t.Run("keys", func(t *testing.T) { keys(t, start(t, make, 10*time.Second)) })
	t.Run("currencies", func(t *testing.T) { currencies(t, start(t, make, 10*time.Second)) })
	t.Run("lost answers", func(t *testing.T) { unheard(t, start(t, make, 10*time.Second)) })
	t.Run("failures", func(t *testing.T) { failures(t, start(t, make, 10*time.Second)) })
	t.Run("silence", func(t *testing.T) { silence(t, start(t, make, 50*time.Millisecond)) })
	t.Run("events", func(t *testing.T) { events(t, start(t, make, 10*time.Second)) })
}

func paid(t *testing.T, s *suite) {
	p := s.authorised(t, "EUR", 3490)
	_, err := s.Provider.Refund(t.Context(), p.Ref, s.key(), 1)
	refused(t, "a refund of what is not captured", err, world.CodeConflict)
	_, err = s.Provider.Capture(t.Context(), p.Ref, s.key(), 3491)
	refused(t, "a capture of more", err, world.CodeInvalid)
	key := s.key()
	for range 2 {
		c, err := s.Provider.Capture(t.Context(), p.Ref, key, 3490)
		want(t, "capture", c, err, world.PaymentCaptured, 3490, 3490, 0)
		if c.Version <= p.Version || c.URL != "" {
			t.Errorf("captured: %+v after %+v", c, p)
		}
	}
	_, err = s.Provider.Capture(t.Context(), p.Ref, s.key(), 3490)
	refused(t, "a second capture", err, world.CodeConflict)
	_, err = s.Provider.Void(t.Context(), p.Ref, s.key())
	refused(t, "an end of what is captured", err, world.CodeConflict)
	captured := s.look(t, p, world.PaymentCaptured, 3490, 0)

	key = s.key()
	for range 2 {
		r, err := s.Provider.Refund(t.Context(), p.Ref, key, 490)
		want(t, "refund", r, err, world.PaymentCaptured, 3490, 3490, 490)
		if r.Version <= captured.Version {
			t.Errorf("refunded: %+v after %+v", r, captured)
		}
	}
	_, err = s.Provider.Refund(t.Context(), p.Ref, s.key(), 3001)
	refused(t, "a refund of more than is left", err, world.CodeConflict)
	r, err := s.Provider.Refund(t.Context(), p.Ref, s.key(), 3000)
	want(t, "the rest", r, err, world.PaymentCaptured, 3490, 3490, 3490)
	s.look(t, r, world.PaymentCaptured, 3490, 3490)

	part := s.authorised(t, "EUR", 3490)
	part, err = s.Provider.Capture(t.Context(), part.Ref, s.key(), 1000)
	want(t, "a part", part, err, world.PaymentCaptured, 3490, 1000, 0)
	_, err = s.Provider.Refund(t.Context(), part.Ref, s.key(), 1001)
	refused(t, "a refund of more than was captured", err, world.CodeConflict)
}

func declined(t *testing.T, s *suite) {
	p := s.open(t, "USD", 1250)
	_, err := s.Provider.Capture(t.Context(), p.Ref, s.key(), 1250)
	refused(t, "a capture of what is not paid", err, world.CodeConflict)
	s.Buyer(t, p, IsPoor)
	p = s.look(t, p, world.PaymentOpened, 0, 0)
	if p.Failure != world.FailureFunds || p.URL == "" {
		t.Errorf("declined: %+v", p)
	}
	s.Buyer(t, p, Asked)
	p = s.look(t, p, world.PaymentActionRequired, 0, 0)
	s.Buyer(t, p, Refuses)
	p = s.look(t, p, world.PaymentOpened, 0, 0)
	if p.Failure != world.FailureAuthentication {
		t.Errorf("not confirmed: %+v", p)
	}
	s.Buyer(t, p, Asked)
	p = s.look(t, p, world.PaymentActionRequired, 0, 0)
	s.Buyer(t, p, Agrees)
	if p = s.look(t, p, world.PaymentAuthorised, 0, 0); p.Failure != "" {
		t.Errorf("authorised: %+v", p)
	}
}

func voided(t *testing.T, s *suite) {
	for name, p := range map[string]world.Payment{"opened": s.open(t, "EUR", 700), "authorised": s.authorised(t, "EUR", 700)} {
		for range 2 {
			v, err := s.Provider.Void(t.Context(), p.Ref, s.key())
			want(t, name, v, err, world.PaymentVoided, 700, 0, 0)
		}
		s.Buyer(t, p, Pays) // too late
		s.look(t, p, world.PaymentVoided, 0, 0)
		_, err := s.Provider.Capture(t.Context(), p.Ref, s.key(), 700)
		refused(t, name+": a capture of what has ended", err, world.CodeConflict)
	}
}

func keys(t *testing.T, s *suite) {
	r := s.request("EUR", 3490)
	p, err := s.Provider.Open(t.Context(), r)
	want(t, "open", p, err, world.PaymentOpened, 3490, 0, 0)
	again, err := s.Provider.Open(t.Context(), r)
	want(t, "open again", again, err, world.PaymentOpened, 3490, 0, 0)
	if again.Ref != p.Ref || again.URL != p.URL {
		t.Errorf("%+v, and again %+v", p, again)
	}
	other := r
	other.Minor = 3500
	_, err = s.Provider.Open(t.Context(), other)
	refused(t, "the key with another amount", err, world.CodeConflict)
	s.Buyer(t, p, Pays)
	again, err = s.Provider.Open(t.Context(), r)
	want(t, "open what is paid", again, err, world.PaymentAuthorised, 3490, 0, 0)
	_, err = s.Provider.Look(t.Context(), p.Ref+"x")
	refused(t, "no payment", err, world.CodeNotFound)
	_, err = s.Provider.Look(t.Context(), "../"+p.Ref)
	refused(t, "no reference", err, world.CodeNotFound)

	key := s.key()
	done := make(chan error)
	const together = 6
	for range together {
		go func() {
			_, err := s.Provider.Capture(t.Context(), p.Ref, key, 3490)
			done <- err
		}()
	}
	worked := 0
	for range together {
		if err := <-done; err == nil {
			worked++
		} else if !retried(err) {
			t.Errorf("one of several captures: %v", err)
		}
	}
	if worked == 0 {
		t.Error("none of several captures worked")
	}
	s.look(t, p, world.PaymentCaptured, 3490, 0)
}

// retried is an error after which the same is asked again.
func retried(err error) bool {
	e := new(world.Error)
	return errors.As(err, &e) && e.Retry
}

func currencies(t *testing.T, s *suite) {
	for currency, minor := range map[string]int64{"USD": 101, "GBP": 999_999, "EUR": 50, "JPY": 1200, "INR": 5001, "KWD": 1230, "KRW": 5000, "ISK": 1200, "HUF": 120_000, "UGX": 70_000} {
		p := s.authorised(t, currency, minor)
		p, err := s.Provider.Capture(t.Context(), p.Ref, s.key(), minor)
		want(t, currency, p, err, world.PaymentCaptured, minor, minor, 0)
		p, err = s.Provider.Refund(t.Context(), p.Ref, s.key(), minor)
		want(t, currency, p, err, world.PaymentCaptured, minor, minor, minor)
	}
	for name, r := range map[string]world.PaymentRequest{
		"no such currency": s.request("XXY", 100), "nothing": s.request("EUR", 0), "less than nothing": s.request("EUR", -5),
	} {
		if _, err := s.Provider.Open(t.Context(), r); !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unheard does each deed and loses its answer; the same asked again does it once.
func unheard(t *testing.T, s *suite) {
	lose := func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return nil, errors.New("the connection broke off")
	}
	twice := func(what string, do func() (world.Payment, error)) world.Payment {
		t.Helper()
		s.net.does(lose)
		_, err := do()
		s.net.works()
		if !retried(err) {
			t.Fatalf("%s, unheard: %v", what, err)
		}
		p, err := do()
		if err != nil {
			t.Fatalf("%s, again: %v", what, err)
		}
		return p
	}
	r := s.request("EUR", 3490)
	p := twice("open", func() (world.Payment, error) { return s.Provider.Open(t.Context(), r) })
	s.Buyer(t, p, Pays)
	key, back := s.key(), s.key()
	twice("capture", func() (world.Payment, error) { return s.Provider.Capture(t.Context(), p.Ref, key, 3490) })
	twice("refund", func() (world.Payment, error) { return s.Provider.Refund(t.Context(), p.Ref, back, 90) })
	s.look(t, p, world.PaymentCaptured, 3490, 90)
	v := s.authorised(t, "EUR", 20_00)
	end := s.key()
	twice("void", func() (world.Payment, error) { return s.Provider.Void(t.Context(), v.Ref, end) })
	s.look(t, v, world.PaymentVoided, 0, 0)
}

func failures(t *testing.T, s *suite) {
	p := s.authorised(t, "EUR", 3490)
	deeds := map[string]func(ctx context.Context) error{
		"look":    func(ctx context.Context) error { _, err := s.Provider.Look(ctx, p.Ref); return err },
		"open":    func(ctx context.Context) error { _, err := s.Provider.Open(ctx, s.request("EUR", 1)); return err },
		"capture": func(ctx context.Context) error { _, err := s.Provider.Capture(ctx, p.Ref, s.key(), 1); return err },
		"void":    func(ctx context.Context) error { _, err := s.Provider.Void(ctx, p.Ref, s.key()); return err },
		"refund":  func(ctx context.Context) error { _, err := s.Provider.Refund(ctx, p.Ref, s.key(), 1); return err },
	}
	answer := func(status int, body string) {
		s.net.does(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
		})
	}
	check := func(name string, do func(context.Context) error, code world.Code, retry bool) {
		t.Helper()
		s.net.asked.Store(0)
		err := do(t.Context())
		e := new(world.Error)
		if !errors.As(err, &e) || e.Code != code || e.Retry != retry || e.Message == "" {
			t.Errorf("%s: %v, want %s", name, err, code)
			return
		}
		if n := s.net.asked.Load(); n != 1 {
			t.Errorf("%s: it was asked %d times", name, n)
		}
		for _, secret := range append(s.Secrets, "buyer@example.org") {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %q is in the error: %v", name, secret, err)
			}
		}
	}
	for name, do := range deeds {
		for _, c := range []struct {
			status int
			code   world.Code
			retry  bool
		}{
			{401, world.CodeUnsigned, false}, {403, world.CodeForbidden, false}, {429, world.CodeBusy, true},
			{500, world.CodeBadUpstream, true}, {502, world.CodeBadUpstream, true}, {503, world.CodeUnavailable, true}, {400, world.CodeInvalid, false},
		} {
			answer(c.status, `{"said":"`+strings.Join(s.Secrets, " ")+`"}`)
			check(fmt.Sprint(name, " ", c.status), do, c.code, c.retry)
		}
		for _, body := range []string{"", "{}", "null", "<p>", `{"state":"new"}`} {
			answer(200, body)
			check(name+" answered "+body, do, world.CodeBadUpstream, true)
		}
		s.net.does(func(*http.Request, http.RoundTripper) (*http.Response, error) { return nil, errors.New("refused") })
		check(name+" without a connection", do, world.CodeUnavailable, true)
		ctx, cancel := context.WithCancel(t.Context())
		s.net.does(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
			cancel()
			return nil, r.Context().Err()
		})
		if err := do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, cancelled: %v", name, err)
		}
	}
	s.net.works()
	s.look(t, p, world.PaymentAuthorised, 0, 0)
}

func silence(t *testing.T, s *suite) {
	s.net.does(func(r *http.Request, _ http.RoundTripper) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	_, err := s.Provider.Open(t.Context(), s.request("EUR", 5))
	refused(t, "silence", err, world.CodeTimeout)
}

func events(t *testing.T, s *suite) {
	p := s.open(t, "EUR", 500)
	now := time.Now().Truncate(time.Second)
	body := s.Event(p)
	for range 2 {
		e, err := s.Provider.Event(s.Sign("evt_1", now, body), body, now.Add(time.Minute))
		if err != nil || e.ID == "" || (e.Ref != p.Ref && e.Key == "") {
			t.Errorf("an event: %+v, %v", e, err)
		}
	}
	other := s.Event(world.Payment{})
	if e, err := s.Provider.Event(s.Sign("evt_2", now, other), other, now); err != nil || e.ID == "" || e.Ref != "" || e.Key != "" {
		t.Errorf("an event about something else: %+v, %v", e, err)
	}
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
		code   world.Code
	}{
		"unsigned":      {http.Header{}, body, world.CodeUnsigned},
		"another body":  {s.Sign("evt_1", now, body), other, world.CodeUnsigned},
		"old":           {s.Sign("evt_1", now.Add(-time.Hour), body), body, world.CodeUnsigned},
		"of the future": {s.Sign("evt_1", now.Add(time.Hour), body), body, world.CodeUnsigned},
		"no event":      {s.Sign("evt_1", now, []byte("[")), []byte("["), world.CodeInvalid},
		"too large":     {s.Sign("evt_1", now, make([]byte, s.Largest+1)), make([]byte, s.Largest+1), world.CodeTooLarge},
	} {
		if e, err := s.Provider.Event(c.header, c.body, now); !world.Is(err, c.code) || e != (world.PaymentEvent{}) {
			t.Errorf("%s: %+v, %v; want %s", name, e, err, c.code)
		}
	}
}
