package tax_test

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

func line(id, class string, minor int64, currency string) tax.Line {
	return tax.Line{ID: id, Class: class, Supply: delivered, Amount: money.Amount{Minor: minor, Currency: currency}}
}

// minors are net, tax and gross.
func minors(p tax.Parts) [3]int64 { return [3]int64{p.Net.Minor, p.Tax.Minor, p.Gross.Minor} }

func TestComputeTable(t *testing.T) {
	table := load(t)
	for name, c := range map[string]struct {
		policy       tax.Policy
		jurisdiction string
		lines        []tax.Line
		total        [3]int64
		rates        map[string][3]int64
		taxes        []int64 // by line
	}{
		"Germany, prices with tax": {
			tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}, "DE",
			[]tax.Line{line("torte", "cake", 3490, "EUR"), line("kaffee", "coffee", 420, "EUR")},
			[3]int64{3615, 295, 3910}, // 228.317… and 67.058…
			map[string][3]int64{"USt 7 %": {3262, 228, 3490}, "USt 19 %": {353, 67, 420}},
			[]int64{228, 67},
		},
		"Japan, one rounding down a rate": {
			tax.Policy{Inclusive: false, Rounding: money.Down, Per: tax.PerRate}, "JP",
			[]tax.Line{line("a", "cake", 108, "JPY"), line("b", "cake", 108, "JPY"), line("c", "alcohol", 95, "JPY")},
			[3]int64{311, 26, 337}, // 17.28 and 9.5
			map[string][3]int64{"消費税 8%": {216, 17, 233}, "消費税 10%": {95, 9, 104}},
			[]int64{9, 8, 9},
		},
		"Japan, by the line": {
			tax.Policy{Inclusive: false, Rounding: money.Down, Per: tax.PerLine}, "JP",
			[]tax.Line{line("a", "cake", 108, "JPY"), line("b", "cake", 108, "JPY")},
			[3]int64{216, 16, 232},
			map[string][3]int64{"消費税 8%": {216, 16, 232}},
			[]int64{8, 8},
		},
		"a document's one rounding": {
			tax.Policy{Inclusive: false, Rounding: money.HalfUp, Per: tax.PerDocument}, "DE",
			[]tax.Line{line("a", "cake", 20, "EUR"), line("b", "coffee", 6, "EUR"), line("c", "cake", 0, "EUR")},
			[3]int64{26, 3, 29}, // 1.40 + 1.14 = 2.54; by the rate it would be 2
			map[string][3]int64{"USt 7 %": {20, 2, 22}, "USt 19 %": {6, 1, 7}},
			[]int64{2, 1, 0},
		},
		"Britain, zero is a rate": {
			tax.Policy{Inclusive: true, Rounding: money.Down, Per: tax.PerLine}, "GB",
			[]tax.Line{line("cake", "cake", 2500, "GBP"), line("biscuit", "biscuit", 100, "GBP")},
			[3]int64{2584, 16, 2600}, // 16.67 down
			map[string][3]int64{"VAT 0%": {2500, 0, 2500}, "VAT 20%": {84, 16, 100}},
			[]int64{0, 16},
		},
		"New York, on top": {
			tax.Policy{Inclusive: false, Rounding: money.HalfUp, Per: tax.PerDocument}, "US-NY",
			[]tax.Line{line("cake", "cake", 4200, "USD"), line("soup", "hot_food", 1000, "USD")},
			[3]int64{5200, 89, 5289}, // 88.75
			map[string][3]int64{"Sales tax 0%": {4200, 0, 4200}, "Sales tax 8.875%": {1000, 89, 1089}},
			[]int64{0, 89},
		},
	} {
		got, err := table.Compute(c.policy, in(c.jurisdiction, day(t, "2026-08-20")), c.lines)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if minors(got.Total) != c.total || len(got.Rates) != len(c.rates) {
			t.Errorf("%s: total %v, want %v; %d rates", name, minors(got.Total), c.total, len(got.Rates))
		}
		for _, r := range got.Rates {
			if want, ok := c.rates[r.Label]; !ok || minors(r.Parts) != want {
				t.Errorf("%s: %s is %v, want %v", name, r.Label, minors(r.Parts), want)
			}
		}
		for i, l := range got.Lines {
			if l.ID != c.lines[i].ID || l.Tax.Minor != c.taxes[i] || l.Components[0].Rule.Class != c.lines[i].Class {
				t.Errorf("%s: line %d is %v, want tax %d", name, i, l, c.taxes[i])
			}
		}
	}
}

