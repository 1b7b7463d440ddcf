package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"meridian/drill/judge"
	"meridian/world"
)

// Options are how a drill is run.
type Options struct {
	Rate   float64       // reads a second, of all cities together
	Steady time.Duration // looked at before
	For    time.Duration // broken; 0: the drill's own
	After  time.Duration // looked at after the heal
	Slow   time.Duration // an answer that took longer is slow
	Stale  time.Duration // how long a replaced price may still be seen
	Seed   uint64

	// Progress is told every second how it goes; nil: nobody is.
	Progress func(Progress)
}

// DefaultFor is how long a drill keeps something broken.
const DefaultFor = 20 * time.Second

// DefaultOptions are fit for a laptop.
func DefaultOptions() Options {
	return Options{Rate: 40, Steady: 6 * time.Second, After: 15 * time.Second, Slow: time.Second, Stale: 10 * time.Second, Seed: 1}
}

// Validate says what is out of range.
func (o Options) Validate() error {
	bad := func(m string) error { return world.E(world.CodeInvalid, "drill.options", m) }
	switch {
	case o.Rate < 1 || o.Rate > 5000:
		return bad("--rate must be between 1 and 5000 requests a second.")
	case o.Steady < time.Second || o.After < quiet+time.Second || o.For != 0 && o.For < usualReroute*time.Second+quiet:
		return bad(fmt.Sprintf("--steady must be at least 1s, --after %v and --duration %v: less shows nothing.", quiet+time.Second, usualReroute*time.Second+quiet))
	case o.Steady > time.Hour || o.After > time.Hour || o.For > time.Hour:
		return bad("--steady, --duration and --after must not be over an hour.")
	case o.Slow <= 0 || o.Slow > giveUp || o.Stale <= 0:
		return bad(fmt.Sprintf("--slow must be above 0 and at most %v, --stale above 0.", giveUp))
	}
	return nil
}

// quiet is how long nothing may fail for it to be over.
const quiet = 3 * time.Second

// Progress is how a drill goes.
type Progress struct {
	Drill string       `json:"drill"`
	Phase string       `json:"phase"` // steady, broken or after
	Last  judge.Second `json:"last"`  // the judged reads of the last whole second
}

// The rates of those who change something, and how many requests may be under way.
const (
	ordersEvery = 1500 * time.Millisecond // in each home region
	uploadEvery = 3 * time.Second
	pricesEvery = 4 * time.Second // in each home region
	mostUnder   = 2000
	warmUp      = 3 * time.Second
)

// run is one drill under way.
type run struct {
	drill  Drill
	target *Target
	plan   Plan
	o      Options

	judge    *judge.Judge
	crowd    *crowd
	ledger   ledger
	watch    *watch
	witness  witness // nil: readers tell enough
	broke    bool    // something was broken
	injected time.Time
	healed   time.Time
	ended    time.Time
	aborted  string
}

// Run carries a drill out and gives its verdict. An error says why it could not
// be: the world is not well, or does not offer it; a drill that does not pass is
// no error. One that was interrupted after something was broken, or that could not
// heal it, gives what it has seen beside the error. Whatever was broken is healed
// when it returns, or heals by itself when its time to live is over.
func Run(ctx context.Context, t *Target, d Drill, o Options) (*Verdict, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := t.Look(ctx); err != nil {
		return nil, err
	}
	if err := t.offers(ctx, d); err != nil {
		return nil, err
	}
	d.Allow = d.Allow.withDefaults()
	if o.For == 0 {
		o.For = DefaultFor
		if d.Lasts != 0 {
			o.For = d.Lasts
		}
	}
	r := &run{drill: d, target: t, plan: d.Plan(t), o: o}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	var err error
	if r.crowd, err = newCrowd(ctx, t, random); err != nil {
		return nil, err
	}
	defer r.crowd.close()
	if d.Travellers {
		r.crowd.addTravellers(t)
	}
	err = r.carryOut(ctx, random)
	if !r.broke {
		return nil, err
	}
	return r.verdict(ctx), err
}

