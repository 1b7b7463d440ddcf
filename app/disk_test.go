package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/adapter/segment"
	"meridian/engine/purge"
	"meridian/engine/tier"
	"meridian/world"
)

// diskTier is a tier on a disk cache, with one feed and one upstream.
type diskTier struct {
	*tier.Tier
	after  chan string      // from where its feed was asked for
	events chan world.Event // what the feed tells
	said   chan struct{}    // an event was taken
	stop   func()
}

func startDiskTier(t *testing.T, w *world.World, dir string, upstream http.RoundTripper) *diskTier {
	t.Helper()
	log, err := segment.Open(segment.Config{Dir: dir, Bytes: segment.MinBytes})
	if err != nil {
		t.Fatal(err)
	}
	d := &diskTier{after: make(chan string, 1), events: make(chan world.Event), said: make(chan struct{})}
	source := func(ctx context.Context, after string, emit func(world.Event) error, _ func(error)) error {
		d.after <- after
		for {
			select {
			case e := <-d.events:
				if err := emit(e); err != nil {
					t.Error(err)
				}
				d.said <- struct{}{}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	m := newMachine()
	limits := tier.DefaultLimits()
	limits.FeedLimit = time.Hour
	d.Tier = tier.New(tier.Config{
		Name: "edge-test", World: w, Limits: limits, Upstream: upstream, Next: "shield", Store: log,
		Feeds: map[string]purge.Source{world.CatalogCluster(w.Markets[0].HomeRegion): source}, Now: time.Now, Log: m.tel.Log,
		Error: func(rw http.ResponseWriter, _ *http.Request, err error) { rw.WriteHeader(world.CodeOf(err).Status()) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return d
}

func (d *diskTier) tell(e world.Event) {
	d.events <- e
	<-d.said
}

func (d *diskTier) get(host string) (body, status string) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/", nil))
	return w.Body.String(), w.Header().Get("Cache-Status")
}

type upstreamFunc func(*http.Request) (*http.Response, error)

func (f upstreamFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A tier that starts again serves what it had on the disk: as fresh once its feed
// has told what came meanwhile, as stale until then, and never what was purged.
func TestATierComesBackWithItsDisk(t *testing.T) {
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	host := w.Markets[0].Host
	up := upstreamFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: 4, Body: io.NopCloser(strings.NewReader("page")), Header: http.Header{
			"Cache-Control": {"public, max-age=0, must-revalidate"}, "Cdn-Cache-Control": {"max-age=300, stale-if-error=600"}, "Surrogate-Key": {"g"}}}, nil
	})
	down := upstreamFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("down") })
	dir := t.TempDir()
	first := startDiskTier(t, w, dir, up)
	if after := <-first.after; after != world.CursorNow {
		t.Errorf("an empty tier follows from %s", after)
	}
	first.tell(world.Event{Kind: world.EventHello, Cursor: "5.0"})
	first.tell(world.Event{Kind: world.EventHeartbeat, Cursor: "6.0"})
	first.get(host)
	first.get(host) // asked for again: it goes to the disk
	first.stop()

	second := startDiskTier(t, w, dir, down)
	if after := <-second.after; after != "6.0" {
		t.Errorf("the feed is taken up from %s", after)
	}
	if body, status := second.get(host); body != "page" || !strings.Contains(status, "stale") {
		t.Errorf("before the feed: %q, %s", body, status)
	}
	second.tell(world.Event{Kind: world.EventHello, Cursor: "6.0"})
	second.tell(world.Event{Kind: world.EventHeartbeat, Cursor: "7.0"})
	if body, status := second.get(host); body != "page" || !strings.HasPrefix(status, "edge-test; hit; ttl=") || strings.Contains(status, "detail") {
		t.Errorf("after the feed: %q, %s", body, status)
	}
	second.stop()

	third := startDiskTier(t, w, dir, down)
	<-third.after
	third.tell(world.Event{Kind: world.EventHello, Cursor: "7.0"})
	third.tell(world.Event{Kind: world.EventPurge, Cursor: "8.1", Groups: []string{"g"}})
	third.tell(world.Event{Kind: world.EventHeartbeat, Cursor: "9.0"})
	if body, status := third.get(host); body != "" {
		t.Errorf("purged while it was away: %q, %s", body, status)
	}
	third.stop()
}
