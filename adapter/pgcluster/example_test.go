package pgcluster_test

import (
	"context"
	"fmt"
	"log/slog"

	"meridian/adapter/pgcluster"
)

// A catalog with its standby in another region: made, started, used, stopped.
func ExampleSupervisor() {
	bin, err := pgcluster.FindBinaries()
	if err != nil {
		fmt.Println(err) // says what to install
		return
	}
	primary := pgcluster.Spec{
		Name: "catalog-us-east", DataDir: "/var/lib/meridian/us-east/catalog", SocketDir: "/tmp/meridian-1", Port: 5501,
		Database: "catalog", SuperPassword: "…", ReplicationPassword: "…",
	}
	standby := primary
	standby.Name, standby.DataDir, standby.Port = "catalog-us-east@eu-central", "/var/lib/meridian/eu-central/catalog-us-east", 5502
	standby.StandbyOf = &pgcluster.Upstream{
		Name: primary.Name, DataDir: primary.DataDir,
		ConnInfo: "host=/tmp/meridian-1-links port=5501 user=replicator password=…", // the WAN link, not the primary
	}
	specs := []pgcluster.Spec{primary, standby}

	ctx := context.Background()
	progress := func(name, step string) { fmt.Println(name, step) }
	s := pgcluster.New(bin, slog.Default(), pgcluster.Options{})
	if err := s.Prepare(ctx, specs, progress); err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Start(ctx, specs, progress); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pgcluster.ConnString(primary, pgcluster.SuperUser, primary.SuperPassword, "catalog")) // for pgx
	if err := s.Stop(ctx); err != nil {
		fmt.Println(err)
	}
}
