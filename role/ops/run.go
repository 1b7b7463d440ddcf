package ops

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"meridian/engine/pause"
	"meridian/world"
)

// run is one purge on its way: into the feeds of its regions, and from there
// into every tier. It goes on when whoever asked for it has gone.
type run struct {
	asked world.PurgeAsked
	parts map[string]world.Purge // by region
	tiers []string
	began time.Time

	mu      sync.Mutex
	news    []world.PurgeNews
	left    map[string]int // tier → feeds in which it has not reached this purge
	placed  map[string]string
	acks    []world.PurgeAck
	result  world.PurgeResult
	changed chan struct{} // closed when there is news, then replaced
}

func newRun(asked world.PurgeAsked, parts map[string]world.Purge, tiers []string, began time.Time) *run {
	r := &run{asked: asked, parts: parts, tiers: tiers, began: began, left: map[string]int{}, placed: map[string]string{}, changed: make(chan struct{})}
	for _, t := range tiers {
		r.left[t] = len(parts)
	}
	r.tell(began, world.PurgeNews{Event: world.PurgeAccepted, ID: asked.ID, Regions: asked.Regions, Tiers: tiers})
	return r
}

// tell adds news. The caller holds mu, or nobody else knows the run yet.
func (r *run) tell(now time.Time, n world.PurgeNews) {
	n.MS = now.Sub(r.began).Milliseconds()
	r.news = append(r.news, n)
	close(r.changed)
	r.changed = make(chan struct{})
}

// place notes that the purge is in a region's feed.
func (r *run) place(region, cursor string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.placed[region] = cursor
	r.tell(now, world.PurgeNews{Event: world.PurgePlaced, Region: region, Cursor: cursor})
}

// taken notes that a tier has carried out what one of the feeds says. It has
// carried out the purge once it has all of them.
func (r *run) taken(tier string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, expected := r.left[tier]
	if !expected || n == 0 {
		return
	}
	if r.left[tier] = n - 1; n > 1 {
		return
	}
	r.tell(now, world.PurgeNews{Event: world.PurgeTaken, Tier: tier})
	r.acks = append(r.acks, world.PurgeAck{Tier: tier, MS: now.Sub(r.began).Milliseconds()})
}

// waitsForProvider reports whether a provider has not carried the purge out.
func (r *run) waitsForProvider(is func(string) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.tiers, func(t string) bool { return r.left[t] > 0 && is(t) })
}

// finish ends the waiting and says who is missing; of providers, by their states,
// why.
func (r *run) finish(now time.Time, states []world.ProviderState) world.PurgeResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	var missing []string
	for _, region := range slices.Sorted(maps.Keys(r.parts)) {
		if r.placed[region] == "" {
			missing = append(missing, region)
		}
	}
	for _, t := range r.tiers {
		if r.left[t] > 0 {
			missing = append(missing, t)
		}
	}
	why := whyNot(missing, states)
	r.tell(now, world.PurgeNews{Event: world.PurgeDone, ID: r.asked.ID, Missing: missing, Errors: why})
	r.result = world.PurgeResult{Placed: maps.Clone(r.placed), Acks: r.acks, Missing: missing, Errors: why, Done: true, MS: now.Sub(r.began).Milliseconds()}
	return r.result
}

// soFar is the purge with how far it has come.
func (r *run) soFar(now time.Time) world.PurgeAsked {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.asked
	out.Result = r.result
	if !out.Result.Done {
		out.Result = world.PurgeResult{Placed: maps.Clone(r.placed), Acks: slices.Clone(r.acks), MS: now.Sub(r.began).Milliseconds()}
	}
	return out
}

