// Package api has the documents of the owners' JSON API: a market's products as
// they are kept, and its orders. (The owner role fills them, in role/owner.)
package api

import "time"

// Amount is a sum of money.
type Amount struct {
	Minor    int64  `json:"minor" doc:"in minor units of the currency: cents, or whole yen" example:"3990"`
	Currency string `json:"currency" doc:"ISO 4217" example:"EUR"`
}

// Product is a product with its SKUs, whether it is for sale now or not.
type Product struct {
	Slug       string `json:"slug" doc:"names it in its market for ever" example:"brezel"`
	Version    int64  `json:"version" doc:"counts its changes" example:"3"`
	Name       string `json:"name" doc:"in the market's first language" example:"Brezel"`
	Category   string `json:"category,omitempty" example:"rolls"`
	Brand      string `json:"brand,omitempty" doc:"the brand product that it was adopted from" example:"pretzel"`
	TaxClass   string `json:"tax_class" example:"bread"`
	ServedHot  bool   `json:"served_hot,omitempty" doc:"sold hot, or kept hot"`
	ServedWith string `json:"served_with,omitempty" enum:"utensils,gift" doc:"none: nothing"`
	Featured   bool   `json:"featured"`
	SKUs       []SKU  `json:"skus" nullable:"false"`
}

// SKU is one size or sort of a product.
type SKU struct {
	SKU         string `json:"sku" example:"brezel"`
	Sort        string `json:"sort,omitempty" example:"4 Stück"`
	Base        Amount `json:"base" doc:"the price that always holds"`
	BaseVersion int64  `json:"base_version" doc:"names that price; a change names the version that it replaces" example:"4"`
	Price       Amount `json:"price" doc:"what buyers pay now: the base price, or that of a list above it"`
	PriceList   string `json:"price_list" doc:"where that is from" example:"base"`
}

// ProductList is one page of a market's products.
type ProductList struct {
	Products []Product `json:"products" nullable:"false" doc:"in the shop's order"`
	Next     string    `json:"next,omitempty" doc:"send it as after for the next page; none on the last"`
}

// Prices are a SKU's and those it had.
type Prices struct {
	SKU
	Product string  `json:"product" doc:"the slug of its product" example:"brezel"`
	Former  []Price `json:"former" nullable:"false" doc:"the newest base prices, this one first"`
}

// Price is a base price that a SKU has or had.
type Price struct {
	Version int64     `json:"version" example:"4"`
	Price   Amount    `json:"price"`
	Since   time.Time `json:"since" example:"2026-11-20T09:00:00Z"`
}
