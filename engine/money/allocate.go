package money

import (
	"math/big"

	"meridian/world"
)

// Allocate shares an amount by ratios without losing a unit: 10.00 by 1, 1, 1
// is 3.34, 3.33, 3.33. It is [Apportion] on the exact shares, so each share is
// less than one minor unit from its exact one, the units left go to the largest
// remainders, and of equal ones to the earlier. A negative amount is the mirror
// of its positive, so that what is given back is shared as the sale was; a
// ratio of 0 gets nothing. It fails with [world.CodeInvalid] for a negative
// ratio, for ratios that are all 0 and for none, and with
// [world.CodeTooLarge] for the one int64 that has no positive.
func Allocate(a Amount, ratios ...int64) ([]Amount, error) {
	whole := new(big.Int)
	for _, ratio := range ratios {
		if ratio < 0 {
			return nil, world.E(world.CodeInvalid, "money.allocate", "a ratio is negative; share by ratios from 0")
		}
		whole.Add(whole, big.NewInt(ratio))
	}
	if whole.Sign() == 0 {
		return nil, world.E(world.CodeInvalid, "money.allocate", "there is nobody to share it among; give a ratio above 0")
	}
	sign := 1
	if a.Minor < 0 {
		sign = -1
	}
	positive, err := a.Mul(sign)
	if err != nil {
		return nil, err
	}
	parts := make([]*big.Rat, len(ratios))
	for i, ratio := range ratios {
		share := new(big.Int).Mul(big.NewInt(positive.Minor), big.NewInt(ratio))
		parts[i] = new(big.Rat).SetFrac(share, whole)
	}
	minors, err := Apportion(positive.Minor, parts)
	if err != nil {
		return nil, err
	}
	shares := make([]Amount, len(minors))
	for i, minor := range minors {
		shares[i] = Amount{Minor: int64(sign) * minor, Currency: a.Currency}
	}
	return shares, nil
}
