package money_test

import (
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestApportionTable(t *testing.T) {
	third, none, two := big.NewRat(1, 3), new(big.Rat), big.NewRat(2, 1)
	for _, c := range []struct {
		total int64
		parts []*big.Rat
		want  []int64
	}{
		{1, []*big.Rat{third, third, third}, []int64{1, 0, 0}},
		{1, []*big.Rat{third, big.NewRat(2, 3), third}, []int64{0, 1, 0}},
		{2, []*big.Rat{third, big.NewRat(2, 3), third}, []int64{1, 1, 0}},
		{3, []*big.Rat{third, two, none}, []int64{1, 2, 0}},
		{2, []*big.Rat{third, two, none}, []int64{0, 2, 0}},
		{0, nil, []int64{}},
	} {
		if got, err := money.Apportion(c.total, c.parts); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%d among %v: got %v, %v; want %v", c.total, c.parts, got, err, c.want)
		}
	}
}

func TestApportionRefusals(t *testing.T) {
	third := big.NewRat(1, 3)
	for name, c := range map[string]struct {
		total int64
		parts []*big.Rat
	}{
		"above the sum":  {2, []*big.Rat{third, third}},
		"below the sum":  {0, []*big.Rat{big.NewRat(1, 1)}},
		"negative part":  {0, []*big.Rat{big.NewRat(-1, 3), third}},
		"something of 0": {1, []*big.Rat{new(big.Rat)}},
		"negative total": {-1, nil},
	} {
		if got, err := money.Apportion(c.total, c.parts); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestApportionSumsAndStaysNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) *big.Rat {
			return big.NewRat(rapid.Int64Range(0, 1e12).Draw(t, "num"), rapid.Int64Range(1, 1e7).Draw(t, "den"))
		})).Draw(t, "parts")
		exact := new(big.Rat)
		for _, p := range parts {
			exact.Add(exact, p)
		}
		total, err := money.RoundRat(exact, rapid.SampledFrom(roundings).Draw(t, "rounding"))
		if err != nil {
			t.Fatal(err)
		}
		shares, err := money.Apportion(total, parts)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range shares {
			total -= s
			off := new(big.Rat).Sub(big.NewRat(s, 1), parts[i])
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %v got %d", parts[i], s)
			}
		}
		if total != 0 {
			t.Fatalf("%d units were not shared out", total)
		}
	})
}
