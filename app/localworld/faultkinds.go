package localworld

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meridian/adapter/wan"
	"meridian/app"
	"meridian/world"
)

// faultKinds are the ways in which this world can go wrong.
func (u *up) faultKinds() []faultKind {
	monitor, names := u.lacks("monitor"), u.lacks("geodns")
	return []faultKind{
		{Name: "kill", Target: "a part, as /parts names them", Says: "ends it as a power cut does; healed, it starts again", begin: u.faultKill},
		{Name: "lost", Target: "a region or PoP", Says: "every part there is killed and every link to it swallows what is sent", begin: u.faultLost},
		{Name: "cut", Target: "a region, a PoP, or a link a>b", Says: "links swallow what is sent, or with mode refuse reset connections; what runs there runs on", begin: u.faultCut},
		{Name: "slow", Target: "a region, a PoP, or a link a>b", Says: "delay_ms more for each round trip, and loss of packets", begin: u.faultSlow},
		{Name: "skew", Target: "a region or PoP", Says: "the clock of the roles there is skew_ms ahead", begin: u.faultTrouble(func(t *app.Trouble, f Fault) { t.SkewMS = f.SkewMS })},
		{Name: "full", Target: "a region", Says: "its object stores take nothing more, as full disks do", begin: u.faultTrouble(func(t *app.Trouble, _ Fault) { t.Full = true })},
		{Name: "lag", Target: "a region", Says: "its replicas of other regions' catalogs stand still", begin: u.faultLag},
		{Name: "freeze", Lacks: monitor, Target: "a region", Says: "its monitor's feed hangs", begin: u.faultTrouble(func(t *app.Trouble, _ Fault) { t.Frozen = true })},
		{Name: "isolate", Lacks: monitor, Target: "a region", Says: "its monitor hears nobody and is heard by nobody; all else there goes on", begin: u.faultTrouble(func(t *app.Trouble, _ Fault) { t.Isolated = true })},
		{Name: "no-udp", Lacks: names, Target: "a place with a name server", Says: "it drops what comes over UDP and answers over TCP only", begin: u.faultTrouble(func(t *app.Trouble, _ Fault) { t.NoUDP = true })},
	}
}

// lacks says that no role of a name runs in this world; "" where one does.
func (u *up) lacks(role string) string {
	if slices.ContainsFunc(u.units, func(v *unit) bool { return strings.HasPrefix(v.name, role+"@") }) {
		return ""
	}
	return "No role " + role + " runs in this world."
}

func (u *up) faultKill(ctx context.Context, f Fault) (func(context.Context) error, error) {
	if _, err := u.findPart(f.Target); err != nil {
		return nil, err
	}
	return u.revival(f.Target), u.killPart(ctx, f.Target)
}

// revival starts a part again; one that somebody has started meanwhile is well.
func (u *up) revival(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		if p, err := u.findPart(name); err == nil && p.State == partUp {
			return nil
		}
		return u.startPart(ctx, name)
	}
}

func (u *up) isPlace(name string) bool {
	return slices.ContainsFunc(u.plan.w.Regions, func(r world.Region) bool { return r.ID == name }) ||
		slices.ContainsFunc(u.plan.w.PoPs, func(p world.PoP) bool { return p.ID == name })
}

func noPlace(target string) error {
	return world.E(world.CodeInvalid, "faults", fmt.Sprintf("The target %.80q is no region or PoP of this world.", target))
}

// faultLost kills all parts of a place at once, behind links that swallow.
func (u *up) faultLost(ctx context.Context, f Fault) (func(context.Context) error, error) {
	if !u.isPlace(f.Target) {
		return nil, noPlace(f.Target)
	}
	var victims []Part
	for _, p := range u.parts() {
		if p.Place == f.Target && p.State == partUp {
			victims = append(victims, p)
		}
	}
	if err := u.network.CutPlace(f.Target, wan.Blackhole); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(victims))
	for i, p := range victims {
		wg.Go(func() { errs[i] = u.killPart(ctx, p.Name) })
	}
	wg.Wait()
	heal := func(ctx context.Context) error {
		return errors.Join(u.network.HealPlace(f.Target), u.reviveAll(ctx, victims))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, heal(ctx))
	}
	return heal, nil
}

