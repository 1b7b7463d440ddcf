package placement_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/georoute"
	"meridian/engine/placement"
	"meridian/world"
)

var regions = []world.Region{
	{ID: "us-east", Zone: "us"}, {ID: "us-west", Zone: "us"}, {ID: "eu-central", Zone: "europe"}, {ID: "ap-southeast", Zone: "asia"},
}

func TestRegionsTable(t *testing.T) {
	for name, c := range map[string]struct {
		rule  placement.Rule
		asset placement.Asset
		want  []string
	}{
		"a public picture is everywhere": {
			placement.DefaultRule, placement.Asset{Visibility: world.Public, Zone: "europe", WriteRegion: "eu-central"},
			[]string{"us-east true in_scope", "us-west true in_scope", "eu-central true write_region", "ap-southeast true in_scope"},
		},
		"a private one stays in its zone": {
			placement.DefaultRule, placement.Asset{Visibility: world.Private, Zone: "us", WriteRegion: "us-west"},
			[]string{"us-east true in_scope", "us-west true write_region", "eu-central false other_zone", "ap-southeast false other_zone"},
		},
		"a withheld one stays where it came in": {
			placement.DefaultRule, placement.Asset{Visibility: world.Withheld, Zone: "us", WriteRegion: "us-east"},
			[]string{"us-east true write_region", "us-west false write_only", "eu-central false write_only", "ap-southeast false write_only"},
		},
		"a thriftier rule": {
			placement.Rule{Public: placement.SameZone, Private: placement.WriteRegion, Withheld: placement.SameZone},
			placement.Asset{Visibility: world.Public, Zone: "us", WriteRegion: "us-east"},
			[]string{"us-east true write_region", "us-west true in_scope", "eu-central false other_zone", "ap-southeast false other_zone"},
		},
	} {
		got, err := placement.Regions(c.rule, c.asset, regions)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var said []string
		for _, d := range got {
			said = append(said, fmt.Sprintf("%s %t %s", d.Region, d.Hold, d.Reason))
		}
		if !slices.Equal(said, c.want) {
			t.Errorf("%s: got %v, want %v", name, said, c.want)
		}
	}
}

func TestRegionsRefuses(t *testing.T) {
	good := placement.Asset{Visibility: world.Private, Zone: "us", WriteRegion: "us-east"}
	for name, c := range map[string]struct {
		rule  placement.Rule
		asset placement.Asset
		code  world.Code
	}{
		"no rule":          {placement.Rule{}, good, world.CodeInvalid},
		"private leaves":   {placement.Rule{Public: "all", Private: "all", Withheld: "write"}, good, world.CodeInvalid},
		"withheld leaves":  {placement.Rule{Public: "all", Private: "zone", Withheld: "all"}, good, world.CodeInvalid},
		"unknown scope":    {placement.Rule{Public: "most", Private: "zone", Withheld: "write"}, good, world.CodeInvalid},
		"unknown region":   {placement.DefaultRule, placement.Asset{Visibility: world.Public, Zone: "us", WriteRegion: "mars"}, world.CodeInvalid},
		"another zone":     {placement.DefaultRule, placement.Asset{Visibility: world.Private, Zone: "us", WriteRegion: "eu-central"}, world.CodeMisdirected},
		"no visibility":    {placement.DefaultRule, placement.Asset{Zone: "us", WriteRegion: "us-east"}, world.CodeInvalid},
		"other visibility": {placement.DefaultRule, placement.Asset{Visibility: "secret", Zone: "us", WriteRegion: "us-east"}, world.CodeInvalid},
	} {
		if got, err := placement.Regions(c.rule, c.asset, regions); !world.Is(err, c.code) {
			t.Errorf("%s: got %v, %v; want %s", name, got, err, c.code)
		}
	}
}

