package webhook_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"meridian/adapter/webhook"
	"meridian/engine/webhooksig"
	"meridian/world"
)

// A message as its receiver has to take it: signed by the new secret and the
// old, the same body and id each time, whatever the hour.
func TestAMessageIsSignedAndTheSameAgain(t *testing.T) {
	fresh, old := webhooksig.NewSecret(bytes.Repeat([]byte{1}, 32)), webhooksig.NewSecret(bytes.Repeat([]byte{2}, 32))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var bodies [][]byte
	status := http.StatusNoContent
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		for _, text := range []string{fresh, old} {
			secret, err := webhooksig.ParseSecret(text)
			if err != nil {
				t.Error(err)
			}
			if id, _, err := webhooksig.Verify(r.Header, body, now, time.Minute, secret); err != nil || id != "id.1" {
				t.Errorf("id %q, %v", id, err)
			}
		}
		bodies = append(bodies, body)
		w.Header().Set("Location", "http://169.254.169.254/")
		w.WriteHeader(status)
	}))
	defer s.Close()
	n := &webhook.Notifier{Wait: 5 * time.Second, Transport: http.DefaultTransport, Now: func() time.Time { return now }}
	call := world.HookCall{URL: s.URL, Secrets: []string{fresh, old}, HookMessage: world.HookMessage{Message: "id.1", Kind: world.HookOrderPlaced,
		At: now.Add(-time.Hour), Data: []byte(`{"number": "SC-DE-7K3M9Q"}`)}}
	for _, c := range []struct {
		status int
		want   world.Code
	}{{204, ""}, {200, ""}, {302, world.CodeBadUpstream}, {410, world.CodeBadUpstream}, {503, world.CodeBadUpstream}} {
		status = c.status
		now = now.Add(time.Hour)
		if err := n.Send(t.Context(), call); world.CodeOf(err) != c.want {
			t.Errorf("%d: %v", c.status, err)
		}
	}
	for _, body := range bodies {
		if want := `{"type":"order.placed","timestamp":"2026-11-22T11:00:00Z","data":{"number":"SC-DE-7K3M9Q"}}`; string(body) != want {
			t.Errorf("body %s", body)
		}
	}
	s.Close()
	if err := n.Send(t.Context(), call); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("away: %v", err)
	}
	for name, change := range map[string]func(*world.HookCall){
		"a bad secret":  func(c *world.HookCall) { c.Secrets = []string{"x"} },
		"a bad address": func(c *world.HookCall) { c.URL = "http://\x00" },
		"bad data":      func(c *world.HookCall) { c.Data = []byte("{") },
	} {
		bad := call
		change(&bad)
		if err := n.Send(t.Context(), bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
