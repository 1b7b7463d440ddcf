package shop

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"meridian/engine/checkout"
	"meridian/engine/order"
	"meridian/platform/httpserver"
	"meridian/platform/openapi"
	"meridian/role/shop/api"
	"meridian/world"
)

func (s *Shop) addOrders(a *openapi.API) {
	on := func(method, path, id, summary, description string, given any, codes ...world.Code) openapi.Operation {
		return openapi.Operation{Method: method, Path: path, ID: id, Summary: summary, Description: description, Tag: "checkout", Credential: cartToken, Given: given, Errors: codes}
	}
	place := on(http.MethodPost, "/orders", "placeOrder", "A cart is ordered", `At the price of a quote, or not at all: what would be another is refused with a new quote (409), and so is what cannot be ordered as it is (422).

`+"`Idempotency-Key`"+` (draft-ietf-httpapi-idempotency-key-header) is made by the client, a new one for each order. However often a request with the same key is sent, it is one order, and the answer is that order as it is now; with the same key for another order it is refused (422).`,
		exampleOrder, world.CodeConflict, world.CodeUnprocessed)
	place.Status, place.Sent = http.StatusCreated, api.OrderAsked{Checkout: exampleCheckout, Quoted: exampleQuote.Quoted}
	place.Refusals = map[world.Code]any{world.CodeConflict: exampleRefusal, world.CodeUnprocessed: exampleRefusal}
	operate(s, a, place, s.apiPlace)
	operate(s, a, on(http.MethodGet, "/orders/{id}", "getOrder", "An order", "For who has the token of the cart that it was placed from.", exampleOrder, world.CodeNotFound), s.apiOrder)
	operate(s, a, on(http.MethodPost, "/orders/{id}/cancellation", "cancelOrder", "A buyer cancels", "Until the shop begins to make it. Sent again it changes nothing.", exampleOrder, world.CodeNotFound, world.CodeConflict), s.apiCancel)
	operate(s, a, on(http.MethodPost, "/orders/{id}/payment", "startPayment", "Where an order is paid for", "An order has one payment at a time: sent again this leads to the same one, or to a new one after one that did not work. A sum that the provider does not take is refused (422): cancel the order, and order with the method `on_collection`.", exampleStart, world.CodeNotFound, world.CodeUnprocessed), s.apiPay)
}

type orderAsked struct {
	Key  string `header:"Idempotency-Key" required:"true" maxLength:"66" doc:"16 to 64 letters, digits, - and _, in double quotes or bare" example:"\"8e03978e-40d5-43dd-bc93-6894a57f9324\""`
	Body api.OrderAsked
}

// located is an order that a request has made.
type located struct {
	Location string `header:"Location"`
	Body     api.Order
}

func (s *Shop) apiPlace(c *caller, in *orderAsked) (*located, error) {
	const op = "shop.api.place"
	key, err := apiKey(in.Key, "order")
	if err != nil {
		return nil, err
	}
	a, err := s.apiAttempt(c, in.Body.Checkout)
	if err != nil {
		return nil, err
	}
	a.key = key
	if o, done, err := s.placedBy(a); done || err != nil {
		return s.apiPlaced(c, a, in.Body, o, err)
	}
	if err := s.lookAgain(a); err != nil {
		return nil, world.Wrap(op, err)
	}
	became := unfit
	if len(a.basket.sold()) > 0 {
		var o world.Order
		if o, became, err = s.tryToPlace(a, in.Body.Quoted); err != nil || became == ordered {
			return s.apiPlaced(c, a, in.Body, o, err)
		}
	}
	// This very request, sent a second time, may have placed it since.
	if o, done, err := s.placedBy(a); done || err != nil {
		return s.apiPlaced(c, a, in.Body, o, err)
	}
	return nil, world.Wrap(op, s.apiRefuse(a, became))
}

