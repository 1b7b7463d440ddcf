package api

// Card is a product in a list.
type Card struct {
	Slug        string   `json:"slug" doc:"names the product in its market for ever" example:"schwarzwaelder-kirschtorte"`
	Page        string   `json:"page" doc:"the path of the product's page, in the locale" example:"/p/schwarzwaelder-kirschtorte"`
	Name        string   `json:"name" example:"Schwarzwälder Kirschtorte"`
	Description string   `json:"description,omitempty" example:"Dunkler Schokoladenbiskuit, Sauerkirschen und viel frische Sahne."`
	Category    string   `json:"category,omitempty" doc:"the key of its category" example:"cakes"`
	Featured    bool     `json:"featured" doc:"whether the shop shows it first"`
	TakesPhoto  bool     `json:"takes_photo" doc:"whether it is made with a photo of its buyer's; such a line is put into a cart on the product's page"`
	LeadHours   int      `json:"lead_hours" doc:"how long before it is handed over it must be ordered" example:"24"`
	Picture     *Picture `json:"picture,omitempty" doc:"none where there is none that may be shown"`
	SKUs        []SKU    `json:"skus" nullable:"false" minItems:"1" doc:"what is sold of it: its sizes and sorts, in the shop's order"`
}

// Product is a product with its label.
type Product struct {
	Card
	Version      int64      `json:"version" doc:"counts its changes" example:"3"`
	TaxNote      string     `json:"tax_note" doc:"what the shop says of tax beside its prices" example:"enthält 7 % MwSt."`
	Ingredients  string     `json:"ingredients,omitempty" doc:"as on a label; what causes allergies stands between asterisks" example:"*Sahne*, Sauerkirschen, Zucker, *Eier*, *Weizen*mehl"`
	AllergenNote string     `json:"allergen_note,omitempty" doc:"allergens in words, where there are no codes"`
	Allergens    []string   `json:"allergens" nullable:"false" doc:"what is in it, by code: the substances of Regulation (EU) No 1169/2011, Annex II, with each cereal and nut by itself" example:"[\"milk\",\"egg\",\"wheat\"]"`
	MayContain   []string   `json:"may_contain" nullable:"false" doc:"traces that cannot be kept out" example:"[\"hazelnut\"]"`
	Nutrition    *Nutrition `json:"nutrition,omitempty" doc:"of 100 g or 100 ml; none where it is not known"`
}

// SKU is what is sold: a product in one size or sort.
type SKU struct {
	SKU          string     `json:"sku" doc:"names it in its market for ever: in carts, orders and stock" example:"schwarzwaelder-kirschtorte-26cm"`
	Sort         string     `json:"sort,omitempty" doc:"its size or sort in words; none where the product has one" example:"26 cm"`
	Net          *Net       `json:"net,omitempty" doc:"how much it is, where that is known"`
	Price        Amount     `json:"price" doc:"now; what a cart is quoted counts"`
	Available    bool       `json:"available" doc:"whether any was left when the catalog was last told, seconds ago; a cart and a quote look at the stock itself" example:"true"`
	PriceVersion int64      `json:"price_version" doc:"names this price for ever" example:"7"`
	UnitPrice    *UnitPrice `json:"unit_price,omitempty" doc:"where the market's law wants it told"`
	Usual        *Amount    `json:"usual,omitempty" doc:"the price without the list that lowers it"`
	Prior        *Amount    `json:"prior,omitempty" doc:"the lowest price of the thirty days before it was lowered; on the product itself, not in lists"`
}

// Net is how much a SKU is.
type Net struct {
	Quantity int    `json:"quantity" minimum:"1" example:"2400"`
	Unit     string `json:"unit" enum:"g,ml"`
}

// UnitPrice is what a kilogram or a litre costs.
type UnitPrice struct {
	Amount
	Unit string `json:"unit" enum:"kg,l"`
}

// Picture is where a product's picture is.
type Picture struct {
	URL    string `json:"url" doc:"a path that never changes what it shows; its format goes by Accept" example:"/img/sweet-crumbs/2abcdefghjkmnpqr/v3/auto/960x720"`
	Srcset string `json:"srcset" doc:"the sizes that there are, as the attribute of HTML"`
	Width  int    `json:"width" doc:"pixels" example:"960"`
	Height int    `json:"height" doc:"pixels" example:"720"`
	Color  string `json:"color,omitempty" doc:"its average colour" example:"#aa7744"`
}

// Nutrition is what 100 g or 100 ml have.
type Nutrition struct {
	EnergyKJ       int `json:"energy_kj" example:"1250"`
	EnergyKcal     int `json:"energy_kcal" example:"300"`
	FatMg          int `json:"fat_mg" doc:"milligrams" example:"19000"`
	SaturatesMg    int `json:"saturates_mg" example:"12000"`
	CarbohydrateMg int `json:"carbohydrate_mg" example:"28000"`
	SugarsMg       int `json:"sugars_mg" example:"20000"`
	ProteinMg      int `json:"protein_mg" example:"4500"`
	SaltMg         int `json:"salt_mg" example:"200"`
}

// ProductList is one page of a list of products.
type ProductList struct {
	Products []Card `json:"products" nullable:"false" doc:"in the shop's order; of a search, the best first"`
	Next     string `json:"next,omitempty" doc:"send it as after for the next page; none on the last; a page of a search may have fewer products than it could, or none, and still have one" example:"MTIvYnJvdA"`
	Total    int    `json:"total,omitempty" doc:"of a search: how many products there are on all pages; missing when they are too many to count" example:"12"`
}

// Category is what a market sorts its products by.
type Category struct {
	Key         string `json:"key" doc:"names it in its market for ever" example:"cakes"`
	Page        string `json:"page" doc:"the path of its page, in the locale" example:"/c/torten-und-kuchen"`
	Name        string `json:"name" example:"Torten und Kuchen"`
	Description string `json:"description,omitempty" example:"Für Geburtstage und lange Nachmittage."`
}

// CategoryList has all of a market's categories.
type CategoryList struct {
	Categories []Category `json:"categories" nullable:"false" doc:"those with something for sale, in the shop's order"`
}
