// Package api has the documents of the shop's JSON API: what each field says, and
// what a request may ask for. (The shop fills them, in role/shop.)
package api

// Amount is a sum of money.
type Amount struct {
	Minor    int64  `json:"minor" doc:"in minor units of the currency: cents, or whole yen" example:"1250"`
	Currency string `json:"currency" doc:"ISO 4217" example:"EUR" pattern:"^[A-Z]{3}$"`
	Text     string `json:"text" doc:"as people of the locale write it" example:"12,50 €"`
}
