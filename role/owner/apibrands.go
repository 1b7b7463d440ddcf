package owner

import (
	"cmp"
	"fmt"
	"net/http"

	"meridian/engine/catalog"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

func (o *Owner) addBrands(a *openapi.API) {
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/brand-products", ID: "listBrandProducts", Tag: "head office",
		Summary: "Head office's products, and which of them the market has", Given: api.BrandList{Brands: []catalog.Brand{exampleBrand}}}, o.apiBrands)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/brand-products/{brand}", ID: "getBrandProduct", Tag: "head office",
		Summary: "A product of head office's in its newest version", Description: "Its ETag is that version.", Given: exampleBrand, Errors: []world.Code{world.CodeNotFound}}, o.apiBrand)
	operate(a, WriteBrand, openapi.Operation{Method: http.MethodPut, Path: "/brand-products/{brand}", ID: "writeBrandProduct", Tag: "head office",
		Summary: "Write a product of head office's", Description: "Its next version, for markets to adopt and to update to; a new one has the ETag 0. Only under the host of a market that is at home in the main region.",
		Sent: exampleBrand.Product, Given: exampleBrand, Errors: conditional(world.CodeMisdirected)}, o.apiWriteBrand)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/brand-products/{brand}/adopt", ID: "adoptBrandProduct", Tag: "head office", Status: http.StatusCreated,
		Summary: "Sell a product of head office's in the market", Description: "It becomes a product of the market, with SKUs and prices of its own. Sent again it is a conflict: a market adopts each once.", Sent: exampleAdoption, Given: exampleDraft,
		Errors: []world.Code{world.CodeNotFound, world.CodeConflict, world.CodeUnprocessed}}, o.apiAdopt)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/brand-products/{brand}/diff", ID: "compareBrandProduct", Tag: "head office",
		Summary: "Where the market's product is not head office's newest", Description: "Its ETag is the version of the market's product.", Given: exampleDifferences, Errors: []world.Code{world.CodeNotFound}}, o.apiDiff)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/brand-products/{brand}/update", ID: "updateBrandProduct", Tag: "head office",
		Summary: "Bring the market's product up to head office's newest", Description: "Field by field: what the market has changed stays, unless it is named in take. The answer has what stays different. If-Match names the version of the market's product.",
		Sent: catalog.Update{Take: []string{"allergens"}}, Given: exampleDifferences, Errors: conditional(world.CodeNotFound, world.CodeUnprocessed)}, o.apiUpdate)
}

func (o *Owner) apiBrands(v *visit, in *paged) (*answer[api.BrandList], error) {
	limit := cmp.Or(in.Limit, min(o.cfg.PageSize, world.MaxList))
	list, err := o.deps.Editing.Brands(v.r.Context(), v.at.market.ID, in.After, limit+1) // one more tells whether the list goes on
	if err != nil {
		return nil, world.Wrap("owner.api.brands", err)
	}
	out := api.BrandList{Brands: []catalog.Brand{}}
	if len(list) > limit {
		list = list[:limit]
		out.Next = list[limit-1].Brand
	}
	out.Brands = append(out.Brands, list...)
	return &answer[api.BrandList]{Body: out}, nil
}

// BrandAsked names a product of head office's.
type BrandAsked struct {
	Brand string `path:"brand" maxLength:"60"`
}

func (o *Owner) brand(v *visit, key string) (catalog.Brand, error) {
	b, err := o.deps.Editing.Brand(v.r.Context(), v.at.market.ID, key)
	return b, world.Wrap("owner.api.brand", err)
}

func (o *Owner) apiBrand(v *visit, in *BrandAsked) (*answer[catalog.Brand], error) {
	b, err := o.brand(v, in.Brand)
	if err != nil {
		return nil, err
	}
	return &answer[catalog.Brand]{etag(b.Version), b}, nil
}

