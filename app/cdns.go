package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"meridian/adapter/cloudflare"
	"meridian/adapter/fastly"
	"meridian/adapter/varnish"
	"meridian/role/edge"
	"meridian/role/geodns"
	"meridian/role/monitor"
	"meridian/role/ops"
	"meridian/world"
)

// CDN is an outside CDN in front of our edges. It is declared once, for name
// servers, monitors, edges and ops: each takes what concerns it.
type CDN struct {
	Name    string        `yaml:"name" doc:"your own for it: names of geodns call it so, its health is that of cdn/NAME, acknowledgements call it kind:name"`
	Kind    string        `yaml:"kind" doc:"fastly, cloudflare or varnish: it is told to forget what our own caches forget, and its section below says the rest; none: another, which is told nothing"`
	Hosts   []string      `yaml:"hosts" doc:"of the markets that it serves: it is not told what concerns others; none: all"`
	Key     string        `yaml:"key" doc:"what it sends edges as Meridian-Provider-Key, 16 characters or more; none: it is no origin's client" secret:"true"`
	Target  string        `yaml:"target" doc:"the name that name servers send its clients to, by CNAME; none: no name is shared with it"`
	Probe   string        `yaml:"probe" doc:"where monitors find it, as https://shop.cdn.example/: they ask there for that path of the first of hosts, whose page it has to be; none: it counts as healthy"`
	Timeout time.Duration `yaml:"timeout" doc:"longest wait for one answer of its API; none: 10s"`

	Fastly     fastly.Config     `yaml:"fastly"`
	Cloudflare cloudflare.Config `yaml:"cloudflare"`
	Varnish    varnish.Config    `yaml:"varnish"`
}

// forRole is what a role has to know of a CDN, and no credentials of others.
func (c CDN) forRole(role string) CDN {
	only := CDN{Name: c.Name}
	switch role {
	case "edge":
		only.Kind, only.Key = c.Kind, c.Key
	case "geodns":
		only.Target = c.Target
	case "monitor":
		only.Hosts, only.Probe = c.Hosts, c.Probe
	case "ops":
		only = c
		only.Key = ""
	}
	return only
}

// providerTimeout is how long a provider may take unless the config says so.
const providerTimeout = 10 * time.Second

// checkCDNs fails with invalid for the first that cannot be, and says what to write.
func checkCDNs(w *world.World, list []CDN) error {
	names := map[string]bool{}
	for i, c := range list {
		bad := func(what string) error {
			return world.E(world.CodeInvalid, "config", fmt.Sprintf("cdns[%d].%s", i, what))
		}
		switch {
		case !world.ValidName(c.Name) || c.Name == geodns.Own:
			return bad("name: write small letters, digits and hyphens, and not " + geodns.Own)
		case names[c.Name]:
			return bad("name: each CDN needs a name of its own")
		case c.Timeout < 0:
			return bad("timeout: write a time above zero, such as 10s")
		}
		names[c.Name] = true
		for _, h := range c.Hosts {
			if _, ok := w.MarketByHost(h); !ok {
				return bad(fmt.Sprintf("hosts: no market has the host %.80q", h))
			}
		}
		if _, err := c.probe(); err != nil {
			return bad("probe: write a URL such as https://shop.cdn.example/, without a query")
		}
	}
	return nil
}

// cdns are those of the file.
func (m *machine) cdns() ([]CDN, error) { return m.file.CDNs, checkCDNs(m.World, m.file.CDNs) }

// couriers are what ops is given: those that have an API.
func couriers(list []CDN, now func() time.Time) ([]ops.Provider, error) {
	var out []ops.Provider
	for i, c := range list {
		if c.Kind == "" {
			continue
		}
		if c.Timeout == 0 {
			c.Timeout = providerTimeout
		}
		api, err := c.api(now)
		if err != nil {
			return nil, world.Wrap(fmt.Sprintf("cdns[%d]", i), err)
		}
		out = append(out, ops.Provider{Name: c.Kind + ":" + c.Name, Hosts: c.Hosts, CDN: api})
	}
	return out, nil
}

func (c CDN) api(now func() time.Time) (world.CDN, error) {
	switch c.Kind {
	case "fastly":
		return fastly.New(c.Fastly, hookTransport(c.Timeout), c.Timeout, now)
	case "cloudflare":
		return cloudflare.New(c.Cloudflare, hookTransport(c.Timeout), c.Timeout, now)
	case "varnish":
		return varnish.New(c.Varnish, c.Timeout, now)
	}
	return nil, world.E(world.CodeInvalid, "config", "kind: write fastly, cloudflare or varnish")
}

// comers are those that edges know by a key.
func comers(list []CDN) (out []edge.Provider) {
	for _, c := range list {
		if c.Key != "" {
			out = append(out, edge.Provider{Name: c.Name, Kind: c.Kind, Key: c.Key})
		}
	}
	return out
}

// targets are the names that clients are sent to, by CDN.
func targets(list []CDN) map[string]string {
	out := map[string]string{}
	for _, c := range list {
		if c.Target != "" {
			out[c.Name] = c.Target
		}
	}
	return out
}

func (c CDN) probe() (*url.URL, error) {
	u, err := url.Parse(c.Probe)
	if err != nil || c.Probe != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return nil, world.E(world.CodeInvalid, "config", "This is no address of a page.")
	}
	return u, nil
}

// watchedCDNs are those that monitors look at.
func (m *machine) watchedCDNs() (out []monitor.CDN, err error) {
	list, err := m.cdns()
	for _, c := range list {
		if c.Probe == "" || err != nil {
			continue
		}
		at, _ := c.probe() // checked
		one := monitor.CDN{Name: c.Name, Path: at.EscapedPath(), Way: m.trouble.cutOff(newCDNWay(at))}
		if len(c.Hosts) > 0 {
			one.Host = c.Hosts[0]
		}
		out = append(out, one)
	}
	return out, err
}

// cdnWay asks a CDN, wherever a shop's name may lead to just now.
type cdnWay struct {
	scheme    string
	transport *http.Transport
}

func newCDNWay(at *url.URL) cdnWay {
	t := hookTransport(providerTimeout).(*http.Transport)
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[at.Scheme]
	}
	address := net.JoinHostPort(at.Hostname(), port)
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer // ctx bounds it
		return d.DialContext(ctx, network, address)
	}
	return cdnWay{at.Scheme, t}
}

// RoundTrip asks for the shop's host, which is what the CDN's certificate is for.
func (c cdnWay) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = c.scheme
	return c.transport.RoundTrip(r)
}
