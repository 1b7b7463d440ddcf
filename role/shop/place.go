package shop

import (
	"net/http"

	"meridian/engine/checkout"
	"meridian/world"
)

// outcome is what becomes of an attempt to order.
type outcome int

const (
	ordered outcome = iota
	unfit           // the contact or the cart is to be mended first
	changed         // it would not be what was shown: the attempt says how
	taken           // somebody else was faster, or another window of the same browser
)

// place orders what the form showed, or shows the form again with the reason
// why not. Nothing that was typed is lost either way.
func (s *Shop) place(a *attempt) error {
	o, became, err := s.tryToPlace(a, a.r.PostForm.Get("quoted"))
	switch {
	case err != nil:
		return err
	case became == unfit:
		return s.refuse(a, http.StatusUnprocessableEntity)
	case became == changed:
		return s.refuse(a, http.StatusConflict)
	case became == taken:
		return s.placeRefused(a)
	}
	s.showPlaced(a, o)
	return nil
}

// tryToPlace orders what was shown, if it is what holds now.
func (s *Shop) tryToPlace(a *attempt, asShown string) (placed world.Order, became outcome, err error) {
	q, final, err := s.settle(a)
	if err != nil && !world.Is(err, world.CodeTooLarge) {
		return placed, unfit, err
	}
	if err != nil || !final || len(a.wrong) > 0 || !a.basket.ready() {
		return placed, unfit, nil
	}
	if a.wish.lost || len(q.Refused) > 0 { // who shows the quote again says why
		return placed, changed, nil
	}
	shown, ok := parseQuoted(asShown, s.cfg.MaxLines)
	changes := a.at.changes(shown, quotedOf(q), a.basket)
	if !ok || len(changes) > 0 {
		a.notices = append(a.notices, changes...)
		return placed, changed, nil
	}
	o, err := s.order(a, q)
	if err != nil {
		return placed, unfit, err
	}
	number := func() (string, error) { return checkout.NewOrderNumber(s.brand, a.at.market.ID, s.deps.Random) }
	placed, _, err = s.deps.Orders.Place(a.r.Context(), o, a.key, number)
	switch world.CodeOf(err) {
	case "":
		s.Told()
		return placed, ordered, nil
	case world.CodeUnprocessed, world.CodeConflict:
		return placed, taken, nil
	}
	return placed, taken, world.Wrap("shop.place", err)
}

// placeRefused looks at the cart and the stock again and shows what has become
// of them: somebody else was faster, or another window of the same browser.
func (s *Shop) placeRefused(a *attempt) (err error) {
	if a.basket, err = s.basket(a.r.Context(), a.at, s.cartID(a.r)); err != nil {
		return err
	}
	if len(a.basket.sold()) == 0 || hasGone(a.basket) {
		return s.toCart(a)
	}
	if err := s.look(a.r.Context(), a.at, a.basket, &a.wish); err != nil {
		return err
	}
	if a.basket.ready() && !a.wish.lost {
		a.notices = append(a.notices, notice{Text: a.at.texts.Text("checkout.changed")})
	}
	return s.refuse(a, http.StatusConflict)
}

// refuse shows the form again with what is against it, unless this very form, sent
// a second time, has placed the order since it was looked for: then what is lacking
// may be what that order took.
func (s *Shop) refuse(a *attempt, status int) error {
	if done, err := s.alreadyPlaced(a); done || err != nil {
		return err
	}
	a.status = status
	return s.checkoutPage(a)
}

// toCart leads to the cart, where nothing is left to order, or to the order if it
// was this form's that has emptied it.
func (s *Shop) toCart(a *attempt) error {
	if done, err := s.alreadyPlaced(a); done || err != nil {
		return err
	}
	lead(a.w, a.r, a.at.prefix+"/cart", func() error {
		return s.cartPage(a.w, a.r, a.at, cartView{id: s.cartID(a.r), status: http.StatusOK})
	})
	return nil
}

// order is what is to be placed, as it was quoted. What costs nothing is placed at
// once: there is nothing to pay by card.
func (s *Shop) order(a *attempt, q checkout.Quote) (world.Order, error) {
	id, err := newID(s.deps.Random)
	now := s.deps.Now().UTC()
	o := world.Order{
		ID: id, Market: a.at.market.ID, CartID: a.basket.id, Locale: a.at.locale(), Contact: a.wish.contact(a.contact),
		Lines: a.basket.withPhotos(q.Lines), Taxes: q.Taxes, TaxShares: q.TaxShares, Jurisdiction: q.Jurisdiction, Currency: a.at.market.Currency,
		NetMinor: q.Net.Minor, TaxMinor: q.Tax.Minor, TotalMinor: q.Total.Minor, DiscountMinor: q.Discount.Minor, PlacedAt: now,
		State: world.OrderPlaced, Method: world.PayOnCollection, Inclusive: a.at.terms.Tax.Inclusive, RoundingMinor: q.Rounding.Minor,
		Fulfilment: q.Fulfilment, Supply: string(checkout.Mode(q.Fulfilment)),
		TaxIDProof: a.proof, TaxNotes: q.TaxNotes,
		Slot: world.OrderSlot{ID: a.wish.slot.ID, Start: a.wish.slot.Start, End: a.wish.slot.End, Capacity: a.wish.slot.Capacity},
	}
	for _, d := range q.Discounts {
		o.Discounts = append(o.Discounts, a.wish.limits(d))
	}
	if a.wish.method == world.PayCard && o.TotalMinor > 0 {
		o.State, o.Method, o.RoundingMinor, o.ExpiresAt = world.OrderAwaitingPayment, world.PayCard, 0, now.Add(s.cfg.ReserveFor)
	}
	return o, err
}
