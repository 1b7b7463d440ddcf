package ops

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"meridian/engine/cdnkey"
	"meridian/engine/pause"
	"meridian/world"
)

// Provider is an outside CDN in front of our edges.
type Provider struct {
	Name  string   // as acknowledgements name it: "fastly:main"
	Hosts []string // of the names that it serves; none: of all
	CDN   world.CDN
}

// courier brings one provider what the feed says, in order and until it is
// done: it follows the feed from the place that the provider has reached, which is
// kept beside the feed, so whoever is killed goes on there. Each provider has a
// courier of its own, so none waits for another.
type courier struct {
	ops     *Ops
	p       Provider
	markets map[string]bool // that it serves; nil: all
	limiter *rate.Limiter

	mu      sync.Mutex
	queue   pending
	heard   world.Cursor // up to where the feed has been read
	begun   bool
	state   world.ProviderState
	unsaved bool
	changed chan struct{} // something was added; one slot
}

func newCourier(o *Ops, p Provider) *courier {
	l, cfg := p.CDN.Limits(), o.cfg.Outside
	every := rate.Inf
	if l.Every > 0 {
		every = rate.Every(l.Every)
	}
	c := &courier{
		ops: o, p: p, limiter: rate.NewLimiter(every, max(l.Burst, 1)), changed: make(chan struct{}, 1),
		queue: pending{most: cfg.MaxPending, soon: cfg.Soon, after: cfg.After, again: cfg.Again},
		state: world.ProviderState{Provider: p.Name, Region: o.cfg.Region},
	}
	for _, h := range p.Hosts {
		if m, ok := o.deps.World.MarketByHost(h); ok {
			if c.markets == nil {
				c.markets = map[string]bool{}
			}
			c.markets[m.ID] = true
		}
	}
	return c
}

// run serves the provider until ctx ends.
func (c *courier) run(ctx context.Context) {
	if !c.resume(ctx) {
		return
	}
	from := c.state.Cursor // read here: delivering moves it
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		_ = c.ops.deps.Feed(ctx, from, c.take, func(err error) { // it ends with ctx alone
			c.ops.deps.Log.Warn("a provider's feed is lost, following again", "provider", c.p.Name, "err", err)
		})
	})
	for c.deliver(ctx) {
	}
}

// resume reads how far the provider is; false when ctx has ended.
func (c *courier) resume(ctx context.Context) bool {
	for {
		states, missing, err := c.ops.deps.Ledger.Providers(ctx)
		if err == nil && !slices.Contains(missing, c.ops.cfg.Region) {
			c.restore(states)
			return true
		}
		if ctx.Err() == nil {
			c.ops.deps.Log.Warn("how far a provider is cannot be read, trying again", "provider", c.p.Name, "err", err)
		}
		if !pause.For(ctx, c.ops.cfg.RetryEvery) {
			return false
		}
	}
}

func (c *courier) restore(states []world.ProviderState) {
	for _, s := range states {
		if s.Provider == c.p.Name && s.Region == c.ops.cfg.Region {
			c.state = s
		}
	}
	if at, err := world.ParseCursor(c.state.Cursor); err == nil && c.state.Cursor != "" {
		c.heard, c.begun = at, true
		_ = c.ops.acks.take(c.p.Name, at, true, c.ops.deps.Now()) // it is among the tiers
		return
	}
	c.state.Cursor = world.CursorNow
}

// take takes an event from the feed. The first of a feed that is not resumed,
// and one that begins anew, have the provider forget everything: nobody knows what
// it has cached meanwhile.
func (c *courier) take(e world.Event) error {
	at, err := world.ParseCursor(e.Cursor)
	if err != nil {
		return err
	}
	now := c.ops.deps.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	anew := e.Reset || c.begun && at.History != c.heard.History
	switch {
	case anew || !c.begun:
		c.queue.add(errand{cursor: at, what: world.Forget{All: true}, came: now})
	case e.Kind == world.EventPurge:
		c.queue.add(errand{cursor: at, what: c.forget(e.Purge()), came: now})
	}
	c.heard, c.begun = at, true
	if anew { // what was acknowledged before says nothing
		_ = c.ops.acks.take(c.p.Name, world.Cursor{History: at.History}, true, now)
	}
	c.wake()
	return nil
}

// wake has the queue looked at.
func (c *courier) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// forget is what a purge means to this provider; nothing, where it is of markets
// alone that it does not serve.
func (c *courier) forget(p world.Purge) world.Forget {
	if c.markets != nil && !p.All {
		foreign := func(home string, ok bool) bool { return ok && !c.markets[home] }
		p.Groups = slices.DeleteFunc(slices.Clone(p.Groups), func(g string) bool { return foreign(c.ops.marketOfGroup(g)) })
		p.URLs = slices.DeleteFunc(slices.Clone(p.URLs), func(u string) bool { return foreign(c.ops.marketOfURL(u)) })
	}
	keys, all := cdnkey.ForPurge(c.ops.deps.World, p)
	return world.Forget{Keys: keys, All: all, Soft: p.Soft}
}

