package owner

import (
	"context"
	"time"

	"meridian/engine/catalog"
	"meridian/engine/checkout"
	"meridian/engine/tax"
	"meridian/world"
)

// Editing writes the catalog of the markets at home in this region. Every change
// and the purge of what shows it are both made or neither. A change names the
// version that it replaces: conflict when that is not the present one any more.
// not_found for what the market has not.
type Editing interface {
	// ProductDraft is a product as its owner writes it.
	ProductDraft(ctx context.Context, market, slug string) (catalog.Written, error)
	// ProductVersion is a product as it was in one of its versions.
	ProductVersion(ctx context.Context, market, slug string, version int64) (catalog.Former, error)
	// CreateProduct adds a product with its SKUs and their first prices. Errors:
	// conflict when the slug is taken or the brand product adopted, unprocessed when
	// a SKU or an address is taken, or the category is none.
	CreateProduct(ctx context.Context, market string, w catalog.Written) (version int64, err error)
	// ChangeProduct makes a product what is given; its SKUs are all named. A brand
	// version of 0 leaves that as it is. Errors: also unprocessed.
	ChangeProduct(ctx context.Context, market string, expect int64, w catalog.Written) (version int64, err error)
	// WithdrawProduct takes a product from sale at a moment.
	WithdrawProduct(ctx context.Context, market, slug string, expect int64, at time.Time) (version int64, err error)

	// DraftCategories are all of a market's categories, in order.
	DraftCategories(ctx context.Context, market string) ([]catalog.WrittenCategory, error)
	// CreateCategory adds one; conflict when the key is taken, unprocessed when an
	// address is.
	CreateCategory(ctx context.Context, market string, k catalog.Category) error
	// ChangeCategory makes one what is given.
	ChangeCategory(ctx context.Context, market string, expect int64, k catalog.Category) (version int64, err error)

	// PriceLists are all of a market's lists, the highest rank first.
	PriceLists(ctx context.Context, market string) ([]catalog.WrittenList, error)
	// CreatePriceList adds one without prices; conflict when the name is taken.
	CreatePriceList(ctx context.Context, market string, l catalog.List) error
	// ChangePriceList makes one what is given.
	ChangePriceList(ctx context.Context, market string, expect int64, l catalog.List) (version int64, err error)
	// PriceIn is a SKU's price in a list.
	PriceIn(ctx context.Context, market, sku, list string) (catalog.ListPrice, error)
	// SetPrice gives a SKU its next price in a list; nil takes it out. Errors: also
	// unprocessed, for taking one out of the base list.
	SetPrice(ctx context.Context, market, sku, list string, expect int64, minor *int64) (version int64, err error)

	// PlanBulk tells what a change of many, which was checked, would do at a moment.
	// Errors: unprocessed, too_large, conflict for a list that is there.
	PlanBulk(ctx context.Context, r catalog.Rules, b catalog.Bulk, at time.Time) (catalog.Plan, error)
	// DoBulk carries it out, all or nothing, where its plan has the tag; otherwise
	// conflict, with what it would do.
	DoBulk(ctx context.Context, r catalog.Rules, b catalog.Bulk, tag string, at time.Time) (catalog.Plan, error)

	// Brands are head office's products, by key behind one, at most limit.
	Brands(ctx context.Context, market, after string, limit int) ([]catalog.Brand, error)
	// Brand is one of them.
	Brand(ctx context.Context, market, brand string) (catalog.Brand, error)
	// BrandVersion is one of them as it was in a version.
	BrandVersion(ctx context.Context, brand string, version int64) (world.BrandProduct, error)
	// WriteBrand writes the next version of one, the first where expect is 0.
	// Errors: also misdirected away from the main region.
	WriteBrand(ctx context.Context, brand string, expect int64, p world.BrandProduct) (version int64, err error)
}

// rules are what the catalog of a visit's market keeps to.
func (o *Owner) rules(v *visit) catalog.Rules {
	return catalog.Rules{Market: v.at.market, Classes: o.deps.Tax.Classes(v.at.market.Country), MaxPrice: o.cfg.MaxPrice, Taxed: func(d catalog.Draft) error {
		day := o.deps.Now()
		if d.From != nil && d.From.After(day) {
			day = *d.From
		}
		p := world.Product{TaxClass: d.TaxClass, ServedHot: d.ServedHot, ServedWith: d.ServedWith}
		return checkout.Taxed(v.at.market, p, tax.DateOf(day, v.at.zone), o.deps.Tax)
	}}
}