// apiKey reads the idempotency key of a request, which is new for each of what it is
// for.
func apiKey(header, each string) (string, error) {
	key, err := checkout.ParseIdempotencyKey(header)
	if err != nil {
		return "", world.Because(world.CodeInvalid, "shop.api.key", "Idempotency-Key: make a new one for each "+each+", of 16 to 64 letters, digits, - and _.", err)
	}
	return key, nil
}

// apiPlaced answers with an order that a request has placed, now or before.
func (s *Shop) apiPlaced(c *caller, a *attempt, asked api.OrderAsked, o world.Order, err error) (*located, error) {
	const op = "shop.api.place"
	if err == nil && !sameOrder(a, asked, o, s.cfg.MaxLines) {
		err = world.E(world.CodeUnprocessed, op, "This Idempotency-Key was used for another order: make a new key for each.")
	}
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	body, err := s.orderDocument(c, o)
	return &located{c.at.prefix + apiBase + "/orders/" + o.ID, body}, err
}

// sameOrder reports whether a request asks for an order that is there already.
func sameOrder(a *attempt, asked api.OrderAsked, o world.Order, maxLines int) bool {
	shown, ok := parseQuoted(asked.Quoted, maxLines)
	q := checkout.Quote{Jurisdiction: o.Jurisdiction, Fulfilment: o.Fulfilment, Lines: slices.Clone(o.Lines)}
	q.Discount.Minor, q.Total.Minor = o.DiscountMinor, o.TotalMinor
	was := quotedOf(q)
	shown.terms = strings.TrimSuffix(shown.terms, roundingTerm(o.RoundingMinor)) // quotes did not always name it
	bySKU := func(x, y world.OrderLine) int { return cmp.Compare(x.SKU, y.SKU) }
	slices.SortFunc(shown.lines, bySKU)
	slices.SortFunc(was.lines, bySKU)
	a.wish.billed = o.Contact.Line1 != "" // what was asked for then
	byCard := a.wish.method == world.PayCard && o.TotalMinor > 0
	return ok && shown.String() == was.String() && asked.Slot == o.Slot.ID && a.wish.contact(a.contact) == o.Contact && byCard == (o.Method == world.PayCard)
}

// apiRefuse answers with what stands against an order, and with the quote that
// holds now.
func (s *Shop) apiRefuse(a *attempt, became outcome) error {
	refusal := world.E(world.CodeConflict, "shop.api.place", "It would not be what was quoted. Show the buyer the quote that this answer has, and order by that.")
	if told := a.told(); told != "" {
		refusal.Message = told
	}
	if became == unfit {
		refusal = world.E(world.CodeUnprocessed, "shop.api.place", "It cannot be ordered like this. The faults of the quote that this answer has say what to mend.")
	}
	if became == taken {
		if err := s.lookAgain(a); err != nil {
			return err
		}
	}
	q, err := s.apiQuoted(a)
	if err != nil {
		return err
	}
	httpserver.LogError(a.r.Context(), s.deps.Log, a.r, refusal)
	b, err := json.Marshal(api.Refusal{Problem: httpserver.ProblemOf(refusal, httpserver.RequestID(a.r.Context())), Quote: &q})
	if err != nil {
		return err
	}
	a.w.Header().Set("Content-Type", "application/problem+json")
	a.w.WriteHeader(refusal.Code.Status())
	_, _ = a.w.Write(append(b, '\n')) // the client has gone: nobody to tell
	return openapi.ErrAnswered
}

// told are an attempt's notices, as one text.
func (a *attempt) told() string {
	texts := make([]string, len(a.notices))
	for i, n := range a.notices {
		texts[i] = n.Text
	}
	return strings.Join(texts, " ")
}

type orderNamed struct {
	ID string `path:"id" maxLength:"26"`
}

// orderOf is the order that a request names, if it is the caller's.
func (s *Shop) orderOf(c *caller, id string) (world.Order, error) {
	c.r.SetPathValue("id", id)
	return s.ownOrder(c.r, c.at)
}