func TestYesterdaysSaleHasYesterdaysRate(t *testing.T) {
	table := load(t)
	policy := tax.Policy{Inclusive: true, Rounding: money.HalfUp, Per: tax.PerRate}
	lines := []tax.Line{line("torte", "cake", 10500, "EUR")}
	for on, want := range map[string]int64{"2020-06-30": 687, "2020-12-31": 500, "2021-01-01": 687} {
		if got, err := table.Compute(policy, in("DE", day(t, on)), lines); err != nil || got.Total.Tax.Minor != want {
			t.Errorf("%s: got %v, %v; want %d", on, got.Total, err, want)
		}
	}
}

func TestComputeRefuses(t *testing.T) {
	table, on := load(t), day(t, "2026-08-20")
	good := tax.Policy{Rounding: money.HalfUp, Per: tax.PerLine}
	cake := line("a", "cake", 100, "EUR")
	for name, c := range map[string]struct {
		policy tax.Policy
		lines  []tax.Line
		code   world.Code
	}{
		"no lines":       {good, nil, world.CodeInvalid},
		"negative":       {good, []tax.Line{line("a", "cake", -1, "EUR")}, world.CodeInvalid},
		"no rounding":    {tax.Policy{Per: tax.PerLine}, []tax.Line{cake}, world.CodeInvalid},
		"no level":       {tax.Policy{Rounding: money.Up}, []tax.Line{cake}, world.CodeInvalid},
		"no rule":        {good, []tax.Line{cake, line("b", "petrol", 1, "EUR")}, world.CodeUnprocessed},
		"two currencies": {good, []tax.Line{cake, line("b", "cake", 1, "USD")}, world.CodeConflict},
		"no currency":    {good, []tax.Line{line("a", "cake", 1, "")}, world.CodeConflict},
		"overflow":       {good, []tax.Line{line("a", "cake", math.MaxInt64, "EUR")}, world.CodeTooLarge},
		"sum overflows":  {tax.Policy{Inclusive: true, Rounding: money.Up, Per: tax.PerRate}, []tax.Line{line("a", "cake", math.MaxInt64, "EUR"), line("b", "cake", math.MaxInt64, "EUR")}, world.CodeTooLarge},
	} {
		if got, err := table.Compute(c.policy, in("DE", on), c.lines); !world.Is(err, c.code) {
			t.Errorf("%s: got %v, %v; want %s", name, got, err, c.code)
		}
	}
}

func TestPolicyOf(t *testing.T) {
	got, err := tax.PolicyOf(world.TaxSpec{Prices: "inclusive", Rounding: "half_even", Per: "document"})
	if want := (tax.Policy{Inclusive: true, Rounding: money.HalfEven, Per: tax.PerDocument}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = tax.PolicyOf(world.TaxSpec{Prices: "exclusive", Rounding: "down", Per: "rate"})
	if want := (tax.Policy{Rounding: money.Down, Per: tax.PerRate}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []world.TaxSpec{
		{},
		{Prices: "gross", Rounding: "down", Per: "rate"},
		{Prices: "inclusive", Rounding: "nearest", Per: "rate"},
		{Prices: "inclusive", Rounding: "down", Per: "invoice"},
	} {
		if p, err := tax.PolicyOf(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v: got %v, %v", bad, p, err)
		}
	}
}

// randomTable has rates with every sort of fraction, two of them under one label.
func randomTable(t *rapid.T) *tax.Table {
	var rules []tax.Rule
	for i := range 4 {
		rules = append(rules, tax.Rule{
			Jurisdiction: "DE", Levy: "vat", Class: fmt.Sprint("c", i), Confidence: tax.High, Status: tax.Law,
			Rate:  money.Rate(rapid.OneOf(rapid.Int64Range(0, 400_000), rapid.SampledFrom([]int64{0, 50_000, 70_000, 88_750, 200_000})).Draw(t, "rate")),
			From:  tax.Date{Year: 2020, Month: 1, Day: 1},
			Label: fmt.Sprint("label ", i/2), Source: "law",
		})
	}
	table, err := tax.NewTable(rules)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func randomLines(t *rapid.T) []tax.Line {
	lines := make([]tax.Line, rapid.IntRange(1, 12).Draw(t, "lines"))
	for i := range lines {
		minor := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 1e9)).Draw(t, "minor")
		lines[i] = line(fmt.Sprint("line", i), fmt.Sprint("c", rapid.IntRange(0, 3).Draw(t, "class")), minor, "EUR")
	}
	return lines
}

func randomPolicy(t *rapid.T) tax.Policy {
	return tax.Policy{
		Inclusive: rapid.Bool().Draw(t, "inclusive"),
		Rounding:  rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down, money.Up}).Draw(t, "rounding"),
		Per:       rapid.SampledFrom([]tax.Per{tax.PerLine, tax.PerRate, tax.PerDocument}).Draw(t, "per"),
	}
}

