package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// An answer that begins within the limit may take for ever; one that begins later
// is an error at the limit, and is cancelled.
func TestPromptAtItsEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 2 * time.Second
		for after, prompt := range map[time.Duration]bool{0: true, limit - 1: true, limit + 1: false, time.Hour: false} {
			var asked context.Context
			p := NewPrompt(trip(func(r *http.Request) (*http.Response, error) {
				asked = r.Context()
				return says(200, after, "content")(r)
			}), limit)
			began := time.Now()
			res, err := p.RoundTrip(request("GET", ""))
			if !prompt {
				if !world.Is(err, world.CodeTimeout) || time.Since(began) != limit || asked.Err() == nil {
					t.Errorf("an answer after %v: %v after %v, its request: %v", after, err, time.Since(began), asked.Err())
				}
				continue
			}
			if err != nil {
				t.Fatalf("an answer after %v: %v", after, err)
			}
			time.Sleep(time.Hour)
			if b, err := io.ReadAll(res.Body); string(b) != "content" || err != nil || asked.Err() != nil {
				t.Errorf("its content: %q, %v, %v", b, err, asked.Err())
			}
			if res.Body.Close(); asked.Err() == nil {
				t.Error("a content that is closed holds on to its request")
			}
		}
	})
}

// What fails by itself, and what its asker leaves, is told as it is.
func TestPromptPassesFailuresOn(t *testing.T) {
	if _, err := NewPrompt(trip(refuses), time.Hour).RoundTrip(request("GET", "")); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewPrompt(says(200, time.Hour, ""), time.Hour).RoundTrip(request("GET", "").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Who has another way is not kept waiting by a hop that rests, not even to find
// out whether it is back. One that refuses keeps nobody waiting: it is asked.
func TestAFirmPoolLeavesAHopThatRestsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		fails  trip
		method string
	}{
		"silent": {says(200, time.Hour, ""), "GET"}, "silent to a change": {says(200, time.Hour, ""), "POST"},
	} {
		synctest.Test(t, func(t *testing.T) {
			way := c.fails
			p := newPool(t, func(c *Config) { c.Firm = true }, func(r *http.Request) (*http.Response, error) {
				return NewPrompt(way, time.Second).RoundTrip(r)
			})
			p.ask(request(c.method, ""))
			for range 3 {
				began := time.Now()
				if _, _, err := p.ask(request(c.method, "")); !world.Is(err, world.CodeUnavailable) || time.Since(began) != 0 {
					t.Errorf("%s: while it rests: %v after %v", name, err, time.Since(began))
				}
			}
			if n := p.hop(0).Asked; n != 1 {
				t.Errorf("%s: asked %d times", name, n)
			}
			way = says(200, 0, "back")
			time.Sleep(DefaultRest)
			if _, got, err := p.ask(request(c.method, "")); got != "back" || err != nil || p.hop(0).State != Closed {
				t.Errorf("%s: after its rest: %q, %v, %s", name, got, err, p.hop(0).State)
			}
		})
	}
}

func TestAFirmPoolGoesOnAskingWhoRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := says(503, 0, "behind")
		p := newPool(t, func(c *Config) { c.Firm = true }, func(r *http.Request) (*http.Response, error) { return way(r) })
		for range 3 {
			if status, _, err := p.ask(request("GET", "")); status != 503 || err != nil {
				t.Errorf("%d, %v", status, err)
			}
		}
		way = says(200, 0, "in step")
		if status, _, err := p.ask(request("GET", "")); status != 200 || err != nil {
			t.Errorf("at once after it: %d, %v", status, err)
		}
	})
}
