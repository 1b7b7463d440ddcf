package money_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func charm(t *testing.T, currency, name string) money.Charm {
	t.Helper()
	c, err := money.CharmOf(currency, name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCharmTable(t *testing.T) {
	for _, c := range []struct {
		currency, rule string
		exact          *big.Rat
		want           int64
	}{
		{"USD", "", big.NewRat(1234, 1), 1199},
		{"USD", "", big.NewRat(1249, 1), 1299}, // half-way: the higher
		{"USD", "", big.NewRat(12489, 10), 1199},
		{"USD", "", big.NewRat(1, 1), 99}, // never free
		{"USD", "", new(big.Rat), 0},      // what is free stays so
		{"EUR", "end_95", big.NewRat(1234, 1), 1195},
		{"EUR", "end_50", big.NewRat(1234, 1), 1250},
		{"EUR", "whole", big.NewRat(3, 1), 100},
		{"EUR", "as_it_is", big.NewRat(2469, 2), 1235},
		{"CHF", "", big.NewRat(1234, 1), 1195},
		{"JPY", "", big.NewRat(1234, 1), 1230},
		{"JPY", "", big.NewRat(1235, 1), 1240},
		{"JPY", "", big.NewRat(4, 1), 10},
		{"JPY", "end_80", big.NewRat(1234, 1), 1280},
		{"JPY", "end_80", big.NewRat(1229, 1), 1180},
		{"JPY", "hundreds", big.NewRat(1250, 1), 1300},
		{"INR", "", big.NewRat(123456, 1), 123900},
		{"INR", "end_99", big.NewRat(123456, 1), 119900},
		{"SEK", "", big.NewRat(4567, 1), 4900},
		{"KWD", "", big.NewRat(12345, 10), 1235}, // no custom known: as it is
	} {
		got, err := charm(t, c.currency, c.rule).Put(c.exact, c.currency)
		if err != nil || got != (money.Amount{Minor: c.want, Currency: c.currency}) {
			t.Errorf("%v %s %q: got %v, %v; want %d", c.exact, c.currency, c.rule, got, err, c.want)
		}
	}
}

func TestRaisingRoundsOnce(t *testing.T) {
	for _, c := range []struct {
		minor int64
		by    money.Rate
		want  int64
	}{
		{1199, 50_000, 1299},   // 12.5895
		{1199, -100_000, 1099}, // 10.791
		{1199, 0, 1199},        //
		{1199, -1_000_000, 0},  // a gift
		{1040, 201_000, 1299},  // 1249.04
		{1040, 200_961, 1199},  // 1248.99944; rounded to 1249 first it would become 12.99
		{0, 500_000, 0},        //
	} {
		got, err := charm(t, "EUR", "").Raise(eur(c.minor), c.by)
		if err != nil || got != eur(c.want) {
			t.Errorf("%d by %s %%: got %v, %v; want %d", c.minor, c.by.Percent(), got, err, c.want)
		}
	}
	if got, err := charm(t, "EUR", "").Raise(eur(100), -1_000_001); !world.Is(err, world.CodeInvalid) {
		t.Errorf("below nothing: got %v, %v", got, err)
	}
}

func TestCharmRefusals(t *testing.T) {
	_, err := money.CharmOf("JPY", "end_99")
	if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "tens, end_80") {
		t.Errorf("a rule that yen have not: %v", err)
	}
	one := big.NewRat(1, 1)
	for _, bad := range []money.Charm{{}, {Period: 10, Ending: 10}, {Period: 10, Ending: -1}, {Period: -1}} {
		if got, err := bad.Put(one, "EUR"); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: got %v, %v", bad, got, err)
		}
	}
	if got, err := charm(t, "EUR", "").Put(one, "XYZ"); !world.Is(err, world.CodeInvalid) {
		t.Errorf("no currency: got %v, %v", got, err)
	}
	most := new(big.Rat).SetInt64(math.MaxInt64)
	if got, err := charm(t, "EUR", "end_50").Put(most, "EUR"); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("past an int64: got %v, %v", got, err)
	}
}

// Of all the prices that a rule has, none is nearer than the one it gives, and
// putting it again changes nothing.
func TestCharmIsTheNearestOfItsPrices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]string{"USD", "JPY", "INR", "CHF", "SEK", "KWD"}).Draw(t, "currency")
		rule := rapid.SampledFrom(money.Charms(currency)).Draw(t, "rule")
		exact := big.NewRat(rapid.Int64Range(1, 1e13).Draw(t, "num"), rapid.Int64Range(1, 1000).Draw(t, "den"))
		got, err := rule.Put(exact, currency)
		if err != nil || got.Minor <= 0 || got.Minor%rule.Period != rule.Ending {
			t.Fatalf("%v by %+v: %v, %v", exact, rule, got, err)
		}
		away := func(minor int64) *big.Rat {
			d := new(big.Rat).Sub(new(big.Rat).SetInt64(minor), exact)
			return d.Abs(d)
		}
		if lower := got.Minor - rule.Period; lower > 0 && away(lower).Cmp(away(got.Minor)) < 0 {
			t.Fatalf("%v by %+v: %d is nearer than %v", exact, rule, lower, got)
		}
		if higher := got.Minor + rule.Period; away(higher).Cmp(away(got.Minor)) <= 0 {
			t.Fatalf("%v by %+v: %d is as near as %v", exact, rule, higher, got)
		}
		if again, err := rule.Put(new(big.Rat).SetInt64(got.Minor), currency); err != nil || again != got {
			t.Fatalf("%v by %+v again: %v, %v", got, rule, again, err)
		}
	})
}
