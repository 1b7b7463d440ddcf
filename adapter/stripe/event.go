package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"meridian/world"
)

// Limits of events.
const (
	maxEvent  = 256 << 10 // bytes
	minSecret = 16
)

// headerSignature is "t=seconds,v1=hex,…" (docs.stripe.com/webhooks/signature).
const headerSignature = "Stripe-Signature"

// Event is as [world.PaymentProvider] has it. The endpoint at Stripe is to be sent
// checkout.session.*, payment_intent.* and refund.*.
func (p *Provider) Event(header http.Header, body []byte, now time.Time) (world.PaymentEvent, error) {
	const op = "stripe.event"
	if len(body) > maxEvent {
		return world.PaymentEvent{}, world.E(world.CodeTooLarge, op, fmt.Sprintf("An event has at most %d bytes.", maxEvent))
	}
	signature := header.Get(headerSignature)
	signed := false
	for _, s := range p.secrets { // the library compares in constant time
		signed = webhook.ValidatePayloadIgnoringTolerance(body, signature, s) == nil || signed
	}
	at, ok := signedAt(signature)
	if !signed || !ok || at.Before(now.Add(-p.tolerance)) || at.After(now.Add(p.tolerance)) {
		return world.PaymentEvent{}, world.E(world.CodeUnsigned, op, "The event is not signed as it must be: check the endpoint's secret and the clock.")
	}
	return parseEvent(body)
}

// signedAt is the time that a signature covers. Of two the library takes the last.
func signedAt(signature string) (at time.Time, ok bool) {
	for part := range strings.SplitSeq(signature, ",") {
		text, isTime := strings.CutPrefix(part, "t=")
		if !isTime {
			continue
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		at, ok = time.Unix(seconds, 0).UTC(), true
	}
	return at, ok
}

// parseEvent reads what a signed event is about.
func parseEvent(body []byte) (world.PaymentEvent, error) {
	var e struct {
		ID      string `json:"id"`
		Created int64  `json:"created"`
		Data    struct {
			Object struct {
				ID       string            `json:"id"`
				Object   string            `json:"object"`
				Metadata map[string]string `json:"metadata"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return world.PaymentEvent{}, world.Because(world.CodeInvalid, "stripe.event", "The event is signed, but cannot be read.", err)
	}
	out := world.PaymentEvent{ID: e.ID, At: time.Unix(e.Created, 0).UTC()}
	if o := e.Data.Object; o.Object == "checkout.session" && validRef(o.ID) && o.Metadata[metaKey] != "" {
		out.Ref = o.ID
	} else {
		out.Key = o.Metadata[metaKey]
	}
	return out, nil
}
