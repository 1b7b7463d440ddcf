package promotion

import (
	"cmp"
	"math/big"
	"slices"

	"meridian/engine/money"
)

// rounding is of a discount's fraction of a minor unit, once a promotion: the
// outcome is shared among its lines.
const rounding = money.HalfUp

// off is what a promotion takes off the lines it is about, given what earlier
// ones have left of each; both by place in the cart. It never takes more than
// is left.
func (c *cart) off(p Promotion, about []int, left []int64) (map[int]int64, error) {
	parts := make([]*big.Rat, len(about))
	switch p.Kind {
	case Percent:
		for j, i := range about {
			parts[j] = new(big.Rat).Mul(p.Percent.Rat(), whole64(left[i]))
		}
	case Amount:
		c.amountParts(p, about, left, parts)
	case BuyXGetY:
		c.freeParts(p, about, left, parts)
	}
	sum := new(big.Rat)
	for _, part := range parts {
		sum.Add(sum, part)
	}
	total, err := money.RoundRat(sum, rounding)
	if err != nil {
		return nil, err
	}
	shares, err := money.Apportion(total, parts)
	if err != nil {
		return nil, err
	}
	taken := make(map[int]int64, len(about))
	for j, i := range about {
		if shares[j] > 0 {
			taken[i] = shares[j]
		}
	}
	return taken, nil
}

// amountParts spread a sum over the lines by what is left of each; of a sum
// that is more than all of it, all.
func (c *cart) amountParts(p Promotion, about []int, left []int64, parts []*big.Rat) {
	var all int64
	for _, i := range about {
		all += left[i]
	}
	share := new(big.Rat)
	if all > 0 {
		share.SetFrac64(min(p.Amount.Minor, all), all)
	}
	for j, i := range about {
		parts[j] = new(big.Rat).Mul(share, whole64(left[i]))
	}
}

// freeParts give away the cheapest pieces of all, Get for every Buy + Get. A
// piece of a line that was lowered before is worth its part of what is left.
func (c *cart) freeParts(p Promotion, about []int, left []int64, parts []*big.Rat) {
	free := c.pieces(about) / (p.Buy + p.Get) * p.Get
	order := make([]int, len(about))
	for j := range order {
		order[j] = j
		parts[j] = new(big.Rat)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(c.lines[about[a]].Unit.Minor, c.lines[about[b]].Unit.Minor)
	})
	for _, j := range order {
		line := c.lines[about[j]]
		n := min(free, line.Quantity)
		free -= n
		parts[j].Mul(big.NewRat(int64(n), int64(line.Quantity)), whole64(left[about[j]]))
	}
}

func whole64(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