// deliver does what is due, or waits until something is; false when ctx has ended.
func (c *courier) deliver(ctx context.Context) bool {
	c.settle(ctx)
	moved := c.ops.acks.moves()
	c.mu.Lock()
	now := c.ops.deps.Now()
	indexes, next := c.queue.due(now, c.ops.taken)
	var due []errand
	for _, i := range indexes {
		due = append(due, c.queue.list[i])
	}
	idle, unsaved := len(c.queue.list) == 0, c.unsaved
	c.mu.Unlock()
	if len(due) > 0 {
		return c.carryOut(ctx, due)
	}
	wait := c.ops.cfg.Outside.SaveEvery
	if !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	if unsaved {
		wait = min(wait, c.ops.cfg.RetryEvery)
	}
	if idle {
		moved = nil // nothing waits for our tiers
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-c.changed:
	case <-moved:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// carryOut asks the provider for some errands, as often as it takes.
func (c *courier) carryOut(ctx context.Context, due []errand) bool {
	var cursors []world.Cursor
	for _, e := range due {
		cursors = append(cursors, e.cursor)
	}
	for _, f := range requests(due, c.p.CDN.Limits(), c.ops.cfg.Outside.MaxKeys) {
		switch err := c.insist(ctx, f); {
		case errors.Is(err, errAllInstead):
			c.mu.Lock()
			c.queue.collapse(c.ops.deps.Now())
			c.mu.Unlock()
			return true
		case err != nil:
			return false
		}
		if f.All {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue.carried(cursors, c.ops.deps.Now())
	return true
}

// errAllInstead says that keys are not the way: everything has to be forgotten.
var errAllInstead = errors.New("ops: everything instead")

// insist makes a request until it is done. Errors: ctx's, errAllInstead.
func (c *courier) insist(ctx context.Context, f world.Forget) error {
	for failures := 0; ; failures++ {
		if err := c.limiter.Wait(ctx); err != nil {
			return err
		}
		err := c.p.CDN.Forget(ctx, f)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			c.recovered()
			return nil
		}
		wait := c.failed(ctx, err, failures)
		if code := world.CodeOf(err); !f.All && (code == world.CodeInvalid || code == world.CodeTooLarge || c.gaveUp()) {
			return errAllInstead
		}
		if !pause.For(ctx, wait) {
			return ctx.Err()
		}
	}
}

// recovered notes that the provider does what it is asked.
func (c *courier) recovered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Error != "" {
		c.state.Error, c.state.Since, c.state.GivenUp, c.unsaved = "", time.Time{}, false, true
	}
}

func (c *courier) gaveUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.GivenUp
}

// failed notes a failure and says how long to wait until the next attempt:
// longer each time, as long as the provider says, and longest where it does not
// pass by itself.
func (c *courier) failed(ctx context.Context, err error, failures int) time.Duration {
	cfg, now := c.ops.cfg.Outside, c.ops.deps.Now()
	wait := cfg.RetryMost
	var e *world.Error
	lasting := errors.As(err, &e) && !e.Retry
	if failures < 20 && !lasting {
		wait = min(cfg.RetryFirst<<failures, cfg.RetryMost)
	}
	var told world.TryAfter
	if errors.As(err, &told) {
		wait = max(wait, time.Duration(told))
	}
	c.mu.Lock()
	before := c.state
	c.state.Error = messageOf(err)
	if c.state.Since.IsZero() {
		c.state.Since = now
	}
	if now.Sub(c.state.Since) >= cfg.GiveUp {
		c.state.GivenUp, wait = true, cfg.GivenUpEvery
	}
	news := before.Error != c.state.Error || before.GivenUp != c.state.GivenUp
	c.unsaved = c.unsaved || news
	c.mu.Unlock()
	if news {
		c.ops.deps.Log.Warn("a provider does not forget, trying again", "provider", c.p.Name, "in", wait, "err", err)
		c.save(ctx)
	}
	return wait
}

// messageOf is what may be shown of an error.
func messageOf(err error) string {
	var e *world.Error
	if errors.As(err, &e) && e.Message != "" {
		return e.Message
	}
	return "It failed; the log of ops says why."
}

// settle acknowledges what is over, and keeps how far the provider is.
func (c *courier) settle(ctx context.Context) {
	c.mu.Lock()
	now := c.ops.deps.Now()
	at, some := c.queue.finished()
	if len(c.queue.list) == 0 && c.begun {
		at = c.heard // heartbeats say that nothing was missing
	}
	c.unsaved = c.unsaved || some || at != (world.Cursor{}) && now.Sub(c.state.At) >= c.ops.cfg.Outside.SaveEvery
	if at != (world.Cursor{}) {
		c.state.Cursor = at.String()
		_ = c.ops.acks.take(c.p.Name, at, false, now) // it is among the tiers
	}
	unsaved := c.unsaved
	if unsaved {
		c.state.At = now
	}
	c.mu.Unlock()
	if unsaved {
		c.save(ctx)
	}
}

// save keeps the state. What could not be kept is kept the next time; a process
// that begins where it was last kept forgets something twice.
func (c *courier) save(ctx context.Context) {
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	if s.Cursor == world.CursorNow {
		s.Cursor = ""
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	err := c.ops.deps.Ledger.SaveProvider(ctx, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsaved = err != nil
	if err != nil && ctx.Err() == nil {
		c.ops.deps.Log.Warn("how far a provider is cannot be kept, trying again", "provider", c.p.Name, "err", err)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
