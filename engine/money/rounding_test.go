package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

var roundings = []money.Rounding{money.HalfUp, money.HalfEven, money.Down, money.Up}

func TestRoundingTable(t *testing.T) {
	for _, c := range []struct {
		num, den                   int64
		halfUp, halfEven, down, up int64
	}{
		{1, 2, 1, 0, 0, 1},
		{3, 2, 2, 2, 1, 2},
		{5, 2, 3, 2, 2, 3},
		{24999, 10000, 2, 2, 2, 3},
		{25001, 10000, 3, 3, 2, 3},
		{-1, 2, -1, 0, 0, -1},
		{-3, 2, -2, -2, -1, -2},
		{-24999, 10000, -2, -2, -2, -3},
		{7, 1, 7, 7, 7, 7},
		{0, 1, 0, 0, 0, 0},
	} {
		want := []int64{c.halfUp, c.halfEven, c.down, c.up}
		for i, r := range roundings {
			if got, err := money.RoundRat(big.NewRat(c.num, c.den), r); err != nil || got != want[i] {
				t.Errorf("%d/%d %s: got %d, %v; want %d", c.num, c.den, r, got, err, want[i])
			}
		}
	}
}

func TestRoundingIsNearAndSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := big.NewRat(rapid.Int64Range(-1e15, 1e15).Draw(t, "num"), rapid.Int64Range(1, 1e9).Draw(t, "den"))
		r := rapid.SampledFrom(roundings).Draw(t, "rounding")
		got, err := money.RoundRat(x, r)
		if err != nil {
			t.Fatal(err)
		}
		off := new(big.Rat).Sub(big.NewRat(got, 1), x)
		most := big.NewRat(1, 1)
		if r == money.HalfUp || r == money.HalfEven {
			most = big.NewRat(1, 2)
		}
		if off.Abs(off).Cmp(most) > 0 || (r != money.HalfUp && r != money.HalfEven && off.Cmp(most) == 0) {
			t.Fatalf("%v rounds %s to %d", x, r, got)
		}
		if mirrored, err := money.RoundRat(new(big.Rat).Neg(x), r); err != nil || mirrored != -got {
			t.Fatalf("%v rounds %s to %d, its negative to %d, %v", x, r, got, mirrored, err)
		}
	})
}

func TestRoundingRefusals(t *testing.T) {
	half := big.NewRat(1, 2)
	for _, bad := range []money.Rounding{"", "bankers", "HALF_UP"} {
		if _, err := money.RoundRat(half, bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	most := new(big.Rat).SetInt64(math.MaxInt64)
	if got, err := money.RoundRat(most, money.Up); err != nil || got != math.MaxInt64 {
		t.Errorf("the largest: %d, %v", got, err)
	}
	if _, err := money.RoundRat(most.Add(most, half), money.Up); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("past the largest: %v", err)
	}
}

func TestMulRate(t *testing.T) {
	for _, c := range []struct {
		minor    int64
		rate     string
		rounding money.Rounding
		want     int64
	}{
		{10000, "8.875", money.HalfUp, 888}, // 887.5
		{10000, "8.875", money.HalfEven, 888},
		{10000, "8.865", money.HalfEven, 886}, // 886.5
		{10000, "8.875", money.Down, 887},
		{399, "0.125", money.Up, 1}, // 0.49875
		{399, "0.125", money.HalfUp, 0},
		{-10000, "8.875", money.HalfUp, -888},
		{999, "0", money.Up, 0},
	} {
		rate, err := money.ParsePercent(c.rate)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := money.MulRate(eur(c.minor), rate, c.rounding); err != nil || got != eur(c.want) {
			t.Errorf("%d at %s %s: got %v, %v; want %d", c.minor, c.rate, c.rounding, got, err, c.want)
		}
	}
	if _, err := money.MulRate(eur(math.MaxInt64), money.MaxRate, money.Down); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("overflow: %v", err)
	}
}

func TestParsePercent(t *testing.T) {
	for text, want := range map[string]money.Rate{
		"0": 0, "7": 70000, "5.5": 55000, "0.125": 1250, "8.875": 88750, "0.0001": 1, "007": 70000, "1000": money.MaxRate,
	} {
		if got, err := money.ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"", ".", "5.", ".5", "-1", "+1", "1e2", "5,5", " 5", "5 %", "0.00001", "1000.0001", "99999", "٥", strings.Repeat("0", 10)} {
		if got, err := money.ParsePercent(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %d, %v", bad, got, err)
		}
	}
}

func TestRateSurvivesText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := money.Rate(rapid.Int64Range(0, int64(money.MaxRate)).Draw(t, "rate"))
		encoded, err := json.Marshal(rate)
		if err != nil {
			t.Fatal(err)
		}
		var back money.Rate
		if err := json.Unmarshal(encoded, &back); err != nil || back != rate {
			t.Fatalf("%d went out as %s and came back as %d, %v", rate, encoded, back, err)
		}
	})
	var r money.Rate
	if err := json.Unmarshal([]byte(`"-3"`), &r); err == nil {
		t.Error("a negative rate was read")
	}
	if got := money.Rate(-5).Percent(); got != "-0.0005" {
		t.Error(got)
	}
}

func FuzzParsePercent(f *testing.F) {
	for _, seed := range []string{"7", "5.5", "0.125", "-1", "1e9", "999999999999999999999", "１"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rate, err := money.ParsePercent(text)
		if err != nil {
			return
		}
		if rate < 0 || rate > money.MaxRate {
			t.Fatalf("%q was read as %d", text, rate)
		}
		if back, err := money.ParsePercent(rate.Percent()); err != nil || back != rate {
			t.Fatalf("%q is %d, printed as %q, which is %d, %v", text, rate, rate.Percent(), back, err)
		}
	})
}
