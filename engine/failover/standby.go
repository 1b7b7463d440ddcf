package failover

import (
	"context"
	"time"
)

const (
	confirmWithin = 6 * time.Second // for a standby that streams to have everything
	closeEnough   = 16 << 20        // bytes behind: nearer than that commits may be made to wait for it
)

// degrade lets commits go on without the standby. It loses its mark first: from
// then on nobody promotes it, for it will lack what is acknowledged.
func (k *Keeper) degrade(ctx context.Context) {
	next := k.lease
	next.Standby = ""
	if !k.change(ctx, next) {
		return
	}
	k.enter(Degraded, "the standby does not confirm commits: they go on without it")
	k.alone(ctx)
}

// alone has the primary's commits wait for nobody.
func (k *Keeper) alone(ctx context.Context) bool {
	node := k.lease.Primary
	err := k.during(ctx, confirmWithin, func(ctx context.Context) error { return k.c.Servers.Confirm(ctx, node, "") })
	if err != nil {
		k.c.Log.Error("commits wait for a standby that does not confirm", "cluster", k.c.Cluster, "err", err)
		return false
	}
	k.confirming = ""
	return true
}

// restore has commits wait for a standby that follows, and marks it once it has
// everything.
func (k *Keeper) restore(ctx context.Context) {
	node, by := k.lease.Primary, k.c.other(k.lease.Primary)
	k.confirming = by // as soon as it is tried
	err := k.during(ctx, confirmWithin, func(ctx context.Context) error { return k.c.Servers.Confirm(ctx, node, by) })
	if err != nil {
		k.mend.failed()
		k.c.Log.Info("a standby does not confirm yet", "cluster", k.c.Cluster, "node", by, "err", err)
		return // tend sees to it that commits do not wait
	}
	next := k.lease
	next.Standby = by
	if !k.held || !k.change(ctx, next) {
		return
	}
	k.mend.done()
	k.enter(Synced, "")
}

// tend looks after the standby.
func (k *Keeper) tend(ctx context.Context) {
	if k.lease.Standby == "" && k.confirming != "" && !k.alone(ctx) {
		return
	}
	st := k.Status()
	switch {
	case k.mending != nil || !k.mend.due():
	case !k.standbyUp:
		k.startMending(ctx)
	case k.lease.Standby == "" && st.Follows && st.Behind >= 0 && st.Behind < closeEnough:
		k.restore(ctx)
	case k.since(k.lostSince) >= k.c.RemakeAfter:
		k.remade++
		k.startMending(ctx)
	}
}

// startMending has the standby follow the primary, beside the keeper's own work:
// started as it is; if that did not help, rewound; if that did not, copied anew.
func (k *Keeper) startMending(ctx context.Context) {
	ctx, k.cancel = context.WithTimeout(ctx, 4*k.c.Patience)
	done := make(chan error, 1)
	k.mending, k.standbyUp = done, false
	node, of, remade := k.c.other(k.lease.Primary), k.lease.Primary, k.remade
	go func() { done <- k.mendStandby(ctx, node, of, remade) }()
}

func (k *Keeper) mendStandby(ctx context.Context, node, of string, remade int) error {
	if err := k.c.Servers.Kill(ctx, node); err != nil {
		return err
	}
	standby, err := k.c.Servers.IsStandby(node)
	if err != nil || !standby || remade > 1 {
		if err := k.c.Servers.Rejoin(ctx, node, of, err != nil || remade > 2); err != nil {
			return err
		}
	}
	return k.c.Servers.StartStandby(ctx, node, of)
}

// mended takes the outcome.
func (k *Keeper) mended(err error) {
	k.cancel()
	k.mending = nil
	if err != nil {
		k.mend.failed()
		k.remade++
		k.c.Log.Warn("a standby is not back yet", "cluster", k.c.Cluster, "node", k.c.other(k.lease.Primary), "err", err)
		return
	}
	k.standbyUp = true
	k.mend.done()
	if !k.lostSince.IsZero() {
		k.lostSince = k.c.Now() // it has its time to come
	}
}

// stopMending breaks off what is being mended, and waits for its end.
func (k *Keeper) stopMending() {
	if k.mending == nil {
		return
	}
	k.cancel()
	<-k.mending
	k.mending = nil
}