// reviveAll starts databases side by side, then roles in the order of their needs.
func (u *up) reviveAll(ctx context.Context, victims []Part) error {
	g, within := errgroup.WithContext(ctx)
	for _, p := range victims {
		if p.Kind == kindDatabase {
			g.Go(func() error { return u.revival(p.Name)(within) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, role := range app.RoleNames() { // the table's order is that of their needs
		for _, p := range victims {
			if p.Role != role {
				continue
			}
			if err := u.revival(p.Name)(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// linksOf are the links that a target names: all of a place, or one.
func (u *up) linksOf(target string) ([]wan.LinkStatus, error) {
	if from, to, ok := strings.Cut(target, ">"); ok {
		l, err := u.network.Get(from, to)
		return []wan.LinkStatus{l}, err
	}
	var out []wan.LinkStatus
	for _, l := range u.network.List() {
		if l.From != l.To && (l.From == target || l.To == target) {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return nil, noPlace(target)
	}
	return out, nil
}

func (u *up) faultCut(_ context.Context, f Fault) (func(context.Context) error, error) {
	mode := wan.State(f.Mode)
	if mode == "" {
		mode = wan.Blackhole
	}
	links, err := u.linksOf(f.Target)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if err := u.network.Cut(l.From, l.To, mode); err != nil {
			return nil, err // the mode is wrong: nothing was cut
		}
	}
	return func(context.Context) error {
		var errs []error
		for _, l := range links {
			errs = append(errs, u.network.Heal(l.From, l.To))
		}
		return errors.Join(errs...)
	}, nil
}

// faultSlow makes links worse by what is asked for, and heals them by taking the
// same away: a cut that is made or healed meanwhile stays.
func (u *up) faultSlow(_ context.Context, f Fault) (func(context.Context) error, error) {
	links, err := u.linksOf(f.Target)
	if err != nil {
		return nil, err
	}
	set := func(l wan.LinkStatus, delay time.Duration, loss float64) error {
		now, err := u.network.Get(l.From, l.To)
		if err != nil {
			return err
		}
		now.Delay, now.Loss = delay, loss
		return u.network.SetLink(l.From, l.To, now.Params)
	}
	heal := func(context.Context) error {
		var errs []error
		for _, l := range links {
			errs = append(errs, set(l, l.Delay, l.Loss))
		}
		return errors.Join(errs...)
	}
	more := time.Duration(f.DelayMS * float64(time.Millisecond) / 2)
	for _, l := range links {
		if err := set(l, l.Delay+more, f.Loss); err != nil {
			return nil, errors.Join(err, heal(context.Background()))
		}
	}
	return heal, nil
}

// faultTrouble changes what the roles at a place meet from within.
func (u *up) faultTrouble(change func(*app.Trouble, Fault)) func(context.Context, Fault) (func(context.Context) error, error) {
	return func(ctx context.Context, f Fault) (func(context.Context) error, error) {
		if !u.isPlace(f.Target) {
			return nil, noPlace(f.Target)
		}
		most := float64(app.MaxSkew.Milliseconds())
		if f.SkewMS < -most || f.SkewMS > most {
			return nil, world.E(world.CodeInvalid, "faults", fmt.Sprintf("skew_ms must be between -%.0f and %.0f.", most, most))
		}
		if err := u.troubles.change(ctx, f.Target, func(t *app.Trouble) { change(t, f) }); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error {
			return u.troubles.change(ctx, f.Target, func(t *app.Trouble) {
				var none app.Trouble
				change(&none, f)
				*t = without(*t, none)
			})
		}, nil
	}
}

// without is a trouble less what another names.
func without(t, less app.Trouble) app.Trouble {
	if less.SkewMS != 0 {
		t.SkewMS = 0
	}
	t.Full = t.Full && !less.Full
	t.Frozen = t.Frozen && !less.Frozen
	t.Isolated = t.Isolated && !less.Isolated
	t.NoUDP = t.NoUDP && !less.NoUDP
	return t
}
