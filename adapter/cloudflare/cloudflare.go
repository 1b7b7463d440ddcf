// Package cloudflare has Cloudflare forget what it caches for us, by cache tags.
//
// It speaks POST /zones/{zone_id}/purge_cache
// (https://developers.cloudflare.com/api/resources/cache/methods/purge/) with
// "tags", "hosts" or "purge_everything", and a bearer token. Cloudflare knows no
// soft purge: what is to become stale is removed. Its single-file and prefix
// purges are not needed, for every answer has a tag for its URL too.
package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"meridian/platform/vendorapi"
	"meridian/world"
)

// API is where Cloudflare takes purges.
const API = "https://api.cloudflare.com/client/v4"

// MaxOperations is the most tags, or hosts, of one request, on every plan
// (https://developers.cloudflare.com/cache/how-to/purge-cache/, "Purge limits").
// MaxBytes keeps the request far below any limit.
const (
	MaxOperations = 100
	MaxBytes      = 64 << 10
)

// rate is how many purge requests an account has: one each so often, and so many
// at once when none was made for a while. The page above, "Token bucket rate
// limiting": 5 a minute (bucket of 25), 5 a second (25), 10 (50), 50 (500).
type rate struct {
	every time.Duration
	burst int
}

var plans = map[string]rate{
	"free":       {12 * time.Second, 25},
	"pro":        {200 * time.Millisecond, 25},
	"business":   {100 * time.Millisecond, 50},
	"enterprise": {20 * time.Millisecond, 500},
}

// Config says which zone is purged. (Cloudflare's zone, a domain; not a residency zone.)
type Config struct {
	Zone  string   `yaml:"zone" doc:"Cloudflare's id of the zone, 32 hexadecimal digits"`
	Token string   `yaml:"token" doc:"API token with the permission Cache Purge, for this zone alone" secret:"true"`
	Plan  string   `yaml:"plan" doc:"free, pro, business or enterprise: how often it may be asked"`
	Hosts []string `yaml:"hosts" doc:"hosts that are purged when everything is, where the zone has others too; none: the whole zone"`
	API   string   `yaml:"api" doc:"address of Cloudflare's interface; none: https://api.cloudflare.com/client/v4"`
}

// CDN is a zone at Cloudflare. It is safe for concurrent use.
type CDN struct {
	address string
	cfg     Config
	caller  vendorapi.Caller
}

var _ world.CDN = (*CDN)(nil)

var zoneID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// New fails with invalid for a config that cannot be.
func New(c Config, transport http.RoundTripper, timeout time.Duration, now func() time.Time) (*CDN, error) {
	bad := func(m string) error { return world.E(world.CodeInvalid, "cloudflare.new", m) }
	if c.API == "" {
		c.API = API
	}
	u, err := url.Parse(c.API)
	_, known := plans[c.Plan]
	switch {
	case !zoneID.MatchString(c.Zone):
		return nil, bad("cloudflare.zone: write the zone's id, 32 hexadecimal digits")
	case !world.Printable(c.Token, 1024):
		return nil, bad("cloudflare.token: give an API token that may purge")
	case !known:
		return nil, bad("cloudflare.plan: write free, pro, business or enterprise")
	case len(c.Hosts) > MaxOperations || slices.ContainsFunc(c.Hosts, func(h string) bool { return !world.Printable(h, 253) || strings.ContainsAny(h, "/:") }):
		return nil, bad(fmt.Sprintf("cloudflare.hosts: write at most %d host names, without a port", MaxOperations))
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "":
		return nil, bad("cloudflare.api: write an address such as " + API + ", without a password")
	}
	return &CDN{
		address: u.JoinPath("zones", c.Zone, "purge_cache").String(), cfg: c,
		caller: vendorapi.Caller{Vendor: "Cloudflare", Transport: transport, Timeout: timeout, Now: now, Secret: c.Token},
	}, nil
}

// Limits are those of one request, and of the plan. They are an account's: who
// purges by other means too has fewer left, and is told so by 429.
func (c *CDN) Limits() world.CDNLimits {
	r := plans[c.cfg.Plan]
	return world.CDNLimits{Keys: MaxOperations, Bytes: MaxBytes, Every: r.every, Burst: r.burst}
}

// order is the body of a purge.
type order struct {
	Tags       []string `json:"tags,omitempty"`
	Hosts      []string `json:"hosts,omitempty"`
	Everything bool     `json:"purge_everything,omitempty"`
}

// Forget purges, always hard. See [world.CDN] for the errors.
func (c *CDN) Forget(ctx context.Context, f world.Forget) error {
	const op = "cloudflare.purge"
	what := order{Tags: f.Keys}
	if f.All {
		what = order{Hosts: c.cfg.Hosts, Everything: len(c.cfg.Hosts) == 0}
	}
	body, err := json.Marshal(what)
	if err != nil {
		return world.Wrap(op, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(body))
	if err != nil {
		return world.Wrap(op, err)
	}
	r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	r.Header.Set("Content-Type", "application/json")
	a, err := c.caller.Do(ctx, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	return world.Wrap(op, confirmed(a.Body))
}

// confirmed reads Cloudflare's envelope: a status of 200 may hold a failure.
func confirmed(body []byte) error {
	var said struct {
		Success bool `json:"success"`
		Errors  []struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	err := json.Unmarshal(body, &said)
	if err == nil && !said.Success {
		err = errors.New("success is false")
		if len(said.Errors) > 0 {
			err = fmt.Errorf("error %d: %.100q", said.Errors[0].Code, said.Errors[0].Message)
		}
	}
	if err != nil {
		return world.Because(world.CodeBadUpstream, "", "Cloudflare's answer does not say that it is purged.", err)
	}
	return nil
}
