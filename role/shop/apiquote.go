package shop

import (
	"net/http"
	"slices"

	"meridian/engine/checkout"
	"meridian/engine/order"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/platform/openapi"
	"meridian/role/shop/api"
	"meridian/world"
)

func (s *Shop) addQuotes(a *openapi.API) {
	operate(s, a, openapi.Operation{Method: http.MethodPost, Path: "/quotes", ID: "quote", Summary: "What a cart would cost", Tag: "checkout", Credential: cartToken,
		Description: "With discounts and tax, and what there is to mend. Nothing is stored or held: it may be asked for as often as the buyer changes something.",
		Sent:        api.QuoteAsked{Checkout: exampleCheckout}, Given: exampleQuote}, s.apiQuote)
}

type quoteAsked struct{ Body api.QuoteAsked }

func (s *Shop) apiQuote(c *caller, in *quoteAsked) (*answer[api.Quote], error) {
	a, err := s.apiAttempt(c, in.Body.Checkout)
	if err == nil {
		err = s.lookAgain(a)
	}
	if err != nil {
		return nil, world.Wrap("shop.api.quote", err)
	}
	q, err := s.apiQuoted(a)
	return &answer[api.Quote]{q}, world.Wrap("shop.api.quote", err)
}

// apiAttempt is an attempt to check out as a program sends it.
func (s *Shop) apiAttempt(c *caller, in api.Checkout) (*attempt, error) {
	if in.Method == string(world.PayCard) && !s.takesCard(c.at) {
		return nil, world.E(world.CodeInvalid, "shop.api", "body.method: this market takes no cards: GET /market has its payment_methods.")
	}
	if !slices.Contains(c.at.market.Fulfilments(), world.Fulfilment(in.Fulfilment)) {
		return nil, world.E(world.CodeInvalid, "shop.api", "body.fulfilment: this market does not offer it: GET /market has its fulfilments.")
	}
	if ref, err := slots.Parse(in.Slot); in.Slot != "" && (err != nil || ref.Kind != checkout.SlotKind(world.Fulfilment(in.Fulfilment))) {
		return nil, world.E(world.CodeInvalid, "shop.api", "body.slot: GET /slots has those of each fulfilment.")
	}
	p := in.Contact
	who := world.Contact{Name: p.Name, Email: p.Email, Phone: p.Phone, Line1: p.Line1, Line2: p.Line2, City: p.City, State: p.State, PostalCode: p.PostalCode, Company: p.Company, TaxID: p.TaxID}
	return &attempt{w: c.w, r: c.r, at: c.at, contact: c.at.fit(checkout.Clean(who)), wish: s.newWish(c.at, in.Fulfilment, in.Slot, in.Code, in.Method)}, nil
}

// lookAgain reads the cart and what there is of it, and judges the rest.
func (s *Shop) lookAgain(a *attempt) (err error) {
	if a.basket, err = s.basket(a.r.Context(), a.at, s.cartID(a.r)); err != nil {
		return err
	}
	return s.judge(a)
}

// apiQuoted is what an attempt comes to, with what stands against it.
func (s *Shop) apiQuoted(a *attempt) (api.Quote, error) {
	now := s.deps.Now()
	out := api.Quote{Sums: a.at.apiSums(world.Order{}), Lines: []api.Line{}, Faults: s.faults(a), ExpiresAt: nextDay(now, a.at.zone)}
	if a.wish.slot.ID != "" {
		out.Slot = a.at.apiWindow(world.OrderSlot{ID: a.wish.slot.ID, Start: a.wish.slot.Start, End: a.wish.slot.End})
		out.ExpiresAt = soonest(out.ExpiresAt, a.wish.slot.Closes).In(a.at.zone)
	}
	if len(a.basket.sold()) == 0 {
		return out, nil
	}
	q, final, err := s.settle(a)
	var o world.Order
	switch {
	case world.Is(err, world.CodeTooLarge):
		out.Faults = append(out.Faults, api.Fault{At: "cart", Code: "total", Text: a.at.texts.Text("checkout.too_large")})
		fallthrough
	case err == nil && !final:
		if o, err = a.at.untaxed(a.basket); err != nil {
			return out, err
		}
	case err != nil:
		return out, err
	default:
		o = wouldBe(q, a.wish.method != world.PayCard)
		for _, r := range q.Refused {
			out.Faults = append(out.Faults, api.Fault{At: "code", Code: string(r.Reason), Text: a.at.refused([]promotion.Refusal{r})})
		}
		out.Final = true
	}
	out.Sums, out.Lines = a.at.apiSums(o), a.at.apiLines(a.basket.withPhotos(o.Lines))
	if out.Final && len(out.Faults) == 0 {
		out.Quoted = quotedOf(q).String()
	}
	return out, nil
}

