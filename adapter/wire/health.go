package wire

import (
	"context"
	"net/http"
	"time"

	"meridian/engine/health"
	"meridian/world"
)

// DefaultHealthQuiet is the longest silence of a live health feed: three beats in a
// row have been missed. It is below the age at which a view is frozen, so that a
// stream that died without a word is replaced in time.
const DefaultHealthQuiet = 3*world.HealthBeat + 500*time.Millisecond

// HealthClient follows the health feed of one region's monitor.
type HealthClient struct {
	caller caller
	verify func(line []byte) (world.Health, error)
	quiet  time.Duration
}

// NewHealthClient makes a client of a region's health feed. transport is the way
// to that region's shield and must not limit the time of a whole answer; key is
// the bearer key, verify reads a line as [health.Verify] does by the monitors'
// public keys. A quiet of 0 takes [DefaultHealthQuiet].
func NewHealthClient(region string, transport http.RoundTripper, key string, verify func(line []byte) (world.Health, error), quiet time.Duration) *HealthClient {
	if quiet == 0 {
		quiet = DefaultHealthQuiet
	}
	return &HealthClient{caller: caller{transport: transport, host: region, key: key}, verify: verify, quiet: quiet}
}

// Follow hands take each issue whose signature holds, until ctx ends (its error is
// returned) or the stream breaks: timeout after a silence, whatever verify
// says of a line that it refuses, bad_upstream for one that is too long, unavailable
// for the rest. A connection begins with the newest issue, so nothing is lost with
// one; [FollowHealth] makes another.
func (c *HealthClient) Follow(ctx context.Context, take func(world.Health)) error {
	s := lineStream{caller: c.caller, op: "wire.health", quiet: c.quiet, longest: health.MaxLine}
	return s.read(ctx, world.HealthPath, nil, func(line []byte) error {
		h, err := c.verify(line)
		if err != nil {
			return world.Wrap("wire.health "+c.caller.host, err)
		}
		take(h)
		return nil
	})
}

// FollowHealth keeps following a monitor across lost connections until ctx ends,
// whose error it returns. lost is told of each loss; the next issue means that the
// feed is back.
func FollowHealth(ctx context.Context, c *HealthClient, b Backoff, take func(world.Health), lost func(error)) error {
	return b.keep(ctx, func(heard func()) (error, bool) {
		return c.Follow(ctx, func(h world.Health) { heard(); take(h) }), false
	}, lost)
}