func (o *Owner) apiWriteBrand(v *visit, in *struct {
	BrandAsked
	Matching
	Body world.BrandProduct
}) (*answer[catalog.Brand], error) {
	if err := o.rules(v).CheckBrand(in.Brand, in.Body); err != nil {
		return nil, err
	}
	err := guarded(v, in.IfMatch, func() (int64, error) {
		b, err := o.brand(v, in.Brand)
		if world.Is(err, world.CodeNotFound) { // there is none: it becomes one
			err = nil
		}
		return b.Version, err
	}, func(expect int64) error {
		_, err := o.deps.Editing.WriteBrand(v.r.Context(), in.Brand, expect, in.Body)
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.writebrand", err)
	}
	return o.apiBrand(v, &in.BrandAsked)
}

// version is one version of a brand product; 0 is the newest.
func (o *Owner) version(v *visit, b catalog.Brand, n int64) (world.BrandProduct, int64, error) {
	if n == 0 || n == b.Version {
		return b.Product, b.Version, nil
	}
	p, err := o.deps.Editing.BrandVersion(v.r.Context(), b.Brand, n)
	return p, n, world.Wrap("owner.api.brandversion", err)
}

func (o *Owner) apiAdopt(v *visit, in *struct {
	BrandAsked
	Body catalog.Adoption
}) (*answer[catalog.Draft], error) {
	b, err := o.brand(v, in.Brand)
	if err != nil {
		return nil, err
	}
	if b.Slug != "" {
		return nil, world.E(world.CodeConflict, "owner.api.adopt", fmt.Sprintf("The market has adopted it already, as %s: update that one.", b.Slug))
	}
	p, version, err := o.version(v, b, in.Body.Version)
	if err != nil {
		return nil, err
	}
	d := in.Body.Draft(b.Brand, p, v.at.market)
	if err := o.rules(v).Check(d); err != nil {
		return nil, err
	}
	if _, err := o.deps.Editing.CreateProduct(v.r.Context(), v.at.market.ID, catalog.Written{Draft: d, Brand: b.Brand, BrandVersion: version}); err != nil {
		return nil, world.Wrap("owner.api.adopt", err)
	}
	return o.draftOf(v, d.Slug)
}

// adopted is what a market made of a brand product: its product, the brand product
// as it was then, and the locales in which they can differ.
func (o *Owner) adopted(v *visit, b catalog.Brand) (local catalog.Written, base world.BrandProduct, err error) {
	if b.Slug == "" {
		return local, base, world.E(world.CodeNotFound, "owner.api.adopted", "The market has not adopted it.")
	}
	if local, err = o.deps.Editing.ProductDraft(v.r.Context(), v.at.market.ID, b.Slug); err == nil {
		base, _, err = o.version(v, b, local.BrandVersion)
	}
	return local, base, world.Wrap("owner.api.adopted", err)
}

func (o *Owner) apiDiff(v *visit, in *BrandAsked) (*answer[api.Differences], error) {
	b, err := o.brand(v, in.Brand)
	if err != nil {
		return nil, err
	}
	local, base, err := o.adopted(v, b)
	if err != nil {
		return nil, err
	}
	mine := local.Branded()
	return &answer[api.Differences]{etag(local.Version), api.Differences{Slug: b.Slug, Base: local.BrandVersion, Head: b.Version,
		Differences: catalog.Differences(base, b.Product, mine, catalog.Locales(v.at.market, base, b.Product, mine))}}, nil
}

func (o *Owner) apiUpdate(v *visit, in *struct {
	BrandAsked
	Matching
	Body catalog.Update
}) (*answer[api.Differences], error) {
	var out api.Differences
	var local catalog.Written
	err := guarded(v, in.IfMatch, func() (version int64, err error) {
		b, err := o.brand(v, in.Brand)
		if err != nil {
			return 0, err
		}
		var base world.BrandProduct
		if local, base, err = o.adopted(v, b); err != nil {
			return 0, err
		}
		version = local.Version
		head, to, err := o.version(v, b, in.Body.Version)
		if err != nil {
			return 0, err
		}
		out.Slug, out.Base, out.Head = b.Slug, to, b.Version
		local.Draft, out.Differences, err = local.UpTo(base, head, v.at.market, in.Body.Take)
		local.BrandVersion = to
		return version, err
	}, func(expect int64) error {
		if err := o.rules(v).Check(local.Draft); err != nil {
			return err
		}
		_, err := o.deps.Editing.ChangeProduct(v.r.Context(), v.at.market.ID, expect, local)
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.update", err)
	}
	version, err := o.productVersion(v, out.Slug)()
	return &answer[api.Differences]{etag(version), out}, world.Wrap("owner.api.update", err)
}
