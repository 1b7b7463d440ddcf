package failover

import (
	"context"
	"sync"
	"time"
)

// Keeper keeps one cluster. Its Run is one goroutine that decides; the standby
// is mended beside it, so that a primary's death meanwhile is answered at once.
//
// What makes it safe: the lease says which node may take writes, and which other
// has all that was acknowledged. Both are changed in the store before anything is
// done by them: a standby loses its mark before commits stop to wait for it, gains
// it after they wait again and it has caught up, and only a marked one is promoted.
type Keeper struct {
	c     Config
	ready chan struct{} // closed when a primary first takes writes

	// Run's own.
	lease      Lease
	held       bool // the lease is ours
	renewAt    time.Time
	leading    bool // the lease's primary runs, as far as is known
	raised     bool // it was tried in this life
	failures   int  // to raise it, in a row
	retry      retry
	misses     int
	confirming string // whom the primary's commits wait for
	taking     *Took  // the takeover that was begun, until its primary takes writes

	standbyUp  bool      // the other node runs
	confirmed  uint64    // up to where, by the last look
	stuckSince time.Time // since when commits wait and it confirms nothing more
	lostSince  time.Time // since when it does not follow
	remade     int       // what was tried to have the standby follow
	mend       retry
	mending    chan error // nil: nothing is being mended
	cancel     context.CancelFunc

	mu     sync.Mutex
	status Status
}

// New makes a keeper; Run starts it.
func New(c Config) *Keeper {
	k := &Keeper{c: c.withDefaults(), ready: make(chan struct{})}
	k.retry, k.mend = retry{c: &k.c}, retry{c: &k.c}
	k.status = Status{Cluster: c.Cluster, State: Starting, Since: c.Now(), Primary: c.Nodes[0], Standby: c.Nodes[1], Behind: -1}
	return k
}

// Ready is closed when the cluster first takes writes.
func (k *Keeper) Ready() <-chan struct{} { return k.ready }

// Run brings the cluster up and keeps it until ctx ends. It leaves the servers as
// they are and the lease free.
func (k *Keeper) Run(ctx context.Context) {
	beat := time.NewTicker(k.c.Beat)
	defer beat.Stop()
	for ctx.Err() == nil {
		k.step(ctx)
		wake := k.retry.timer(!k.leading)
		select {
		case <-ctx.Done():
		case <-beat.C:
		case <-wake.C:
		case <-k.primaryEnded():
		case <-k.standbyEnded():
		case err := <-k.mending:
			k.mended(err)
		}
		wake.Stop()
	}
	k.stopMending()
	k.release(ctx)
}

// step does what is to be done now.
func (k *Keeper) step(ctx context.Context) {
	if !k.hold(ctx) {
		k.fence(ctx)
		return
	}
	if k.standbyUp && ended(k.standbyEnded()) {
		k.standbyUp = false
	}
	if k.leading && ended(k.primaryEnded()) {
		k.lost(ctx, "the primary's process ended")
	}
	if !k.leading {
		k.raise(ctx)
	}
	if !k.leading || !k.beat(ctx) {
		return
	}
	k.tend(ctx)
}

// primaryEnded is closed when the primary that should run does not; nil, which
// never is, when none should, or when without a lease nothing can be done about it.
func (k *Keeper) primaryEnded() <-chan struct{} {
	if !k.leading || !k.held {
		return nil
	}
	return k.c.Servers.Ended(k.lease.Primary)
}

func (k *Keeper) standbyEnded() <-chan struct{} {
	if !k.standbyUp || !k.held {
		return nil
	}
	return k.c.Servers.Ended(k.c.other(k.lease.Primary))
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// beat looks at the primary, and gives it up when it hangs.
func (k *Keeper) beat(ctx context.Context) bool {
	asking, cancel := context.WithTimeout(ctx, k.c.Beat)
	look, err := k.c.Servers.Look(asking, k.lease.Primary)
	cancel()
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
	case ended(k.primaryEnded()):
		k.lost(ctx, "the primary's process ended")
		return false
	default:
		if k.misses++; k.hangs(ctx) {
			k.lost(ctx, "the primary does not answer")
		}
		return false
	}
	k.misses = 0
	k.see(look)
	if k.lease.Standby != "" && (k.since(k.stuckSince) >= k.c.DegradeAfter || k.since(k.lostSince) >= k.c.DegradeAfter) {
		k.degrade(ctx)
	}
	return k.held && k.leading
}

// hangs says what a primary's silence means. Both nodes are asked the same at the
// same time: one that is silent while the other answers hangs. If neither answers
// it is the machine, or the way to both, that is slow, and a takeover would not
// help. Without a standby that could take over there is more patience.
func (k *Keeper) hangs(ctx context.Context) bool {
	node, other := k.lease.Primary, k.c.other(k.lease.Primary)
	if k.lease.Standby == "" || !k.standbyUp {
		return k.misses >= k.c.Misses
	}
	ctx, cancel := context.WithTimeout(ctx, duelWithin*k.c.Beat)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- k.c.Servers.Answers(ctx, node) }()
	began := k.c.Now()
	if k.c.Servers.Answers(ctx, other) != nil {
		return false
	}
	took := k.c.Now().Sub(began)
	last := time.NewTimer(max(k.c.Beat, duelGrace*took) - took)
	defer last.Stop()
	select {
	case err := <-answer: // an error is an answer too: it may be recovering from a crash of its own
		return err != nil && ctx.Err() == nil && k.misses >= k.c.Misses
	case <-last.C:
		return ctx.Err() == nil
	}
}

const (
	duelWithin = 6 // beats in which a node has to answer to be heard at all
	duelGrace  = 4 // times as long as the other a primary may take to answer, and a beat at least
)

// see notes what the primary said.
func (k *Keeper) see(look Look) {
	switch {
	case look.Following:
		k.lostSince, k.remade = time.Time{}, 0
	case k.lostSince.IsZero():
		k.lostSince = k.c.Now()
	}
	switch {
	case look.Waits == 0 || look.Confirmed != k.confirmed:
		k.stuckSince = time.Time{}
	case k.stuckSince.IsZero():
		k.stuckSince = k.c.Now()
	}
	k.confirmed = look.Confirmed
	k.tell(func(s *Status) { s.Timeline, s.Follows, s.Behind = look.Timeline, look.Following, look.Behind })
}

// since is how long ago that was; nothing when it never was.
func (k *Keeper) since(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return k.c.Now().Sub(t)
}

// during runs a step of some length, and renews the lease meanwhile; when that is
// lost the step is broken off.
func (k *Keeper) during(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	renew := time.NewTicker(k.c.TTL / 3)
	defer renew.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-renew.C:
			if k.held && !k.hold(ctx) {
				cancel()
			}
		}
	}
}

// retry spaces attempts that fail.
type retry struct {
	c    *Config
	wait time.Duration
	at   time.Time
}

// due reports whether the next attempt may be made.
func (r *retry) due() bool { return !r.c.Now().Before(r.at) }

func (r *retry) failed() {
	r.wait = min(max(2*r.wait, r.c.RetryMin), r.c.RetryMax)
	r.at = r.c.Now().Add(r.wait)
}

func (r *retry) done() { r.wait, r.at = 0, time.Time{} }

// timer fires when the next attempt is due, where one is wanted.
func (r *retry) timer(wanted bool) *time.Timer {
	if !wanted || r.at.IsZero() {
		t := time.NewTimer(time.Hour)
		t.Stop()
		return t
	}
	return time.NewTimer(max(r.at.Sub(r.c.Now()), time.Millisecond))
}
