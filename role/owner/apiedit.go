package owner

import (
	"net/http"

	"meridian/engine/catalog"
	"meridian/platform/openapi"
	"meridian/role/owner/api"
	"meridian/world"
)

func (o *Owner) addEditing(a *openapi.API) {
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/products", ID: "createProduct", Tag: "products", Status: http.StatusCreated,
		Summary: "Add a product", Description: "With its SKUs, each with its first price. " + againTaken, Sent: exampleNew, Given: exampleDraft,
		Errors: []world.Code{world.CodeConflict, world.CodeUnprocessed}}, o.apiCreateProduct)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/products/{slug}", ID: "getProduct", Tag: "products",
		Summary: "A product as its owner writes it", Description: "Its ETag is its version. What is read can be changed and put back.", Given: exampleDraft, Errors: []world.Code{world.CodeNotFound}}, o.apiProduct)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/products/{slug}/versions/{version}", ID: "getProductVersion", Tag: "products",
		Summary: "A product as it was in one of its versions", Description: "Orders name the version that they were placed by, so what was told of allergens and ingredients then can be read for ever.", Given: exampleVersion,
		Errors: []world.Code{world.CodeNotFound}}, o.apiProductVersion)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPut, Path: "/products/{slug}", ID: "changeProduct", Tag: "products",
		Summary: "Change a product", Description: "All of it is given anew; its SKUs are all named. Each change is a version, and orders go on to show the one that they were placed by.", Sent: exampleDraft, Given: exampleDraft,
		Errors: conditional(world.CodeNotFound, world.CodeUnprocessed)}, o.apiChangeProduct)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodDelete, Path: "/products/{slug}", ID: "withdrawProduct", Tag: "products",
		Summary: "Take a product from sale", Description: "At once. It stays as it is and can be published again by its dates.", Given: exampleDraft,
		Errors: conditional(world.CodeNotFound)}, o.apiWithdraw)
	o.addCategories(a)
	o.addLists(a)
}

// ProductAsked names a product.
type ProductAsked struct {
	Slug string `path:"slug" maxLength:"60"`
}

// draftOf answers with a product and its version.
func (o *Owner) draftOf(v *visit, slug string) (*answer[catalog.Draft], error) {
	w, err := o.deps.Editing.ProductDraft(v.r.Context(), v.at.market.ID, slug)
	if err != nil {
		return nil, world.Wrap("owner.api.product", err)
	}
	return &answer[catalog.Draft]{etag(w.Version), w.Draft}, nil
}

func (o *Owner) apiProduct(v *visit, in *ProductAsked) (*answer[catalog.Draft], error) {
	return o.draftOf(v, in.Slug)
}

// versionAsked names a version of a product.
type versionAsked struct {
	ProductAsked
	Version int64 `path:"version" minimum:"1"`
}

func (o *Owner) apiProductVersion(v *visit, in *versionAsked) (*answer[api.ProductVersion], error) {
	f, err := o.deps.Editing.ProductVersion(v.r.Context(), v.at.market.ID, in.Slug, in.Version)
	if err != nil {
		return nil, world.Wrap("owner.api.productversion", err)
	}
	return &answer[api.ProductVersion]{Body: api.ProductVersion{Version: f.Version, Since: f.Since, Product: f.Draft}}, nil
}

func (o *Owner) apiCreateProduct(v *visit, in *struct{ Body catalog.Draft }) (*answer[catalog.Draft], error) {
	if err := o.rules(v).Check(in.Body); err != nil {
		return nil, err
	}
	if _, err := o.deps.Editing.CreateProduct(v.r.Context(), v.at.market.ID, catalog.Written{Draft: in.Body}); err != nil {
		return nil, world.Wrap("owner.api.createproduct", err)
	}
	return o.draftOf(v, in.Body.Slug)
}

// sameKey refuses content that is another thing's than the path's.
func sameKey(field, path, content string) error {
	if path != content {
		return world.E(world.CodeInvalid, "owner.api", "Change the request: "+field+": it never changes: give the one of the path.")
	}
	return nil
}

// productVersion reads the version of a product that is there.
func (o *Owner) productVersion(v *visit, slug string) func() (int64, error) {
	return func() (int64, error) {
		w, err := o.deps.Editing.ProductDraft(v.r.Context(), v.at.market.ID, slug)
		return w.Version, err
	}
}

