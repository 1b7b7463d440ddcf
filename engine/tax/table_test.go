package tax_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

func TestRatesAreThoseOfTheirDay(t *testing.T) {
	table := load(t)
	for _, c := range []struct{ jurisdiction, class, on, percent string }{
		{"DE", "cake", "1983-07-01", "7"},
		{"DE", "cake", "2020-06-30", "7"},
		{"DE", "cake", "2020-07-01", "5"},
		{"DE", "cake", "2020-12-31", "5"},
		{"DE", "cake", "2021-01-01", "7"},
		{"DE", "cake", "2099-12-31", "7"},
		{"GB", "cake", "2026-08-20", "0"},
		{"GB", "biscuit", "2026-08-20", "20"},
		{"IN", "cake", "2025-09-21", "18"},
		{"IN", "cake", "2025-09-22", "5"},
		{"US-AR", "cake", "2025-12-31", "0.125"},
		{"US-AR", "cake", "2026-01-01", "0"},
		{"US-NY", "hot_food", "2026-01-01", "8.875"},
	} {
		rule, err := find(table, c.jurisdiction, c.class, day(t, c.on))
		if err != nil || rule.Rate.Percent() != c.percent {
			t.Errorf("%s %s on %s: got %s, %v; want %s", c.jurisdiction, c.class, c.on, rule.Rate.Percent(), err, c.percent)
		}
	}
}

// find is the one rule of a place that takes one levy.
func find(table *tax.Table, jurisdiction, class string, on tax.Date) (tax.Rule, error) {
	rules, err := table.Find(in(jurisdiction, on), class, delivered)
	if err != nil {
		return tax.Rule{}, err
	}
	return rules[0], nil
}

