package app

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"

	"meridian/adapter/wire"
	"meridian/engine/tier"
	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/wholefile"
	"meridian/role/monitor"
	"meridian/world"
)

// Monitor is the section of role monitor.
type Monitor struct {
	monitor.Config `yaml:",inline"`
	PoPs           []EdgeAddress     `yaml:"pops" doc:"every PoP's edge, as it is reached from here"`
	Shield         string            `yaml:"shield" doc:"address of the own region's shield"`
	Peers          []tier.Shield     `yaml:"peers" doc:"the other regions' shields"`
	HTTP           httpserver.Limits `yaml:"http"`
}

// EdgeAddress is a PoP's edge, as it is reached from elsewhere.
type EdgeAddress struct {
	PoP     string `yaml:"pop" doc:"the PoP's id"`
	Address string `yaml:"address" doc:"where its edge is reached from here"`
}

func startMonitor(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Monitor
	o := netaddr.DefaultTransportOptions()
	o.IdleConns = 2 // of a target, as a rule one is asked at a time
	d := monitor.Deps{
		World: m.World, PoPs: map[string]http.RoundTripper{}, Shields: map[string]http.RoundTripper{}, Views: map[string]monitor.Views{},
		Now: m.now, Log: m.tel.Log,
	}
	for _, p := range s.PoPs {
		d.PoPs[p.PoP] = m.trouble.cutOff(netaddr.Transport(p.Address, o))
	}
	for region, way := range transports(append([]tier.Shield{{Region: s.Region, Address: s.Shield}}, s.Peers...), o, nil) {
		d.Shields[region] = m.trouble.cutOff(way)
	}
	for region, way := range transports(s.Peers, streams(), nil) {
		d.Views[region] = func(ctx context.Context, take func([]byte), lost func(error)) error {
			return wire.FollowViews(ctx, region, way, s.WireKey, func(line []byte) {
				if !m.trouble.is().Isolated {
					take(line)
				}
			}, lost)
		}
	}
	cdns, err := m.watchedCDNs()
	if err != nil {
		return nil, err
	}
	d.CDNs = cdns
	if s.State != "" {
		d.Keeper = keptFile(s.State)
	}
	role, err := monitor.New(s.Config, d)
	if err != nil {
		return nil, err
	}
	return m.run(ctx, s.Listen, s.HTTP, m.trouble.hanging(role.Handler()), role.Run)
}

// keptFile is a small file that is replaced whole.
type keptFile string

// Load is what the file holds; nothing where there is none.
func (k keptFile) Load() ([]byte, error) {
	b, err := os.ReadFile(string(k))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, world.Because(world.CodeForbidden, "monitor.state", "The state file cannot be read: "+string(k), err)
	}
	return b, nil
}

// Save replaces the file: a crash leaves the old one or the new one.
func (k keptFile) Save(b []byte) error {
	if err := wholefile.Replace(string(k), b); err != nil {
		return world.Because(world.CodeUnavailable, "monitor.state", "The state file cannot be written: "+string(k), err)
	}
	return nil
}
