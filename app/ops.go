package app

import (
	"context"

	"meridian/adapter/postgres"
	"meridian/adapter/wire"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/role/ops"
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
	home, err := own(clusters, s.Region)
	if err != nil {
		return nil, err
	}
	feed := postgres.NewFeed(home)
	role, err := ops.New(s.Config, ops.Deps{
		World: m.World, Ledger: ledger, Providers: outside, Feed: followed(feed), Peers: wire.NewPurges(transports(s.Peers, netaddr.DefaultTransportOptions(), nil), s.WireKey),
		Now: m.now, Random: random, Log: m.tel.Log,
	})
	if err != nil {
		return nil, err
	}
	work := role.Run
	if len(outside) > 0 {
		work = beside(feed.Run, role.Run)
	}
	return m.run(ctx, s.Listen, s.HTTP, role.Handler(), work, closeCatalogs)
}