func TestAMissingRuleIsAnError(t *testing.T) {
	table := load(t)
	for _, c := range []struct{ jurisdiction, class, on string }{
		{"DE", "cake", "1983-06-30"},   // before the first
		{"DE", "coffee", "2020-06-30"}, // before the first of that class
		{"DE", "petrol", "2026-01-01"},
		{"US-OR", "cake", "2026-01-01"},
		{"US", "cake", "2026-01-01"},
		{"DE", "", "2026-01-01"},
	} {
		rule, err := find(table, c.jurisdiction, c.class, day(t, c.on))
		if !world.Is(err, world.CodeUnprocessed) {
			t.Errorf("%v: got %v, %v", c, rule, err)
		}
	}
	gap, err := tax.NewTable([]tax.Rule{
		rule("DE", "cake", tax.Date{Year: 2020, Month: 1, Day: 1}, tax.Date{Year: 2020, Month: 1, Day: 31}),
		rule("DE", "cake", tax.Date{Year: 2020, Month: 2, Day: 2}, tax.Date{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := find(gap, "DE", "cake", day(t, "2020-02-01")); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("in a gap: %v", err)
	}
}

func rule(jurisdiction, class string, from, to tax.Date) tax.Rule {
	return tax.Rule{Jurisdiction: jurisdiction, Levy: "vat", Class: class, Confidence: tax.High, Status: tax.Law, Rate: 70_000, From: from, To: to, Label: "tax", Source: "law"}
}

func TestNewTableRefuses(t *testing.T) {
	first, last := tax.Date{Year: 2020, Month: 1, Day: 1}, tax.Date{Year: 2020, Month: 12, Day: 31}
	good := rule("DE", "cake", first, last)
	change := func(f func(*tax.Rule)) tax.Rule { r := good; f(&r); return r }
	for name, c := range map[string]struct {
		rules []tax.Rule
		says  string
	}{
		"one day shared":    {[]tax.Rule{good, rule("DE", "cake", last, tax.Date{})}, "rule 2: overlaps rule 1"},
		"twice the same":    {[]tax.Rule{good, good}, "overlaps"},
		"under an open one": {[]tax.Rule{good, rule("DE", "cake", tax.Date{Year: 2019, Month: 1, Day: 1}, tax.Date{})}, "rule 2: overlaps rule 1"},
		"no first day":      {[]tax.Rule{rule("DE", "cake", tax.Date{}, last)}, "valid_from"},
		"no such day":       {[]tax.Rule{rule("DE", "cake", tax.Date{Year: 2021, Month: 2, Day: 29}, tax.Date{})}, "valid_from"},
		"no such last day":  {[]tax.Rule{rule("DE", "cake", first, tax.Date{Year: 2021, Month: 2, Day: 29})}, "valid_to"},
		"ends first":        {[]tax.Rule{rule("DE", "cake", last, first)}, "before valid_from"},
		"negative rate":     {[]tax.Rule{change(func(r *tax.Rule) { r.Rate = -1 })}, "rate -0.0001"},
		"absurd rate":       {[]tax.Rule{change(func(r *tax.Rule) { r.Rate = money.MaxRate + 1 })}, "rate"},
		"jurisdiction":      {[]tax.Rule{change(func(r *tax.Rule) { r.Jurisdiction = "Germany" })}, `jurisdiction "Germany"`},
		"class":             {[]tax.Rule{change(func(r *tax.Rule) { r.Class = "Cake!" })}, "classes"},
		"no label":          {[]tax.Rule{change(func(r *tax.Rule) { r.Label = " " })}, "label"},
		"no source":         {[]tax.Rule{change(func(r *tax.Rule) { r.Source = "" })}, "source"},
		"control character": {[]tax.Rule{change(func(r *tax.Rule) { r.Label = "a\nb" })}, "label"},
	} {
		_, err := tax.NewTable(c.rules)
		if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", name, err, c.says)
		}
	}
	if _, err := tax.NewTable([]tax.Rule{good, rule("DE", "bread", first, last), rule("AT", "cake", first, last)}); err != nil {
		t.Errorf("the same days in other classes and places: %v", err)
	}
}

// On every day of a random history, lookup finds what a plain search finds.
func TestLookupIsASearchOfTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rules []tax.Rule
		at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, n := 0, rapid.IntRange(0, 6).Draw(t, "rules"); i < n; i++ {
			at = at.AddDate(0, 0, rapid.IntRange(0, 3).Draw(t, "gap"))
			r := rule("DE", "cake", tax.DateOf(at, time.UTC), tax.Date{})
			r.Rate = money.Rate(i)
			at = at.AddDate(0, 0, rapid.IntRange(0, 4).Draw(t, "length"))
			if r.To = tax.DateOf(at, time.UTC); i == n-1 && rapid.Bool().Draw(t, "open") {
				r.To = tax.Date{}
			}
			at = at.AddDate(0, 0, 1)
			rules = append(rules, r)
		}
		shuffled := rapid.Permutation(rules).Draw(t, "order")
		table, err := tax.NewTable(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		listed := table.Rules()
		for i := range listed {
			listed[i].Row = 0
		}
		if !slices.Equal(listed, rules) {
			t.Fatalf("the table lists %v", listed)
		}
		for offset := -2; offset < 60; offset++ {
			on := tax.DateOf(time.Date(2020, 1, 1+offset, 0, 0, 0, 0, time.UTC), time.UTC)
			want := slices.IndexFunc(rules, func(r tax.Rule) bool {
				return r.From.String() <= on.String() && (r.To.IsZero() || on.String() <= r.To.String())
			})
			got, err := find(table, "DE", "cake", on)
			if (want < 0) != (err != nil) || (err == nil && got.Rate != rules[want].Rate) {
				t.Fatalf("on %s: got %v, %v; want rule %d of %v", on, got, err, want, rules)
			}
		}
	})
}

func TestDatesAreTheMarketsOwn(t *testing.T) {
	moment := time.Date(2025, 12, 31, 23, 30, 0, 0, time.UTC)
	for offset, want := range map[int]string{0: "2025-12-31", 9: "2026-01-01", -5: "2025-12-31"} {
		zone := time.FixedZone("", offset*3600)
		if got := tax.DateOf(moment, zone).String(); got != want {
			t.Errorf("UTC%+d: got %s, want %s", offset, got, want)
		}
	}
	for text, want := range map[string]tax.Date{`"2025-12-31"`: {Year: 2025, Month: 12, Day: 31}, `""`: {}} {
		var d tax.Date
		if err := json.Unmarshal([]byte(text), &d); err != nil || d != want {
			t.Errorf("%s: %v, %v", text, d, err)
		}
		if out, err := json.Marshal(d); err != nil || string(out) != text {
			t.Errorf("%v: %s, %v", d, out, err)
		}
	}
	var d tax.Date
	if err := json.Unmarshal([]byte(`"2025-02-29"`), &d); err == nil {
		t.Errorf("29 February 2025: %v", d)
	}
	for _, bad := range []string{"", "2025-02-29", "2025-1-1", "01.02.2025", "2025-01-01T00:00:00Z", "20250101", " 2025-01-01"} {
		if d, err := tax.ParseDate(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %v, %v", bad, d, err)
		}
	}
}
