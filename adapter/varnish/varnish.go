// Package varnish has a Varnish server forget what it caches for us.
//
// Varnish has no interface of its own for this: what a request of the method
// PURGE does is said in its VCL (https://varnish-cache.org/docs/7.1/users-guide/purging.html).
// Ours is in docs/cdns.md. The keys come in one field, as the module xkey takes them; where
// that module is not there the VCL makes a ban on Surrogate-Key of them.
package varnish

import (
	"context"
	"net/http"
	"strings"
	"time"

	"meridian/platform/netaddr"
	"meridian/platform/vendorapi"
	"meridian/world"
)

// MaxKeys and MaxBytes fit one request's fields into Varnish's parameters
// http_req_hdr_len (8 KiB a field) and workspace_client (64 KiB), with the
// expression that is made of them.
const (
	MaxKeys  = 256
	MaxBytes = 4 << 10
)

// The fields of a purge and of its answer.
const (
	headerKey    = "Meridian-Purge-Key"
	headerPurge  = "Meridian-Purge"  // hard, soft or all
	headerPurged = "Meridian-Purged" // of the answer: how many, or "ban"
	headerKeys   = "Surrogate-Key"
)

// Config says which server is purged. A second server is a provider of its own.
type Config struct {
	Address string `yaml:"address" doc:"the server: tcp:host:port or unix:/path, within a private network: what is sent is not encrypted"`
	Key     string `yaml:"key" doc:"the key of purges that its VCL knows" secret:"true"`
}

// CDN is a Varnish server. It is safe for concurrent use.
type CDN struct {
	key    string
	caller vendorapi.Caller
}

var _ world.CDN = (*CDN)(nil)

// MinKey is the least length of a key.
const MinKey = 16

// New fails with invalid for a config that cannot be.
func New(c Config, timeout time.Duration, now func() time.Time) (*CDN, error) {
	if _, err := netaddr.Parse(c.Address); err != nil {
		return nil, world.Wrap("varnish.address", err)
	}
	if !world.Printable(c.Key, 256) || len(c.Key) < MinKey {
		return nil, world.E(world.CodeInvalid, "varnish.new", "varnish.key: give the key that the VCL knows, 16 to 256 visible characters")
	}
	transport := netaddr.Transport(c.Address, netaddr.TransportOptions{Connect: timeout, Header: timeout, IdleConns: 1})
	return &CDN{c.Key, vendorapi.Caller{Vendor: "Varnish", Transport: transport, Timeout: timeout, Now: now, Secret: c.Key}}, nil
}

// Limits are those of one request.
func (c *CDN) Limits() world.CDNLimits {
	return world.CDNLimits{Keys: MaxKeys, Bytes: MaxBytes, Burst: 1}
}

// Forget purges. Soft is kept by the module xkey; a ban removes. See [world.CDN]
// for the errors.
func (c *CDN) Forget(ctx context.Context, f world.Forget) error {
	const op = "varnish.purge"
	r, err := http.NewRequestWithContext(ctx, "PURGE", "http://varnish/", nil)
	if err != nil {
		return world.Wrap(op, err)
	}
	r.Header.Set(headerKey, c.key)
	switch {
	case f.All:
		r.Header.Set(headerPurge, "all")
	case f.Soft:
		r.Header.Set(headerPurge, "soft")
	default:
		r.Header.Set(headerPurge, "hard")
	}
	if !f.All {
		r.Header.Set(headerKeys, strings.Join(f.Keys, " "))
	}
	a, err := c.caller.Do(ctx, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	if a.Header.Get(headerPurged) == "" { // a server without our VCL asks its backend, and may well get 200
		return world.E(world.CodeBadUpstream, op, "Varnish's answer does not say that it is purged: give it the VCL of docs/cdns.md.")
	}
	return nil
}
