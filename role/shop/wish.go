package shop

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"meridian/engine/checkout"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

// wish is what a checkout's form asks for beside the cart and the contact. A
// form without a field means what there was before the field: a delivery, at no
// set time, without a code, paid for when it comes.
type wish struct {
	fulfilment world.Fulfilment
	slotID     string
	code       string
	method     world.PaymentMethod

	selling checkout.Selling
	open    []slots.Offer // slots of this way of fulfilment that can be seen
	slot    slots.Slot    // that was chosen; zero for none
	billed  bool          // the invoice needs the buyer's address, though nothing goes to it
	lost    bool          // the one that was chosen is not to be had any more
}

// maxCode is the longest promotion code that a form is given back, in bytes.
const maxCode = 64

func (s *Shop) readWish(at *site, form url.Values) wish {
	return s.newWish(at, form.Get("fulfilment"), form.Get("slot"), form.Get("code"), form.Get("method"))
}

func (s *Shop) newWish(at *site, fulfilment, slot, code, method string) wish {
	w := wish{fulfilment: world.Delivery, method: world.PayOnCollection, slotID: slot, code: strings.TrimSpace(code)}
	if f := world.Fulfilment(fulfilment); slices.Contains(at.market.Fulfilments(), f) {
		w.fulfilment = f
	}
	if method == string(world.PayCard) && s.takesCard(at) {
		w.method = world.PayCard
	}
	w.code = strings.ToValidUTF8(w.code[:min(len(w.code), maxCode)], "")
	return w
}

// contact is a contact without the address where nothing is delivered to one and no
// invoice needs it.
func (w wish) contact(c world.Contact) world.Contact {
	if w.fulfilment.AtShop() && !w.billed {
		return world.Contact{Name: c.Name, Email: c.Email, Phone: c.Phone, Company: c.Company, TaxID: c.TaxID}
	}
	return c
}

// takesCard reports whether a market's orders can be paid for by card.
func (s *Shop) takesCard(at *site) bool {
	_, ok := s.payOf(at.market.ID)
	return ok
}

// look reads what the market's owner has set, and what is left of each slot. A
// slot of the other way of fulfilment is forgotten: the buyer has changed from
// one to the other.
func (s *Shop) look(ctx context.Context, at *site, b basket, w *wish) (err error) {
	const op = "shop.wish"
	now := s.deps.Now()
	if w.selling, err = s.deps.Catalog.Selling(ctx, at.market.ID, at.locale(), now); err != nil {
		return world.Wrap(op, err)
	}
	calendar, err := w.selling.Calendar(w.fulfilment, at.zone, now, checkout.LeadOf(b.sold()), s.cfg.SlotDays)
	if err != nil {
		return world.Wrap(op, err)
	}
	booked := map[string]int{}
	if len(calendar) > 0 {
		ids := make([]string, len(calendar))
		for i, c := range calendar {
			ids[i] = c.ID
		}
		if booked, err = s.deps.Orders.SlotUse(ctx, at.market.ID, ids); err != nil {
			return world.Wrap(op, err)
		}
	}
	w.open = slots.Offers(calendar, booked)
	w.choose()
	return nil
}

// choose finds the slot that was asked for.
func (w *wish) choose() {
	ref, err := slots.Parse(w.slotID)
	if err != nil || ref.Kind != checkout.SlotKind(w.fulfilment) {
		w.slotID = ""
		return
	}
	i := slices.IndexFunc(w.open, func(o slots.Offer) bool { return o.ID == w.slotID })
	if i < 0 || w.open[i].Room == slots.Full {
		w.slotID, w.lost = "", true
		return
	}
	w.slot = w.open[i].Slot
}

// day is the day on which the goods are handed over, as far as it is known.
func (w wish) day(at *site, now time.Time) tax.Date {
	if w.slot.ID != "" {
		return tax.DateOf(w.slot.Start, at.zone)
	}
	return tax.DateOf(now, at.zone)
}

