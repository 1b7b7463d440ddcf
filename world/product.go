package world

import (
	"slices"
	"time"
)

// Product is what a page of a market's shop shows, with its words in one locale
// and its prices at one moment. What is sold of it are its SKUs.
type Product struct {
	Market       string
	Slug         string // its key in the market; it never changes
	Address      string // names it in addresses of the locale: /p/{address}
	Version      int64  // counts its changes, and names one state of it for ever
	Category     string // key of a category; "" for none
	Brand        string // the brand product that it was adopted from; "" for a local one
	BrandVersion int64  // of the brand product, when it was adopted or brought up to date
	TaxClass     string
	ServedHot    bool   // sold hot, or kept hot
	ServedWith   string // what it comes with, as tax has it: "" for nothing, "utensils" or "gift"
	Featured     bool
	TakesPhoto   bool          // it is made with a photo that its buyer gives
	Lead         time.Duration // how long before it is handed over it must be ordered
	Allergens    []Allergen    // in it
	MayContain   []Allergen    // traces that cannot be kept out
	Nutrition    Nutrition
	Name         string
	Description  string
	Ingredients  string // as on a label; what causes allergies stands between asterisks
	AllergenNote string // in words, where there are no codes
	SKUs         []SKU  // in its order; never none
	PictureID    string // the asset that is its picture, whether that may be shown or not; "" without one
	Picture      Picture
}

// SKU is what is sold: a product in one size or sort, with its price at one
// moment.
type SKU struct {
	Key          string // unique in the market; its product's slug where that has one sort
	Sort         string // "20 cm"; "" where the product has one sort
	Net          int    // how much it is, in NetUnit; 0 where that is not known
	NetUnit      string // "g", "ml" or ""
	PriceMinor   int64  // in minor units of Currency
	Currency     string
	PriceVersion int64  // names one price of this SKU for ever
	PriceList    string // where the price is from; [BaseList] when none is above it
	BaseMinor    int64  // the price of the base list
	BaseVersion  int64  // names that price
	SoldOut      bool   // none was left when the catalog was last told; carts and checkouts look at the stock itself
	PriorMinor   int64  // the lowest price of the thirty days before a list lowered it; 0 where none did, or nobody asked
}

// BaseList is the price list that always holds.
const BaseList = "base"

// Offer is a SKU with its product, as a cart and a checkout want them: what
// would be sold.
type Offer struct {
	Product
	SKU
}

// Offer is the product in the sort of the given key; ok is false when it has none.
func (p Product) Offer(key string) (o Offer, ok bool) {
	for _, s := range p.SKUs {
		if s.Key == key {
			return Offer{p, s}, true
		}
	}
	return Offer{}, false
}

// Offers are the product in each of its sorts.
func (p Product) Offers() []Offer {
	var out []Offer
	for _, s := range p.SKUs {
		out = append(out, Offer{p, s})
	}
	return out
}

// SoldOut reports whether none is left of any of its SKUs.
func (p Product) SoldOut() bool {
	return len(p.SKUs) > 0 && !slices.ContainsFunc(p.SKUs, func(s SKU) bool { return !s.SoldOut })
}

// Buyable are the SKUs that are not sold out; where all are, all.
func (p Product) Buyable() []SKU {
	if p.SoldOut() {
		return p.SKUs
	}
	return slices.DeleteFunc(slices.Clone(p.SKUs), func(s SKU) bool { return s.SoldOut })
}

// Label is what an offer is called on a cart and an order: "Cheesecake, 20 cm".
func (o Offer) Label() string {
	if o.Sort == "" {
		return o.Name
	}
	return o.Name + ", " + o.Sort
}

// Category is what a market sorts its products by, in the words of one locale.
type Category struct {
	Key         string
	Address     string   // names it in addresses of the locale: /c/{address}
	Addresses   []string // all that it has in the market, of whichever locale
	Name        string
	Description string
}

// Nutrition is what 100 g, or 100 ml, of a product has. The zero value says that
// it is not known.
type Nutrition struct {
	EnergyKJ       int `json:"energy_kj"`
	EnergyKcal     int `json:"energy_kcal"`
	FatMg          int `json:"fat_mg"`
	SaturatesMg    int `json:"saturates_mg"`
	CarbohydrateMg int `json:"carbohydrate_mg"`
	SugarsMg       int `json:"sugars_mg"`
	ProteinMg      int `json:"protein_mg"`
	SaltMg         int `json:"salt_mg"`
}

// Known reports whether anything is said.
func (n Nutrition) Known() bool { return n != Nutrition{} }

// Allergen is a code of what the law has named on labels.
type Allergen string

// Allergens are the codes that a product can have: the substances of Regulation
// (EU) No 1169/2011, Annex II, with each cereal and nut by itself; the nine of
// the United States (21 U.S.C. 321(qq)) are among them; buckwheat is Japan's.
// The catalog's schema has the same list.
func Allergens() []Allergen {
	return []Allergen{"wheat", "rye", "barley", "oats", "spelt", "crustaceans", "egg", "fish", "peanut", "soy", "milk",
		"almond", "hazelnut", "walnut", "cashew", "pecan", "brazil_nut", "pistachio", "macadamia",
		"celery", "mustard", "sesame", "sulphites", "lupin", "molluscs", "buckwheat"}
}

// ListKind says which of a market's products a list shows.
type ListKind string

// The kinds of list. All of them are in the shop's order.
const (
	ListAll      ListKind = "all"
	ListFeatured ListKind = "featured"
	ListPlain    ListKind = "plain"    // what is not featured
	ListCategory ListKind = "category" // of one category
	ListBeside   ListKind = "beside"   // behind one product, then from the start up to it
)

// ListQuery asks for one page of a list of products.
type ListQuery struct {
	Market, Locale string
	Kind           ListKind
	Key            string    // of the category for [ListCategory], of the product for [ListBeside]
	After          string    // a [Listing]'s Next; "" begins at the start; not for [ListBeside]
	Limit          int       // most products, 1 to [MaxList]
	At             time.Time // whose prices and whose products
	Drafts         bool      // also what is not for sale at that moment
}

// MaxList is the most products that one page of a list can have.
const MaxList = 100

// SearchQuery asks for one page of what somebody looks for.
type SearchQuery struct {
	Market, Locale string
	Text           string // see [SearchText]
	After          string // a [Listing]'s Next; "" begins at the start
	Limit          int    // most products, 1 to [MaxList]
	At             time.Time
}

// Listing is one page of a list.
type Listing struct {
	Products []Product
	Next     string    // continues the list; "" at its end
	Total    int       // of a search: how many products there are on all pages; 0 when they are too many to count
	Until    time.Time // when it may become another by the calendar alone; zero for never
}

// BrandProduct is head office's product: what the markets that adopt it take over.
// Category, address, sorts and prices are each market's own.
type BrandProduct struct {
	Art         string               `json:"art"` // the drawing that its picture is made from, by name
	TaxClass    string               `json:"tax_class"`
	ServedHot   bool                 `json:"served_hot,omitempty"`
	ServedWith  string               `json:"served_with,omitempty" enum:"utensils,gift"`
	TakesPhoto  bool                 `json:"takes_photo"`
	LeadMinutes int                  `json:"lead_minutes"`
	Allergens   []Allergen           `json:"allergens"`
	MayContain  []Allergen           `json:"may_contain"`
	Nutrition   Nutrition            `json:"nutrition"`
	Texts       map[string]BrandText `json:"texts"` // by locale
}

// BrandText are a brand product's words in one locale.
type BrandText struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Ingredients string `json:"ingredients"`
}
