package testpay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"meridian/engine/webhooksig"
	"meridian/platform/netaddr"
	"meridian/platform/vendorapi"
	"meridian/world"
)

// Message is what a webhook says, as JSON. Its id is in the field Webhook-Id.
type Message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened
	Data      Named     `json:"data"`
}

// Named is which payment a message is about, and nothing of what it has become:
// whoever is told asks.
type Named struct {
	Payment string `json:"payment"`
	Key     string `json:"key"`
}

// hook is where an account's messages go.
type hook struct {
	url     string // "" for nowhere
	secrets []webhooksig.Secret
	caller  vendorapi.Caller
	now     func() time.Time
}

func newHook(a Account, wait time.Duration, now func() time.Time, way http.RoundTripper) (hook, error) {
	h := hook{url: a.Webhook, now: now}
	if a.Webhook == "" {
		return h, nil
	}
	u, err := url.Parse(a.Webhook)
	if err != nil {
		return hook{}, world.Wrap("testpay.hook", err)
	}
	address := a.Dial
	if address == "" {
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		address = "tcp:" + u.Hostname() + ":" + port
	}
	for _, text := range a.Secrets {
		s, err := webhooksig.ParseSecret(text)
		if err != nil {
			return hook{}, err
		}
		h.secrets = append(h.secrets, s)
	}
	if way == nil {
		way = netaddr.Transport(address, netaddr.TransportOptions{Idle: 5 * time.Second, IdleConns: maxFlows})
	}
	h.caller = vendorapi.Caller{Vendor: "The shop " + a.Name, Timeout: wait, Now: now, Transport: way}
	return h, nil
}

// tell sends one message once. Any answer of 2xx has taken it.
func (s *Server) tell(ctx context.Context, p payment, e event) error {
	const op = "testpay.tell"
	h := s.hooks[p.Account]
	if h.url == "" {
		return nil
	}
	body, err := json.Marshal(Message{Type: e.Kind, Timestamp: e.At, Data: Named{Payment: p.Ref, Key: p.Asked.Key}})
	if err != nil {
		return world.Wrap(op, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return world.Wrap(op, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", fmt.Sprintf("Meridian-Testpay (%s)", p.Account))
	webhooksig.Sign(r.Header, e.ID, h.now(), body, h.secrets...)
	_, err = h.caller.Do(ctx, r)
	return world.Wrap(op, err)
}
