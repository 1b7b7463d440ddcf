package failover

import (
	"context"
	"fmt"
	"time"

	"meridian/world"
)

// hold has the lease, or renews it, or takes it where it is free. False: nothing
// of ours may take writes. A store that does not answer is borne until shortly
// before the lease runs out.
func (k *Keeper) hold(ctx context.Context) bool {
	if !k.held {
		return k.acquire(ctx)
	}
	now := k.c.Now()
	if now.Before(k.renewAt) {
		return true
	}
	next := k.lease
	next.Until = now.Add(k.c.TTL)
	err := k.swap(ctx, next)
	switch {
	case err == nil:
		return true
	case world.Is(err, world.CodeConflict):
		k.enter(Fenced, "another keeper has taken the lease")
		k.held = false
	case k.c.Now().Add(2 * k.c.Beat).Before(k.lease.Until):
		k.renewAt = now.Add(k.c.Beat)
		k.c.Log.Warn("a lease was not renewed", "cluster", k.c.Cluster, "until", k.lease.Until, "err", err)
	default:
		k.enter(Fenced, "the lease runs out and its store does not answer")
		k.held = false
	}
	return k.held
}

// acquire takes the lease where it is free, or makes the first.
func (k *Keeper) acquire(ctx context.Context) bool {
	asking, cancel := context.WithTimeout(ctx, k.c.Patience)
	defer cancel()
	now := k.c.Now()
	lease, err := k.c.Store.Read(asking, k.c.Cluster)
	switch {
	case err != nil:
		k.enter(Fenced, "the store of the lease does not answer")
		return false
	case !lease.free(k.c.Keeper, now):
		k.enter(Fenced, fmt.Sprintf("%s holds the lease until %s", lease.Holder, lease.Until.UTC().Format(time.RFC3339)))
		return false
	case lease.Epoch == 0:
		lease = Lease{Cluster: k.c.Cluster, Primary: k.c.Nodes[0], Revision: lease.Revision}
		next := lease
		next.Epoch = 1
		lease.Primary = "" // there was none
		return k.take(ctx, lease, next)
	case lease.Primary != k.c.Nodes[0] && lease.Primary != k.c.Nodes[1]:
		k.enter(Fenced, fmt.Sprintf("by the lease the primary is %q, which is not one of ours", lease.Primary))
		return false
	}
	return k.take(ctx, lease, lease)
}

func (k *Keeper) take(ctx context.Context, was, next Lease) bool {
	next.Holder, next.Until = k.c.Keeper, k.c.Now().Add(k.c.TTL)
	k.lease = was
	if err := k.swap(ctx, next); err != nil {
		k.enter(Fenced, "the lease could not be taken")
		return false
	}
	k.held = true
	k.tell(func(*Status) {})
	return true
}

// swap changes the lease in the store, then here. Every change renews it.
func (k *Keeper) swap(ctx context.Context, next Lease) error {
	now := k.c.Now()
	next.Until = now.Add(k.c.TTL)
	if err := Check(k.lease, next); err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, k.c.Beat)
	defer cancel()
	got, err := k.c.Store.Swap(asking, k.lease, next)
	if err != nil {
		return err
	}
	k.lease, k.renewAt = got, now.Add(k.c.TTL/3)
	return nil
}

// change is swap for what a decision rests on. When it is not known whether it
// was made, the lease is read anew before anything else.
func (k *Keeper) change(ctx context.Context, next Lease) bool {
	err := k.swap(ctx, next)
	if err != nil {
		k.c.Log.Warn("a lease was not changed", "cluster", k.c.Cluster, "err", err)
		k.held = false
	}
	return err == nil
}

// fence sees to it that nothing of ours takes writes without a lease.
func (k *Keeper) fence(ctx context.Context) {
	if !k.leading || ctx.Err() != nil {
		return
	}
	k.stopMending()
	if err := k.c.Servers.Kill(ctx, k.lease.Primary); err != nil {
		k.c.Log.Error("a primary without a lease could not be stopped", "cluster", k.c.Cluster, "node", k.lease.Primary, "err", err)
		return
	}
	k.leading = false
}

// release lets another keeper begin at once.
func (k *Keeper) release(ctx context.Context) {
	if !k.held {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.c.Beat)
	defer cancel()
	next := k.lease
	next.Until = k.c.Now()
	if _, err := k.c.Store.Swap(ctx, k.lease, next); err != nil {
		k.c.Log.Info("a lease was not released: it runs out by itself", "cluster", k.c.Cluster, "err", err)
	}
}
