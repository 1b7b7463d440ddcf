package shop

import (
	"net/http"
	"strings"
	"testing"

	"meridian/role/shop/api"
	"meridian/world"
)

// openInCrowns is a market whose sums are rounded in cash, and that takes cards, too.
func openInCrowns(t *testing.T) *bench {
	t.Helper()
	b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) {
		for i, m := range d.World.Markets {
			if m.ID == "de" {
				d.World.Markets[i].Currency = "SEK"
			}
		}
		d.Providers = []MarketPay{{Market: "de", Name: "testpay", Provider: newBank(), Pages: "http://pay.test"}}
	})
	b.catalog.currency["de"] = "SEK"
	return b
}

// What is paid is what was shown: a sum that another method, or another rule, rounds
// otherwise is shown first.
func TestTheRoundingIsPartOfWhatWasShown(t *testing.T) {
	b := openInCrowns(t)
	form := atCheckout(t, b, contactDE()) // by card, 15.60
	form.Set("method", string(world.PayOnCollection))
	form.Set("step", "place")
	changed := b.post("/checkout", form)
	wants(t, changed, http.StatusConflict, `id="wrong"`)
	form.Set("quoted", hidden(t, changed, "quoted"))
	form.Set("key", hidden(t, changed, "key"))
	wants(t, b.post("/checkout", form), http.StatusSeeOther)
	for _, o := range b.orders.orders {
		if o.TotalMinor != 1560 || o.RoundingMinor != 40 {
			t.Errorf("%d %+d", o.TotalMinor, o.RoundingMinor)
		}
	}
}

func TestAPIOrderOfAnotherRoundingThanQuoted(t *testing.T) {
	b := openInCrowns(t)
	a := openApp(t, b)
	a.put("brot", 3, a.tag)
	q := a.quote(toCologne())
	before := strings.Replace(q.Quoted, ",cash40;", ";", 1) // as a quote was written before it named the rounding
	if q.Payable.Minor != 1600 || before == q.Quoted {
		t.Fatalf("%+v", q)
	}
	for _, quoted := range []string{before, strings.Replace(q.Quoted, "cash40", "cash-60", 1)} {
		r := as[api.Refusal](t, a.order(orderKey, quoted, toCologne()), http.StatusConflict)
		if r.Quote.Quoted != q.Quoted || len(b.orders.orders) != 0 {
			t.Errorf("%+v", r)
		}
	}
	o := as[api.Order](t, a.order(orderKey, q.Quoted, toCologne()), http.StatusCreated)
	for _, quoted := range []string{q.Quoted, before} { // sent again, and what was placed before an update
		if again := as[api.Order](t, a.order(orderKey, quoted, toCologne()), http.StatusCreated); again.ID != o.ID {
			t.Errorf("%s and %s", again.ID, o.ID)
		}
	}
	wants(t, a.order(orderKey, strings.Replace(q.Quoted, "cash40", "cash-60", 1), toCologne()), http.StatusUnprocessableEntity, "Idempotency-Key")
}
