package owner

import (
	"context"
	"time"

	"meridian/engine/catalog"
)

// Editing writes the catalog of the markets at home in this region. Every change
// and the purge of what shows it are both made or neither. A change names the
// version that it replaces: conflict when that is not the present one any more.
// not_found for what the market has not.
type Editing interface {
	// ProductDraft is a product as its owner writes it.
	ProductDraft(ctx context.Context, market, slug string) (catalog.Written, error)
	// CreateProduct adds a product with its SKUs and their first prices. Errors:
	// conflict when the slug is taken, unprocessed when a SKU or an address is, or
	// the category is none.
	CreateProduct(ctx context.Context, market string, d catalog.Draft) (version int64, err error)
	// ChangeProduct makes a product what is given; its SKUs are all named. Errors:
	// also unprocessed.
	ChangeProduct(ctx context.Context, market string, expect int64, d catalog.Draft) (version int64, err error)
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
}

// rules are what the catalog of a visit's market keeps to.
func (o *Owner) rules(v *visit) catalog.Rules {
	return catalog.Rules{Market: v.at.market, Classes: o.deps.TaxClasses(v.at.market.Country), MaxPrice: o.cfg.MaxPrice}
}
