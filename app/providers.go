package app

import (
	"fmt"
	"regexp"
	"time"

	"meridian/adapter/cloudflare"
	"meridian/adapter/fastly"
	"meridian/adapter/varnish"
	"meridian/role/ops"
	"meridian/world"
)

// Provider is an outside CDN that stands in front of our edges, and is told to
// forget what our own caches forget. Every region's ops is given the same.
type Provider struct {
	Name    string        `yaml:"name" doc:"your own for it; acknowledgements call it kind:name"`
	Kind    string        `yaml:"kind" doc:"fastly, cloudflare or varnish; its section below says the rest"`
	Hosts   []string      `yaml:"hosts" doc:"of the markets that it serves: it is not told what concerns others; none: all"`
	Timeout time.Duration `yaml:"timeout" doc:"longest wait for one answer; none: 10s"`

	Fastly     fastly.Config     `yaml:"fastly"`
	Cloudflare cloudflare.Config `yaml:"cloudflare"`
	Varnish    varnish.Config    `yaml:"varnish"`
}

// providerTimeout is how long a provider may take unless the config says so.
const providerTimeout = 10 * time.Second

// providerName keeps acknowledgements readable.
var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,39}$`)

// providers are what ops is given; it fails with invalid for the first that
// cannot be, and says what to write.
func providers(w *world.World, list []Provider, now func() time.Time) ([]ops.Provider, error) {
	var out []ops.Provider
	names := map[string]bool{}
	for i, p := range list {
		bad := func(what string) error {
			return world.E(world.CodeInvalid, "config", fmt.Sprintf("ops.providers[%d].%s", i, what))
		}
		name := p.Kind + ":" + p.Name
		switch {
		case !providerName.MatchString(p.Name):
			return nil, bad("name: write 1 to 40 small letters, digits, dots and hyphens")
		case names[name]:
			return nil, bad("name: each provider of a kind needs a name of its own")
		case p.Timeout < 0:
			return nil, bad("timeout: write a time above zero, such as 10s")
		}
		names[name] = true
		for _, h := range p.Hosts {
			if _, ok := w.MarketByHost(h); !ok {
				return nil, bad(fmt.Sprintf("hosts: no market has the host %.80q", h))
			}
		}
		if p.Timeout == 0 {
			p.Timeout = providerTimeout
		}
		cdn, err := p.cdn(now)
		if err != nil {
			return nil, world.Wrap(fmt.Sprintf("ops.providers[%d]", i), err)
		}
		out = append(out, ops.Provider{Name: name, Hosts: p.Hosts, CDN: cdn})
	}
	return out, nil
}

func (p Provider) cdn(now func() time.Time) (world.CDN, error) {
	switch p.Kind {
	case "fastly":
		return fastly.New(p.Fastly, hookTransport(p.Timeout), p.Timeout, now)
	case "cloudflare":
		return cloudflare.New(p.Cloudflare, hookTransport(p.Timeout), p.Timeout, now)
	case "varnish":
		return varnish.New(p.Varnish, p.Timeout, now)
	}
	return nil, world.E(world.CodeInvalid, "config", "kind: write fastly, cloudflare or varnish")
}
