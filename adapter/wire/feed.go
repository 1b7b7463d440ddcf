package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
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

var errQuiet = errors.New("the feed fell silent")

// Follow emits the feed's events after a cursor until ctx ends (its error is
// returned), emit fails (its error is returned as it is) or the stream breaks:
// timeout after a silence, bad_upstream for a line that is no event,
// unavailable for the rest. Then follow again from the last cursor;
// [Follow] does.
func (f *FeedClient) Follow(ctx context.Context, after string, emit func(world.Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(f.quiet, func() { cancel(errQuiet) })
	defer silence.Stop()
	r, err := f.caller.request(ctx, http.MethodGet, world.FeedPath, url.Values{"after": {after}}, nil)
	if err != nil {
		return world.Wrap("wire.feed", err)
	}
	r.Header.Set("Accept", "application/x-ndjson")
	res, err := f.caller.send(r, http.StatusOK)
	if err != nil {
		return f.ended(ctx, err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 4096), MaxEventLine+2) // with its line end; the limit itself is ParseEvent's
	for lines.Scan() {
		silence.Stop() // a slow emit is not the feed's silence
		e, err := ParseEvent(lines.Bytes())
		if err != nil {
			return err
		}
		if err := emit(e); err != nil {
			return err
		}
		silence.Reset(f.quiet)
	}
	if err := lines.Err(); err != nil {
		return f.ended(ctx, err)
	}
	return f.ended(ctx, io.EOF)
}

// ended says why a stream is over.
func (f *FeedClient) ended(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errQuiet):
		return world.Because(world.CodeTimeout, "wire.feed "+f.caller.host, "", cause)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, bufio.ErrTooLong):
		return badEvent(err)
	}
	return world.Wrap("wire.feed "+f.caller.host, transportError(ctx, err))
}