func (s *Shop) apiOrder(c *caller, in *orderNamed) (*answer[api.Order], error) {
	o, err := s.orderOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	body, err := s.orderDocument(c, o)
	return &answer[api.Order]{body}, err
}

func (s *Shop) apiCancel(c *caller, in *orderNamed) (*answer[api.Order], error) {
	const op = "shop.api.cancel"
	o, err := s.orderOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	o, err = s.cancel(c.ctx, o.ID)
	switch world.CodeOf(err) {
	case "":
		body, err := s.orderDocument(c, o)
		return &answer[api.Order]{body}, err
	case world.CodeConflict, world.CodeForbidden:
		return nil, world.Because(world.CodeConflict, op, c.at.texts.Text("order.cannot_cancel"), err)
	}
	return nil, world.Wrap(op, err)
}

func (s *Shop) apiPay(c *caller, in *orderNamed) (*answer[api.PaymentPage], error) {
	o, err := s.orderOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	with, ok := s.payOf(o.Market)
	if !ok || o.Method != world.PayCard || o.State != world.OrderAwaitingPayment {
		return &answer[api.PaymentPage]{}, nil
	}
	page, err := s.payPage(c.ctx, with, o)
	return &answer[api.PaymentPage]{api.PaymentPage{URL: page}}, err
}

// orderDocument is an order as its buyer is shown it.
func (s *Shop) orderDocument(c *caller, o world.Order) (api.Order, error) {
	at, p := c.at, o.Contact
	log, refunds, err := s.deps.Orders.History(c.ctx, o.ID)
	if err != nil {
		return api.Order{}, world.Wrap("shop.api.order", err)
	}
	out := api.Order{Sums: at.apiSums(o), ID: o.ID, Number: o.Number, State: string(o.State), PlacedAt: o.PlacedAt.In(at.zone), Fulfilment: string(o.Fulfilment), Method: string(o.Method),
		Slot: at.apiWindow(o.Slot), Lines: at.apiLines(o.Lines), History: []api.Event{},
		Contact:   api.Contact{Name: p.Name, Email: p.Email, Phone: p.Phone, Line1: p.Line1, Line2: p.Line2, PostalCode: p.PostalCode, City: p.City, State: p.State, Company: p.Company, TaxID: p.TaxID},
		MayCancel: slices.Contains(order.May(o.State, world.ByBuyer, order.FactsOf(o, refunds, s.deps.Now())), world.OrderCancel)}
	if !o.ExpiresAt.IsZero() && o.State == world.OrderAwaitingPayment {
		until := o.ExpiresAt.In(at.zone)
		out.ExpiresAt = &until
	}
	if o.RefundedMinor != 0 {
		back := at.amount(o.RefundedMinor)
		out.Refunded = &back
	}
	for _, n := range order.Shown(log) {
		out.History = append(out.History, api.Event{At: n.At.In(at.zone), Event: string(n.Event), State: string(n.To), Text: n.Text})
	}
	out.Payment, err = s.paymentDocument(c, o)
	return out, err
}

// paymentDocument is what has become of an order's payment; nil for one that has none.
func (s *Shop) paymentDocument(c *caller, o world.Order) (*api.Payment, error) {
	if o.Method != world.PayCard {
		return nil, nil
	}
	rows, err := s.deps.Payments.OfOrder(c.ctx, o.ID)
	if err != nil {
		return nil, world.Wrap("shop.api.payment", err)
	}
	out := &api.Payment{State: "none", Captured: c.at.amount(0)}
	if len(rows) > 0 {
		out.State, out.Captured, out.Failure = string(rows[0].State), c.at.amount(rows[0].CapturedMinor), rows[0].Failure
	}
	switch payingOf(o, rows, 0) {
	case payChecking:
		out.Checking = true
	case payNow:
		out.Start = c.at.prefix + apiBase + "/orders/" + o.ID + "/payment"
	}
	return out, nil
}
