package owner

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

func (o *Owner) addProducts(a *openapi.API) {
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/products", ID: "listProducts", Tag: "products",
		Summary: "A market's products", Description: "Also those that are not for sale now.", Given: exampleProducts}, o.apiProducts)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/skus/{sku}", ID: "getSKU", Tag: "products",
		Summary: "A SKU with its prices so far", Description: "Its ETag is the version of its base price.", Given: examplePrices, Errors: []world.Code{world.CodeNotFound}}, o.apiSKU)
}

func (at *site) amount(minor int64) api.Amount {
	return api.Amount{Minor: minor, Currency: at.market.Currency}
}

func (at *site) apiSKU(k world.SKU) api.SKU {
	return api.SKU{SKU: k.Key, Sort: k.Sort, Base: at.amount(k.BaseMinor), BaseVersion: k.BaseVersion, Price: at.amount(k.PriceMinor), PriceList: cmp.Or(k.PriceList, world.BaseList)}
}

func (o *Owner) apiProducts(v *visit, in *paged) (*answer[api.ProductList], error) {
	l, err := o.deps.Catalog.List(v.r.Context(), world.ListQuery{Market: v.at.market.ID, Locale: v.at.locale(), Kind: world.ListAll, After: in.After,
		Limit: cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList)), At: o.deps.Now(), Drafts: true})
	if err != nil {
		return nil, world.Wrap("owner.api.products", err)
	}
	out := api.ProductList{Products: []api.Product{}, Next: l.Next}
	for _, p := range l.Products {
		found := api.Product{Slug: p.Slug, Version: p.Version, Name: p.Name, Category: p.Category, Brand: p.Brand, TaxClass: p.TaxClass, ServedHot: p.ServedHot, ServedWith: p.ServedWith, Featured: p.Featured, SKUs: []api.SKU{}}
		for _, k := range p.SKUs {
			found.SKUs = append(found.SKUs, v.at.apiSKU(k))
		}
		out.Products = append(out.Products, found)
	}
	return &answer[api.ProductList]{Body: out}, nil
}

// SKUAsked names a SKU.
type SKUAsked struct {
	SKU string `path:"sku" maxLength:"60"`
}

func (o *Owner) apiSKU(v *visit, in *SKUAsked) (*answer[api.Prices], error) {
	p, err := o.product(v, in.SKU)
	if err != nil {
		return nil, err
	}
	out := api.Prices{SKU: v.at.apiSKU(p.SKU), Product: p.Slug, Former: []api.Price{}}
	err = o.deps.Catalog.Prices(v.r.Context(), v.at.market.ID, p.Key, o.cfg.PageSize, func(version, minor int64, currency string, since time.Time) {
		out.Former = append(out.Former, api.Price{Version: version, Price: api.Amount{Minor: minor, Currency: currency}, Since: since.UTC()})
	})
	return &answer[api.Prices]{etag(p.BaseVersion), out}, world.Wrap("owner.api.sku", err)
}

// etag is a version as an entity tag.
func etag(version int64) string { return quoted(strconv.FormatInt(version, 10)) }

func quoted(tag string) string { return `"` + tag + `"` }
