// Package placement decides which regions hold a durable copy of an asset, by
// its visibility and zone, and in which order they are asked for it. How near
// a place is, is package georoute's.
package placement

import (
	"fmt"
	"slices"

	"meridian/engine/georoute"
	"meridian/world"
)

// Scope is how far an asset's copies spread.
type Scope string

// The scopes, from the narrowest.
const (
	WriteRegion Scope = "write" // the region that took the upload, alone
	SameZone    Scope = "zone"  // the regions of the asset's zone
	AllRegions  Scope = "all"   // every region
)

// Rule gives every visibility its scope. The zero Rule is refused.
type Rule struct {
	Public, Private, Withheld Scope
}

// DefaultRule has public pictures near everybody and private ones near their
// owner. What is withheld, for judgement or for good, spreads no further.
var DefaultRule = Rule{Public: AllRegions, Private: SameZone, Withheld: WriteRegion}

// Check fails with [world.CodeInvalid] for an unknown scope, and for a rule by
// which a private asset, or one that nobody has judged yet, would leave its zone.
func (r Rule) Check() error {
	for _, s := range []Scope{r.Public, r.Private, r.Withheld} {
		switch s {
		case WriteRegion, SameZone, AllRegions:
		default:
			return world.E(world.CodeInvalid, "placement.rule",
				fmt.Sprintf("%q is not a scope; use write, zone or all", s))
		}
	}
	if r.Private == AllRegions || r.Withheld == AllRegions {
		return world.E(world.CodeInvalid, "placement.rule",
			"private and withheld assets must stay in their zone; give them the scope zone or write")
	}
	return nil
}

func (r Rule) scope(v world.Visibility) (Scope, error) {
	switch v {
	case world.Public:
		return r.Public, nil
	case world.Private:
		return r.Private, nil
	case world.Withheld:
		return r.Withheld, nil
	}
	return "", world.E(world.CodeInvalid, "placement.regions",
		fmt.Sprintf("%q is not a visibility; use public, private or withheld", v))
}

// Asset is what placement needs to know of one.
type Asset struct {
	Visibility  world.Visibility
	Zone        string // the zone it is resident in
	WriteRegion string // the region that accepted its upload; lies in Zone
}

// Reason says why a region holds an asset or does not.
type Reason string

// The reasons.
const (
	IsWriteRegion   Reason = "write_region" // it accepted the upload, so it holds it
	InScope         Reason = "in_scope"     // the rule lets the asset come here
	OtherZone       Reason = "other_zone"   // the rule keeps the asset in another zone
	WriteRegionOnly Reason = "write_only"   // the rule keeps the asset where it came in
)

// Decision is what one region does.
type Decision struct {
	Region string
	Hold   bool // false makes no copy; it removes none
	Reason Reason
}

// Regions decides for every region, in the order given. It fails with
// [world.CodeInvalid] for a bad rule, an unknown visibility, or a write region
// that is not among the regions, and with [world.CodeMisdirected] when the
// write region lies outside the asset's zone: the upload belongs elsewhere.
func Regions(rule Rule, asset Asset, regions []world.Region) ([]Decision, error) {
	if err := rule.Check(); err != nil {
		return nil, err
	}
	scope, err := rule.scope(asset.Visibility)
	if err != nil {
		return nil, err
	}
	if err := asset.checkWriteRegion(regions); err != nil {
		return nil, err
	}
	decisions := make([]Decision, len(regions))
	for i, region := range regions {
		decisions[i] = decide(scope, asset, region)
	}
	return decisions, nil
}

func (a Asset) checkWriteRegion(regions []world.Region) error {
	for _, r := range regions {
		if r.ID != a.WriteRegion {
			continue
		}
		if r.Zone != a.Zone {
			return world.E(world.CodeMisdirected, "placement.regions",
				fmt.Sprintf("region %s is in zone %s, the asset belongs in %s; upload it there", r.ID, r.Zone, a.Zone))
		}
		return nil
	}
	return world.E(world.CodeInvalid, "placement.regions",
		fmt.Sprintf("there is no region %q; name one of the world's regions as the write region", a.WriteRegion))
}

func decide(scope Scope, asset Asset, region world.Region) Decision {
	d := Decision{Region: region.ID}
	switch {
	case region.ID == asset.WriteRegion:
		d.Hold, d.Reason = true, IsWriteRegion
	case scope == WriteRegion:
		d.Reason = WriteRegionOnly
	case scope == SameZone && region.Zone != asset.Zone:
		d.Reason = OtherZone
	default:
		d.Hold, d.Reason = true, InScope
	}
	return d
}

// ReadOrder is the order in which to ask for an asset from a place: the
// holders by state and nearness, without those that are down, or all of them when
// every one is. A draining one is asked after the others: it still has what it
// holds. The write region counts as a holder, and it is kept at the end even while
// it is down: it has what a late replica lacks.
func ReadOrder(near world.Site, holders []georoute.Candidate, write georoute.Candidate, rtt georoute.RoundTrip) []georoute.Choice {
	isWrite := func(c georoute.Candidate) bool { return c.Name == write.Name }
	if !slices.ContainsFunc(holders, isWrite) {
		holders = append(slices.Clip(holders), write)
	}
	ranked := georoute.Rank(near, holders, rtt)
	if ranked[0].State == world.Down {
		return ranked
	}
	return slices.DeleteFunc(ranked, func(c georoute.Choice) bool {
		return c.State == world.Down && c.Name != write.Name
	})
}