func (o *Owner) apiChangeProduct(v *visit, in *struct {
	ProductAsked
	Matching
	Body catalog.Draft
}) (*answer[catalog.Draft], error) {
	if err := sameKey("slug", in.Slug, in.Body.Slug); err != nil {
		return nil, err
	}
	if err := o.rules(v).Check(in.Body); err != nil {
		return nil, err
	}
	err := guarded(v, in.IfMatch, o.productVersion(v, in.Slug), func(expect int64) error {
		_, err := o.deps.Editing.ChangeProduct(v.r.Context(), v.at.market.ID, expect, catalog.Written{Draft: in.Body})
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.changeproduct", err)
	}
	return o.draftOf(v, in.Slug)
}

func (o *Owner) apiWithdraw(v *visit, in *struct {
	ProductAsked
	Matching
}) (*answer[catalog.Draft], error) {
	err := guarded(v, in.IfMatch, o.productVersion(v, in.Slug), func(expect int64) error {
		_, err := o.deps.Editing.WithdrawProduct(v.r.Context(), v.at.market.ID, in.Slug, expect, o.deps.Now())
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.withdraw", err)
	}
	return o.draftOf(v, in.Slug)
}

func (o *Owner) addCategories(a *openapi.API) {
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/categories", ID: "listCategories", Tag: "products",
		Summary: "A market's categories", Given: api.Categories{Categories: []catalog.Category{exampleCategory}}}, o.apiCategories)
	operate(a, ReadProducts, openapi.Operation{Method: http.MethodGet, Path: "/categories/{category}", ID: "getCategory", Tag: "products",
		Summary: "A category", Description: "Its ETag is its version.", Given: exampleCategory, Errors: []world.Code{world.CodeNotFound}}, o.apiCategory)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPost, Path: "/categories", ID: "createCategory", Tag: "products", Status: http.StatusCreated,
		Summary: "Add a category", Description: againTaken, Sent: exampleCategory, Given: exampleCategory, Errors: []world.Code{world.CodeConflict, world.CodeUnprocessed}}, o.apiCreateCategory)
	operate(a, WriteProducts, openapi.Operation{Method: http.MethodPut, Path: "/categories/{category}", ID: "changeCategory", Tag: "products",
		Summary: "Change a category", Sent: exampleCategory, Given: exampleCategory, Errors: conditional(world.CodeNotFound, world.CodeUnprocessed)}, o.apiChangeCategory)
}

func (o *Owner) apiCategories(v *visit, _ *struct{}) (*answer[api.Categories], error) {
	list, err := o.deps.Editing.DraftCategories(v.r.Context(), v.at.market.ID)
	if err != nil {
		return nil, world.Wrap("owner.api.categories", err)
	}
	out := api.Categories{Categories: []catalog.Category{}}
	for _, k := range list {
		out.Categories = append(out.Categories, k.Category)
	}
	return &answer[api.Categories]{Body: out}, nil
}

type CategoryAsked struct {
	Category string `path:"category" maxLength:"60"`
}

// categoryOf is one category of the market.
func (o *Owner) categoryOf(v *visit, key string) (catalog.WrittenCategory, error) {
	list, err := o.deps.Editing.DraftCategories(v.r.Context(), v.at.market.ID)
	if err != nil {
		return catalog.WrittenCategory{}, world.Wrap("owner.api.category", err)
	}
	for _, k := range list {
		if k.Category.Category == key {
			return k, nil
		}
	}
	return catalog.WrittenCategory{}, world.E(world.CodeNotFound, "owner.api.category", "The market has no such category.")
}

func (o *Owner) apiCategory(v *visit, in *CategoryAsked) (*answer[catalog.Category], error) {
	k, err := o.categoryOf(v, in.Category)
	if err != nil {
		return nil, err
	}
	return &answer[catalog.Category]{etag(k.Version), k.Category}, nil
}

func (o *Owner) apiCreateCategory(v *visit, in *struct{ Body catalog.Category }) (*answer[catalog.Category], error) {
	if err := o.rules(v).CheckCategory(in.Body); err != nil {
		return nil, err
	}
	if err := o.deps.Editing.CreateCategory(v.r.Context(), v.at.market.ID, in.Body); err != nil {
		return nil, world.Wrap("owner.api.createcategory", err)
	}
	return o.apiCategory(v, &CategoryAsked{in.Body.Category})
}

func (o *Owner) apiChangeCategory(v *visit, in *struct {
	CategoryAsked
	Matching
	Body catalog.Category
}) (*answer[catalog.Category], error) {
	if err := sameKey("category", in.Category, in.Body.Category); err != nil {
		return nil, err
	}
	if err := o.rules(v).CheckCategory(in.Body); err != nil {
		return nil, err
	}
	err := guarded(v, in.IfMatch, func() (int64, error) {
		k, err := o.categoryOf(v, in.Category)
		return k.Version, err
	}, func(expect int64) error {
		_, err := o.deps.Editing.ChangeCategory(v.r.Context(), v.at.market.ID, expect, in.Body)
		return err
	})
	if err != nil {
		return nil, world.Wrap("owner.api.changecategory", err)
	}
	return o.apiCategory(v, &in.CategoryAsked)
}
