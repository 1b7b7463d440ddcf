package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"meridian/engine/failover"
	"meridian/world"
)

// promotePatience bounds each step of a promotion.
const promotePatience = 30 * time.Second

// nowhere is whom a standby follows that is to hear nobody.
const nowhere = "host='/nowhere' connect_timeout=1"

// Promote has a region's replica take the place of the primary. With abandon also
// where more could be had. In order: the lease names the new primary, so that
// nothing starts the old one; the old one is stopped; the new one hears nobody any
// more and has replayed what it has, and what it has is written down; it is
// promoted; the others follow it. One that was broken off is carried on by asking
// for it again.
//
// Errors: those of [Regional.Assess]; conflict and unavailable where
// [failover.Promotion.Refuse] says so, and then nothing has changed; after others
// the lease may name the new primary already.
func (r *Regional) Promote(ctx context.Context, region string, abandon bool) (failover.Promotion, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	lease, err := r.Lease(ctx)
	if err != nil {
		return failover.Promotion{}, err
	}
	if to, err := r.seat(lease.Primary); err == nil && to.Region == region && r.halfway(to) {
		p := r.recordOf(lease.Epoch)
		if p.Epoch == 0 { // it was not begun here
			p = failover.Promotion{Cluster: r.c.Cluster, Epoch: lease.Epoch, From: r.other(to).Spec.Name, FromRegion: r.other(to).Region, To: to.Spec.Name, ToRegion: region, At: r.c.Now()}
		}
		return p, r.raise(ctx, to, &p)
	}
	p, err := r.Assess(ctx, region)
	if err == nil {
		err = p.Refuse(abandon)
	}
	if err != nil {
		return p, err
	}
	to, err := r.seat(p.To)
	if err != nil {
		return p, err
	}
	p.At = r.c.Now()
	if err := r.record(p); err != nil {
		return p, err
	}
	if err := r.rename(ctx, lease, p); err != nil {
		return p, err
	}
	if err := r.fence(ctx, p); err != nil {
		return p, err
	}
	return p, r.raise(ctx, to, &p)
}

// other is the first server of another region.
func (r *Regional) other(than Seat) Seat {
	for _, s := range r.c.Seats {
		if s.Region != than.Region {
			return s
		}
	}
	return than
}

// halfway reports whether a server that the lease names as primary was not
// promoted yet.
func (r *Regional) halfway(s Seat) bool {
	standby, err := isStandby(s.Spec)
	return err == nil && standby
}

// rename has the lease name the new primary.
func (r *Regional) rename(ctx context.Context, lease failover.Lease, p failover.Promotion) (err error) {
	next := lease
	next.Cluster, next.Holder, next.Until = r.c.Cluster, r.c.Keeper, r.c.Now()
	if lease.Epoch == 0 {
		was := lease
		was.Primary, next.Epoch = "", 1
		if lease, err = r.c.Store.Swap(ctx, was, next); err != nil {
			return err
		}
		next = lease
	}
	next.Epoch, next.Primary, next.Standby = p.Epoch, p.To, ""
	_, err = r.c.Store.Swap(ctx, lease, next)
	if world.Is(err, world.CodeConflict) { // it is not made: another has moved the primary meanwhile
		return errors.Join(err, os.Remove(r.recordPath(p.Epoch)))
	}
	return err
}

// fence ends the old primary, and whatever else stands in its region: in order
// when it hands over.
func (r *Regional) fence(ctx context.Context, p failover.Promotion) error {
	var errs []error
	for _, s := range r.c.Seats {
		if s.Region != p.FromRegion {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, promotePatience)
		if p.Planned && s.Spec.Name == p.From {
			if err := r.sup.StopOne(ctx, p.From); err != nil && !world.Is(err, world.CodeNotFound) {
				r.c.Log.Warn("a primary did not end in order", "server", p.From, "err", err)
			}
		}
		errs = append(errs, r.sup.Fence(ctx, s.Spec))
		cancel()
		r.sup.forget(s.Spec.Name)
	}
	return errors.Join(errs...)
}

// raise promotes what the lease names, and has the others follow it.
func (r *Regional) raise(ctx context.Context, to Seat, p *failover.Promotion) error {
	within, cancel := context.WithTimeout(ctx, promotePatience)
	defer cancel()
	silent := to.Spec
	silent.StandbyOf = &Upstream{Name: p.From, ConnInfo: nowhere}
	if err := r.sup.Reconfigure(silent); err != nil {
		return err
	}
	lsn, low, next, err := r.c.Console.End(within, conn(to.Spec))
	if err != nil {
		return err
	}
	p.Fork = world.Position{Cluster: r.c.Cluster, Epoch: p.Has.Epoch, LSN: lsn}
	p.ForkLow, p.ForkNext = low, next
	if err := r.record(*p); err != nil {
		return err
	}
	if err := r.takeWrites(within, to); err != nil {
		return err
	}
	p.Seconds = r.c.Now().Sub(p.At).Seconds()
	r.c.Log.Warn("another region's replica has taken over", "cluster", r.c.Cluster, "from", p.From, "to", p.To, "epoch", p.Epoch,
		"missing_bytes", p.Missing, "took", p.Seconds)
	errs := []error{r.record(*p)}
	for _, s := range r.c.Seats {
		if s.Region != p.FromRegion && s.Spec.Name != p.To {
			errs = append(errs, r.follow(ctx, s, to))
		}
	}
	if r.c.Moved != nil {
		errs = append(errs, r.c.Moved(ctx, to))
	}
	return errors.Join(errs...)
}

