package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// PeerLimits bound what one region waits for and takes from another.
type PeerLimits struct {
	Push        time.Duration // a whole original sent and made durable there
	Fetch       time.Duration // a whole original received
	Ask         time.Duration // a manifest asked for
	MaxOriginal int64         // bytes of an original that is taken
	MaxManifest int64         // bytes of a manifest that is taken
}

// DefaultPeerLimits fit originals of 64 MB over a link of 40 Mbit/s and more.
func DefaultPeerLimits() PeerLimits {
	return PeerLimits{Push: 30 * time.Second, Fetch: 20 * time.Second, Ask: 3 * time.Second, MaxOriginal: 65 << 20, MaxManifest: 512 << 10}
}

// Peers reaches the media role of every other region.
type Peers struct {
	regions map[string]caller
	limits  PeerLimits
}

// NewPeers makes the client. transports has one entry a region: the way over
// the link to that region's shield. key is the wire key.
func NewPeers(transports map[string]http.RoundTripper, key string, l PeerLimits) *Peers {
	p := &Peers{regions: make(map[string]caller, len(transports)), limits: l}
	for region, t := range transports {
		p.regions[region] = caller{transport: t, host: region, key: key}
	}
	return p
}

func (p *Peers) region(id string) (caller, error) {
	c, ok := p.regions[id]
	if !ok {
		return c, world.E(world.CodeInternal, "wire.peers", fmt.Sprintf("There is no link to the region %q: add it to this role's peers.", id))
	}
	return c, nil
}

// originalPath is where a region takes an original; a private one, which the media
// id names, goes into its zone's store.
func originalPath(mediaID, sha256 string) string {
	if mediaID == "" {
		return "/-/media/originals/" + sha256
	}
	return "/-/media/resident/" + mediaID + "/" + sha256
}

// PushOriginal gives a region an original of size bytes, of a private asset where
// mediaID is not "". body gives what follows the byte from, behind what has arrived
// there before; below 0 all of it in one piece. When it returns nil, the region has
// verified the SHA-256 of the whole and holds the bytes durably. Sending the same
// again changes nothing. Errors: unprocessed when the bytes are not those that
// sha256 names, too_large, conflict when something else has arrived meanwhile,
// misdirected by a region of another zone, and whatever the link does.
func (p *Peers) PushOriginal(ctx context.Context, region, mediaID, sha256 string, body io.Reader, from, size int64) error {
	const op = "wire.push_original"
	c, err := p.region(region)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.limits.Push)
	defer cancel()
	var query url.Values
	length := size
	if from >= 0 {
		query = url.Values{"from": {strconv.FormatInt(from, 10)}, "size": {strconv.FormatInt(size, 10)}}
		length = size - from
	}
	if length == 0 {
		body = http.NoBody
	}
	r, err := c.request(ctx, http.MethodPut, originalPath(mediaID, sha256), query, body)
	if err != nil {
		return world.Wrap(op, err)
	}
	r.ContentLength = length
	r.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.send(r, http.StatusNoContent)
	if err != nil {
		return world.Wrap(op+" "+region, err)
	}
	return world.Wrap(op, res.Body.Close())
}

// Arrived is how many bytes of an original have come to a region that have not
// become the original yet, and whether it holds all of it, verified. Errors: as
// of [Peers.PushOriginal].
func (p *Peers) Arrived(ctx context.Context, region, mediaID, sha256 string) (bytes int64, held bool, err error) {
	op := "wire.arrived " + region
	b, err := p.get(ctx, region, originalPath(mediaID, sha256)+"/arrived", nil, p.limits.Push, maxProblem)
	if err != nil {
		return 0, false, world.Wrap(op, err)
	}
	var is struct {
		Bytes int64 `json:"bytes"`
		Held  bool  `json:"held"`
	}
	if err := json.Unmarshal(b, &is); err != nil || is.Bytes < 0 {
		return 0, false, world.Wrap(op, badAnswer(fmt.Errorf("%d bytes have arrived: %w", is.Bytes, err)))
	}
	return is.Bytes, is.Held, nil
}

// Resend has a region that holds an original give it to the region of a placing.
// When it returns nil, that one has verified it and holds it durably. Errors:
// not_found when the first has none either, and whatever the links do.
func (p *Peers) Resend(ctx context.Context, region string, to world.Placing) error {
	const op = "wire.resend"
	query := url.Values{"version": {strconv.Itoa(to.Version)}, "target": {to.Region}}
	return world.Wrap(op+" "+region, p.tell(ctx, region, http.MethodPost, "/-/media/"+to.App+"/"+to.MediaID+"/resend", query, nil, 2*p.limits.Push))
}

// Order has a region's media role do something that an operator has asked for, by
// its path behind /-/media/, and gives its answer. Errors: the role's own, and
// whatever the link does.
func (p *Peers) Order(ctx context.Context, region, path string, query url.Values) ([]byte, error) {
	op := "wire.order " + region
	c, err := p.region(region)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*p.limits.Push)
	defer cancel()
	r, err := c.request(ctx, http.MethodPost, "/-/media/"+path, query, nil)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	b, _, err := c.take(ctx, r, p.limits.MaxManifest)
	return b, world.Wrap(op, err)
}

