package owner

import "net/http"

// sellingRoutes are the pages of promotions, hours, stock, owners' systems and
// letters.
func (o *Owner) sellingRoutes(on func(pattern string, m methods)) {
	show := func(h handler) methods { return methods{http.MethodGet: o.signedIn(o.form(h))} }
	take := func(h handler) methods { return methods{http.MethodPost: o.signedIn(o.form(h))} }
	both := func(get, post handler) methods {
		return methods{http.MethodGet: o.signedIn(o.form(get)), http.MethodPost: o.signedIn(o.form(post))}
	}
	on("/owner/promotions", show(o.listOffers))
	on("/owner/new-promotion", both(o.newOffer, o.addOffer))
	on("/owner/promotions/{id}", both(o.showOffer, o.changeOffer))
	on("/owner/promotions/{id}/end", take(o.endOffer))
	on("/owner/hours", both(o.showHours, o.changeHours))
	on("/owner/stock", show(o.listStock))
	on("/owner/stock/{sku}", both(o.showStock, o.changeStock))
	on("/owner/systems", both(o.listHooks, o.addHook))
	on("/owner/systems/{id}", both(o.showHook, o.changeHook))
	on("/owner/letters", both(o.listLetters, o.retryLetter))
}
