package shop

import (
	"net/http"

	"meridian/engine/checkout"
	"meridian/engine/tax"
	"meridian/world"
)

// checkoutBody is the checkout's page.
type checkoutBody struct {
	Key, Quoted      string
	Notices          []notice
	Contact, Address []formField
	Wrong            []formField // what the summary at the head links to
	Trim             bool        // less is left than is in the cart: offer to take what there is
	Photos           []shot      // what products are made with
	Settled          bool        // the total is final: offer to order
	Fulfilments      []choice
	Slots            []slotOption
	AtShop           bool   // nothing is delivered to an address;
	Billed           bool   // one is asked for all the same, for the invoice;
	Firms            string // the key of which businesses' it will be; "" for none. Shown where the goods are not delivered
	Code, CodeWrong  string
	Methods          []choice // nil where there is nothing to choose
}

// attempt is one visit to the checkout: what was sent and what it means.
type attempt struct {
	w       http.ResponseWriter
	r       *http.Request
	at      *site
	basket  basket
	contact world.Contact
	wish    wish
	key     string
	wrong   map[checkout.Field]checkout.ErrorKey
	notices []notice
	status  int
	buyer   tax.Buyer // the zero Buyer is a consumer
	proof   string    // that a register has confirmed the buyer's number
}

func (s *Shop) showCheckout(w http.ResponseWriter, r *http.Request, at *site) error {
	b, err := s.basket(r.Context(), at, s.cartID(r))
	if err != nil {
		return err
	}
	if !b.ready() {
		http.Redirect(w, r, at.prefix+"/cart", http.StatusSeeOther)
		return nil
	}
	key, err := newID(s.deps.Random)
	if err != nil {
		return err
	}
	a := &attempt{w: w, r: r, at: at, basket: b, wish: s.readWish(at, nil), key: key, status: http.StatusOK}
	if s.takesCard(at) {
		a.wish.method = world.PayCard
	}
	if err := s.look(r.Context(), at, b, &a.wish); err != nil {
		return err
	}
	return s.checkoutPage(a)
}

// checkout takes the form: to show the total with its tax (step review), to show
// what another choice comes to (look), to lower the cart to what is left (trim),
// or to order (place).
func (s *Shop) checkout(w http.ResponseWriter, r *http.Request, at *site) error {
	a := &attempt{w: w, r: r, at: at, contact: at.fit(readContact(r.PostForm)), wish: s.readWish(at, r.PostForm), status: http.StatusOK}
	if err := s.takeKey(a); err != nil {
		return err
	}
	if done, err := s.alreadyPlaced(a); done || err != nil {
		return err
	}
	var err error
	if a.basket, err = s.basket(r.Context(), at, s.cartID(r)); err != nil {
		return err
	}
	if r.PostForm.Get("step") == "trim" {
		if err := s.trim(a); err != nil {
			return err
		}
	}
	if len(a.basket.sold()) == 0 || hasGone(a.basket) {
		return s.toCart(a)
	}
	if err := s.judge(a); err != nil {
		return err
	}
	if r.PostForm.Get("step") == "place" {
		return s.place(a)
	}
	if r.PostForm.Get("step") == "review" && len(a.wrong) > 0 {
		a.status = http.StatusUnprocessableEntity
	}
	if step := r.PostForm.Get("step"); step == "trim" || step == "look" {
		a.wrong = nil // nothing was sent for judgement
	}
	return s.checkoutPage(a)
}

// judge looks at what was sent: what there is of it, and what is wrong with it.
func (s *Shop) judge(a *attempt) error {
	if err := s.look(a.r.Context(), a.at, a.basket, &a.wish); err != nil {
		return err
	}
	if err := s.bill(a); err != nil {
		return err
	}
	a.wrong = a.at.rules.Validate(a.wish.contact(a.contact), a.wish.fulfilment, a.wish.billed)
	s.confirm(a)
	return nil
}

// takeKey reads the form's idempotency key. A form without a good one gets a
// new one and must be looked at again.
func (s *Shop) takeKey(a *attempt) (err error) {
	a.key, err = checkout.ParseIdempotencyKey(a.r.PostForm.Get("key"))
	if err == nil {
		return nil
	}
	a.notices = append(a.notices, notice{Kind: "bad", Text: a.at.texts.Text("checkout.changed")})
	a.r.PostForm.Set("step", "review")
	a.key, err = newID(s.deps.Random)
	return err
}

// alreadyPlaced leads to the order when this very form has placed one.
func (s *Shop) alreadyPlaced(a *attempt) (done bool, err error) {
	o, done, err := s.placedBy(a)
	if done {
		s.showPlaced(a, o)
	}
	return done, err
}

