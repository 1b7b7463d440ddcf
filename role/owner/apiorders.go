package owner

import (
	"cmp"
	"net/http"

	"meridian/engine/order"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

func (o *Owner) addOrders(a *openapi.API) {
	operate(a, ReadOrders, openapi.Operation{Method: http.MethodGet, Path: "/orders", ID: "listOrders", Tag: "orders",
		Summary: "A market's orders, the newest first", Given: exampleOrders}, o.apiOrders)
	operate(a, ReadOrders, openapi.Operation{Method: http.MethodGet, Path: "/orders/{id}", ID: "getOrder", Tag: "orders",
		Summary: "An order", Description: "Its ETag is its version.", Given: exampleOrder, Errors: []world.Code{world.CodeNotFound}}, o.apiOrder)
}

func (o *Owner) apiOrders(v *visit, in *paged) (*answer[api.OrderList], error) {
	before, beforeID, err := parsePlace(in.After)
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList))
	orders, err := o.deps.Orders.OrdersOfMarket(v.r.Context(), v.at.market.ID, before, beforeID, limit+1) // one more tells whether the list goes on
	if err != nil {
		return nil, world.Wrap("owner.api.orders", err)
	}
	out := api.OrderList{Orders: []api.OrderCard{}}
	if len(orders) > limit {
		orders = orders[:limit]
		out.Next = formatPlace(orders[limit-1])
	}
	for _, found := range orders {
		out.Orders = append(out.Orders, orderCard(found))
	}
	return &answer[api.OrderList]{Body: out}, nil
}

// OrderAsked names an order.
type OrderAsked struct {
	ID string `path:"id" maxLength:"26"`
}

func (o *Owner) apiOrder(v *visit, in *OrderAsked) (*answer[api.Order], error) {
	found, err := o.orderOf(v, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[api.Order]{etag(found.Version), orderInFull(found)}, nil
}

func orderCard(o world.Order) api.OrderCard {
	out := api.OrderCard{ID: o.ID, Number: o.Number, State: string(o.State), Version: o.Version, PlacedAt: o.PlacedAt.UTC(),
		Total: in(o, o.TotalMinor), Refunded: in(o, o.RefundedMinor), Name: o.Contact.Name, Lines: []api.Line{}}
	for _, l := range o.Lines {
		out.Lines = append(out.Lines, api.Line{SKU: l.SKU, Name: l.Name, Quantity: l.Quantity, Unit: in(o, l.UnitMinor), Sum: in(o, l.LineMinor), PriceVersion: l.PriceVersion,
			Product: l.Product, ProductVersion: l.ProductVersion})
	}
	return out
}

func orderInFull(o world.Order) api.Order {
	out := api.Order{OrderCard: orderCard(o), Method: string(o.Method), Fulfilment: string(o.Fulfilment), Contact: api.Contact(o.Contact), Jurisdiction: o.Jurisdiction,
		Net: in(o, o.NetMinor), Tax: in(o, o.TaxMinor), Discount: in(o, o.DiscountMinor), Taxes: []api.Tax{},
		TaxNotes: append([]string{}, o.TaxNotes...), TaxIDProof: o.TaxIDProof}
	if left := order.LeftOut(o); left != 0 {
		amount := in(o, left)
		out.LeftOut = &amount
	}
	if o.Slot.ID != "" {
		out.Slot = &api.Slot{ID: o.Slot.ID, Start: o.Slot.Start.UTC(), End: o.Slot.End.UTC()}
	}
	for _, t := range o.Taxes {
		out.Taxes = append(out.Taxes, api.Tax{Label: t.Label, Rate: t.Rate, Net: in(o, t.NetMinor), Tax: in(o, t.TaxMinor),
			Jurisdiction: t.Jurisdiction, Levy: t.Levy, Part: t.Part, Source: t.Source})
	}
	return out
}

// in is an amount in an order's currency.
func in(o world.Order, minor int64) api.Amount {
	return api.Amount{Minor: minor, Currency: o.Currency}
}