// faults are what is to be mended of a cart, a contact and a slot.
func (s *Shop) faults(a *attempt) []api.Fault {
	out := []api.Fault{}
	if len(a.basket.lines) == 0 {
		out = append(out, api.Fault{At: "cart", Code: "empty", Text: a.at.texts.Text("cart.empty")})
	}
	for _, l := range a.basket.lines {
		f := api.Fault{At: "lines." + l.SKU, Text: a.at.wrongWith(l)}
		switch {
		case l.gone():
			f.Code = "gone"
		case l.short():
			f.Code, f.Left = "short", l.left
		case l.bare():
			f.Code = "photo"
		default:
			continue
		}
		out = append(out, f)
	}
	for _, f := range contactFields {
		if key, wrong := a.wrong[f.name]; wrong {
			out = append(out, api.Fault{At: "contact." + string(f.name), Code: string(key), Text: a.wrongField(f, key)})
		}
	}
	if a.wish.lost {
		out = append(out, api.Fault{At: "slot", Code: "gone", Text: a.at.texts.Text("checkout.slot_gone")})
	}
	return out
}

func (at *site) apiSums(o world.Order) api.Sums {
	out := api.Sums{Discounts: []api.Discount{}, Taxes: []api.Tax{}, Jurisdiction: o.Jurisdiction,
		Net: at.amount(o.NetMinor), Tax: at.amount(o.TaxMinor), Total: at.amount(o.TotalMinor), Payable: at.amount(o.PayableMinor())}
	for _, d := range o.Discounts {
		out.Discounts = append(out.Discounts, api.Discount{Promotion: d.Promotion, Label: d.Label, Code: d.Code, Amount: at.amount(d.Minor)})
	}
	for _, t := range o.Taxes {
		out.Taxes = append(out.Taxes, api.Tax{Label: t.Label, Rate: t.Rate, Net: at.amount(t.NetMinor), Tax: at.amount(t.TaxMinor)})
	}
	if left := order.LeftOut(o); left != 0 {
		amount := at.amount(left)
		out.LeftOut = &amount
	}
	if o.RoundingMinor != 0 {
		rounding := at.amount(o.RoundingMinor)
		out.Rounding = &rounding
	}
	return out
}

func (at *site) apiLines(lines []world.OrderLine) []api.Line {
	out := []api.Line{}
	for _, l := range lines {
		out = append(out, api.Line{SKU: l.SKU, Name: l.Name, Quantity: l.Quantity, Price: at.amount(l.UnitMinor), PriceVersion: l.PriceVersion,
			Amount: at.amount(l.LineMinor), Discount: at.amount(l.DiscountMinor), Tax: at.amount(l.TaxMinor), Photo: l.Photo != ""})
	}
	return out
}

// apiWindow is a slot on the market's clock; nil for none.
func (at *site) apiWindow(w world.OrderSlot) *api.Window {
	if w.ID == "" {
		return nil
	}
	return &api.Window{ID: w.ID, Start: w.Start.In(at.zone), End: w.End.In(at.zone)}
}

// ways are a market's ways of fulfilment.
func ways(m world.Market) []string {
	out := []string{}
	for _, f := range m.Fulfilments() {
		out = append(out, string(f))
	}
	return out
}

// payMethods are how a market's orders can be paid for.
func (s *Shop) payMethods(at *site) []string {
	out := []string{}
	if s.takesCard(at) {
		out = append(out, string(world.PayCard))
	}
	return append(out, string(world.PayOnCollection))
}
