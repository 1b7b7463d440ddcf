package shop

import (
	"net/http"
	"time"

	"meridian/world"
)

// orderBody is an order's page.
type orderBody struct {
	Name, Number, Date, Machine string
	Address, Email, Phone       string
	Photos                      []shot
	Pay                         payBody
}

func (s *Shop) showOrder(w http.ResponseWriter, r *http.Request, at *site) error {
	o, err := s.ownOrder(r, at)
	if err != nil {
		return err
	}
	id, cart := o.ID, o.CartID
	pay, err := s.payView(r.Context(), at, o)
	if err != nil {
		return err
	}
	v := s.view(at, "/orders/"+id)
	v.Title = v.T("order.title") + " " + o.Number
	v.Sums = at.sums(o.Lines, o.Taxes, o.Jurisdiction, o.NetMinor, o.TotalMinor)
	photos, err := s.photoShots(at, o.Lines)
	if err != nil {
		return err
	}
	v.Body = orderBody{Pay: pay, Photos: photos, Name: o.Contact.Name, Number: o.Number, Date: at.date(o.PlacedAt), Machine: o.PlacedAt.Format(time.RFC3339),
		Address: at.texts.Address(o.Contact), Email: o.Contact.Email, Phone: o.Contact.Phone}
	lines, err := s.deps.Orders.Cart(r.Context(), cart, at.market.ID)
	if err != nil {
		return world.Wrap("shop.order", err)
	}
	for _, l := range lines {
		v.CartCount += l.Quantity
	}
	v.Counted = true
	return s.render(w, r, http.StatusOK, "order", v)
}

// ownOrder is the order that a request names, if this browser has placed it.
func (s *Shop) ownOrder(r *http.Request, at *site) (world.Order, error) {
	id, cart := r.PathValue("id"), s.cartID(r)
	if !validID(id) || cart == "" {
		return world.Order{}, world.E(world.CodeNotFound, "shop.order", "")
	}
	o, err := s.deps.Orders.Order(r.Context(), id)
	if err != nil {
		return world.Order{}, world.Wrap("shop.order", err)
	}
	if o.CartID != cart || o.Market != at.market.ID {
		return world.Order{}, world.E(world.CodeNotFound, "shop.order", "") // another browser's: it is not for this one to know that it exists
	}
	return o, nil
}

// orderRow is an order on the list.
type orderRow struct{ URL, Number, Date, Machine, Total string }

func (s *Shop) listOrders(w http.ResponseWriter, r *http.Request, at *site) error {
	var body struct{ Orders []orderRow }
	if id := s.cartID(r); id != "" {
		orders, err := s.deps.Orders.OrdersOfCart(r.Context(), id, at.market.ID, s.cfg.MaxOrders)
		if err != nil {
			return world.Wrap("shop.orders", err)
		}
		for _, o := range orders {
			body.Orders = append(body.Orders, orderRow{URL: at.prefix + "/orders/" + o.ID, Number: o.Number,
				Date: at.date(o.PlacedAt), Machine: o.PlacedAt.Format(time.RFC3339), Total: at.money(o.TotalMinor)})
		}
	}
	v := s.view(at, "/orders")
	v.Title, v.Section, v.Body = v.T("order.list_title"), "orders", body
	return s.render(w, r, http.StatusOK, "orders", v)
}
