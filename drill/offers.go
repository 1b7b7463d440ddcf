package drill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"meridian/app/cli"
	"meridian/engine/pause"
	"meridian/world"
)

// Look learns what the world has: the faults that it offers, its parts, and which
// of its databases are primaries. It is called before each drill: the one before
// may have changed that.
func (t *Target) Look(ctx context.Context) error {
	var err error
	if t.kinds, err = t.API.Kinds(ctx); err != nil {
		return err
	}
	if t.parts, err = t.API.Parts(ctx); err != nil || !t.HA {
		return err
	}
	databases, err := t.API.Databases(ctx)
	t.primaries = map[string]string{}
	for _, d := range databases {
		t.primaries[d.Cluster] = d.Primary
	}
	return err
}

// primary is the server that is a cluster's primary now.
func (t *Target) primary(cluster string) string { return cmp.Or(t.primaries[cluster], cluster) }

// nameServers are the places of the world's name servers.
func (t *Target) nameServers() []string {
	var out []string
	for _, p := range t.parts {
		if p.Role == "geodns" {
			out = append(out, p.Place)
		}
	}
	return out
}

// Lacks says why a drill cannot be run on this world; "" where it can.
func (t *Target) Lacks(d Drill) string {
	if d.HA && !t.HA {
		return "it takes a world with standbys inside each region: start it with `meridian up --ha`"
	}
	if d.Owners && len(t.Secrets.Owners) == 0 {
		return "it takes owners who change prices, whose passwords are in the world's directory: name that with --dir"
	}
	if strings.HasPrefix(d.Name, "dns-") && len(t.nameServers()) == 0 {
		return "no name server runs in this world"
	}
	if d.Plan(t).Purge && t.Secrets.PurgeToken == "" {
		return "purges take a token: set " + cli.PurgeVariable + " to it"
	}
	for _, f := range d.Plan(t).Faults {
		switch k, ok := t.kinds[f.Kind]; {
		case !ok:
			return "the world's API offers no fault " + f.Kind
		case k.Lacks != "":
			return strings.TrimSuffix(k.Lacks, ".")
		}
		if f.Kind == "kill" && !slices.ContainsFunc(t.parts, func(p Part) bool { return p.Name == f.Target }) {
			return "the world has no part " + f.Target
		}
	}
	return ""
}

// offers refuses a drill that this world cannot have, and a world in which
// something is broken already.
func (t *Target) offers(ctx context.Context, d Drill) error {
	if why := t.Lacks(d); why != "" {
		return world.E(world.CodeUnprocessed, "drill "+d.Name, "The drill "+d.Name+" cannot be run here: "+why+".")
	}
	if len(t.World.Regions) < 2 {
		return world.E(world.CodeUnprocessed, "drill "+d.Name, "A world of one region has nowhere to go when that fails: drills take two or more.")
	}
	var active struct{ Faults []Fault }
	if err := t.API.do(ctx, "GET", "/faults", nil, &active); err != nil {
		return err
	}
	if len(active.Faults) > 0 {
		return world.E(world.CodeConflict, "drill "+d.Name, "Something is broken already ("+active.Faults[0].Text()+"): wait until it is healed, or heal it by DELETE /faults.")
	}
	if err := t.awaitWell(ctx); err != nil {
		return err
	}
	return t.API.Restock(ctx)
}

// How long a drill waits for the monitors to trust everything again: what was lost
// in an earlier one is let in only after a while.
const (
	wellWithin = 2 * time.Minute
	wellEvery  = 500 * time.Millisecond
)

// awaitWell waits until the health feed has nothing against anything.
func (t *Target) awaitWell(ctx context.Context) error {
	end := time.Now().Add(wellWithin)
	for {
		v, err := t.health(ctx)
		if err != nil {
			return nil // a world whose API does not tell has no monitors
		}
		i := slices.IndexFunc(v.Targets, func(x world.TargetHealth) bool { return x.State != world.Healthy })
		if i < 0 && !v.Frozen {
			return nil
		}
		if time.Now().After(end) {
			against := "their feed is frozen"
			if i >= 0 {
				against = v.Targets[i].Target + " is " + string(v.Targets[i].State)
			}
			return world.E(world.CodeUnprocessed, "drill.well", fmt.Sprintf("The world is not well: after %v its monitors still say: %s. The drill was not begun.", wellWithin, against))
		}
		if !pause.For(ctx, wellEvery) {
			return world.Because(world.CodeUnavailable, "drill.well", "", ctx.Err())
		}
	}
}
