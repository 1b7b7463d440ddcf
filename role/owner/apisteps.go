package owner

import (
	"net/http"
	"strconv"

	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

var (
	exampleRefund = api.Refund{N: 1, At: exampleSince, Total: api.Amount{Minor: 520, Currency: "EUR"}, Net: api.Amount{Minor: 486, Currency: "EUR"}, Tax: api.Amount{Minor: 34, Currency: "EUR"}, Reason: "squashed"}
	stepErrors    = conditional(world.CodeNotFound, world.CodeConflict)
)

func (o *Owner) addSteps(a *openapi.API) {
	operate(a, WriteOrders, openapi.Operation{Method: http.MethodPost, Path: "/orders/{id}/steps", ID: "stepOrder", Tag: "orders",
		Summary: "Leads an order on, or cancels it", Description: "A cancellation gives back all that is left. What the order's state does not allow is a conflict.",
		Sent: api.Step{Step: "accept"}, Given: exampleOrder, Errors: stepErrors}, o.apiStep)
	operate(a, WriteOrders, openapi.Operation{Method: http.MethodPost, Path: "/orders/{id}/refunds", ID: "refundOrder", Tag: "orders",
		Summary: "Gives back some pieces of an order", Description: "The ETag is the order's then.", Status: http.StatusCreated,
		Sent: api.RefundWish{Lines: []api.RefundLine{{Line: 1, Quantity: 1}}, Reason: "squashed"}, Given: exampleRefund, Errors: stepErrors}, o.apiRefund)
}

// stepAsked leads an order on.
type stepAsked struct {
	OrderAsked
	Matching
	Keyed
	Body api.Step
}

func (o *Owner) apiStep(v *visit, in *stepAsked) (*answer[api.Order], error) {
	found, expect, err := o.orderAt(v, in.ID, in.IfMatch)
	if err != nil {
		return nil, err
	}
	found, err = o.deps.Orders.Change(v.r.Context(), world.OrderStep{OrderID: found.ID, Event: world.OrderEvent(in.Body.Step), By: world.ByOwner, Who: v.who(),
		Text: in.Body.Reason, At: o.deps.Now().UTC(), Key: in.apiKey(), Expect: expect})
	if err != nil {
		return nil, o.movedOn(v, in.ID, in.IfMatch, err)
	}
	o.owes(v)
	if found, err = o.orderOf(v, in.ID); err != nil { // with all that followed
		return nil, err
	}
	return &answer[api.Order]{etag(found.Version), orderInFull(found)}, nil
}

// neverThere is a version that no order has: then only what was done by the key
// already is answered.
const neverThere = -1

// orderAt is an order with the version that If-Match means. One that is gone is no
// failure yet: the same may have been sent before, and be what has changed it.
func (o *Owner) orderAt(v *visit, id, condition string) (found world.Order, expect int64, err error) {
	if found, err = o.orderOf(v, id); err != nil {
		return found, 0, err
	}
	switch err := v.match(condition, strconv.FormatInt(found.Version, 10)); world.CodeOf(err) {
	case "":
		v.w.Header().Del("ETag")
		return found, found.Version, nil
	case world.CodePrecondition:
		v.w.Header().Del("ETag")
		return found, neverThere, nil
	default:
		return found, 0, err
	}
}

// movedOn tells the version that is there where it was not the one that was meant.
func (o *Owner) movedOn(v *visit, id, condition string, err error) error {
	if !world.Is(err, world.CodePrecondition) {
		return world.Wrap("owner.api.order", err)
	}
	now, again := o.orderOf(v, id)
	if again != nil {
		return again
	}
	v.w.Header().Set("ETag", etag(now.Version))
	return err
}

// refundAsked gives back pieces.
type refundAsked struct {
	OrderAsked
	Matching
	Keyed
	Body api.RefundWish
}

func (o *Owner) apiRefund(v *visit, asked *refundAsked) (*answer[api.Refund], error) {
	found, expect, err := o.orderAt(v, asked.ID, asked.IfMatch)
	if err != nil {
		return nil, err
	}
	want := world.Refund{OrderID: found.ID, Key: asked.apiKey(), Expect: expect, At: o.deps.Now().UTC(), By: world.ByOwner, Who: v.who(), Reason: asked.Body.Reason}
	for _, l := range asked.Body.Lines {
		want.Lines = append(want.Lines, world.RefundLine{Line: l.Line, Quantity: l.Quantity, Restock: l.Restock})
	}
	r, err := o.deps.Orders.Refund(v.r.Context(), want)
	if err != nil {
		return nil, o.movedOn(v, asked.ID, asked.IfMatch, err)
	}
	o.owes(v)
	if found, err = o.orderOf(v, asked.ID); err != nil {
		return nil, err
	}
	return &answer[api.Refund]{etag(found.Version), api.Refund{N: r.N, At: r.At.UTC(), Total: in(found, r.TotalMinor), Net: in(found, r.NetMinor), Tax: in(found, r.TaxMinor), Settled: r.Settled, Reason: r.Reason}}, nil
}
