// Package ops is the role that operators ask: it has purges carried out in every
// tier of the world, tells who has done so, and keeps the list of them.
package ops

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"meridian/engine/fx"
	"meridian/platform/attempts"
	"meridian/platform/httpserver"
	"meridian/platform/operator"
	"meridian/world"
)

// Ops is one region's role. It is safe for concurrent use.
type Ops struct {
	cfg     Config
	deps    Deps
	region  world.Region
	desk    *operator.Desk
	acks    *acks
	own     []string            // the world's tiers
	outside []*courier          // one a provider
	slots   *semaphore.Weighted // of purges whose acknowledgements are waited for
	retry   chan struct{}       // something could not be placed

	frankfurt *time.Location // the clocks of who publishes rates
	rates     rateKeeper

	life    context.Context // ends with the role: purges outlive the requests that asked for them
	end     context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	runs    map[string]*run
}

// New makes the role. It fails with invalid for a config that cannot be, or a
// region that the world does not have.
func New(cfg Config, d Deps) (*Ops, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	region, ok := d.World.RegionByID(cfg.Region)
	if !ok {
		return nil, world.E(world.CodeInvalid, "ops.new", fmt.Sprintf("region: the world has no region %q; use one of its own", cfg.Region))
	}
	frankfurt, err := time.LoadLocation(fx.Zone)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "ops.new", "The system has no time zone "+fx.Zone+": install its tzdata.", err)
	}
	o := &Ops{
		frankfurt: frankfurt,
		cfg:       cfg, deps: d, region: region, desk: operator.New(operator.Config{Credentials: cfg.credentials(), Try: attempts.New(cfg.BadTokens, cfg.Tracked).Try, Now: d.Now, For: "purges"}),
		slots: semaphore.NewWeighted(int64(cfg.MaxRunning)), own: d.World.Tiers(), retry: make(chan struct{}, 1), runs: map[string]*run{},
	}
	o.acks = newAcks(o.carriers())
	for _, p := range d.Providers {
		o.outside = append(o.outside, newCourier(o, p))
	}
	o.life, o.end = context.WithCancel(context.Background())
	return o, nil
}

// carriers are all that carry a purge out: our own tiers, then the providers.
func (o *Ops) carriers() []string {
	out := slices.Clone(o.own)
	for _, p := range o.deps.Providers {
		out = append(out, p.Name)
	}
	return out
}

// taken reports whether all of our own tiers have taken this region's feed up to
// a cursor.
func (o *Ops) taken(c world.Cursor) bool { return o.acks.reached(c, o.own) }

// Close ends the waiting for acknowledgements; what has come is recorded.
func (o *Ops) Close() {
	o.end()
	o.running.Wait()
}

// action answers a request or says why not; it has written nothing then.
type action func(w http.ResponseWriter, r *http.Request) error

// Handler answers what a region's shield sends to ops.
func (o *Ops) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, do action) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(world.HeaderRegion, o.region.ID)
			w.Header().Set("Cache-Control", "no-store")
			if err := do(w, r); err != nil {
				httpserver.WriteError(w, r, o.deps.Log, err)
			}
		})
	}
	on("POST "+world.PurgesPath, o.purge)
	on("GET "+world.PurgesPath, o.list)
	on("GET "+world.PurgesPath+"/{id}", o.show)
	on("GET "+world.ProvidersPath, o.providers)
	on("GET "+world.RatesPath, o.showRates)
	on("POST "+world.RatesPath, o.takeRates)
	on("POST "+world.PeerPurgesPath, o.purgeForPeer)
	on("POST "+world.AcksPath, o.takeAck)
	on("/", func(w http.ResponseWriter, r *http.Request) error {
		if r.URL.Path == world.PurgesPath {
			w.Header().Set("Allow", "GET, HEAD, POST")
			return world.E(world.CodeMethod, "ops.route", "Purge with POST, list with GET.")
		}
		return world.E(world.CodeNotFound, "ops.route", "")
	})
	return mux
}

// newID makes a purge's id: like a media id it names the region that it is of.
func (o *Ops) newID() (string, error) {
	var random [world.MediaIDLength - 1]byte
	if _, err := io.ReadFull(o.deps.Random, random[:]); err != nil {
		return "", world.Wrap("ops.id", err)
	}
	return world.NewMediaID(o.region.Number, random), nil
}

// start keeps a run among those that can be asked about, until it is over.
func (o *Ops) start(r *run, do func(context.Context)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.runs[r.asked.ID] = r
	o.running.Go(func() {
		defer func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			delete(o.runs, r.asked.ID)
		}()
		do(o.life)
	})
}

func (o *Ops) runOf(id string) *run {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.runs[id]
}

func (o *Ops) isRunning(id string) bool { return o.runOf(id) != nil }