// placedBy is the order that this very attempt has placed.
func (s *Shop) placedBy(a *attempt) (o world.Order, done bool, err error) {
	id := s.cartID(a.r)
	if id == "" {
		return o, false, nil
	}
	o, err = s.deps.Orders.Placed(a.r.Context(), id, a.key)
	if world.Is(err, world.CodeNotFound) {
		return o, false, nil
	}
	return o, err == nil, world.Wrap("shop.checkout", err)
}

// showPlaced leads to an order, or to where it is paid for; with the page's script
// straight to the provider's page.
func (s *Shop) showPlaced(a *attempt, o world.Order) {
	next := a.at.prefix + "/orders/" + o.ID
	switch {
	case o.State != world.OrderAwaitingPayment:
		lead(a.w, a.r, next, func() error { return s.orderPage(a.w, a.r, a.at, o, http.StatusOK, nil) })
	case !asksPage(a.r) || s.leadToPay(a.w, a.r, a.at, o) != nil: // that page says what is wrong
		http.Redirect(a.w, a.r, next+"/pay", http.StatusSeeOther)
	}
}

// trim lowers each line to what is left and takes out what is not sold any more.
func (s *Shop) trim(a *attempt) (err error) {
	for _, l := range a.basket.lines {
		quantity := l.left
		switch {
		case l.gone():
			quantity = 0
		case !l.short():
			continue
		}
		if err := s.set(a.r, a.at, l.SKU, quantity); err != nil {
			return err
		}
	}
	a.basket, err = s.basket(a.r.Context(), a.at, s.cartID(a.r))
	return err
}

func hasGone(b basket) bool {
	for _, l := range b.lines {
		if l.gone() {
			return true
		}
	}
	return false
}

// checkoutPage shows the form, with the final total as soon as it is known.
func (s *Shop) checkoutPage(a *attempt) error {
	v := s.view(a.at, "/checkout")
	v.Title, v.Section, v.CartCount, v.Counted = v.T("checkout.title"), "cart", a.basket.count(), true
	v.Languages = nil // to change the language here would lose what was typed
	body := checkoutBody{Key: a.key, Notices: a.notices}
	body.Contact, body.Address = formFields(v, a)
	body.Wrong = wrongFields(body.Contact, body.Address)
	s.offer(a, &body)
	if short := a.at.shortages(a.basket); len(short) > 0 {
		body.Trim = true
		for i := range short {
			short[i].At = "trim" // the button that mends them all
		}
		body.Notices = append(body.Notices, notice{Kind: "bad", Text: v.T("cart.check"), Items: short})
	}
	if len(body.Wrong) == 0 && len(body.Notices) > 0 {
		body.Notices[0].ID = wrongID
	}
	q, final, err := s.settle(a)
	switch {
	case world.Is(err, world.CodeTooLarge):
		body.Notices = append(body.Notices, notice{Kind: "bad", Text: v.T("checkout.too_large")})
		a.status = http.StatusUnprocessableEntity
	case err != nil:
		return err
	case final:
		v.Sums, body.Quoted, body.Settled = a.at.quoteSums(q, a.wish.method != world.PayCard), quotedOf(q).String(), true
		body.CodeWrong = a.at.refused(q.Refused)
	default:
		if v.Sums, err = a.at.openSums(a.basket, "checkout.tax_open"); err != nil {
			return err
		}
	}
	if body.Photos, err = s.photoShots(a.at, a.basket.photos()); err != nil {
		return err
	}
	v.Body = body
	return s.render(a.w, a.r, a.status, "checkout", v)
}

// offer fills in what there is to choose, and says that the slot which was chosen
// is gone.
func (s *Shop) offer(a *attempt, body *checkoutBody) {
	body.Fulfilments, body.Slots, body.Methods = a.at.fulfilments(a.wish), a.at.slotOptions(a.wish), s.methodsOf(a.at, a.wish)
	body.AtShop, body.Code = a.wish.fulfilment.AtShop(), a.wish.code
	body.Billed, body.Firms = a.wish.billed, a.firms()
	if a.wish.lost {
		text := a.at.texts.Text("checkout.slot_gone")
		body.Notices = append(body.Notices, notice{Kind: "bad", Text: text, Items: []noticeItem{{Text: text, At: "slot"}}})
	}
}

// firms is the key of which businesses the form says will be asked for their address;
// "" for none, such as where it is asked for by now.
func (a *attempt) firms() string {
	if a.wish.billed {
		return ""
	}
	return a.at.firms()
}

// settle reckons the final total; final is false while the address that
// decides the tax is not known.
func (s *Shop) settle(a *attempt) (q checkout.Quote, final bool, err error) {
	jurisdiction, err := a.at.terms.Place(a.at.rules, a.wish.fulfilment, a.contact)
	if err != nil {
		return q, false, nil // no address yet, or none that we deliver to: the form says so
	}
	q, err = s.quote(a.r.Context(), a.at, a.basket, a.wish, a.contact.Email, jurisdiction, a.buyer)
	return q, err == nil, world.Wrap("shop.settle", err)
}
