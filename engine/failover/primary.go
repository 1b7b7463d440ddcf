package failover

import (
	"context"
	"errors"
	"time"
)

// raiseTries is how often the primary may fail to start before a marked standby
// takes its place.
const raiseTries = 3

// raise runs the node that the lease names as primary. One whose data are a
// standby's was being promoted when its keeper ended: that is carried on.
func (k *Keeper) raise(ctx context.Context) {
	if !k.retry.due() {
		return
	}
	node, confirm, clear := k.lease.Primary, k.lease.Standby, k.raised
	k.raised = true
	err := k.during(ctx, k.c.Patience, func(ctx context.Context) error {
		if clear {
			if err := k.c.Servers.Kill(ctx, node); err != nil {
				return err
			}
		}
		standby, err := k.c.Servers.IsStandby(node)
		if err != nil {
			return err
		}
		if !standby {
			err = k.c.Servers.StartPrimary(ctx, node, confirm)
		} else if err = k.c.Servers.StartStandby(ctx, node, k.c.other(node)); err == nil {
			err = k.c.Servers.Promote(ctx, node)
		}
		return errors.Join(err, k.c.Servers.Lead(ctx, node))
	})
	switch {
	case ctx.Err() != nil || !k.held:
	case err == nil:
		k.leads(confirm)
	default:
		k.failures++
		k.retry.failed()
		k.enter(Broken, "the primary does not start")
		k.c.Log.Error("a primary does not start", "cluster", k.c.Cluster, "node", node, "tries", k.failures, "err", err)
		if k.failures >= raiseTries && k.lease.Standby != "" {
			k.takeover(ctx, "the primary does not start")
		}
	}
}

// leads notes that the lease's primary takes writes, and whom they wait for.
func (k *Keeper) leads(confirm string) {
	k.leading, k.raised, k.failures, k.misses, k.confirming = true, true, 0, 0, confirm
	k.retry.done()
	k.lostSince, k.stuckSince, k.remade = k.c.Now(), time.Time{}, 0 // the standby has to come to it
	if confirm == "" {
		k.enter(Degraded, "no standby confirms commits yet")
	} else {
		k.enter(Synced, "")
	}
	select {
	case <-k.ready:
	default:
		close(k.ready)
	}
}

// lost is a primary that is no more, or as good as that. A standby that has
// everything takes over; otherwise the primary itself is brought back.
func (k *Keeper) lost(ctx context.Context, why string) {
	k.leading = false
	k.stopMending()
	if k.lease.Standby != "" && k.standbyUp && !ended(k.standbyEnded()) {
		k.takeover(ctx, why)
		return
	}
	k.enter(Broken, why+", and no standby can take over")
}

// takeover makes the marked standby the primary of the next epoch. The old one is
// dead before that; the lease says so before the new one takes a write.
func (k *Keeper) takeover(ctx context.Context, why string) {
	began := k.c.Now()
	from, to := k.lease.Primary, k.lease.Standby
	k.enter(Takeover, why)
	err := k.during(ctx, k.c.Patience, func(ctx context.Context) error {
		if err := k.c.Servers.Kill(ctx, from); err != nil || k.standbyUp {
			return err
		}
		return k.c.Servers.StartStandby(ctx, to, from)
	})
	if err != nil || !k.held {
		k.retry.failed()
		k.c.Log.Error("a takeover was not begun", "cluster", k.c.Cluster, "to", to, "err", err)
		return
	}
	k.standbyUp = true
	next := k.lease
	next.Epoch, next.Primary, next.Standby = next.Epoch+1, to, ""
	k.taking = &Took{At: began, From: from, To: to, Why: why, Epoch: next.Epoch}
	if !k.change(ctx, next) {
		return
	}
	k.standbyUp = false // it is the primary now, and the other is down
	err = k.during(ctx, k.c.Patience, func(ctx context.Context) error {
		return errors.Join(k.c.Servers.Promote(ctx, to), k.c.Servers.Lead(ctx, to))
	})
	if err != nil || !k.held {
		k.raised = true
		k.retry.failed()
		k.c.Log.Error("a promotion failed and is carried on", "cluster", k.c.Cluster, "node", to, "err", err)
		return
	}
	k.leads("")
}
