package wire

import (
	"context"
	"net/http"

	"meridian/engine/health"
	"meridian/world"
)

// FollowViews keeps following what the monitor of a region tells other monitors,
// across lost connections, until ctx ends, whose error it returns. take is handed
// each line as it was signed, and keeps it no longer than it runs; lost is told of
// each loss. transport is the way to the region's shield and must not limit the
// time of a whole answer.
func FollowViews(ctx context.Context, region string, transport http.RoundTripper, key string, take func(line []byte), lost func(error)) error {
	s := lineStream{caller: caller{transport: transport, host: region, key: key}, op: "wire.views", quiet: DefaultHealthQuiet, longest: health.MaxLine}
	return DefaultBackoff().keep(ctx, func(heard func()) (error, bool) {
		return s.read(ctx, world.HealthViewsPath, nil, func(line []byte) error {
			heard()
			take(line)
			return nil
		}), false
	}, lost)
}
