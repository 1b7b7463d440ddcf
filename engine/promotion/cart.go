package promotion

import (
	"cmp"
	"fmt"
	"slices"

	"meridian/engine/money"
	"meridian/world"
)

// Line is a line of a cart before discounts.
type Line struct {
	SKU      string
	Category string
	Quantity int          // at least one
	Unit     money.Amount // the price of one piece; not negative
}

// cart is the lines in an order of its own, so that what a rounding decides
// does not depend on the order in which they came.
type cart struct {
	currency string
	lines    []cartLine
	bySKU    map[string][]int
	byCat    map[string][]int
}

type cartLine struct {
	Line
	at   int   // its place among the lines given
	full int64 // minor units for all of the quantity, before any discount
}

// newCart fails with [world.CodeInvalid] for no lines, a quantity below one or
// a negative price, with [world.CodeConflict] for two currencies, and with
// [world.CodeTooLarge] past a limit or an int64.
func (l Limits) newCart(lines []Line) (*cart, error) {
	if len(lines) == 0 {
		return nil, refuse("the cart is empty; put something into it")
	}
	if len(lines) > l.MaxLines {
		return nil, tooLarge(fmt.Sprintf("a cart can hold at most %d lines; take some out", l.MaxLines))
	}
	c := &cart{currency: lines[0].Unit.Currency, lines: make([]cartLine, len(lines)),
		bySKU: map[string][]int{}, byCat: map[string][]int{}}
	sum, err := money.New(0, c.currency)
	if err != nil {
		return nil, world.Wrap("promotion.apply", err)
	}
	for i, line := range lines {
		if line.Quantity < 1 || line.Unit.Minor < 0 {
			return nil, refuse(fmt.Sprintf("line %q has a quantity below one or a negative price; mend it", clip(line.SKU)))
		}
		if line.Quantity > l.MaxQuantity {
			return nil, tooLarge(fmt.Sprintf("at most %d of %q can be ordered at once; order fewer", l.MaxQuantity, clip(line.SKU)))
		}
		full, err := line.Unit.Mul(line.Quantity)
		if err != nil {
			return nil, world.Wrap("promotion.apply", err)
		}
		if sum, err = sum.Add(full); err != nil {
			return nil, world.Wrap("promotion.apply", err)
		}
		c.lines[i] = cartLine{Line: line, at: i, full: full.Minor}
	}
	c.sort()
	return c, nil
}

func (c *cart) sort() {
	slices.SortStableFunc(c.lines, func(a, b cartLine) int {
		return cmp.Or(cmp.Compare(a.SKU, b.SKU), cmp.Compare(a.Unit.Minor, b.Unit.Minor),
			cmp.Compare(a.Quantity, b.Quantity), cmp.Compare(a.Category, b.Category))
	})
	for i, line := range c.lines {
		c.bySKU[line.SKU] = append(c.bySKU[line.SKU], i)
		c.byCat[line.Category] = append(c.byCat[line.Category], i)
	}
}

// about are the lines that a promotion is about, in the cart's order.
func (c *cart) about(p Promotion) []int {
	if len(p.SKUs)+len(p.Categories) == 0 {
		all := make([]int, len(c.lines))
		for i := range all {
			all[i] = i
		}
		return all
	}
	var hit []int
	for _, sku := range p.SKUs {
		hit = append(hit, c.bySKU[sku]...)
	}
	for _, category := range p.Categories {
		hit = append(hit, c.byCat[category]...)
	}
	slices.Sort(hit)
	return slices.Compact(hit)
}

// full is what the lines cost before any discount.
func (c *cart) full(lines []int) (sum int64) {
	for _, i := range lines {
		sum += c.lines[i].full
	}
	return sum
}

func (c *cart) pieces(lines []int) (n int) {
	for _, i := range lines {
		n += c.lines[i].Quantity
	}
	return n
}

func (c *cart) amount(minor int64) money.Amount {
	return money.Amount{Minor: minor, Currency: c.currency}
}
