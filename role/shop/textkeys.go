package shop

import (
	"meridian/engine/checkout"
	"meridian/world"
)

// codeKeys are the texts that the code asks for by name, beside those that the
// templates name themselves.
var codeKeys = []string{
	"locale.name", "date.format", "product.picture", "price.tax_inclusive", "price.tax_exclusive",
	"cart.sold_out", "cart.left", "cart.gone", "cart.added", "cart.full", "cart.quantity_wrong", "cart.unknown",
	"checkout.price_changed", "checkout.gone", "checkout.tax_changed", "checkout.short", "checkout.changed",
	"checkout.optional", "checkout.choose", "checkout.postal_hint", "checkout.expired", "checkout.too_large",
	"order.title",
}

// keysOf are the texts that a market's pages need beside the templates' own.
func keysOf(m world.Market) []string {
	keys := append([]string(nil), codeKeys...)
	for _, f := range contactFields {
		keys = append(keys, "field."+string(f.name))
	}
	for _, k := range []checkout.ErrorKey{checkout.Required, checkout.TooLong, checkout.BadCharacters, checkout.BadEmail,
		checkout.BadPhone, checkout.BadPostalCode, checkout.BadState} {
		keys = append(keys, "field.error."+string(k))
	}
	for _, e := range failures {
		keys = append(keys, "error."+e+".title", "error."+e+".text")
	}
	if len(m.Tax.Jurisdictions) > 1 {
		for _, j := range m.Tax.Jurisdictions {
			keys = append(keys, "state."+j)
		}
	}
	return keys
}
