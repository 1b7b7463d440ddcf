package promotion

import (
	"fmt"
	"math/big"

	"meridian/engine/money"
)

// Pieces is what count of a line's pieces were sold for, after those that were
// given back before: its part of what was paid (or taxed, or taken off) for
// all quantity of them, cut to the minor unit so that the parts of all pieces
// are the whole, in however many steps they come back. It fails with
// [world.CodeInvalid] for pieces that the line has not.
func Pieces(whole money.Amount, quantity, before, count int) (money.Amount, error) {
	if quantity < 1 || before < 0 || count < 0 || before > quantity || count > quantity-before {
		return money.Amount{}, refuse(fmt.Sprintf("%d pieces after %d of %d; give back what is left at most", count, before, quantity))
	}
	upTo := func(n int) int64 {
		part := new(big.Int).Mul(big.NewInt(whole.Minor), big.NewInt(int64(n)))
		return part.Quo(part, big.NewInt(int64(quantity))).Int64() // no farther from zero than the whole
	}
	return money.Amount{Minor: upTo(before+count) - upTo(before), Currency: whole.Currency}, nil
}
