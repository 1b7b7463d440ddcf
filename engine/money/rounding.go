package money

import (
	"fmt"
	"math/big"

	"meridian/world"
)

// Rounding names what becomes of a fraction of a minor unit. There is no
// default: the zero Rounding is refused. All are symmetric about zero, so a
// refund is the mirror of its sale.
type Rounding string

// The roundings, by the names that a world file gives them.
const (
	HalfUp   Rounding = "half_up"   // to the nearest; a half away from zero
	HalfEven Rounding = "half_even" // to the nearest; a half to the even neighbour
	Down     Rounding = "down"      // towards zero
	Up       Rounding = "up"        // away from zero
)

// ParseRounding reads a rounding's name. It fails with [world.CodeInvalid] for
// any other text.
func ParseRounding(name string) (Rounding, error) {
	switch r := Rounding(name); r {
	case HalfUp, HalfEven, Down, Up:
		return r, nil
	}
	return "", world.E(world.CodeInvalid, "money.rounding",
		fmt.Sprintf("%q is not a rounding; use half_up, half_even, down or up", clip(name)))
}

// RoundRat rounds an exact number of minor units to a whole one. It fails with
// [world.CodeInvalid] for an unknown rounding and with [world.CodeTooLarge]
// past an int64.
func RoundRat(x *big.Rat, rounding Rounding) (int64, error) {
	if _, err := ParseRounding(string(rounding)); err != nil {
		return 0, err
	}
	quotient, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if roundsAway(quotient, rest, x.Denom(), rounding) {
		quotient.Add(quotient, big.NewInt(int64(x.Sign())))
	}
	if !quotient.IsInt64() {
		return 0, overflow("money.round")
	}
	return quotient.Int64(), nil
}

// roundsAway tells whether a quotient that was cut towards zero has to take
// one step away from it.
func roundsAway(quotient, rest, denominator *big.Int, rounding Rounding) bool {
	if rest.Sign() == 0 {
		return false
	}
	twice := new(big.Int).Lsh(rest, 1)
	half := twice.CmpAbs(denominator) // <0 below a half, 0 a half, >0 above
	switch rounding {
	case Up:
		return true
	case HalfUp:
		return half >= 0
	case HalfEven:
		return half > 0 || (half == 0 && quotient.Bit(0) == 1)
	}
	return false
}

// MulRate is the amount's share at a rate, rounded once. It fails as [RoundRat]
// does.
func MulRate(a Amount, rate Rate, rounding Rounding) (Amount, error) {
	minor, err := RoundRat(new(big.Rat).Mul(big.NewRat(a.Minor, 1), rate.Rat()), rounding)
	if err != nil {
		return Amount{}, err
	}
	return Amount{Minor: minor, Currency: a.Currency}, nil
}
