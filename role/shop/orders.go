package shop

import (
	"context"
	"net/http"
	"slices"
	"time"

	"meridian/engine/order"
	"meridian/world"
)

// orderBody is an order's page.
type orderBody struct {
	ID, Name, Number, Date, Machine string
	State                           string // the state's name, for programs and styles
	Head                            string // what the state means, for people
	Good                            bool
	Address, Email, Phone           string
	AtShop                          string // how it is handed over at the shop; "" for one that is delivered
	Billed                          bool   // the invoice of what is handed over there has an address
	When                            string // of the slot; "" for none
	MayCancel                       bool
	Log                             []logRow
	Photos                          []shot
	Notices                         []notice
	Pay                             payBody
	Documents                       []link // to be printed
}

// logRow is an entry of an order's log.
type logRow struct{ Text, Note, Date, Machine string }

// ownOrder is the order that an address names, if the browser that asks has
// placed it here; not_found for another's: it is not for this one to know of.
func (s *Shop) ownOrder(r *http.Request, at *site) (world.Order, error) {
	const op = "shop.order"
	id, cart := r.PathValue("id"), s.cartID(r)
	if !validID(id) || cart == "" {
		return world.Order{}, world.E(world.CodeNotFound, op, "")
	}
	o, err := s.deps.Orders.Order(r.Context(), id)
	if err == nil && (o.CartID != cart || o.Market != at.market.ID) {
		return world.Order{}, world.E(world.CodeNotFound, op, "")
	}
	return o, world.Wrap(op, err)
}

func (s *Shop) showOrder(w http.ResponseWriter, r *http.Request, at *site) error {
	o, err := s.ownOrder(r, at)
	if err != nil {
		return err
	}
	return s.orderPage(w, r, at, o, http.StatusOK, nil)
}

func (s *Shop) orderPage(w http.ResponseWriter, r *http.Request, at *site, o world.Order, status int, notices []notice) error {
	log, refunds, err := s.deps.Orders.History(r.Context(), o.ID)
	if err != nil {
		return world.Wrap("shop.order", err)
	}
	pay, err := s.payView(r, at, o)
	if err != nil {
		return err
	}
	documents, err := s.documents(r.Context(), at, o)
	if err != nil {
		return err
	}
	v := s.view(at, "/orders/"+o.ID)
	v.Title = v.T("order.title") + " " + o.Number
	v.Sums = at.sums(o)
	photos, err := s.photoShots(at, o.Lines)
	if err != nil {
		return err
	}
	may := order.May(o.State, world.ByBuyer, order.FactsOf(o, refunds, s.deps.Now()))
	body := orderBody{ID: o.ID, Photos: photos, Name: o.Contact.Name, Number: o.Number, Date: at.date(o.PlacedAt), Machine: o.PlacedAt.Format(time.RFC3339),
		State: string(o.State), Head: v.T(headOf(o)), Good: order.Live(o.State),
		Address: at.texts.Address(o.Contact), Email: o.Contact.Email, Phone: o.Contact.Phone,
		AtShop: at.atShop(o.Fulfilment), Billed: o.Fulfilment.AtShop() && o.Contact.Line1 != "", When: at.window(o.Slot.Start, o.Slot.End),
		MayCancel: slices.Contains(may, world.OrderCancel), Notices: notices, Pay: pay, Documents: documents}
	for _, n := range order.Shown(log) {
		body.Log = append(body.Log, logRow{Text: v.T("order.event_" + string(n.Event)), Note: n.Text, Date: at.date(n.At), Machine: n.At.Format(time.RFC3339)})
	}
	v.Body = body
	lines, err := s.deps.Orders.Cart(r.Context(), o.CartID, at.market.ID)
	if err != nil {
		return world.Wrap("shop.order", err)
	}
	for _, l := range lines {
		v.CartCount += l.Quantity
	}
	v.Counted = true
	if pay.Refresh != "" {
		w.Header().Set("Refresh", pay.Refresh)
	}
	return s.render(w, r, status, "order", v)
}

// headOf is the text that an order's page begins with: thanks, as long as not all of
// the money went back.
func headOf(o world.Order) string {
	switch {
	case o.State != world.OrderPlaced:
		return stateText(o.State)
	case o.TotalMinor > 0 && o.RefundedMinor == o.TotalMinor:
		return "order.event_" + string(world.OrderRefund)
	}
	return "order.thanks"
}

func stateText(s world.OrderState) string { return "order.state_" + string(s) }

// cancelOrder cancels the buyer's own order, and shows it. Sent again it changes
// nothing; too late, the page says so.
func (s *Shop) cancelOrder(w http.ResponseWriter, r *http.Request, at *site) error {
	o, err := s.ownOrder(r, at)
	if err != nil {
		return err
	}
	_, err = s.cancel(r.Context(), o.ID)
	switch world.CodeOf(err) {
	case "":
		lead(w, r, at.prefix+"/orders/"+o.ID, func() error { return s.showOrder(w, r, at) })
		return nil
	case world.CodeConflict, world.CodeForbidden:
		if o, err = s.ownOrder(r, at); err != nil {
			return err
		}
		return s.orderPage(w, r, at, o, http.StatusConflict, []notice{{ID: wrongID, Kind: "bad", Text: at.texts.Text("order.cannot_cancel")}})
	}
	return world.Wrap("shop.cancel", err)
}

// cancel is what a buyer does. conflict or forbidden when it is too late.
func (s *Shop) cancel(ctx context.Context, orderID string) (world.Order, error) {
	o, err := s.deps.Orders.Change(ctx, world.OrderStep{OrderID: orderID, Event: world.OrderCancel, By: world.ByBuyer, At: s.deps.Now().UTC()})
	if err == nil {
		s.Told()
	}
	return o, err
}

// orderRow is an order on the list.
type orderRow struct{ URL, Number, Date, Machine, Total, State string }

func (s *Shop) listOrders(w http.ResponseWriter, r *http.Request, at *site) error {
	var body struct{ Orders []orderRow }
	if id := s.cartID(r); id != "" {
		orders, err := s.deps.Orders.OrdersOfCart(r.Context(), id, at.market.ID, s.cfg.MaxOrders)
		if err != nil {
			return world.Wrap("shop.orders", err)
		}
		for _, o := range orders {
			body.Orders = append(body.Orders, orderRow{URL: at.prefix + "/orders/" + o.ID, Number: o.Number,
				Date: at.date(o.PlacedAt), Machine: o.PlacedAt.Format(time.RFC3339), Total: at.money(o.TotalMinor), State: at.texts.Text(stateText(o.State))})
		}
	}
	v := s.view(at, "/orders")
	v.Title, v.Section, v.Body = v.T("order.list_title"), "orders", body
	return s.render(w, r, http.StatusOK, "orders", v)
}
