package shop

import (
	"meridian/platform/openapi"
	"meridian/role/shop/api"
	"meridian/world"
)

// mergeAbout is what the API's document says of a merge.
const mergeAbout = `For a buyer who turns out to have two carts, as when they sign in with one on the device and one of their own. The cart of the token in ` + "`Authorization`" + ` stays, ` + "`from`" + ` is empty afterwards; the orders that were placed from it are still opened by its token.

Quantities of a SKU add up, to ` + "`max_quantity`" + ` at most: ` + "`cut`" + ` says what that leaves out. New lines come behind those that are there. A line keeps the photo that it has. What would be more than ` + "`max_lines`" + ` is refused as a whole (413). Sent again it changes nothing; with an ` + "`Idempotency-Key`" + ` not even when there is something in ` + "`from`" + ` again.`

type mergeAsked struct {
	ID      string `path:"id" maxLength:"26" doc:"of the cart that stays"`
	IfMatch string `header:"If-Match" maxLength:"256" doc:"the ETag of the cart that stays; * for whatever it holds"`
	Key     string `header:"Idempotency-Key" maxLength:"66" doc:"if any, new for each merge: 16 to 64 letters, digits, - and _, in double quotes or bare" example:"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""`
	Body    api.CartMerge
}

func (s *Shop) apiMergeCarts(c *caller, in *mergeAsked) (*tagged[api.MergedCart], error) {
	const op = "shop.api.merge"
	if err := c.named(in.ID); err != nil {
		return nil, err
	}
	m := world.CartMerge{Into: c.cart, From: in.Body.From}
	if in.Key != "" {
		var err error
		if m.Key, err = apiKey(in.Key, "merge"); err != nil {
			return nil, err
		}
	}
	lines, cut, err := s.deps.Orders.MergeCarts(c.ctx, c.at.market.ID, m, s.cfg.MaxQuantity, s.cfg.MaxLines, func(lines []world.CartLine) error {
		return openapi.Match(c.w, in.IfMatch, cartTag(lines))
	})
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	stays := cartOf(c.cart, lines)
	out := &tagged[api.MergedCart]{ETag: stays.ETag, Body: api.MergedCart{Cart: stays.Body, Cut: []api.CutLine{}}}
	for _, l := range cut {
		out.Body.Cut = append(out.Body.Cut, api.CutLine{SKU: l.SKU, Quantity: l.Quantity})
	}
	return out, nil
}
