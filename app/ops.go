package app

import (
	"context"

	"meridian/adapter/ecb"
	"meridian/adapter/postgres"
	"meridian/adapter/wire"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/role/ops"
	"meridian/world"
)

func startOps(ctx context.Context, m *machine) (lifecycle.Running, error) {
	s := m.file.Ops
	clusters, closeCatalogs, err := m.clusters(ctx, "ops", s.Catalogs)
	if err != nil {
		return nil, err
	}
	run, err := m.opsOver(ctx, s, clusters, closeCatalogs)
	if err != nil {
		closeCatalogs()
	}
	return run, err
}

func (m *machine) opsOver(ctx context.Context, s *Ops, clusters []*postgres.Cluster, closeCatalogs func()) (lifecycle.Running, error) {
	ledger, err := postgres.NewPurgeStore(m.World, s.Region, clusters)
	if err != nil {
		return nil, err
	}
	list, err := m.cdns()
	if err != nil {
		return nil, err
	}
	outside, err := couriers(list, m.now)
	if err != nil {
		return nil, err
	}
	rates, err := postgres.NewRateStore(m.World, clusters)
	if err != nil {
		return nil, err
	}
	fetch, err := m.ratesSource(s)
	if err != nil {
		return nil, err
	}
	home, err := own(clusters, s.Region)
	if err != nil {
		return nil, err
	}
	feed := postgres.NewFeed(home)
	role, err := ops.New(s.Config, ops.Deps{
		World: m.World, Ledger: ledger, Providers: outside, Feed: followed(feed), Peers: wire.NewPurges(transports(s.Peers, netaddr.DefaultTransportOptions(), nil), s.WireKey),
		Rates: rates, FetchRates: fetch,
		Now: m.now, Random: random, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	if fetch != nil {
		m.ratesMetrics(role.RatesStats)
	}
	work := role.Run
	if len(outside) > 0 {
		work = beside(feed.Run, role.Run)
	}
	return m.run(ctx, s.Listen, s.HTTP, role.Handler(), work, closeCatalogs)
}

// ratesSource fetches the files of exchange rates; nil where none are: outside the
// main region nobody could keep them.
func (m *machine) ratesSource(s *Ops) (func(context.Context) ([]byte, error), error) {
	if s.Rates.From == "" || s.Region != m.World.Main {
		return nil, nil
	}
	source, err := ecb.New(s.Rates.From, ecb.Limits{Bytes: s.Rates.MaxBytes, Timeout: s.Rates.Timeout})
	if err != nil {
		return nil, world.Wrap("ops.rates.from", err)
	}
	return source.Fetch, nil
}
