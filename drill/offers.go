package drill

import (
	"context"
	"slices"
	"strings"

	"meridian/world"
)

// Look learns what the world has: its parts and the faults that it offers. It is
// called once, before the first drill.
func (t *Target) Look(ctx context.Context) error {
	var err error
	if t.kinds, err = t.API.Kinds(ctx); err != nil {
		return err
	}
	t.parts, err = t.API.Parts(ctx)
	return err
}

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
	if strings.HasPrefix(d.Name, "dns-") && len(t.nameServers()) == 0 {
		return "no name server runs in this world"
	}
	if d.Plan(t).Purge && t.Secrets.PurgeToken == "" {
		return "purges take a token, which only a world on this machine gives"
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
	return t.API.Restock(ctx)
}
