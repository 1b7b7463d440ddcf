// Package fastly has Fastly forget what it caches for us, by surrogate keys.
//
// It speaks the Purge API (https://www.fastly.com/documentation/reference/api/purging/):
// POST /service/{service_id}/purge with up to 256 keys, and
// POST /service/{service_id}/purge_all; the token in Fastly-Key, and
// Fastly-Soft-Purge: 1 for a purge that makes stale.
package fastly

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"meridian/platform/vendorapi"
	"meridian/world"
)

// API is where Fastly takes purges.
const API = "https://api.fastly.com"

// MaxKeys is the most keys of one request, by Fastly's documentation of
// "Purge multiple surrogate key tags". MaxBytes keeps the request far below any limit.
const (
	MaxKeys  = 256
	MaxBytes = 64 << 10
)

// Config says which service is purged.
type Config struct {
	Service string `yaml:"service" doc:"Fastly's id of the service"`
	Token   string `yaml:"token" doc:"API token of scope purge_select and purge_all, for this service alone" secret:"true"`
	API     string `yaml:"api" doc:"address of Fastly's interface; none: https://api.fastly.com"`
}

// CDN is a service at Fastly. It is safe for concurrent use.
type CDN struct {
	base   string // with the service
	token  string
	caller vendorapi.Caller
}

var _ world.CDN = (*CDN)(nil)

// serviceID is alphanumeric, by Fastly's documentation.
var serviceID = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// New fails with invalid for a config that cannot be.
func New(c Config, transport http.RoundTripper, timeout time.Duration, now func() time.Time) (*CDN, error) {
	bad := func(m string) error { return world.E(world.CodeInvalid, "fastly.new", m) }
	if c.API == "" {
		c.API = API
	}
	u, err := url.Parse(c.API)
	switch {
	case !serviceID.MatchString(c.Service):
		return nil, bad("fastly.service: write the service's id, letters and digits")
	case !world.Printable(c.Token, 1024):
		return nil, bad("fastly.token: give an API token that may purge")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "":
		return nil, bad("fastly.api: write an address such as " + API + ", without a password")
	}
	return &CDN{
		base: u.JoinPath("service", c.Service).String(), token: c.Token,
		caller: vendorapi.Caller{Vendor: "Fastly", Transport: transport, Timeout: timeout, Now: now, Secret: c.Token},
	}, nil
}

// Limits are those of one request. What is too often for Fastly it answers with 429.
func (c *CDN) Limits() world.CDNLimits {
	return world.CDNLimits{Keys: MaxKeys, Bytes: MaxBytes, Burst: 1}
}

// Forget purges. A purge of everything is always hard: Fastly knows no soft one.
// See [world.CDN] for the errors.
func (c *CDN) Forget(ctx context.Context, f world.Forget) error {
	const op = "fastly.purge"
	path, body := "/purge_all", []byte(nil)
	if !f.All {
		var err error
		path = "/purge"
		if body, err = json.Marshal(map[string][]string{"surrogate_keys": f.Keys}); err != nil {
			return world.Wrap(op, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return world.Wrap(op, err)
	}
	r.Header.Set("Fastly-Key", c.token)
	r.Header.Set("Accept", "application/json")
	if !f.All {
		r.Header.Set("Content-Type", "application/json")
		if f.Soft {
			r.Header.Set("Fastly-Soft-Purge", "1")
		}
	}
	a, err := c.caller.Do(ctx, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	return world.Wrap(op, confirmed(f, a.Body))
}

// confirmed reads the answer: to keys, the id of a purge for each of them; to a
// purge of everything, {"status":"ok"}.
func confirmed(f world.Forget, body []byte) error {
	bad := func(cause error) error {
		return world.Because(world.CodeBadUpstream, "", "Fastly's answer does not say that it is purged.", cause)
	}
	var said map[string]string
	if err := json.Unmarshal(body, &said); err != nil {
		return bad(err)
	}
	if f.All {
		if said["status"] != "ok" {
			return bad(fmt.Errorf("status %.20q", said["status"]))
		}
		return nil
	}
	for _, k := range f.Keys {
		if said[k] == "" {
			return bad(fmt.Errorf("%d of %d keys are confirmed", len(said), len(f.Keys)))
		}
	}
	return nil
}
