package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"meridian/engine/webhooksig"
	"meridian/world"
)

// Notifier tells owners' systems what happens in their market, by messages as
// Standard Webhooks has them. It is safe for concurrent use.
type Notifier struct {
	Wait      time.Duration     // longest time for an exchange
	Transport http.RoundTripper // guarded: the addresses are others' choice
	Now       func() time.Time
}

// Send makes one attempt at a message. It returns when the endpoint has answered
// with 2xx; no redirect is followed. Errors: invalid for a call that cannot be
// made, timeout and unavailable where no answer came, forbidden for an address
// that may not be reached, bad_upstream for another answer.
func (n *Notifier) Send(ctx context.Context, c world.HookCall) error {
	const op = "webhook.send"
	secrets := make([]webhooksig.Secret, len(c.Secrets))
	for i, text := range c.Secrets {
		var err error
		if secrets[i], err = webhooksig.ParseSecret(text); err != nil {
			return world.Wrap(op, err)
		}
	}
	body, err := json.Marshal(struct {
		Type      world.HookKind  `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{c.Kind, c.At.UTC(), c.Data})
	if err != nil {
		return world.Because(world.CodeInvalid, op, "The message is no JSON.", err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.Wait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return world.Because(world.CodeInvalid, op, "The endpoint's address cannot be used: register it anew.", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Meridian-Webhooks/1")
	webhooksig.Sign(r.Header, c.Message, n.Now(), body, secrets...)
	res, err := n.Transport.RoundTrip(r)
	if world.Is(err, world.CodeForbidden) {
		return world.Wrap(op, err)
	}
	if err != nil {
		return unreached(ctx, op, "The endpoint", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the connection can be used again; what it says does not matter
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return world.E(world.CodeBadUpstream, op, fmt.Sprintf("The endpoint answered with status %d.", res.StatusCode))
	}
	return nil
}
