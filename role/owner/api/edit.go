package api

import (
	"time"

	"meridian/engine/catalog"
)

// ProductVersion is a product as it was in one of its versions.
type ProductVersion struct {
	Version int64         `json:"version" example:"3"`
	Since   time.Time     `json:"since" doc:"when it became so; the next version's since ends it"`
	Product catalog.Draft `json:"product" doc:"prices are not in it: an order's line has its own"`
}

// Categories are all of a market's categories.
type Categories struct {
	Categories []catalog.Category `json:"categories" nullable:"false" doc:"in the shop's order"`
}

// PriceLists are all of a market's price lists.
type PriceLists struct {
	Lists []catalog.List `json:"lists" nullable:"false" doc:"the highest rank first"`
}

// ListPrice is a SKU's price in one list.
type ListPrice struct {
	SKU     string  `json:"sku" example:"brezel"`
	List    string  `json:"list" example:"advent"`
	Version int64   `json:"version" doc:"names this price of the SKU; 0 where the list never had one" example:"5"`
	Price   *Amount `json:"price,omitempty" doc:"none where the list has none"`
}

// PriceSet is a price that is set.
type PriceSet struct {
	_ struct{} `additionalProperties:"false"`

	Minor int64 `json:"minor" minimum:"1" doc:"in minor units of the market's currency, with or without tax as the market shows its prices" example:"450"`
}

// BrandList is one page of head office's products.
type BrandList struct {
	Brands []catalog.Brand `json:"brand_products" nullable:"false" doc:"by their keys"`
	Next   string          `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// Differences are the fields in which a market's product is not head office's.
type Differences struct {
	Slug        string               `json:"slug" doc:"of the market's product" example:"brezel"`
	Base        int64                `json:"base" doc:"the version of head office's that it is up to" example:"1"`
	Head        int64                `json:"head" doc:"head office's newest" example:"2"`
	Differences []catalog.Difference `json:"differences" nullable:"false"`
}
