package localworld

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"meridian/adapter/leasefile"
	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/app"
	"meridian/engine/failover"
	"meridian/engine/pause"
	"meridian/world"
)

// promotionsDir holds what promotions of catalogs came to, and the rows that lost
// primaries alone had.
const promotionsDir = "promotions"

const (
	comeBackPause = 5 * time.Second  // before a former primary is tried again
	attachLimit   = 3 * time.Minute  // for a standby to follow another primary
	referencesAge = 10 * time.Minute // how long before the last commit that is known others' rows are looked at
)

// makeRegional makes of each region's catalog a cluster whose primary may move, and
// finds out where it is.
func (u *up) makeRegional() error {
	store, err := leasefile.New(u.plan.st.path(leasesDir))
	if err != nil {
		return err
	}
	u.regional, u.apart = map[string]*pgcluster.Regional{}, map[string]bool{}
	for _, home := range u.plan.w.Regions {
		cluster := world.CatalogCluster(home.ID)
		r := pgcluster.NewRegional(u.sup, pgcluster.RegionalConfig{
			Cluster: cluster, Seats: u.plan.seats(home.ID), Console: &postgres.Console{}, Store: store, Keeper: u.plan.st.dir,
			Records: u.plan.st.path(promotionsDir), Way: u.way, Moved: u.movedPrimary(home.ID),
			Known: func(ctx context.Context, to pgcluster.Seat, since time.Time) ([]failover.Known, []failover.Reference) {
				return nil, u.references(ctx, home, to, since)
			},
			Now: time.Now, Log: u.root.Log.With("part", "promotion"),
		})
		u.regional[cluster] = r
		primary, err := r.Primary(context.Background())
		if err != nil {
			return err
		}
		u.plan.move(cluster, primary.Spec.Name)
		astray, err := r.Astray(context.Background())
		if err != nil {
			return err
		}
		u.apart[cluster] = astray || u.plan.movedTo(cluster) != ""
	}
	return nil
}

// seats are the servers of a region's catalog, those at home first.
func (p *plan) seats(home string) (out []pgcluster.Seat) {
	cluster := world.CatalogCluster(home)
	out = append(out, pgcluster.Seat{Spec: p.primary[cluster], Region: home})
	if b, ok := p.second[cluster]; ok {
		out = append(out, pgcluster.Seat{Spec: b, Region: home})
	}
	for _, here := range p.w.Regions {
		if here.ID != home {
			out = append(out, pgcluster.Seat{Spec: p.spec(p.reader[[2]string{cluster, here.ID}]), Region: here.ID})
		}
	}
	return out
}

// clusterOf is the cluster that a server belongs to.
func (p *plan) clusterOf(server string) string {
	cluster, _, _ := strings.Cut(server, "@")
	return strings.TrimSuffix(cluster, syncSuffix)
}

// way is a server as it is reached from another's region: through the link between
// the two, by a socket that is made when it is first asked for.
func (u *up) way(ctx context.Context, from, to pgcluster.Seat) (pgcluster.Spec, error) {
	if from.Region == to.Region {
		return to.Spec, nil
	}
	cluster, through := u.plan.clusterOf(to.Spec.Name), to.Spec
	home := u.plan.placeOfServer(cluster)
	through.Port = u.plan.linkPort(cluster, from.Region, to.Region)
	name, target := replicationFrom(from.Region, home), "unix:"+pgcluster.SocketPath(to.Spec)
	if to.Region != home {
		name = from.Region + ">" + to.Region + "/" + cluster
		if _, there := u.ways.LoadOrStore(name, true); !there {
			s := u.sockets
			s.Name, s.From, s.To, s.Listen, s.Target = name, from.Region, to.Region, "unix:"+pgcluster.SocketPath(through), target
			if err := u.network.Connect(ctx, s); err != nil {
				u.ways.Delete(name)
				return through, err
			}
		}
	}
	return through, u.network.Retarget(name, target)
}

