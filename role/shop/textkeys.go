package shop

import (
	"meridian/engine/checkout"
	"meridian/engine/order"
	"meridian/engine/promotion"
	"meridian/platform/i18n"
	"meridian/world"
)

// codeKeys are the texts that the code asks for by name, beside those that the
// templates name themselves.
func codeKeys() []string {
	keys := []string{
		"tax.included", "tax.zero", "tax.added", "tax.part", "tax.left_out", "tax.at_checkout",
		"cart.added", "cart.check", "cart.out_of_stock", "cart.not_enough", "cart.price_changed", "stock.left", "stock.sold_out", "product.from", "product.comma", "product.lead", "product.prior", "product.unit_price",
		"nutrition.energy", "nutrition.fat", "nutrition.saturates", "nutrition.carbohydrate", "nutrition.sugars", "nutrition.protein", "nutrition.salt", "search.title", "search.count",
		"checkout.optional", "checkout.choose_state", "checkout.changed", "checkout.too_large", "checkout.tax_open", firmsAll, firmsNumbered, "cart.full", "cart.sent_before", "order.title", "site.footer", i18n.AddressKey,
		"checkout.by_delivery", "checkout.by_pickup", "checkout.by_eat_in", "checkout.by_card", "checkout.on_collection", "checkout.payment_note",
		"checkout.slot_full", "checkout.slot_few", "checkout.slot_gone", "order.thanks", "order.cannot_cancel", "order.event_place",
		"invoice.link", "invoice.credit_link",
		"error.quantity", "error.try_again",
		"photo.hint", "photo.missing", "photo.too_large", "photo.unsupported", "photo.broken", "photo.busy", "photo.yours",
		"payment.declined", "payment.insufficient_funds", "payment.expired_card", "payment.incorrect_card", "payment.authentication", "payment.abandoned", "payment.not_by_card",
		"not_found.title", "not_found.text", "unavailable.title", "unavailable.text", "unavailable.checkout",
	}
	for _, a := range world.Allergens() {
		keys = append(keys, allergenKey(a))
	}
	for _, r := range promotion.Reasons() {
		keys = append(keys, "promotion."+string(r))
	}
	for _, state := range order.States {
		keys = append(keys, stateText(state))
	}
	for _, e := range order.Events {
		keys = append(keys, "order.event_"+string(e))
	}
	for _, f := range contactFields {
		keys = append(keys, "checkout."+string(f.name))
	}
	for _, k := range []checkout.ErrorKey{checkout.Required, checkout.TooLong, checkout.BadCharacters, checkout.BadEmail,
		checkout.BadPhone, checkout.BadPostalCode, checkout.BadState, checkout.NotDelivered, checkout.OtherState, checkout.BadTaxID, checkout.UnknownTaxID} {
		keys = append(keys, wrongKey(k))
	}
	return keys
}
