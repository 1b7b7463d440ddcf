// Package vies asks the European Commission's VIES whether a VAT number is in
// force, by its REST interface. It fails closed: whatever is not a plain yes or no
// about the very number that was asked is an error.
package vies

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"meridian/engine/taxid"
	"meridian/world"
)

// Settings say where VIES is, and how long its yes holds.
type Settings struct {
	URL     string        `yaml:"url" doc:"where VIES checks numbers, https://ec.europa.eu/taxation_customs/vies/rest-api/check-vat-number; none: numbers are not checked, and none counts as confirmed"`
	Timeout time.Duration `yaml:"timeout" doc:"longest time for one question"`
	Keep    time.Duration `yaml:"keep" doc:"how long a confirmed number needs no other question; 0 asks each time"`
}

// Default asks nobody.
func Default() Settings { return Settings{Timeout: 4 * time.Second, Keep: 24 * time.Hour} }

// Validate fails with invalid for the first setting that cannot be. Without an
// address the rest does not matter.
func (s Settings) Validate() error {
	if s.URL == "" {
		return nil
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil:
		return world.E(world.CodeInvalid, "vies.settings", "url: write an https address without a password")
	case s.Timeout <= 0 || s.Keep < 0:
		return world.E(world.CodeInvalid, "vies.settings", "timeout, keep: write a time above zero, for keep zero or more")
	}
	return nil
}

// MaxAnswer is the longest answer that is read, in bytes.
const MaxAnswer = 64 << 10

// MaxKept is how many confirmed numbers are kept at most; then all are forgotten.
const MaxKept = 10_000

// Register is VIES as a [taxid.Register]. It is safe for concurrent use.
type Register struct {
	settings Settings
	client   *http.Client
	now      func() time.Time

	mu   sync.Mutex
	kept map[question]taxid.Answer
}

type question struct{ id, seller taxid.ID }

// New asks by a transport; nil is the system's own. It fails with invalid for bad
// settings and where there is no address.
func New(s Settings, by http.RoundTripper, now func() time.Time) (*Register, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.URL == "" {
		return nil, world.E(world.CodeInvalid, "vies.new", "url: there is none to ask")
	}
	client := &http.Client{Timeout: s.Timeout, Transport: by, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("it leads elsewhere")
	}}
	return &Register{settings: s, client: client, now: now, kept: map[question]taxid.Answer{}}, nil
}

// asked is what is sent. The requester's number is what a reference is given for.
type asked struct {
	Country         string `json:"countryCode"`
	Number          string `json:"vatNumber"`
	RequesterState  string `json:"requesterMemberStateCode,omitempty"`
	RequesterNumber string `json:"requesterNumber,omitempty"`
}

// answered is what comes back. Names are "---" where a state does not tell them.
type answered struct {
	Country   string `json:"countryCode"`
	Number    string `json:"vatNumber"`
	Valid     *bool  `json:"valid"`
	Name      string `json:"name"`
	Reference string `json:"requestIdentifier"`
	Errors    []struct {
		Error string `json:"error"`
	} `json:"errorWrappers"`
}

// Ask implements [taxid.Register] for numbers of the Union and Northern Ireland. A
// confirmed number is answered from memory for the time of the settings. It fails
// with bad_upstream for an answer that is none, and with unavailable when VIES, or
// the state's own register, does not answer.
func (r *Register) Ask(ctx context.Context, id, seller taxid.ID) (taxid.Answer, error) {
	q := question{id, seller}
	if a, ok := r.known(q); ok {
		return a, nil
	}
	a, err := r.ask(ctx, q)
	if err == nil && a.Valid {
		r.keep(q, a)
	}
	return a, err
}

func (r *Register) known(q question) (taxid.Answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.kept[q]
	return a, ok && r.now().Before(a.At.Add(r.settings.Keep))
}

func (r *Register) keep(q question, a taxid.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= MaxKept {
		clear(r.kept)
	}
	r.kept[q] = a
}

func (r *Register) ask(ctx context.Context, q question) (taxid.Answer, error) {
	const op = "vies.ask"
	body, err := json.Marshal(asked{q.id.Country, q.id.Number, q.seller.Country, q.seller.Number})
	if err != nil {
		return taxid.Answer{}, world.Wrap(op, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.settings.URL, bytes.NewReader(body))
	if err != nil {
		return taxid.Answer{}, world.Wrap(op, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	res, err := r.client.Do(req)
	if err != nil {
		return taxid.Answer{}, world.Because(world.CodeUnavailable, op, "VIES cannot be reached.", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer+1))
	if err != nil || len(text) > MaxAnswer {
		return taxid.Answer{}, world.Because(world.CodeBadUpstream, op, "VIES breaks off, or says too much.", err)
	}
	said, err := read(res.StatusCode, text, q.id)
	if err != nil {
		return taxid.Answer{}, err
	}
	said.At = r.now()
	return said, nil
}

// read is what an answer says of a number.
func read(status int, text []byte, id taxid.ID) (taxid.Answer, error) {
	const op = "vies.read"
	var a answered
	err := json.Unmarshal(text, &a)
	switch {
	case err == nil && len(a.Errors) > 0: // MS_UNAVAILABLE, TIMEOUT, GLOBAL_MAX_CONCURRENT_REQ, INVALID_INPUT, …
		return taxid.Answer{}, world.E(world.CodeUnavailable, op, fmt.Sprintf("VIES does not answer: %.40q.", a.Errors[0].Error))
	case status != http.StatusOK:
		return taxid.Answer{}, world.E(world.CodeBadUpstream, op, fmt.Sprintf("VIES answers %d.", status))
	case err != nil:
		return taxid.Answer{}, world.Because(world.CodeBadUpstream, op, "VIES does not answer in JSON.", err)
	case a.Valid == nil || a.Country != id.Country || a.Number != id.Number:
		return taxid.Answer{}, world.E(world.CodeBadUpstream, op, "VIES answers about another number, or not at all.")
	}
	return taxid.Answer{Valid: *a.Valid, Name: strings.Trim(a.Name, "- "), Reference: a.Reference}, nil
}