// references are what the other catalogs, as a region sees them, know of one that
// its replica does not have.
func (u *up) references(ctx context.Context, home world.Region, to pgcluster.Seat, since time.Time) []failover.Reference {
	others := map[string]string{}
	for _, other := range u.plan.w.Regions {
		if other.ID != home.ID {
			cluster := world.CatalogCluster(other.ID)
			others[cluster] = superConn(u.plan.spec(u.plan.reader[[2]string{cluster, to.Region}]))
		}
	}
	var console postgres.Console
	if !since.IsZero() {
		since = since.Add(-referencesAge)
	}
	found, err := console.References(ctx, superConn(to.Spec), home.ID, home.Number, others, since)
	if err != nil {
		u.root.Log.Warn("what others know of a catalog was not found out", "cluster", world.CatalogCluster(home.ID), "err", err)
	}
	return found
}

func superConn(s pgcluster.Spec) string {
	return pgcluster.ConnString(s, pgcluster.SuperUser, s.SuperPassword, s.Database)
}

// movedPrimary is told that a region's catalog has another primary: its roles write
// there from now on, and the replicas follow it.
func (u *up) movedPrimary(home string) func(context.Context, pgcluster.Seat) error {
	return func(ctx context.Context, primary pgcluster.Seat) error {
		cluster := world.CatalogCluster(home)
		u.plan.move(cluster, primary.Spec.Name)
		err := u.repoint(ctx, home, primary)
		u.reattach(cluster)
		return err
	}
}

