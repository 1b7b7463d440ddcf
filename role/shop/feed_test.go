package shop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

var purgeEvent = world.Event{Cursor: "7.1", Kind: world.EventPurge, Groups: []string{"de/p/brot"}, Position: world.Position{Cluster: "catalog-eu-central", Epoch: 1, LSN: 99}, At: noon}

func withFeed(f fakeFeed) func(*Config, *Deps) {
	return func(_ *Config, d *Deps) { d.Feed, d.Now = f, time.Now }
}

func feedRequest(ctx context.Context, key string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, world.FeedPath+"?after=now", nil)
	r.Header.Set("Authorization", "Bearer "+key)
	return r
}

func events(t *testing.T, w *httptest.ResponseRecorder) (out []world.Event) {
	t.Helper()
	for line := range strings.Lines(w.Body.String()) {
		var e world.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, e)
	}
	return out
}

func TestFeedStreamsWithHeartbeats(t *testing.T) {
	b := open(t, "eu-central", "", nil)
	synctest.Test(t, func(t *testing.T) {
		s := *b.shop
		s.deps.Now = time.Now
		var asked string
		s.deps.Feed = fakeFeed(func(ctx context.Context, after string, emit func(world.Event) error) error {
			asked = after
			if err := emit(world.Event{Kind: world.EventHello, Cursor: "7.0", At: noon}); err != nil {
				return err
			}
			time.Sleep(2 * time.Second)
			if err := emit(purgeEvent); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.feed(w, feedRequest(ctx, "wire-key"))
		got := events(t, w)
		if len(got) != 4 || got[0].Kind != world.EventHello || got[1].Kind != world.EventPurge || got[2].Kind != world.EventHeartbeat || got[3].Kind != world.EventHeartbeat {
			t.Fatalf("got %+v", got)
		}
		if got[3].Cursor != "7.1" || got[3].Position != purgeEvent.Position || got[3].At.Sub(got[2].At) != s.cfg.Heartbeat {
			t.Errorf("heartbeats %+v %+v", got[2], got[3])
		}
		if asked != "now" || !w.Flushed || w.Header().Get("Content-Type") != "application/x-ndjson" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("asked %q, headers %v", asked, w.Header())
		}
	})
}

func TestFeedDemandsTheWireKey(t *testing.T) {
	b := open(t, "eu-central", "", withFeed(func(context.Context, string, func(world.Event) error) error {
		t.Error("the feed was read")
		return nil
	}))
	for _, key := range []string{"", "wrong"} {
		if w := b.do(feedRequest(t.Context(), key)); w.Code != 401 {
			t.Errorf("key %q: %d", key, w.Code)
		}
	}
}

func TestFeedThatCannotBeginSaysWhy(t *testing.T) {
	b := open(t, "eu-central", "", withFeed(func(context.Context, string, func(world.Event) error) error {
		return world.E(world.CodeInvalid, "fake", "a bad cursor")
	}))
	if w := b.do(feedRequest(t.Context(), "wire-key")); w.Code != 400 || !strings.Contains(w.Body.String(), "a bad cursor") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFeedThatBreaksIsNotAnEnd(t *testing.T) {
	b := open(t, "eu-central", "", withFeed(func(_ context.Context, _ string, emit func(world.Event) error) error {
		if err := emit(purgeEvent); err != nil {
			return err
		}
		return errors.New("the primary has gone")
	}))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the stream ended as if it were whole")
		}
		if !strings.Contains(b.log.String(), "the primary has gone") {
			t.Error("the cause is not in the log")
		}
	}()
	b.do(feedRequest(t.Context(), "wire-key"))
}
