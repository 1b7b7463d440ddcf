package faults

import (
	"strings"
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

const (
	hit    = `shield-eu-central; fwd=uri-miss; fwd-status=200; stored, edge-fra; hit; ttl=280`
	stale  = `shield-eu-central; fwd=stale; detail=feed-lost, edge-fra; fwd=stale; fwd-status=200; stored`
	failed = `edge-fra; fwd=stale; detail=stale-if-error`
)

// shown is a history that is right: a price goes from 100 by 101 to 102, and the
// tiers learn of it.
func shown() Prices {
	read := func(minor, asked int64, status string) PriceRead {
		return PriceRead{Tier: "edge-fra", Market: "de", Slug: "brezel", Minor: minor, Asked: asked * ms, Came: (asked + 5) * ms, Status: status}
	}
	return Prices{
		Home:  map[string]string{"de": "eu-central"},
		Order: map[string][]int64{"de/brezel": {100, 101, 102}},
		Writes: []PriceWrite{
			{Market: "de", Slug: "brezel", Minor: 101, Call: 1000 * ms, Ack: 1100 * ms},
			{Market: "de", Slug: "brezel", Minor: 102, Call: 2000 * ms, Ack: Forever},
		},
		Reads: []PriceRead{
			read(100, 900, hit), read(101, 1050, hit), read(100, 1060, hit), read(100, 2500, hit), read(100, 2700, failed),
			read(101, 3100, hit), read(102, 3100, hit), read(101, 5000, stale), read(101, 9000, hit),
		},
		Taken:  []Taken{{Tier: "edge-fra", Region: "eu-central", Posted: 1100 * ms, At: 3000 * ms}, {Tier: "edge-fra", Region: "us-east", Posted: 1100 * ms, At: 1101 * ms}},
		Deaths: map[string][]int64{"edge-fra": {500 * ms, 9500 * ms}},
		Bound:  2 * time.Second, Kept: time.Minute,
	}
}

func TestWhatMayBeShown(t *testing.T) {
	found, s := CheckPrices(shown())
	if len(found) != 0 {
		t.Errorf("found %s", strings.Join(found, "\n"))
	}
	// 102 was never acknowledged, so 101 is not known to be old.
	if s.Reads != 9 || s.Old != 2 || s.Sure != 1400*time.Millisecond || s.Disclosed != 1600*time.Millisecond {
		t.Errorf("%+v", s)
	}
}

func TestPlantedPricesAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		plant func(*Prices)
		says  string
	}{
		"a price that never was":                         {func(p *Prices) { p.Reads[0].Minor = 99 }, "never had"},
		"a price from the future":                        {func(p *Prices) { p.Reads[0].Minor = 101 }, "before anybody"},
		"an old price after the acknowledgement":         {func(p *Prices) { p.Reads[5].Minor = 100 }, "had acknowledged"},
		"an old price after it, said to be stale":        {func(p *Prices) { p.Reads[7].Minor = 100 }, "had acknowledged"},
		"an old price after it, the death was before it": {func(p *Prices) { p.Reads[5].Minor, p.Deaths["edge-fra"] = 100, []int64{1000 * ms} }, "had acknowledged"},
		"an old price as good after its bound":           {func(p *Prices) { p.Bound = 1399 * time.Millisecond }, "as good 1400 ms"},
		"an old price after all bounds":                  {func(p *Prices) { p.Kept = 1599 * time.Millisecond }, "1600 ms"},
		"a lost write is no new price":                   {func(p *Prices) { p.Order["de/brezel"] = []int64{100, 101} }, "never had"},
	} {
		t.Run(name, func(t *testing.T) {
			p := shown()
			c.plant(&p)
			found, _ := CheckPrices(p)
			if len(found) == 0 || !strings.Contains(found[0], c.says) {
				t.Errorf("found %q, want %q", found, c.says)
			}
		})
	}
}

// TestAnAcknowledgementEndsWithItsProcess: a tier that was killed has forgotten
// what it knew, and follows from now.
func TestAnAcknowledgementEndsWithItsProcess(t *testing.T) {
	p := shown()
	p.Reads = []PriceRead{{Tier: "edge-fra", Market: "de", Slug: "brezel", Minor: 100, Asked: 3100 * ms, Came: 3105 * ms, Status: failed}}
	if found, _ := CheckPrices(p); len(found) != 1 {
		t.Fatalf("found %q", found)
	}
	for _, died := range []int64{1100, 2000, 3000, 3102} {
		p.Deaths = map[string][]int64{"edge-fra": {died * ms}}
		if found, _ := CheckPrices(p); len(found) != 0 {
			t.Errorf("it died at %d ms and is blamed: %q", died, found)
		}
	}
}

func TestSure(t *testing.T) {
	for status, want := range map[string]bool{
		hit: true, stale: false, failed: false,
		"": true,
		`shield-us-east; hit; detail=feed-lost, edge-fra; hit; ttl=3`:              true, // what it has stored, by its own word
		`shield-us-east; hit; ttl=9, edge-fra; fwd=stale; detail=feed-lost`:        false,
		`shield-us-east; hit, edge-fra; hit; detail=stale-while-revalidate`:        false,
		`shield-us-east; fwd=stale; detail=stale-if-error, edge-fra; fwd=uri-miss`: false,
		`shield-us-east; fwd=bypass; detail=behind, edge-fra; fwd=uri-miss`:        true,
	} {
		if got := (PriceRead{Status: status}).Sure(); got != want {
			t.Errorf("%q: %v", status, got)
		}
	}
}
