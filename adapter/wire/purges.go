package wire

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"meridian/world"
)

// Limits of what is said about purges.
const (
	MaxPurgeLine = 64 << 10        // bytes of a line of news: the names of a world's tiers
	ackTime      = 5 * time.Second // longest wait until an acknowledgement is taken
	placeTime    = 5 * time.Second // beyond the wait for acknowledgements
)

// NewAck makes the way by which a tier tells a region how far it has taken the
// feed of the region's catalog cluster. transport is the way to that region's
// shield.
func NewAck(region string, transport http.RoundTripper, key, tier string) func(ctx context.Context, cursor string, anew bool) error {
	c := caller{transport: transport, host: region, key: key}
	return func(ctx context.Context, cursor string, anew bool) error {
		ctx, cancel := context.WithTimeout(ctx, ackTime)
		defer cancel()
		res, err := c.post(ctx, world.AcksPath, nil, world.Ack{Tier: tier, Cursor: cursor, Anew: anew}, http.StatusNoContent)
		if err != nil {
			return world.Wrap("wire.ack "+region, err)
		}
		return world.Wrap("wire.ack "+region, res.Body.Close())
	}
}

// post sends a JSON document.
func (c caller) post(ctx context.Context, path string, query url.Values, v any, want int) (*http.Response, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	r, err := c.request(ctx, http.MethodPost, path, query, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return c.send(r, want)
}

// Purges reaches the ops role of every other region.
type Purges struct{ regions map[string]caller }

// NewPurges makes the client. transports has one entry a region: the way to
// that region's shield. key is the key of its ops.
func NewPurges(transports map[string]http.RoundTripper, key string) *Purges {
	p := &Purges{regions: map[string]caller{}}
	for region, t := range transports {
		p.regions[region] = caller{transport: t, host: region, key: key}
	}
	return p
}

// Purge has a region put a purge into its feed, and calls each with what it
// says, as long as wait: that it is placed, then who has carried it out. An
// error of each is returned as it is; the rest are those of the link,
// bad_upstream for a line that is no news.
func (p *Purges) Purge(ctx context.Context, region string, what world.Purge, wait time.Duration, each func(world.PurgeNews) error) error {
	c, ok := p.regions[region]
	if !ok {
		return world.E(world.CodeInternal, "wire.purge", fmt.Sprintf("There is no link to the region %q: add it to this role's peers.", region))
	}
	ctx, cancel := context.WithTimeout(ctx, wait+placeTime)
	defer cancel()
	op := "wire.purge " + region
	res, err := c.post(ctx, world.PeerPurgesPath, url.Values{"wait": {wait.String()}}, what, http.StatusOK)
	if err != nil {
		return world.Wrap(op, err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 4096), MaxPurgeLine)
	for lines.Scan() {
		n, err := ParsePurgeNews(lines.Bytes())
		if err != nil {
			return world.Wrap(op, err)
		}
		if err := each(n); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return world.Wrap(op, transportError(ctx, err))
	}
	return nil
}

// ParsePurgeNews reads one line of a purge's progress. What a newer region says
// beyond what is known here is no error.
func ParsePurgeNews(line []byte) (world.PurgeNews, error) {
	var n world.PurgeNews
	if err := json.Unmarshal(line, &n); err != nil {
		return n, badAnswer(err)
	}
	if n.Cursor != "" {
		if _, err := world.ParseCursor(n.Cursor); err != nil {
			return n, badAnswer(err)
		}
	}
	for _, name := range []string{n.Event, n.ID, n.Region, n.Tier} {
		if name != "" && !world.Printable(name, maxPurgeName) {
			return n, badAnswer(fmt.Errorf("%.20q is no name", name))
		}
	}
	return n, nil
}

// maxPurgeName is the most bytes of what news names.
const maxPurgeName = 128
