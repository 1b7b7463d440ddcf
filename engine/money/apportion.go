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
	one := big.NewInt(1) // the parts' common denominator
	for _, part := range parts {
		Widen(one, part.Denom())
	}
	over := make([]*big.Int, len(parts))
	for i, part := range parts {
		over[i] = new(big.Int).Div(one, part.Denom())
		over[i].Mul(over[i], part.Num())
	}
	return ApportionOver(total, over, one)
}

// Widen makes a denominator the least common one of itself and of another.
func Widen(n, of *big.Int) {
	if rest := new(big.Int); rest.Rem(n, of).Sign() != 0 {
		n.Mul(n, rest.Quo(of, new(big.Int).GCD(nil, nil, n, of)))
	}
}

// ApportionOver is [Apportion] of parts over one denominator, one: see [RoundOver].
func ApportionOver(total int64, parts []*big.Int, one *big.Int) ([]int64, error) {
	shares, rests := make([]int64, len(parts)), make([]big.Int, len(parts))
	left, floor := big.NewInt(total), new(big.Int)
	for i, part := range parts {
		if part.Sign() < 0 {
			return nil, world.E(world.CodeInvalid, "money.apportion", "a part is negative; share out positive parts only")
		}
		floor.QuoRem(part, one, &rests[i])
		if !floor.IsInt64() {
			return nil, overflow("money.apportion")
		}
		shares[i] = floor.Int64()
		left.Sub(left, floor)
	}
	return shares, handOut(left, shares, rests, one)
}

// handOut gives the units that are left to the largest remainders, one each.
func handOut(left *big.Int, shares []int64, rests []big.Int, one *big.Int) error {
	order := make([]int, 0, len(rests))
	off := new(big.Int).Mul(left, one) // how far the total is from the exact sum
	for i := range rests {
		off.Sub(off, &rests[i])
		if rests[i].Sign() > 0 {
			order = append(order, i)
		}
	}
	if off.CmpAbs(one) >= 0 {
		return world.E(world.CodeInvalid, "money.apportion", "the total is not the sum of its parts; reckon it from them")
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(rests[b].Cmp(&rests[a]), cmp.Compare(a, b))
	})
	for _, i := range order[:left.Int64()] {
		shares[i]++
	}
	return nil
}
