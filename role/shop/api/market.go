package api

// Market is one country's shop.
type Market struct {
	ID             string   `json:"id" example:"de"`
	Name           string   `json:"name" doc:"the country, in its own language" example:"Deutschland"`
	Country        string   `json:"country" doc:"ISO 3166-1 alpha-2" example:"DE"`
	Currency       string   `json:"currency" doc:"ISO 4217; every amount is in it" example:"EUR"`
	Digits         int      `json:"digits" doc:"of minor units: how many decimals the currency has" example:"2"`
	Locale         string   `json:"locale" doc:"that this answer is in, BCP 47" example:"de-DE"`
	Locales        []Locale `json:"locales" nullable:"false" doc:"the languages of the shop; the first is the default"`
	TimeZone       string   `json:"time_zone" doc:"IANA; slots and dates go by its clock" example:"Europe/Berlin"`
	Prices         string   `json:"prices" doc:"whether prices contain the tax" enum:"inclusive,exclusive"`
	Fulfilments    []string `json:"fulfilments" nullable:"false" doc:"how orders reach their buyers: delivery, pickup, eat_in" example:"[\"delivery\",\"pickup\"]"`
	PaymentMethods []string `json:"payment_methods" nullable:"false" doc:"how orders can be paid for: card, on_collection" example:"[\"card\",\"on_collection\"]"`
	MaxQuantity    int      `json:"max_quantity" doc:"most pieces of one SKU in a cart" example:"48"`
	MaxLines       int      `json:"max_lines" doc:"most lines in a cart" example:"40"`
	Address        Address  `json:"address" doc:"what an address must look like"`
}

// Locale is a language of a shop.
type Locale struct {
	Tag  string `json:"tag" doc:"BCP 47" example:"de-DE"`
	Base string `json:"base" doc:"what the paths of this API begin with in that language" example:"/api/v1"`
}

// Address is what an address in a market must look like.
type Address struct {
	PostalPattern string   `json:"postal_pattern,omitempty" doc:"a regular expression (RE2) for the whole postal code; none where there are no codes" example:"\\d{5}"`
	PostalExample string   `json:"postal_example,omitempty" example:"10115"`
	States        []string `json:"states" nullable:"false" doc:"those to choose from; none where an address may name any" example:"[\"NY\",\"CA\"]"`
}