// follow calls each with all the news from the start, until the last.
func (r *run) follow(ctx context.Context, each func(world.PurgeNews) error) error {
	for sent := 0; ; {
		r.mu.Lock()
		fresh, changed := r.news[sent:], r.changed
		r.mu.Unlock()
		for _, n := range fresh {
			if err := each(n); err != nil || n.Event == world.PurgeDone {
				return err
			}
		}
		if sent += len(fresh); len(fresh) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// carryOut sees a purge through: here and in the other regions at once, for as
// long as is waited for. What is not placed by then is tried again by
// [Ops.Run].
func (o *Ops) carryOut(ctx context.Context, r *run, here world.Cursor, wait time.Duration) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var all sync.WaitGroup
	for region, part := range r.parts {
		all.Go(func() {
			if region == o.cfg.Region {
				r.place(region, here.String(), o.deps.Now())
				_ = o.acks.follow(waiting, here, func(tier string) error { r.taken(tier, o.deps.Now()); return nil })
				return
			}
			o.carryOutThere(waiting, r, region, part, wait)
		})
	}
	all.Wait()
	record, stop := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer stop()
	var states []world.ProviderState
	if r.waitsForProvider(o.isProvider) {
		states = o.states(record)
	}
	result := r.finish(o.deps.Now(), states)
	if err := o.deps.Ledger.Record(record, r.asked.ID, result); err != nil {
		o.deps.Log.Error("a purge's result is not recorded", "purge", r.asked.ID, "err", err)
	}
	if len(result.Placed) < len(r.parts) {
		o.again()
	}
}

// recordTime is how long the ledger may take for a result, also while the role stops.
const recordTime = 2 * time.Second

func (o *Ops) carryOutThere(ctx context.Context, r *run, region string, part world.Purge, wait time.Duration) {
	err := o.deps.Peers.Purge(ctx, region, part, wait, func(n world.PurgeNews) error {
		switch n.Event {
		case world.PurgePlaced:
			r.place(region, n.Cursor, o.deps.Now())
		case world.PurgeTaken:
			r.taken(n.Tier, o.deps.Now())
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		o.deps.Log.Warn("another region's feed is not reached", "purge", r.asked.ID, "region", region, "err", err)
	}
}

// placeAll places, again and again, what did not reach a region's feed: what this
// process could not, and at first what one before it left behind. It ends with ctx.
func (o *Ops) placeAll(ctx context.Context) {
	o.again()
	for {
		select {
		case <-o.retry:
		case <-ctx.Done():
			return
		}
		if o.placeRest(ctx) {
			continue
		}
		pause.For(ctx, o.cfg.RetryEvery)
		o.again()
	}
}

// again wakes [Ops.placeAll].
func (o *Ops) again() {
	select {
	case o.retry <- struct{}{}:
	default:
	}
}

// retryBatch is how many purges are placed anew in one go.
const retryBatch = 100

// placeRest tries every place that is lacking once; done when none is left.
func (o *Ops) placeRest(ctx context.Context) (done bool) {
	list, err := o.deps.Ledger.Unplaced(ctx, o.deps.Now().Add(-o.cfg.RetryFor), retryBatch)
	if err != nil {
		if ctx.Err() == nil {
			o.deps.Log.Warn("unfinished purges cannot be read, trying again", "in", o.cfg.RetryEvery, "err", err)
		}
		return false
	}
	done = len(list) < retryBatch
	for _, asked := range list {
		if o.isRunning(asked.ID) {
			done = false // it will be recorded, and then there may be something left to do
			continue
		}
		for region, part := range o.place(asked.Purge) {
			if asked.Result.Placed[region] != "" || !slices.Contains(asked.Regions, region) {
				continue
			}
			if !o.placeLate(ctx, &asked, region, part) {
				done = false
			}
		}
	}
	return done
}

func (o *Ops) placeLate(ctx context.Context, asked *world.PurgeAsked, region string, part world.Purge) bool {
	var cursor string
	err := o.deps.Peers.Purge(ctx, region, part, 0, func(n world.PurgeNews) error {
		if n.Event == world.PurgePlaced {
			cursor = n.Cursor
		}
		return nil
	})
	if cursor == "" {
		o.deps.Log.Debug("another region's feed is still not reached", "purge", asked.ID, "region", region, "err", err)
		return false
	}
	placed := map[string]string{region: cursor}
	maps.Copy(placed, asked.Result.Placed)
	asked.Result.Placed = placed
	if err := o.deps.Ledger.Record(ctx, asked.ID, asked.Result); err != nil {
		o.deps.Log.Warn("a late place is not recorded, so it will be placed again", "purge", asked.ID, "region", region, "err", err)
		return false
	}
	return true
}
