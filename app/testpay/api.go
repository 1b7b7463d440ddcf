package testpay

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"meridian/engine/money"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Limits of what shops ask.
const (
	maxBody  = 16 << 10          // bytes
	maxText  = 200               // signs of a number, an order's id or a description
	maxMinor = 1_000_000_000_000 // of one payment
)

// HeaderKey names one deed: asked again with it, it is done once.
const HeaderKey = "Idempotency-Key"

// shown is a payment as the interface tells it.
type shown struct {
	Ref      string             `json:"ref"`
	URL      string             `json:"url,omitempty"`
	State    world.PaymentState `json:"state"`
	Currency string             `json:"currency"`
	Amount   int64              `json:"amount"`
	Captured int64              `json:"captured"`
	Refunded int64              `json:"refunded"`
	Failure  string             `json:"failure,omitempty"`
	Version  int64              `json:"version"`
}

func (s *Server) shown(p payment) shown {
	out := shown{
		Ref: p.Ref, State: p.State, Currency: p.Asked.Currency, Amount: p.Asked.Minor,
		Captured: p.Captured, Refunded: p.refunded(), Failure: p.Failure, Version: p.Version,
	}
	if p.open() {
		out.URL = s.pageURL(p)
	}
	return out
}

func (s *Server) pageURL(p payment) string { return s.c.URL + pagePath + p.Page }

// call is a shop's request: who asks, by which key, about what.
type call struct {
	account, key string
	body         []byte
}

// api answers one method of the interface.
func (s *Server) api(do func(r *http.Request, c call) (payment, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := s.called(w, r, do)
		switch {
		case errors.Is(err, errUnheard):
			panic(http.ErrAbortHandler) // it was done, and nobody hears of it
		case err != nil:
			httpserver.WriteError(w, r, s.log, err)
			return
		}
		body, err := json.Marshal(s.shown(p))
		if err != nil {
			httpserver.WriteError(w, r, s.log, world.Wrap("testpay.api", err))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(append(body, '\n'))
	}
}

// errUnheard closes the connection in place of an answer.
var errUnheard = errors.New("no answer is given")

func (s *Server) called(w http.ResponseWriter, r *http.Request, do func(*http.Request, call) (payment, error)) (payment, error) {
	c := call{key: r.Header.Get(HeaderKey)}
	for _, a := range s.c.Accounts { // all of them: how long it takes tells nothing
		if httpserver.CheckBearer(r, a.Key) == nil {
			c.account = a.Name
		}
	}
	if c.account == "" {
		return payment{}, world.E(world.CodeUnsigned, "testpay.api", "Send an account's key as bearer token.")
	}
	if r.Method == http.MethodPost {
		if !validKey(c.key) {
			return payment{}, world.E(world.CodeInvalid, "testpay.api", HeaderKey+": write 1 to 64 letters, digits, '-' and '_'.")
		}
		var err error
		if c.body, err = readAll(w, r, maxBody); err != nil {
			return payment{}, err
		}
	}
	return do(r, c)
}

func (s *Server) openPayment(_ *http.Request, c call) (payment, error) {
	a, err := parseAsked(c.body)
	if err != nil {
		return payment{}, err
	}
	a.Key = c.key
	return s.book.open(c.account, a)
}

// parseAsked reads what a payment is to be opened with. It fails with unprocessed
// for a sum that is not taken, else with invalid.
func parseAsked(body []byte) (a asked, err error) {
	bad := func(field, fix string) (asked, error) {
		return asked{}, world.E(world.CodeInvalid, "testpay.open", field+": "+fix)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return asked{}, world.Because(world.CodeInvalid, "testpay.open", "Send one JSON object as the README has it.", err)
	}
	if _, err := money.Digits(a.Currency); err != nil {
		return asked{}, world.Because(world.CodeUnprocessed, "testpay.open", "currency: there is no such one", err)
	}
	switch {
	case a.Minor < 1 || a.Minor > maxMinor:
		return asked{}, world.E(world.CodeUnprocessed, "testpay.open", fmt.Sprintf("minor: write minor units from 1 to %d", maxMinor))
	case a.OrderID == "" || a.Number == "":
		return bad("order_id, number", "name the order")
	case !webURL(a.ReturnURL) || !webURL(a.CancelURL):
		return bad("return_url, cancel_url", "write http or https addresses")
	}
	for _, text := range []string{a.OrderID, a.Number, a.Description, a.Locale} {
		if utf8.RuneCountInString(text) > maxText {
			return bad("order_id, number, description, locale", fmt.Sprintf("write at most %d signs", maxText))
		}
	}
	return a, nil
}

func (s *Server) lookPayment(r *http.Request, c call) (payment, error) {
	e, err := s.book.ref(c.account, r.PathValue("ref"))
	if err != nil {
		return payment{}, err
	}
	return s.book.look(e)
}

// parseMinor reads the amount of a capture or a refund. It fails with invalid.
func parseMinor(body []byte) (int64, error) {
	var a struct {
		Minor int64 `json:"minor"`
	}
	if err := json.Unmarshal(body, &a); err != nil || a.Minor < 1 || a.Minor > maxMinor {
		return 0, world.Because(world.CodeInvalid, "testpay.minor", fmt.Sprintf("minor: write minor units from 1 to %d.", maxMinor), err)
	}
	return a.Minor, nil
}

func (s *Server) capture(r *http.Request, c call) (payment, error) {
	const op = "testpay.capture"
	minor, err := parseMinor(c.body)
	if err != nil {
		return payment{}, err
	}
	e, err := s.book.ref(c.account, r.PathValue("ref"))
	if err != nil {
		return payment{}, err
	}
	var refused, stumbles bool
	p, err := s.book.change(e, func(p *payment, now time.Time) (err error) {
		conduct := conductOf(p.Card).Capture
		stumbles = !p.Stumbled && p.State == world.PaymentAuthorised && (conduct == captureFailsOnce || conduct == captureUnheard)
		p.Stumbled = p.Stumbled || stumbles
		if stumbles && conduct == captureFailsOnce {
			return nil
		}
		refused, err = p.capture(c.key, minor, s.book.rules, now)
		return err
	})
	switch {
	case err != nil:
		return payment{}, err
	case stumbles && p.State == world.PaymentAuthorised:
		return payment{}, world.E(world.CodeUnavailable, op, "The bank does not answer just now. Try again.")
	case stumbles:
		return payment{}, errUnheard
	case refused:
		return payment{}, world.E(world.CodeUnprocessed, op, "The bank does not give the money after all.")
	}
	return p, nil
}

func (s *Server) void(r *http.Request, c call) (payment, error) {
	e, err := s.book.ref(c.account, r.PathValue("ref"))
	if err != nil {
		return payment{}, err
	}
	return s.book.change(e, func(p *payment, now time.Time) error { return p.void(s.book.rules, now) })
}

func (s *Server) refund(r *http.Request, c call) (payment, error) {
	minor, err := parseMinor(c.body)
	if err != nil {
		return payment{}, err
	}
	e, err := s.book.ref(c.account, r.PathValue("ref"))
	if err != nil {
		return payment{}, err
	}
	return s.book.change(e, func(p *payment, now time.Time) error { return p.refund(c.key, minor, s.book.rules, now) })
}
