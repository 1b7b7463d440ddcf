package main

import (
	"testing"

	"meridian/app"
)

func TestOnwardIsThePageBehind(t *testing.T) {
	for page, want := range map[string]string{
		`<a href="/c/k3?after=p40~x">More</a>`:                          "/c/k3?after=p40~x",
		`<a href="/">Home</a><p><a class="b" href="/?q=a&amp;after=z">`: "/?q=a&after=z",
		`<a href="/p/brot">Brot</a>`:                                    "",
		`after=`:                                                        "",
		``:                                                              "",
	} {
		if got := onward([]byte(page)); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

func TestGrowthIsOfTheSameRound(t *testing.T) {
	few, many := &stall{name: "few"}, &stall{name: "many"}
	op := operation{name: "list"}
	table := commerceTable{
		"listfew":  {{done: 10, cpu: 10e6}, {done: 10, cpu: 40e6}, {done: 10, cpu: 20e6}},
		"listmany": {{done: 10, cpu: 30e6}, {done: 10, cpu: 40e6}, {done: 10, cpu: 40e6}},
	}
	got := table.growth(op, few, many, spell.cpuMS)
	if len(got) != 3 || got[0] != 1 || got[1] != 2 || got[2] != 3 {
		t.Errorf("growth %v", got)
	}
}

// Where customers of every city buy, and whether it is their own shop.
func TestCustomersBuyAtTheNearestShop(t *testing.T) {
	plan, err := app.ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		market string
		own    bool
	}{
		"new-york": {"us", true}, "san-francisco": {"us", true}, "london": {"gb", true}, "frankfurt": {"de", true}, "mumbai": {"in", true}, "tokyo": {"jp", true},
		"sydney": {"jp", false}, "sao-paulo": {"us", false},
	}
	if len(plan.Cities) != len(want) {
		t.Errorf("%d cities, want %d", len(plan.Cities), len(want))
	}
	for _, c := range plan.Cities {
		town := &town{city: c, continent: continentOf(plan, c)}
		town.chooseMarket(plan)
		if w := want[c.ID]; town.market.ID != w.market || town.own != w.own {
			t.Errorf("%s buys at %s (own: %v), want %s (%v)", c.ID, town.market.ID, town.own, w.market, w.own)
		}
	}
}

func TestShareOfSortedTimes(t *testing.T) {
	ms := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for part, want := range map[float64]float64{0: 1, 0.5: 6, 0.95: 10, 1: 10} {
		if got := share(ms, part); got != want {
			t.Errorf("%.2f: %g, want %g", part, got, want)
		}
	}
	if got := share(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
	towns := []*town{{ms: map[string][]float64{readList: {3, 1}}}, {ms: map[string][]float64{readList: {2}, stepOrder: {9}}}}
	if got := joined(towns, readings...); len(got) != 3 || got[0] != 1 || got[2] != 3 {
		t.Errorf("joined %v", got)
	}
}
