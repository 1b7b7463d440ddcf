package localworld

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/pgcluster"
	"meridian/adapter/postgres"
	"meridian/app"
	"meridian/engine/pause"
	"meridian/platform/httpserver"
	"meridian/platform/netaddr"
	"meridian/world"
)

// troubles bring what is rehearsed from within to the roles at each place: in
// this process, or in those of their own.
type troubles struct {
	here *app.Rehearsal
	tell func(ctx context.Context, place string, t app.Trouble) error // nil: all roles run here

	mu    sync.Mutex
	now   map[string]app.Trouble
	order sync.Mutex // one change at a time is told
}

func newTroubles(here *app.Rehearsal) *troubles {
	return &troubles{here: here, now: map[string]app.Trouble{}}
}

func (s *troubles) change(ctx context.Context, place string, f func(*app.Trouble)) error {
	s.order.Lock()
	defer s.order.Unlock()
	t := s.at(place)
	f(&t)
	s.mu.Lock()
	s.now[place] = t
	s.mu.Unlock()
	s.here.Set(place, t)
	if s.tell == nil {
		return nil
	}
	return s.tell(ctx, place, t)
}

func (s *troubles) at(place string) app.Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[place]
}

// tellChildren tells every process of a place that runs. One that is killed
// hears of it when it starts.
func (u *up) tellChildren(ctx context.Context, place string, t app.Trouble) error {
	var errs []error
	for _, v := range u.units {
		if role, at, _ := strings.Cut(v.name, "@"); at == place && v.part().State == partUp {
			errs = append(errs, u.tellChild(ctx, role, at, t))
		}
	}
	return errors.Join(errs...)
}

// tellLimit bounds the telling of one process.
const tellLimit = 5 * time.Second

func (u *up) tellChild(ctx context.Context, role, place string, t app.Trouble) error {
	body, err := json.Marshal(t)
	if err != nil {
		return world.Wrap("faults.tell", err)
	}
	ctx, cancel := context.WithTimeout(ctx, tellLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://role/rehearsal", bytes.NewReader(body))
	if err != nil {
		return world.Wrap("faults.tell", err)
	}
	way := netaddr.Transport(u.plan.socket("a-"+role+"-"+place), netaddr.DefaultTransportOptions())
	defer way.CloseIdleConnections()
	res, err := way.RoundTrip(r)
	if err != nil {
		return httpserver.UpstreamError("faults.tell", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return world.E(world.CodeBadUpstream, "faults.tell", role+"@"+place+" did not take the trouble: "+res.Status)
	}
	return nil
}

// faultLag has a region's replicas of other regions' catalogs replay nothing more.
func (u *up) faultLag(ctx context.Context, f Fault) (func(context.Context) error, error) {
	var names []string
	for _, home := range u.plan.w.Regions {
		if name := u.plan.reader[[2]string{world.CatalogCluster(home.ID), f.Target}]; name != "" && home.ID != f.Target {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, noPlace(f.Target)
	}
	heal := func(ctx context.Context) error { return u.onServers(ctx, names, "select pg_wal_replay_resume()") }
	if err := u.onServers(ctx, names, "select pg_wal_replay_pause()"); err != nil {
		return nil, errors.Join(err, heal(ctx))
	}
	return heal, nil
}

// onServers says the same to several servers, as their superuser.
func (u *up) onServers(ctx context.Context, names []string, statement string) error {
	var errs []error
	for _, name := range names {
		pool, err := pgxpool.New(ctx, pgcluster.ConnString(u.plan.spec(name), pgcluster.SuperUser, u.plan.secrets.Super, postgres.Catalog))
		if err == nil {
			err = untilHeard(ctx, func() error { _, err := pool.Exec(ctx, statement); return err })
			pool.Close()
		}
		if err != nil {
			err = world.Because(world.CodeUnavailable, "faults.lag", "The replica "+name+" did not take it. Try again in a moment.", err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// How often a statement is said again that a replica cancels, and how soon.
const (
	saidAgain  = 40
	againAfter = 50 * time.Millisecond
)

// untilHeard says something to a replica that catches up: what it replays may
// cancel any statement (SQLSTATE 40001), the one that let it replay among them.
func untilHeard(ctx context.Context, say func() error) error {
	for tries := 1; ; tries++ {
		err := say()
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "40001" || tries > saidAgain || !pause.For(ctx, againAfter) {
			return err
		}
	}
}