// repoint has the roles of a catalog's home region write to its primary, wherever
// that is: they start anew, those that run.
func (u *up) repoint(ctx context.Context, home string, primary pgcluster.Seat) error {
	for _, s := range u.plan.seats(home)[:1] { // the way is made before it is used
		if _, err := u.way(ctx, s, primary); err != nil {
			return err
		}
	}
	for _, f := range u.files {
		if f.Place != home {
			continue
		}
		for _, at := range []struct {
			list           []app.Database
			user, password string
		}{{f.Media.Catalogs, userMedia, u.plan.secrets.Media}, {f.Shop.Catalogs, userShop, u.plan.secrets.Shop}, {f.Owner.Catalogs, userOwner, u.plan.secrets.Owner}, {f.Ops.Catalogs, userOps, u.plan.secrets.Ops}} {
			for i := range at.list {
				if at.list[i].Region == home {
					at.list[i].Conn = u.plan.writable(world.CatalogCluster(home), at.user, at.password, postgres.Catalog)
				}
			}
		}
		if u.o.Split {
			if _, err := u.plan.writeFiles([]*app.File{f}); err != nil {
				return err
			}
		}
	}
	for _, role := range []string{"media", "shop", "owner", "ops"} {
		v := u.unit(role + "@" + home)
		if v == nil || v.part().State != partUp {
			continue
		}
		if err := errors.Join(v.kill(), v.start(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// reattach sees to it, beside everything else, that the replicas of a catalog follow
// its primary.
func (u *up) reattach(cluster string) {
	r := u.regional[cluster]
	for _, s := range u.plan.seats(u.plan.placeOfServer(cluster)) {
		if s.Spec.Peer != "" && u.plan.movedTo(cluster) == "" {
			continue // its keeper does
		}
		u.beside.Go(func() {
			ctx, cancel := context.WithTimeout(u.life, attachLimit)
			defer cancel()
			if err := r.Attach(ctx, s.Spec.Name); err != nil && u.life.Err() == nil && !world.Is(err, world.CodeNotFound) {
				u.root.Log.Warn("a replica does not follow its primary", "server", s.Spec.Name, "err", err)
			}
		})
	}
}

// takenOver are the servers of catalogs that were taken over from and do not run:
// they are not among the supervisor's any more, which runs those that are given,
// and start as replicas.
func (u *up) takenOver(runs []pgcluster.Status) (out []Part) {
	running := map[string]bool{}
	for _, st := range runs {
		running[st.Name] = true
	}
	for _, home := range u.plan.w.Regions {
		moved := u.plan.movedTo(world.CatalogCluster(home.ID))
		for _, s := range u.plan.seats(home.ID) {
			name := s.Spec.Name
			if !running[name] && name != moved && (moved != "" || s.Spec.Peer == "") {
				out = append(out, Part{Name: name, Kind: kindDatabase, Place: s.Region, State: partKilled})
			}
		}
	}
	return out
}

// comeBack has a server that was taken over from follow its successor. What it alone
// has is kept.
func (u *up) comeBack(ctx context.Context, node string) error {
	_, err := u.regional[u.plan.clusterOf(node)].Return(ctx, node)
	if err == nil {
		u.reattach(u.plan.clusterOf(node))
	}
	return err
}

// handedOver has a primary that was well come back as a replica, as soon as it can.
func (u *up) handedOver(node string) {
	u.beside.Go(func() {
		for {
			err := u.comeBack(u.life, node)
			if err == nil || u.life.Err() != nil || world.Is(err, world.CodeConflict) {
				return
			}
			u.root.Log.Warn("a former primary is not back yet", "server", node, "err", err)
			if !pause.For(u.life, comeBackPause) {
				return
			}
		}
	})
}

// startsApart reports whether a server is not started as the plan has it: its
// catalog's primary has moved, or was moved and not everything followed.
func (u *up) startsApart(s pgcluster.Spec) bool { return u.apart[u.plan.clusterOf(s.Name)] }

// startApart starts the servers of such catalogs: the primary first, then those
// that follow it. Of a promotion that was broken off the rest is done.
func (u *up) startApart(ctx context.Context) error {
	for cluster, r := range u.regional {
		if !u.apart[cluster] {
			continue
		}
		primary, err := r.Primary(ctx)
		if err != nil {
			return err
		}
		home := u.plan.placeOfServer(cluster)
		kept := primary.Spec.Peer != "" // and raised by its keeper
		if !kept {
			if err := r.Raise(ctx); err != nil {
				return err
			}
		}
		for _, s := range u.plan.seats(home) {
			if s.Spec.Name != primary.Spec.Name && !(kept && s.Region == home) {
				u.handedOver(s.Spec.Name)
			}
		}
		if err := u.repoint(ctx, home, primary); err != nil {
			return err
		}
	}
	return nil
}

// promotion is POST /databases/{region}/promotion: another region's replica of the
// region's catalog takes the place of its primary.
func (u *up) promotion(r *http.Request) (any, error) {
	var asked PromotionAsked
	if err := readFault(r, &asked); err != nil {
		return nil, err
	}
	regional := u.regional[world.CatalogCluster(r.PathValue("region"))]
	if regional == nil {
		return nil, world.E(world.CodeNotFound, "promotion", fmt.Sprintf("There is no region %.80q.", r.PathValue("region")))
	}
	ctx, cancel := lasting(r)
	defer cancel()
	if !asked.DryRun {
		p, err := regional.Promote(ctx, asked.Region, asked.Abandon)
		if err == nil && p.Planned {
			u.handedOver(p.From)
		}
		return p, err
	}
	p, err := regional.Assess(ctx, asked.Region)
	p.DryRun = true
	if err == nil {
		var refused *world.Error
		if errors.As(p.Refuse(asked.Abandon), &refused) {
			p.Refused = refused.Message
		}
	}
	return p, err
}

// PromotionAsked is what POST /databases/{region}/promotion takes.
type PromotionAsked struct {
	Region  string `json:"region"`  // whose replica takes over
	DryRun  bool   `json:"dry_run"` // tell what would come of it, and change nothing
	Abandon bool   `json:"abandon"` // also where more could be had
}

// tellPromotions completes what is told of a catalog. A promotion is written down
// before the primary has moved; its epoch is told from then on.
func (u *up) tellPromotions(d *Database) {
	d.PrimaryRegion = d.Region
	r := u.regional[d.Cluster]
	if r == nil {
		return
	}
	node := u.plan.movedTo(d.Cluster) // before they are read, so that the one which moved it is among them
	d.Promotions = r.Promotions()
	if node != "" {
		d.State, d.Primary, d.Standby, d.PrimaryRegion = failover.Degraded, node, "", u.plan.placeOfServer(node)
		d.Reason = "its primary is the replica in " + d.PrimaryRegion
	}
	d.Epoch = max(d.Epoch, epochIn(d.PrimaryRegion, d.Promotions))
}

// epochIn is that of the last promotion by which a primary has come to a region; 0
// where there is none.
func epochIn(region string, all []failover.Promotion) (epoch uint64) {
	for _, p := range all {
		if p.ToRegion == region {
			epoch = max(epoch, p.Epoch)
		}
	}
	return epoch
}