// carryOut is the drill from the first request to the last.
func (r *run) carryOut(ctx context.Context, random *rand.Rand) error {
	loaded, unload := context.WithCancel(ctx)
	defer unload()
	var load sync.WaitGroup
	defer load.Wait()
	defer unload()
	r.watch = newWatch(r.target)
	load.Go(func() { r.watch.run(loaded) })
	// What the caches and connections of a world that has just started have yet to
	// learn is not judged.
	r.judge = judge.New(time.Now().Add(warmUp), r.o.Slow)
	r.begin(loaded, &load, r.o.Rate, random)
	if err := r.pass(ctx, "steady", warmUp+r.o.Steady); err != nil {
		return err
	}
	if err := r.steady(); err != nil {
		return err
	}
	if extra := r.o.Rate * (r.drill.Allow.Rate - 1); extra > 0 {
		more, enough := context.WithCancel(loaded)
		defer enough()
		load.Go(func() {
			judge.Open(more, extra, mostUnder, rand.New(rand.NewPCG(r.o.Seed, 1)), r.read(rand.New(rand.NewPCG(r.o.Seed, 2))))
		})
		defer time.AfterFunc(r.o.For, enough).Stop()
	}
	if r.drill.Witness != nil {
		r.witness = r.drill.Witness(r)
		r.witness.look(ctx)
	}
	err := r.broken(ctx, loaded, &load)
	if err == nil {
		err = r.pass(ctx, "after", r.o.After)
	}
	r.ended = time.Now()
	switch {
	case ctx.Err() != nil:
		r.aborted = "it was interrupted"
	case err != nil && r.aborted == "":
		r.aborted = err.Error()
	}
	return err
}

// begin starts the load.
func (r *run) begin(ctx context.Context, load *sync.WaitGroup, rate float64, random *rand.Rand) {
	load.Go(func() {
		judge.Open(ctx, rate, mostUnder, random, r.read(rand.New(rand.NewPCG(r.o.Seed, 3))))
	})
	for _, s := range r.crowd.sellers {
		load.Go(func() { s.run(ctx, pricesEvery, r.judge) })
	}
	for i, b := range r.crowd.buyers {
		load.Go(func() { r.every(ctx, load, ordersEvery, func(n int, due time.Time) { r.order(ctx, b, n+i, due) }) })
	}
	if r.target.Secrets.UploadToken == "" {
		return
	}
	load.Go(func() {
		r.every(ctx, load, uploadEvery, func(n int, due time.Time) { r.upload(ctx, n, due) })
	})
}

// every begins something again and again, whether or not the last has ended.
func (r *run) every(ctx context.Context, load *sync.WaitGroup, d time.Duration, do func(n int, due time.Time)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case due := <-tick.C:
			load.Go(func() { do(n, due) })
		}
	}
}

// Those who have begun to order or upload go on for a while when the drill ends:
// what they are told then counts as well.
func (r *run) order(ctx context.Context, b *visitor, n int, due time.Time) {
	slugs := r.crowd.shops[b.market.ID].sold
	pop, err := buy(context.WithoutCancel(ctx), b, slugs[n%len(slugs)], &r.ledger)
	r.judge.Take(changed(judge.Order, b, due, pop, err))
}

func (r *run) upload(ctx context.Context, n int, due time.Time) {
	v := r.crowd.uploaders[n%len(r.crowd.uploaders)]
	pop, err := put(context.WithoutCancel(ctx), v, r.target.Secrets.UploadToken, r.crowd.series+uint64(n), &r.ledger)
	r.judge.Take(changed(judge.Upload, v, due, pop, err))
}

// read gives what asks for one thing that a reader wants.
func (r *run) read(random *rand.Rand) func(due time.Time, over bool) {
	var mu sync.Mutex
	return func(due time.Time, over bool) {
		mu.Lock()
		wish := r.crowd.wish(random)
		mu.Unlock()
		o := judge.Outcome{Due: due, Kind: wish.kind, Class: wish.by.class, City: wish.by.city.ID}
		if over {
			o.Failed, o.Why = true, fmt.Sprintf("%d requests were waiting already", mostUnder)
			r.judge.Take(o)
			return
		}
		o.Late = time.Since(due)
		ctx, cancel := context.WithDeadline(context.Background(), due.Add(giveUp))
		defer cancel()
		got, err := wish.by.get(ctx, wish.path, wish.accept)
		o.Took, o.PoP, o.Resolved = time.Since(due), got.pop, got.resolved
		if err != nil {
			o.Failed, o.Why = true, why(err)
		} else {
			o.Failed, o.Stale, o.Why = wish.look(got, due, r.o.Stale)
		}
		r.judge.Take(o)
	}
}

