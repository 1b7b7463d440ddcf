package owner

import (
	"net/http"

	"meridian/engine/catalog"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

func (o *Owner) addLists(a *openapi.API) {
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/price-lists", ID: "listPriceLists", Tag: "prices",
		Summary: "A market's price lists, the highest rank first", Given: api.PriceLists{Lists: []catalog.List{exampleList}}}, o.apiLists)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/price-lists/{list}", ID: "getPriceList", Tag: "prices",
		Summary: "A price list", Description: "Its ETag is its version.", Given: exampleList, Errors: []world.Code{world.CodeNotFound}}, o.apiList)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/price-lists", ID: "createPriceList", Tag: "prices", Status: http.StatusCreated,
		Summary: "Add a price list", Description: "Without prices. " + againTaken, Sent: exampleList, Given: exampleList, Errors: []world.Code{world.CodeConflict}}, o.apiCreateList)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPut, Path: "/price-lists/{list}", ID: "changePriceList", Tag: "prices",
		Summary: "Change a price list's rank and dates", Sent: exampleList, Given: exampleList, Errors: conditional(world.CodeNotFound)}, o.apiChangeList)

	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/skus/{sku}/prices/{list}", ID: "getPrice", Tag: "prices",
		Summary: "A SKU's price in a list", Description: "Its ETag is the price's version; 0 where the list never had one.", Given: exampleListPrice, Errors: []world.Code{world.CodeNotFound}}, o.apiPrice)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPut, Path: "/skus/{sku}/prices/{list}", ID: "setPrice", Tag: "prices",
		Summary: "Set a SKU's price in a list", Description: "The list `base` always holds.", Sent: api.PriceSet{Minor: 450}, Given: exampleListPrice, Errors: conditional(world.CodeNotFound)}, o.apiSetPrice)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodDelete, Path: "/skus/{sku}/prices/{list}", ID: "withdrawPrice", Tag: "prices",
		Summary: "Take a SKU out of a list", Description: "Not out of `base`.", Given: api.ListPrice{SKU: "brezel", List: "advent", Version: 6}, Errors: conditional(world.CodeNotFound, world.CodeUnprocessed)}, o.apiWithdrawPrice)
}

func (o *Owner) apiLists(v *visit, _ *struct{}) (*answer[api.PriceLists], error) {
	lists, err := o.deps.Editing.PriceLists(v.r.Context(), v.at.market.ID)
	if err != nil {
		return nil, world.Wrap("owner.api.pricelists", err)
	}
	out := api.PriceLists{Lists: []catalog.List{}}
	for _, l := range lists {
		out.Lists = append(out.Lists, l.List)
	}
	return &answer[api.PriceLists]{Body: out}, nil
}

type ListAsked struct {
	List string `path:"list" maxLength:"60"`
}

// listOf is one price list of the market.
func (o *Owner) listOf(v *visit, name string) (catalog.WrittenList, error) {
	lists, err := o.deps.Editing.PriceLists(v.r.Context(), v.at.market.ID)
	if err != nil {
		return catalog.WrittenList{}, world.Wrap("owner.api.pricelist", err)
	}
	for _, l := range lists {
		if l.List.List == name {
			return l, nil
		}
	}
	return catalog.WrittenList{}, world.E(world.CodeNotFound, "owner.api.pricelist", "The market has no such price list.")
}

func (o *Owner) apiList(v *visit, in *ListAsked) (*answer[catalog.List], error) {
	l, err := o.listOf(v, in.List)
	if err != nil {
		return nil, err
	}
	return &answer[catalog.List]{etag(l.Version), l.List}, nil
}

func (o *Owner) apiCreateList(v *visit, in *struct{ Body catalog.List }) (*answer[catalog.List], error) {
	if err := o.rules(v).CheckList(in.Body); err != nil {
		return nil, err
	}
	if err := o.deps.Editing.CreatePriceList(v.r.Context(), v.at.market.ID, in.Body); err != nil {
		return nil, world.Wrap("owner.api.createlist", err)
	}
	return o.apiList(v, &ListAsked{in.Body.List})
}

func (o *Owner) apiChangeList(v *visit, in *struct {
	ListAsked
	Matching
	Body catalog.List
}) (*answer[catalog.List], error) {
	if err := sameKey("list", in.List, in.Body.List); err != nil {
		return nil, err
	}
	if err := o.rules(v).CheckList(in.Body); err != nil {
		return nil, err
	}
	err := guarded(v, in.IfMatch, func() (int64, error) {
		l, err := o.listOf(v, in.List)
		return l.Version, err
	}, func(expect int64) error {
		_, err := o.deps.Editing.ChangePriceList(v.r.Context(), v.at.market.ID, expect, in.Body)
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.changelist", err)
	}
	return o.apiList(v, &in.ListAsked)
}

// PriceAsked names a SKU's price in a list.
type PriceAsked struct {
	SKUAsked
	ListAsked
}

func (o *Owner) apiPrice(v *visit, in *PriceAsked) (*answer[api.ListPrice], error) {
	p, err := o.deps.Editing.PriceIn(v.r.Context(), v.at.market.ID, in.SKU, in.List)
	if err != nil {
		return nil, world.Wrap("owner.api.price", err)
	}
	out := api.ListPrice{SKU: in.SKU, List: in.List, Version: p.Version}
	if p.Minor != nil {
		amount := v.at.amount(*p.Minor)
		out.Price = &amount
	}
	return &answer[api.ListPrice]{etag(p.Version), out}, nil
}

func (o *Owner) apiSetPrice(v *visit, in *struct {
	PriceAsked
	Matching
	Body api.PriceSet
}) (*answer[api.ListPrice], error) {
	if err := o.rules(v).CheckPrice("minor", in.Body.Minor); err != nil {
		return nil, err
	}
	return o.setPrice(v, in.PriceAsked, in.IfMatch, &in.Body.Minor)
}

func (o *Owner) apiWithdrawPrice(v *visit, in *struct {
	PriceAsked
	Matching
}) (*answer[api.ListPrice], error) {
	return o.setPrice(v, in.PriceAsked, in.IfMatch, nil)
}

func (o *Owner) setPrice(v *visit, of PriceAsked, condition string, minor *int64) (*answer[api.ListPrice], error) {
	err := guarded(v, condition, func() (int64, error) {
		p, err := o.deps.Editing.PriceIn(v.r.Context(), v.at.market.ID, of.SKU, of.List)
		return p.Version, err
	}, func(expect int64) error {
		_, err := o.deps.Editing.SetPrice(v.r.Context(), v.at.market.ID, of.SKU, of.List, expect, minor)
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.setprice", err)
	}
	return o.apiPrice(v, &of)
}