// takeWrites promotes a server. One of a pair is left to the pair's keeper, which
// carries on by the lease.
func (r *Regional) takeWrites(ctx context.Context, to Seat) error {
	if to.Spec.Peer == "" {
		return r.sup.Promote(ctx, to.Spec)
	}
	if err := r.sup.StopOne(ctx, to.Spec.Name); err != nil {
		return err
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if r.stand(ctx, to).Primary {
			return nil
		}
		select {
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, "pgcluster.promote", "The keeper of "+r.c.Cluster+" does not carry the promotion on: see its state.", ctx.Err())
		case <-tick.C:
		}
	}
}

// Raise starts the server that the lease names as primary, where it does not run,
// and carries on what was broken off of its promotion.
func (r *Regional) Raise(ctx context.Context) error {
	primary, err := r.Primary(ctx)
	if err != nil {
		return err
	}
	if !r.halfway(primary) {
		return r.sup.Start(ctx, []Spec{primary.Spec}, nil)
	}
	silent := primary.Spec
	silent.StandbyOf = &Upstream{Name: r.other(primary).Spec.Name, ConnInfo: nowhere}
	if err := r.sup.Start(ctx, []Spec{silent}, nil); err != nil {
		return err
	}
	_, err = r.Promote(ctx, primary.Region, false)
	return err
}

// follow gives a standby another primary. One that does not run learns of it when
// it starts.
func (r *Regional) follow(ctx context.Context, s, primary Seat) error {
	sp, err := r.Standby(ctx, s, primary)
	if err != nil {
		return err
	}
	if err := r.sup.Reconfigure(sp); err != nil && !world.Is(err, world.CodeNotFound) {
		return err
	}
	return nil
}

// Attach sees to it that a standby follows the primary: one that has log which the
// primary's history does not is made anew out of it. It returns once it follows, or
// when ctx ends. Errors: not_found for one that does not run, timeout.
func (r *Regional) Attach(ctx context.Context, node string) error {
	tick := time.NewTicker(attachLook)
	defer tick.Stop()
	for parted := 0; ; {
		done, err := r.attached(ctx, node, &parted)
		if done || world.Is(err, world.CodeNotFound) {
			return err
		}
		select {
		case <-ctx.Done():
			return world.Because(world.CodeTimeout, "pgcluster.attach", node+" does not follow yet.", errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

const (
	attachLook  = 500 * time.Millisecond // how often it is looked whether a standby follows
	partedLooks = 4                      // so often in a row it has parted, and is made anew
)

// attached looks once; it counts in parted how often in a row the standby had log
// that the primary has not.
func (r *Regional) attached(ctx context.Context, node string, parted *int) (bool, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	s, err := r.seat(node)
	if err != nil {
		return false, err
	}
	primary, err := r.Primary(ctx)
	if err != nil || primary.Spec.Name == node {
		return err == nil, err
	}
	if _, err := r.sup.find("pgcluster.attach", node); err != nil {
		return false, err
	}
	asking, cancel := context.WithTimeout(ctx, r.c.Patience)
	defer cancel()
	if ok, err := r.c.Console.Follows(asking, conn(primary.Spec), conn(s.Spec)); err != nil || ok {
		return ok, err
	}
	apart, err := r.c.Console.Parted(asking, conn(primary.Spec), conn(s.Spec))
	if err != nil {
		return false, err
	}
	if *parted++; !apart {
		*parted = 0
	}
	if *parted < partedLooks {
		return false, nil
	}
	*parted = 0
	r.c.Log.Warn("a standby has more of the former primary than its successor and is made anew", "server", node, "primary", primary.Spec.Name)
	if err := r.sup.StopOne(ctx, node); err != nil {
		return false, err
	}
	return false, r.remake(ctx, s, primary, false)
}

// remake makes a stopped server's directory that of a standby of the primary, and
// starts it.
func (r *Regional) remake(ctx context.Context, s, primary Seat, anew bool) error {
	sp, err := r.Standby(ctx, s, primary)
	if err != nil {
		return err
	}
	way, err := r.c.Way(ctx, s, primary)
	if err != nil {
		return err
	}
	if err := r.sup.reseed(ctx, r.c.Console, sp, primary.Spec, conn(way), anew); err != nil {
		return err
	}
	return r.sup.Start(ctx, []Spec{sp}, nil)
}

// errLost is a server that cannot come back by itself.
func errLost(node string, err error) error {
	return world.Because(world.CodeUnavailable, "pgcluster.return", fmt.Sprintf("%s cannot come back: see its log.", node), err)
}