var someDay = tax.Date{Year: 2026, Month: 8, Day: 20}

// sums adds parts up, and fails where net and tax are not gross.
func sums(t *rapid.T, parts ...tax.Parts) (sum [3]int64) {
	for _, p := range parts {
		m := minors(p)
		if m[0]+m[1] != m[2] || m[0] < 0 || m[1] < 0 {
			t.Fatalf("net %d + tax %d is not gross %d", m[0], m[1], m[2])
		}
		for i := range sum {
			sum[i] += m[i]
		}
	}
	return sum
}

func TestATotalIsWhatTheLinesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, lines, policy := randomTable(t), randomLines(t), randomPolicy(t)
		got, err := table.Compute(policy, in("DE", someDay), lines)
		if err != nil {
			t.Fatal(err)
		}
		var prices int64
		byRate := map[string][]tax.Parts{}
		var ofLines, ofRates []tax.Parts
		for i, l := range got.Lines {
			prices += lines[i].Amount.Minor
			ofLines = append(ofLines, l.Parts)
			k := l.Rate().Percent() + l.Components[0].Rule.Label
			byRate[k] = append(byRate[k], l.Parts)
		}
		for _, r := range got.Rates {
			ofRates = append(ofRates, r.Parts)
			if k := r.Rate.Percent() + r.Label; sums(t, byRate[k]...) != minors(r.Parts) {
				t.Fatalf("%s: its lines say %v, it says %v", k, sums(t, byRate[k]...), minors(r.Parts))
			}
		}
		total := sums(t, got.Total)
		if sums(t, ofLines...) != total || sums(t, ofRates...) != total || len(byRate) != len(got.Rates) {
			t.Fatalf("lines %v, rates %v, total %v", sums(t, ofLines...), sums(t, ofRates...), total)
		}
		if policy.Inclusive && total[2] != prices {
			t.Fatalf("prices with tax sum to %d, the total is %d", prices, total[2])
		}
		if !policy.Inclusive && total[0] != prices {
			t.Fatalf("prices without tax sum to %d, the net is %d", prices, total[0])
		}
		roundedOnce(t, policy, got, lines)
	})
}

// roundedOnce holds each level to its own exact tax: at the policy's level it
// is that tax rounded, below it is less than a unit away.
func roundedOnce(t *rapid.T, policy tax.Policy, got tax.Result, lines []tax.Line) {
	whole, byRate := new(big.Rat), map[string]*big.Rat{}
	check := func(per tax.Per, exact *big.Rat, is int64) {
		want, err := money.RoundRat(exact, policy.Rounding)
		if err != nil {
			t.Fatal(err)
		}
		off := new(big.Rat).Sub(big.NewRat(is, 1), exact)
		if (policy.Per == per && is != want) || (policy.Per != per && per == tax.PerLine && off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0) {
			t.Fatalf("tax by the %s: a %s is %d, exactly %s", policy.Per, per, is, exact.FloatString(4))
		}
	}
	for i, l := range got.Lines {
		base := int64(1_000_000)
		if policy.Inclusive {
			base += int64(l.Rate())
		}
		exact := new(big.Rat).Mul(big.NewRat(lines[i].Amount.Minor, 1), big.NewRat(int64(l.Rate()), base))
		check(tax.PerLine, exact, l.Tax.Minor)
		whole.Add(whole, exact)
		k := l.Rate().Percent() + l.Components[0].Rule.Label
		if byRate[k] == nil {
			byRate[k] = new(big.Rat)
		}
		byRate[k].Add(byRate[k], exact)
	}
	for _, r := range got.Rates {
		check(tax.PerRate, byRate[r.Rate.Percent()+r.Label], r.Tax.Minor)
	}
	check(tax.PerDocument, whole, got.Total.Tax.Minor)
}

func TestTheOrderOfLinesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, lines, policy := randomTable(t), randomLines(t), randomPolicy(t)
		shuffled := rapid.Permutation(lines).Draw(t, "order")
		one, err := table.Compute(policy, in("DE", someDay), lines)
		other, err2 := table.Compute(policy, in("DE", someDay), shuffled)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if one.Total != other.Total || !slices.Equal(one.Rates, other.Rates) {
			t.Fatalf("%v and %v", one, other)
		}
		byID := map[string]tax.LineTax{}
		for _, l := range other.Lines {
			byID[l.ID] = l
		}
		for _, l := range one.Lines {
			if !reflect.DeepEqual(byID[l.ID], l) {
				t.Fatalf("%v, in another order %v", l, byID[l.ID])
			}
		}
	})
}
