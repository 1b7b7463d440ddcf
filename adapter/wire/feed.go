package wire

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"meridian/world"
)

// DefaultQuiet is the longest silence of a live feed: a feed has a heartbeat
// every 2 s, so two in a row have been missed.
const DefaultQuiet = 2*world.FeedHeartbeat + 500*time.Millisecond

// FeedClient follows the feed of one region's catalog cluster.
type FeedClient struct {
	caller caller
	quiet  time.Duration
}

// NewFeedClient makes a client of a region's feed. transport is the way to
// that region's shield and must not limit the time of a whole answer. A quiet
// of 0 takes [DefaultQuiet].
func NewFeedClient(region string, transport http.RoundTripper, key string, quiet time.Duration) *FeedClient {
	if quiet == 0 {
		quiet = DefaultQuiet
	}
	return &FeedClient{caller: caller{transport: transport, host: region, key: key}, quiet: quiet}
}

// Follow emits the feed's events after a cursor until ctx ends (its error is
// returned), emit fails (its error is returned as it is) or the stream breaks:
// timeout after a silence, bad_upstream for a line that is no event,
// unavailable for the rest. Then follow again from the last cursor;
// [Follow] does.
func (f *FeedClient) Follow(ctx context.Context, after string, emit func(world.Event) error) error {
	s := lineStream{caller: f.caller, op: "wire.feed", quiet: f.quiet, longest: MaxEventLine}
	return s.read(ctx, world.FeedPath, url.Values{"after": {after}}, func(line []byte) error {
		e, err := ParseEvent(line)
		if err != nil {
			return err
		}
		return emit(e)
	})
}