// VerifyOriginal has a region read its copy of a public original again: nil when
// it is good, not_found without one, unprocessed when it is damaged.
func (p *Peers) VerifyOriginal(ctx context.Context, region, sha256 string) error {
	const op = "wire.verify_original"
	return world.Wrap(op+" "+region, p.tell(ctx, region, http.MethodGet, "/-/media/originals/"+sha256, nil, nil, p.limits.Push))
}

// Checked tells a write region what was found of the copies of its originals that
// the region holder has. When it returns nil, that is recorded.
func (p *Peers) Checked(ctx context.Context, region, holder string, checks []world.CopyCheck) error {
	const op = "wire.checked"
	body, err := json.Marshal(checks)
	if err != nil {
		return world.Wrap(op, err)
	}
	return world.Wrap(op+" "+region, p.tell(ctx, region, http.MethodPost, "/-/media/checked/"+holder, nil, bytes.NewReader(body), p.limits.Ask))
}

// tell makes a request that is answered with no content.
func (p *Peers) tell(ctx context.Context, region, method, path string, query url.Values, body io.Reader, limit time.Duration) error {
	c, err := p.region(region)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	res, err := c.send(r, http.StatusNoContent)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// Original fetches an original that a region holds. The caller verifies its
// SHA-256. Errors: not_found, too_large, and whatever the link does.
func (p *Peers) Original(ctx context.Context, region, app, mediaID string, version int) ([]byte, error) {
	path := "/-/media/" + app + "/" + mediaID + "/original"
	query := url.Values{"version": {strconv.Itoa(version)}}
	b, err := p.get(ctx, region, path, query, p.limits.Fetch, p.limits.MaxOriginal)
	return b, world.Wrap("wire.original "+region, err)
}

// Variant reads a variant, by its path and for a private one the query that signs
// it, as an edge does: without a key, so that the region's shield may answer from its cache, and one read serves
// all who ask. The caller verifies that the bytes are those of the entity tag.
// Errors: not_found, too_large, and whatever the link does.
func (p *Peers) Variant(ctx context.Context, region, path string) (body []byte, tag string, err error) {
	c, err := p.region(region)
	if err != nil {
		return nil, "", err
	}
	c.key = ""
	path, signature, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(signature)
	if err != nil {
		return nil, "", world.Because(world.CodeInternal, "wire.variant", "", err)
	}
	body, head, err := c.read(ctx, path, query, p.limits.Fetch, p.limits.MaxOriginal)
	return body, head.Get("ETag"), world.Wrap("wire.variant "+region, err)
}

// Manifest asks a region for what it knows of an asset, any app's when app is "",
// by its own replicas alone. Errors: not_found, bad_upstream for a document that is not a
// manifest of that asset, and whatever the link does.
func (p *Peers) Manifest(ctx context.Context, region, app, mediaID string) (world.Manifest, error) {
	op := "wire.manifest " + region
	path := "/-/media/" + app + "/" + mediaID + "/manifest"
	if app == "" {
		path = "/-/media/" + mediaID + "/manifest"
	}
	b, err := p.get(ctx, region, path, nil, p.limits.Ask, p.limits.MaxManifest)
	if err != nil {
		return world.Manifest{}, world.Wrap(op, err)
	}
	m, err := ParseManifest(b)
	if err == nil && (app != "" && m.App != app || m.MediaID != mediaID) {
		err = badAnswer(errors.New("it is another asset's manifest"))
	}
	return m, world.Wrap(op, err)
}

// ParseManifest reads a manifest from another region and refuses one that
// could not be acted on; see [world.Manifest.Validate].
func ParseManifest(b []byte) (world.Manifest, error) {
	var m world.Manifest
	err := json.Unmarshal(b, &m)
	if err == nil {
		err = m.Validate()
	}
	if err != nil {
		return world.Manifest{}, badAnswer(err)
	}
	return m, nil
}

func (p *Peers) get(ctx context.Context, region, path string, query url.Values, limit time.Duration, most int64) ([]byte, error) {
	c, err := p.region(region)
	if err != nil {
		return nil, err
	}
	b, _, err := c.read(ctx, path, query, limit, most)
	return b, err
}

// read gets a whole answer of at most so many bytes, with its header.
func (c caller) read(ctx context.Context, path string, query url.Values, limit time.Duration, most int64) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, nil, world.Wrap("wire", err)
	}
	return c.take(ctx, r, most)
}

// take makes a request and reads its whole answer, of at most so many bytes.
func (c caller) take(ctx context.Context, r *http.Request, most int64) ([]byte, http.Header, error) {
	res, err := c.send(r, http.StatusOK)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, nil, transportError(ctx, err)
	}
	if int64(len(b)) > most {
		return nil, nil, world.E(world.CodeTooLarge, "wire", fmt.Sprintf("The other region's answer has more than %d bytes.", most))
	}
	return b, res.Header, nil
}

func badAnswer(cause error) error {
	return world.Because(world.CodeBadUpstream, "wire", "", cause)
}