// quote reckons what is in the cart as the buyer wishes for it. email tells whose
// uses of promotions count; "" is nobody's.
func (s *Shop) quote(ctx context.Context, at *site, b basket, w wish, email, jurisdiction string, buyer tax.Buyer) (checkout.Quote, error) {
	used, err := s.used(ctx, at, w, email)
	if err != nil {
		return checkout.Quote{}, err
	}
	now := s.deps.Now()
	asked := checkout.Wish{Lines: b.sold(), Fulfilment: w.fulfilment, Jurisdiction: jurisdiction, Buyer: buyer, At: now, On: w.day(at, now), Cash: w.method == world.PayOnCollection}
	if w.code != "" {
		asked.Codes = []string{w.code}
	}
	return checkout.NewQuote(at.terms, asked, w.selling.Promotions, used, s.deps.Tax)
}

// used looks up how often the promotions that have limits were used.
func (s *Shop) used(ctx context.Context, at *site, w wish, email string) (promotion.Used, error) {
	var limited []promotion.Promotion
	for _, p := range w.selling.Promotions {
		if p.MaxUses > 0 || p.MaxPerBuyer > 0 {
			limited = append(limited, p)
		}
	}
	if len(limited) == 0 {
		return nil, nil
	}
	total, mine, err := s.deps.Orders.PromotionUse(ctx, at.market.ID, email, limited)
	return func(id string) (int, int) { return total[id], mine[id] }, world.Wrap("shop.used", err)
}

// limits are how often a promotion may be used, for the database to hold to.
func (w wish) limits(d world.OrderDiscount) world.OrderDiscount {
	for _, p := range w.selling.Promotions {
		if p.ID == d.Promotion {
			d.MaxUses, d.PerBuyer = p.MaxUses, p.MaxPerBuyer
		}
	}
	return d
}

// choice is a way to get or to pay for an order, as the page offers it.
type choice struct {
	Value, Label string
	Chosen       bool
}

func (at *site) fulfilments(w wish) (out []choice) {
	for _, f := range at.market.Fulfilments() {
		out = append(out, choice{Value: string(f), Label: at.by(f), Chosen: w.fulfilment == f})
	}
	return out
}

// atShop names how an order is handed over where the shop stands; "" for one that is
// delivered.
func (at *site) atShop(f world.Fulfilment) string {
	if !f.AtShop() {
		return ""
	}
	return at.by(f)
}

// by names a way of fulfilment.
func (at *site) by(f world.Fulfilment) string { return at.texts.Text("checkout.by_" + string(f)) }

// methods are how an order can be paid for; nil where there is nothing to choose.
func (s *Shop) methodsOf(at *site, w wish) []choice {
	if !s.takesCard(at) {
		return nil
	}
	return []choice{
		{Value: string(world.PayCard), Label: at.texts.Text("checkout.by_card"), Chosen: w.method == world.PayCard},
		{Value: string(world.PayOnCollection), Label: at.texts.Text("checkout.on_collection"), Chosen: w.method == world.PayOnCollection},
	}
}

// slotOption is a slot as the page offers it.
type slotOption struct {
	Value, Label string
	Chosen, Full bool
}

func (at *site) slotOptions(w wish) []slotOption {
	var out []slotOption
	for _, o := range w.open {
		label := at.window(o.Start, o.End)
		switch o.Room {
		case slots.Full:
			label = at.texts.Text("checkout.slot_full", "When", label)
		case slots.Few:
			label = at.texts.Text("checkout.slot_few", "When", label)
		}
		out = append(out, slotOption{Value: o.ID, Label: label, Chosen: o.ID == w.slotID, Full: o.Room == slots.Full})
	}
	return out
}

// window writes a slot on the market's clocks: "Mon 23 November, 09:00–10:00".
func (at *site) window(start, end time.Time) string {
	if start.IsZero() {
		return ""
	}
	return at.slots.Format(start.In(at.zone), end)
}

// refused says why a promotion's code does not work; "" when it does.
func (at *site) refused(refusals []promotion.Refusal) string {
	if len(refusals) == 0 {
		return ""
	}
	r, when := refusals[0], ""
	if !r.At.IsZero() {
		when = at.date(r.At)
	}
	return at.texts.Text("promotion."+string(r.Reason), "Code", r.Code, "By", r.By, "Need", at.money(r.Need.Minor), "Pieces", r.Pieces, "When", when)
}
