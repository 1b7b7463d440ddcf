package money_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meridian/engine/money"
	"meridian/world"
)

func TestAllocateTable(t *testing.T) {
	for _, c := range []struct {
		minor        int64
		ratios, want []int64
	}{
		{1000, []int64{1, 1, 1}, []int64{334, 333, 333}},
		{-1000, []int64{1, 1, 1}, []int64{-334, -333, -333}},
		{5, []int64{3, 7}, []int64{2, 3}}, // 1.5 and 3.5: equal remainders, the earlier
		{100, []int64{0, 1, 0}, []int64{0, 100, 0}},
		{0, []int64{1, 2}, []int64{0, 0}},
		{1, []int64{1, 2, 1}, []int64{0, 1, 0}},
		{math.MaxInt64, []int64{math.MaxInt64, math.MaxInt64}, []int64{math.MaxInt64/2 + 1, math.MaxInt64 / 2}},
	} {
		got, err := money.Allocate(eur(c.minor), c.ratios...)
		var minors []int64
		for _, a := range got {
			minors = append(minors, a.Minor)
		}
		if err != nil || !slices.Equal(minors, c.want) {
			t.Errorf("%d by %v: got %v, %v; want %v", c.minor, c.ratios, got, err, c.want)
		}
	}
}

func TestAllocateRefusals(t *testing.T) {
	for _, ratios := range [][]int64{nil, {0}, {0, 0}, {1, -1}, {-1}} {
		if got, err := money.Allocate(eur(10), ratios...); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v: got %v, %v", ratios, got, err)
		}
	}
	if got, err := money.Allocate(eur(math.MinInt64), 1); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("the lowest amount: got %v, %v", got, err)
	}
}

func TestAllocateLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := eur(rapid.Int64Min(math.MinInt64+1).Draw(t, "minor"))
		ratios := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 12).Draw(t, "ratios")
		whole := new(big.Int)
		for _, r := range ratios {
			whole.Add(whole, big.NewInt(r))
		}
		if whole.Sign() == 0 {
			t.Skip("nobody to share it among")
		}
		shares, err := money.Allocate(a, ratios...)
		if err != nil {
			t.Fatal(err)
		}
		for i, share := range shares {
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(ratios[i])), whole)
			off := exact.Sub(exact, new(big.Rat).SetInt64(share.Minor))
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 || (ratios[i] == 0 && share.Minor != 0) {
				t.Fatalf("ratio %d of %v got %v", ratios[i], a, share)
			}
		}
		if sum, err := money.Sum("EUR", shares...); err != nil || sum != a {
			t.Fatalf("%v was shared as %v, together %v, %v", a, shares, sum, err)
		}
	})
}