// steady refuses to break a world that is not well.
func (r *run) steady() error {
	sum := judge.SumOf(r.o.Slow, r.judge.Outcomes(), func(o judge.Outcome) bool { return r.reads(o) && !o.Due.Before(r.judge.Began) })
	if sum.Requests == 0 {
		return world.E(world.CodeUnavailable, "drill.steady", "Nothing was answered before the drill: it was not begun.")
	}
	if sum.Failed > 0 || sum.Stale > 0 || float64(sum.Slow) > steadySlow*float64(sum.Requests) {
		return world.E(world.CodeUnprocessed, "drill.steady", fmt.Sprintf(
			"The world is not well: of %d reads %d failed, %d were slow, %d stale, before anything was broken. The drill was not begun. %s",
			sum.Requests, sum.Failed, sum.Slow, sum.Stale, reasonsText(judge.Reasons(r.judge.Outcomes(), r.reads))))
	}
	return nil
}

func reasonsText(all []judge.Reason) string {
	var s []string
	for _, x := range all[:min(3, len(all))] {
		s = append(s, fmt.Sprintf("%d × %s", x.Times, x.Why))
	}
	return strings.Join(s, ", ")
}

// reads is what is judged: readers of the two classes that ask DNS again.
func (r *run) reads(o judge.Outcome) bool { return o.Kind.Reads() && o.Class != judge.Pinned }

// broken injects, waits and heals. The witness looks on for as long as the load
// goes on.
func (r *run) broken(ctx, loaded context.Context, load *sync.WaitGroup) error {
	r.injected = time.Now()
	r.watch.from()
	if r.witness != nil {
		load.Go(func() { r.looksOn(loaded) })
	}
	var err error
	switch {
	case r.plan.Purge:
		if err = r.purge(ctx); err == nil {
			r.broke = true
			err = r.pass(ctx, "broken", r.o.For)
		}
	case r.plan.On > 0:
		err = r.flap(ctx)
	default:
		var h *held
		if h, err = r.target.API.inject(ctx, r.plan.Faults); err == nil {
			r.broke = true
			r.ask()
			err = errors.Join(r.pass(ctx, "broken", r.o.For), h.heal(ctx))
		}
	}
	r.healed = time.Now()
	return err
}

// flap has the faults come and go. The last heal is at the end of the time.
func (r *run) flap(ctx context.Context) error {
	until := time.Now().Add(r.o.For)
	for time.Now().Before(until) && r.aborted == "" {
		h, err := r.target.API.inject(ctx, r.plan.Faults)
		if err != nil {
			return err
		}
		r.broke = true
		if err := errors.Join(r.pass(ctx, "broken", r.plan.On), h.heal(ctx), r.pass(ctx, "broken", r.plan.Off)); err != nil {
			return err
		}
	}
	return nil
}

// ask has every reader ask DNS anew, once it is broken, where the drill is of DNS.
func (r *run) ask() {
	if !r.drill.Asks {
		return
	}
	for _, v := range r.crowd.readers {
		v.forget()
	}
}

// purge has every cache forget everything.
func (r *run) purge(ctx context.Context) error {
	v := r.crowd.uploaders[0]
	got, err := v.ask(ctx, false, func(ctx context.Context) (*http.Request, error) {
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, v.url("/purges"), strings.NewReader(`{"all": true}`))
		if err == nil {
			q.Header.Set("Authorization", "Bearer "+r.target.Secrets.PurgeToken)
		}
		return q, err
	})
	if err == nil && got.status >= 300 {
		err = world.E(world.CodeBadUpstream, "drill.purge", fmt.Sprintf("The purge was answered with %d.", got.status))
	}
	return err
}

// pass lets a phase pass, tells of it every second, and ends it early when the
// abort condition is met. ctx's end is its error.
func (r *run) pass(ctx context.Context, phase string, d time.Duration) error {
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return world.Because(world.CodeUnavailable, "drill", "The drill was interrupted; what it had broken is healed.", ctx.Err())
		case <-end.C:
			return nil
		case <-tick.C:
		}
		seconds := r.past()
		if r.o.Progress != nil && len(seconds) > 0 {
			r.o.Progress(Progress{Drill: r.drill.Name, Phase: phase, Last: seconds[len(seconds)-1]})
		}
		if phase == "broken" && theAbort.met(seconds) {
			r.aborted = fmt.Sprintf("more than %.0f %% of the reads failed for %d s", theAbort.Part*100, theAbort.Seconds)
			return nil
		}
	}
}

// past are the seconds whose requests have all been answered or given up.
func (r *run) past() []judge.Second {
	seconds := judge.Seconds(r.judge.Began, r.o.Slow, r.judge.Outcomes(), r.reads)
	whole := int((time.Since(r.judge.Began) - giveUp/2) / time.Second)
	return seconds[:max(0, min(len(seconds), whole))]
}
