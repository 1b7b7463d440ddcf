package shop

import (
	"context"

	"meridian/engine/checkout"
	"meridian/world"
)

// basket is a cart as it stands: its lines with what the primary says of them
// now and how many are left.
type basket struct {
	id    string
	lines []basketLine
}

// fewLeft is how many of a product a visitor is told to hurry for.
const fewLeft = 5

type basketLine struct {
	world.CartLine
	product world.Offer // without a key when it is no longer sold
	left    int
}

func (l basketLine) gone() bool  { return l.product.Key == "" }
func (l basketLine) short() bool { return !l.gone() && l.left < l.Quantity }

// bare reports whether a product lacks the photo that it is made with.
func (l basketLine) bare() bool { return l.product.TakesPhoto && l.Photo == "" }

// madeWith is the buyer's photo that a line is made with, by its media id; "" for a
// product that takes none. One that was given before the product stopped taking any
// goes with the cart's line: an order does not keep what nobody needs.
func (l basketLine) madeWith() string {
	if l.product.TakesPhoto {
		return l.Photo
	}
	return ""
}

// basket reads a cart, its products and its stock. A browser without a cart
// has an empty one.
func (s *Shop) basket(ctx context.Context, at *site, id string) (basket, error) {
	b := basket{id: id}
	if id == "" {
		return b, nil
	}
	lines, err := s.deps.Orders.Cart(ctx, id, at.market.ID)
	if err != nil || len(lines) == 0 {
		return b, world.Wrap("shop.basket", err)
	}
	slugs := make([]string, len(lines))
	for i, l := range lines {
		slugs[i] = l.SKU
	}
	products, err := s.deps.Catalog.Current(ctx, at.market.ID, at.locale(), slugs, s.deps.Now())
	if err != nil {
		return b, world.Wrap("shop.basket", err)
	}
	stock, err := s.deps.Orders.Stock(ctx, at.market.ID, slugs)
	if err != nil {
		return b, world.Wrap("shop.basket", err)
	}
	byKey := make(map[string]world.Offer, len(products))
	for _, p := range products {
		byKey[p.Key] = p
	}
	for _, l := range lines {
		b.lines = append(b.lines, basketLine{CartLine: l, product: byKey[l.SKU], left: stock[l.SKU].Available()})
	}
	return b, nil
}

// count is how many things are in the cart.
func (b basket) count() int {
	n := 0
	for _, l := range b.lines {
		n += l.Quantity
	}
	return n
}

// ready reports whether the cart can be ordered as it is.
func (b basket) ready() bool {
	for _, l := range b.lines {
		if l.gone() || l.short() || l.bare() {
			return false
		}
	}
	return len(b.lines) > 0
}

// sold are the lines that still have a product.
func (b basket) sold() []checkout.Line {
	var out []checkout.Line
	for _, l := range b.lines {
		if !l.gone() {
			out = append(out, checkout.Line{Offer: l.product, Quantity: l.Quantity})
		}
	}
	return out
}
