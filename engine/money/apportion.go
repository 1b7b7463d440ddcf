package money

import (
	"cmp"
	"math/big"
	"slices"

	"meridian/world"
)

// Apportion shares a rounded total of minor units among exact parts by the
// largest remainder (Hamilton's method): each share is its part rounded down
// or up, and the shares sum to the total. Of equal remainders the earlier
// comes first. The parts are not negative, and the total is their sum rounded
// down or up; anything else fails with [world.CodeInvalid].
func Apportion(total int64, parts []*big.Rat) ([]int64, error) {
	shares := make([]int64, len(parts))
	remainders := make([]*big.Rat, len(parts))
	left := big.NewInt(total)
	for i, part := range parts {
		if part.Sign() < 0 {
			return nil, world.E(world.CodeInvalid, "money.apportion", "a part is negative; share out positive parts only")
		}
		floor := new(big.Int).Quo(part.Num(), part.Denom())
		if !floor.IsInt64() {
			return nil, overflow("money.apportion")
		}
		shares[i] = floor.Int64()
		remainders[i] = new(big.Rat).Sub(part, new(big.Rat).SetInt(floor))
		left.Sub(left, floor)
	}
	return shares, handOut(left, shares, remainders)
}

// handOut gives the units that are left to the largest remainders, one each.
func handOut(left *big.Int, shares []int64, remainders []*big.Rat) error {
	order := make([]int, 0, len(remainders))
	off := new(big.Rat).SetInt(left) // how far the total is from the exact sum
	for i, r := range remainders {
		off.Sub(off, r)
		if r.Sign() > 0 {
			order = append(order, i)
		}
	}
	if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
		return world.E(world.CodeInvalid, "money.apportion", "the total is not the sum of its parts; reckon it from them")
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(remainders[b].Cmp(remainders[a]), cmp.Compare(a, b))
	})
	for _, i := range order[:left.Int64()] {
		shares[i]++
	}
	return nil
}