// Whatever the rule: what may not be shown to all is held in its zone only,
// and the write region holds what it took.
func TestNothingPrivateLeavesItsZone(t *testing.T) {
	scope := rapid.SampledFrom([]placement.Scope{placement.WriteRegion, placement.SameZone, placement.AllRegions, "", "other"})
	rapid.Check(t, func(t *rapid.T) {
		rule := placement.Rule{Public: scope.Draw(t, "public"), Private: scope.Draw(t, "private"), Withheld: scope.Draw(t, "withheld")}
		asset := placement.Asset{
			Visibility:  rapid.SampledFrom([]world.Visibility{world.Public, world.Private, world.Withheld, "other"}).Draw(t, "visibility"),
			Zone:        rapid.SampledFrom([]string{"us", "europe", "asia", "mars"}).Draw(t, "zone"),
			WriteRegion: rapid.SampledFrom([]string{"us-east", "us-west", "eu-central", "ap-southeast", "mars"}).Draw(t, "write"),
		}
		got, err := placement.Regions(rule, asset, regions)
		if err != nil {
			if got != nil {
				t.Fatalf("refused and decided: %v", got)
			}
			return
		}
		if len(got) != len(regions) {
			t.Fatalf("%d decisions", len(got))
		}
		for i, d := range got {
			if d.Region != regions[i].ID {
				t.Fatalf("decision %d is for %s", i, d.Region)
			}
			if d.Hold && asset.Visibility != world.Public && regions[i].Zone != asset.Zone {
				t.Fatalf("%v: %s holds it, by %v", asset, d.Region, rule)
			}
			if d.Region == asset.WriteRegion && !d.Hold {
				t.Fatalf("%v: its write region does not hold it", asset)
			}
		}
	})
}

func distance(a, b string) (time.Duration, bool) {
	at := map[string]int{"us-east": 0, "eu-central": 97, "ap-southeast": 276}
	d := at[a] - at[b]
	return time.Duration(max(d, -d)) * time.Millisecond, true
}

func candidate(name string, healthy bool) georoute.Candidate {
	c := georoute.Candidate{Name: name, Site: world.Site{ID: name}}
	if !healthy {
		c.State = world.Down
	}
	return c
}

func TestReadOrderTable(t *testing.T) {
	us, eu, ap := candidate("us-east", true), candidate("eu-central", true), candidate("ap-southeast", true)
	sickEU, sickAP := candidate("eu-central", false), candidate("ap-southeast", false)
	for name, c := range map[string]struct {
		holders []georoute.Candidate
		write   georoute.Candidate
		want    []string
	}{
		"all hold it":                  {[]georoute.Candidate{us, eu, ap}, us, []string{"ap-southeast nearest", "eu-central farther", "us-east farther"}},
		"the copies are not there yet": {nil, us, []string{"us-east nearest"}},
		"one copy":                     {[]georoute.Candidate{ap}, us, []string{"ap-southeast nearest", "us-east farther"}},
		"nearest lost":                 {[]georoute.Candidate{us, eu, sickAP}, us, []string{"eu-central nearest", "us-east farther"}},
		"write region lost":            {[]georoute.Candidate{us, sickEU, ap}, sickEU, []string{"ap-southeast nearest", "us-east farther", "eu-central down"}},
		"no healthy copy yet":          {[]georoute.Candidate{sickAP}, us, []string{"us-east nearest"}},
		"everything lost":              {[]georoute.Candidate{sickEU, sickAP}, sickEU, []string{"ap-southeast all_down", "eu-central all_down"}},
	} {
		var got []string
		for _, choice := range placement.ReadOrder(world.Site{ID: "ap-southeast"}, c.holders, c.write, distance) {
			got = append(got, choice.Name+" "+string(choice.Reason))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestReadOrderHasTheWriteRegionOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var holders []georoute.Candidate
		write := candidate("us-east", rapid.Bool().Draw(t, "write region healthy"))
		known := []string{"us-east"}
		for _, name := range []string{"us-east", "eu-central", "ap-southeast"} {
			if !rapid.Bool().Draw(t, name+" holds it") {
				continue
			}
			c := candidate(name, rapid.Bool().Draw(t, name+" healthy"))
			if name == write.Name {
				c = write
			}
			holders, known = append(holders, c), append(known, name)
		}
		seen := map[string]int{}
		for _, c := range placement.ReadOrder(world.Site{ID: "eu-central"}, holders, write, distance) {
			seen[c.Name]++
			if seen[c.Name] > 1 || !slices.Contains(known, c.Name) {
				t.Fatalf("%s is asked, of %v", c.Name, holders)
			}
		}
		if seen["us-east"] != 1 {
			t.Fatalf("the write region is not asked: %v", seen)
		}
	})
}
