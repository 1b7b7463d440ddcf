package catalog

import (
	"time"

	"meridian/world"
)

// Draft is a product as its owner writes it.
type Draft struct {
	_ struct{} `additionalProperties:"false"`

	Slug        string               `json:"slug" maxLength:"60" doc:"names it in its market for ever: a-z, 0-9 and hyphens" example:"brezel"`
	Category    string               `json:"category,omitempty" maxLength:"60" doc:"key of a category; none for no category" example:"rolls"`
	TaxClass    string               `json:"tax_class" maxLength:"60" doc:"of the market's tax rules" example:"bread"`
	ServedHot   bool                 `json:"served_hot,omitempty" doc:"sold hot, or kept hot: another tax in many places"`
	ServedWith  string               `json:"served_with,omitempty" enum:"utensils,gift" doc:"what it comes with, where tax asks; a gift is a bundle with goods that are taxed otherwise, such as a tin or a mug; none: nothing"`
	Featured    bool                 `json:"featured,omitempty" doc:"shown first"`
	TakesPhoto  bool                 `json:"takes_photo,omitempty" doc:"made with a photo that its buyer gives"`
	Place       int32                `json:"place,omitempty" doc:"in the shop's order, the least first" example:"7"`
	LeadMinutes int                  `json:"lead_minutes,omitempty" doc:"how long before it is handed over it must be ordered, up to 43200" example:"1440"`
	From        *time.Time           `json:"published_from,omitempty" doc:"when it comes on sale; none: it always was"`
	Until       *time.Time           `json:"published_until,omitempty" doc:"when it goes from sale; none: never"`
	Art         string               `json:"art,omitempty" maxLength:"60" doc:"the drawing that stands for it without a picture"`
	Allergens   []world.Allergen     `json:"allergens,omitempty" nullable:"false" doc:"in it, by code" example:"[\"wheat\"]"`
	MayContain  []world.Allergen     `json:"may_contain,omitempty" nullable:"false" doc:"traces that cannot be kept out" example:"[\"sesame\"]"`
	Nutrition   *world.Nutrition     `json:"nutrition,omitempty" doc:"of 100 g or 100 ml; none where it is not known"`
	Texts       map[string]DraftText `json:"texts" nullable:"false" doc:"by locale; what a locale lacks is shown in the market's first"`
	SKUs        []DraftSKU           `json:"skus" nullable:"false" doc:"sizes and sorts, in their order"`
}

// DraftText are a product's words in one locale.
type DraftText struct {
	_ struct{} `additionalProperties:"false"`

	Name         string `json:"name" maxLength:"120" example:"Brezel"`
	Description  string `json:"description,omitempty" maxLength:"4000"`
	Ingredients  string `json:"ingredients,omitempty" maxLength:"4000" doc:"as on a label; what causes allergies stands between asterisks" example:"*Weizen*mehl, Wasser, Salz"`
	AllergenNote string `json:"allergen_note,omitempty" maxLength:"500" doc:"in words, where the product has no codes"`
	Address      string `json:"address,omitempty" maxLength:"60" doc:"its name in the locale's addresses; none for the slug" example:"brezel"`
}

// DraftSKU is one size or sort of a product.
type DraftSKU struct {
	_ struct{} `additionalProperties:"false"`

	SKU     string            `json:"sku" maxLength:"60" doc:"names it in its market for ever" example:"brezel"`
	Names   map[string]string `json:"names,omitempty" doc:"by locale; none where a product has one sort" example:"{\"de-DE\":\"4 Stück\"}"`
	Sold    bool              `json:"sold" doc:"a SKU is never taken away: one that is sold no more says so here"`
	Net     int               `json:"net,omitempty" doc:"how much it is, in net_unit" example:"360"`
	NetUnit string            `json:"net_unit,omitempty" enum:"g,ml"`
	Price   int64             `json:"price,omitempty" doc:"of a new SKU, its base price in minor units; not for one that is there, whose prices have operations of their own" example:"520"`
}

// Category is what products are sorted by, as an owner writes it.
type Category struct {
	_ struct{} `additionalProperties:"false"`

	Category string                  `json:"category" maxLength:"60" example:"rolls"`
	Place    int32                   `json:"place,omitempty" doc:"in the shop's order, the least first"`
	Texts    map[string]CategoryText `json:"texts" nullable:"false" doc:"by locale"`
}

// CategoryText are a category's words in one locale.
type CategoryText struct {
	_ struct{} `additionalProperties:"false"`

	Name        string `json:"name" maxLength:"120" example:"Brötchen"`
	Description string `json:"description,omitempty" maxLength:"4000"`
	Address     string `json:"address,omitempty" maxLength:"60" doc:"its name in the locale's addresses; none for the key" example:"broetchen"`
}

// List is a price list. Where several in force have a price of a SKU, that of the
// highest rank holds.
type List struct {
	_ struct{} `additionalProperties:"false"`

	List  string     `json:"list" maxLength:"60" example:"advent"`
	Rank  int        `json:"rank" doc:"1 to 1000; the base list alone has 0" example:"10"`
	From  *time.Time `json:"from,omitempty" doc:"when it comes into force; none: at once"`
	Until *time.Time `json:"until,omitempty" doc:"when it ends; none: never"`
}

// Written is a product as it is kept: its draft with its version, and what of head
// office's it was adopted from.
type Written struct {
	Draft
	Version      int64
	Brand        string // "" for a local one
	BrandVersion int64
}

// Former is a product as it was in one of its versions; its SKUs are without prices.
type Former struct {
	Written
	Since time.Time // when it became so
}

// WrittenCategory is a category as it is kept.
type WrittenCategory struct {
	Category
	Version int64
}

// WrittenList is a price list as it is kept.
type WrittenList struct {
	List
	Version int64
}

// ListPrice is a SKU's price in one list.
type ListPrice struct {
	Version int64  // 0 where it never had one
	Minor   *int64 // nil where it has none
}
