package shop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
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

// What a tier is told is what the source says and nothing else: a heartbeat of
// the shop's own would hide that the source hangs.
func TestFeedStreamsWhatTheSourceSays(t *testing.T) {
	b := open(t, "eu-central", "", nil)
	synctest.Test(t, func(t *testing.T) {
		s := *b.shop
		s.deps.Now = time.Now
		hello := world.Event{Kind: world.EventHello, Cursor: "7.0", At: noon}
		beat := world.Event{Kind: world.EventHeartbeat, Cursor: "9.0", At: noon}
		var asked string
		s.deps.Feed = fakeFeed(func(ctx context.Context, after string, emit func(world.Event) error) error {
			asked = after
			for _, e := range []world.Event{hello, purgeEvent, beat} {
				if err := emit(e); err != nil {
					return err
				}
				time.Sleep(time.Minute)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		w := httptest.NewRecorder()
		s.feed(w, feedRequest(ctx, "wire-key"))
		if got, want := events(t, w), []world.Event{hello, purgeEvent, beat}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
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
