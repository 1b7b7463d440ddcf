package shop

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meridian/engine/taxid"
	"meridian/role/shop/api"
	"meridian/world"
)

// registry knows one number, or fails.
type registry struct {
	knows string
	fails error
	asked []string
}

func (r *registry) Ask(_ context.Context, id, _ taxid.ID) (taxid.Answer, error) {
	r.asked = append(r.asked, id.String())
	return taxid.Answer{Valid: id.String() == r.knows, Reference: "REF1"}, r.fails
}

// A business is asked for where the market's world file says so; its number is
// asked for at its register, and stands on its invoice.
func TestBuyingForABusiness(t *testing.T) {
	for name, c := range map[string]struct {
		market, typed, company string
		register               *registry
		asks, status           int
		says                   string
		kept, proof            string
	}{
		"confirmed":       {"de", "de 136695976", "Weiß GmbH", &registry{knows: "DE136695976"}, 1, 303, "", "DE136695976", "REF1"},
		"unknown":         {"de", "DE136695976", "Weiß GmbH", &registry{}, 1, 422, "Das Register kennt diese USt-IdNr. nicht", "", ""},
		"nobody answers":  {"de", "136695976", "Weiß GmbH", &registry{fails: errors.New("away")}, 1, 303, "", "DE136695976", ""},
		"mistyped":        {"de", "DE136695977", "Weiß GmbH", &registry{}, 0, 422, "Das ist keine gültige USt-IdNr.", "", ""},
		"without a name":  {"de", "DE136695976", "", &registry{knows: "DE136695976"}, 1, 422, `href="#company"`, "", ""},
		"no business":     {"de", "", "", &registry{}, 0, 303, "", "", ""},
		"not asked there": {"gb", "DE136695976", "Weiß GmbH", &registry{}, 0, 303, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, "eu-central", c.market+".localhost", func(_ *Config, d *Deps) {
				d.Register = c.register
				for i := range d.World.Markets {
					d.World.Markets[i].Business = d.World.Markets[i].ID == "de"
				}
			})
			contact := contactDE()
			if c.market == "gb" {
				contact.Set("postal_code", "SW1A 1AA")
			}
			form := with(atCheckout(t, b, contact), "company", c.company, "tax_id", c.typed, "step", "place")
			w := b.post("/checkout", form)
			wants(t, w, c.status, c.says)
			if len(c.register.asked) != c.asks {
				t.Errorf("asked %v", c.register.asked)
			}
			var placed world.Order
			for _, o := range b.orders.orders {
				placed = o
			}
			if placed.Contact.TaxID != c.kept || placed.TaxIDProof != c.proof {
				t.Errorf("kept %q with %q", placed.Contact.TaxID, placed.TaxIDProof)
			}
			if c.kept != "" {
				wants(t, b.get(w.Header().Get("Location")+"/invoice"), 200, c.company, c.kept)
			}
		})
	}
}

// A business in another member state whose number is confirmed accounts for the tax
// itself: what is left out of the prices is shown wherever they are added up, and the
// order keeps what its invoice has to say. (No world may have such an area yet, see
// docs/decisions/0020.)
func TestASupplyToAnotherMemberState(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) {
		d.Register = &registry{knows: "FR40303265045"}
		for i := range d.World.Markets {
			if m := &d.World.Markets[i]; m.ID == "de" {
				m.Business, m.Delivery = true, []world.Area{{Name: "Strasbourg", Tax: "FR", Postal: []string{"67.*"}}, {Name: "Deutschland", Tax: "DE"}}
			}
		}
	})
	form := with(atCheckout(t, b, contactDE()), "postal_code", "67000", "company", "Pain SARL", "tax_id", "FR40303265045", "step", "review")
	w := b.post("/checkout", form)
	wants(t, w, 200, "Ohne MwSt.", "-1,02\u00a0€", "14,58\u00a0€", "enthält keine MwSt. (0 %)")
	w = b.post("/checkout", with(form, "quoted", hidden(t, w, "quoted"), "step", "place"))
	wants(t, w, 303)
	for _, o := range b.orders.orders {
		if !slices.Equal(o.TaxNotes, []string{"intra_community"}) || o.Taxes[0].Source != "Directive 2006/112/EC, Article 138(1)" {
			t.Errorf("kept %q, %+v", o.TaxNotes, o.Taxes)
		}
	}
	at := w.Header().Get("Location")
	wants(t, b.get(at), 200, "Ohne MwSt.", "-1,02\u00a0€", "14,58\u00a0€")
	wants(t, b.get(at+"/invoice"), 200, "Steuerfreie innergemeinschaftliche Lieferung", "FR40303265045", "14,58\u00a0€")
}

// What is picked up has the buyer's address on its invoice where the law wants it,
// and it is asked for then: of a business, and of anybody above a sum.
func TestAnInvoiceOfWhatIsPickedUp(t *testing.T) {
	company := []string{"company", "Weiß GmbH", "tax_id", "DE136695976"}
	for name, c := range map[string]struct {
		quantity string
		buyer    []string
		asked    bool
	}{"a consumer": {"3", nil, false}, "a business": {"3", company, true}, "above the sum": {"48", nil, true}} {
		t.Run(name, func(t *testing.T) {
			b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) {
				d.Register = &registry{knows: "DE136695976"}
				for i := range d.World.Markets {
					d.World.Markets[i].Business = true
				}
			})
			b.add("brot", c.quantity)
			if c.quantity == "48" {
				b.add("torte", "1")
			}
			w := b.get("/checkout")
			form := with(url.Values{"name": {"Jürgen Weiß"}, "email": {"j@example.de"}, "key": {hidden(t, w, "key")}, "fulfilment": {"pickup"}}, c.buyer...)
			wants(t, w, 200, `aria-describedby="firms"`, `class="fetched muted small" id="firms">`) // hidden while it is to be delivered
			w = b.post("/checkout", with(form, "step", "look"))
			if c.asked {
				lacks(t, w, `id="firms"`)
			} else {
				wants(t, w, 200, `aria-describedby="firms"`, `id="firms">Auf der Rechnung einer Firma`)
			}
			if !c.asked {
				lacks(t, w, "Rechnungsadresse")
				o, path := lastOrder(t, b, b.post("/checkout", again(t, w, with(form, "line1", "Weg 1"), "step", "place")))
				if o.Contact.Line1 != "" {
					t.Errorf("kept %+v", o.Contact)
				}
				lacks(t, b.get(path), "Rechnungsadresse")
				return
			}
			wants(t, w, 200, "<legend>Rechnungsadresse</legend>", "muss nach dem Gesetz", `autocomplete="address-line1"`)
			lacks(t, w, "Lieferadresse", "error-summary")
			wants(t, b.post("/checkout", again(t, w, form, "step", "place")), 422, `href="#line1"`, `href="#postal_code"`, `href="#city"`)
			o, path := lastOrder(t, b, b.post("/checkout", again(t, w, form, "line1", "Weg 1", "postal_code", "50667", "city", "Köln", "step", "place")))
			if o.Contact.Line1 != "Weg 1" || o.Jurisdiction != "DE" || o.Fulfilment != world.PickUp {
				t.Errorf("kept %+v", o)
			}
			wants(t, b.get(path), 200, "Abholung im Laden", "Rechnungsadresse", "50667 Köln")
			wants(t, b.get(path+"/invoice"), 200, "Jürgen Weiß", "Weg 1<br>50667 Köln")
		})
	}
}

// A business is told where the law wants its address, of one with a tax number too.
func TestABusinessIsToldOfTheAddressThatTheLawWants(t *testing.T) {
	for market, c := range map[string]struct {
		region         string
		business, told bool
	}{"us": {"us-east", true, false}, "de": {"eu-central", false, false}, "gb": {"eu-central", true, true}, "in": {"ap-southeast", true, true}, "jp": {"ap-southeast", true, false}} {
		b := open(t, c.region, market+".localhost", func(_ *Config, d *Deps) {
			d.World.Markets[0].Tax.Seller = "US-NY"
			for i := range d.World.Markets {
				d.World.Markets[i].Business = c.business
			}
		})
		b.catalog.setPrice("torte", 520) // below the sum that everybody is asked from
		b.add("torte", "1")
		w := b.post("/checkout", url.Values{"key": {hidden(t, b.get("/checkout"), "key")}, "fulfilment": {"pickup"}, "step": {"look"}})
		wants(t, w, 200, `value="pickup" checked`)
		if got := strings.Contains(w.Body.String(), `id="firms"`); got != c.told {
			t.Errorf("%s: told %v, want %v", market, got, c.told)
		}
	}
}

// Where the law wants the address of who gives a tax number, a company without one is
// promised nothing.
func TestOnlyATaxNumberMakesTheLawAsk(t *testing.T) {
	b := open(t, "ap-southeast", "in.localhost", func(_ *Config, d *Deps) {
		for i := range d.World.Markets {
			d.World.Markets[i].Business = true
		}
	})
	b.catalog.setPrice("torte", 520)
	b.add("torte", "1")
	form := url.Values{"name": {"Asha Rao"}, "email": {"a@example.in"}, "key": {hidden(t, b.get("/checkout"), "key")}, "fulfilment": {"pickup"}, "company": {"Rao Bakes"}, "step": {"look"}}
	w := b.post("/checkout", form)
	wants(t, w, 200, `id="firms">If you give a GSTIN, `)
	if n := strings.Count(w.Body.String(), `aria-describedby="firms"`); n != 1 || !regexp.MustCompile(`<input id="tax_id"[^>]* aria-describedby="firms"`).MatchString(w.Body.String()) {
		t.Errorf("%d fields have the note: %s", n, w.Body)
	}
	lacks(t, w, "company&#39;s address", `id="line1"`)
	w = b.post("/checkout", with(form, "tax_id", "27AAPFU0939F1ZV"))
	wants(t, w, 200, `id="line1"`)
	lacks(t, w, `id="firms"`)
}

// An order from before the address was asked for has its document; whose the fault
// is, is told.
func TestAnOldOrderThatWasPickedUpHasItsInvoice(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", nil)
	_, path := lastOrder(t, b, b.post("/checkout", with(atCheckout(t, b, contactDE()), "step", "place")))
	for id, o := range b.orders.orders {
		o.Fulfilment, o.Contact = world.PickUp, world.Contact{Name: "Jürgen Weiß", Email: "j@example.de", Company: "Weiß GmbH", TaxID: "DE136695976"}
		b.orders.orders[id] = o
	}
	wants(t, b.get(path+"/invoice"), 200, "Weiß GmbH<br>Jürgen Weiß", "DE136695976")
	for _, want := range []string{"side=buyer field=buyer", "the order's buyer has not given it", "side=seller field=seller", "complete the market's company in the world file"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// A program is told the same, and sends its request again.
func TestAPIAnInvoiceOfWhatIsPickedUp(t *testing.T) {
	b := open(t, "eu-central", "de.localhost", func(_ *Config, d *Deps) {
		d.Register = &registry{knows: "DE136695976"}
		for i := range d.World.Markets {
			d.World.Markets[i].Business = true
		}
	})
	a := openApp(t, b)
	a.put("brot", 2, "*")
	how := api.Checkout{Fulfilment: "pickup", Method: "on_collection", Contact: api.Contact{Name: "Ada", Email: "a@example.de", Company: "Weiß GmbH", TaxID: "DE136695976"}}
	var at []string
	for _, f := range a.quote(how).Faults {
		at = append(at, f.At+":"+f.Code)
	}
	if !slices.Equal(at, []string{"contact.line1:required", "contact.postal_code:required", "contact.city:required"}) {
		t.Errorf("faults %v", at)
	}
	how.Contact.Line1, how.Contact.PostalCode, how.Contact.City = "Weg 1", "50667", "Köln"
	q := a.quote(how)
	o := as[api.Order](t, a.order(orderKey, q.Quoted, how), 201)
	if o.Contact.Line1 != "Weg 1" {
		t.Errorf("%+v", o.Contact)
	}
	if twice := as[api.Order](t, a.order(orderKey, q.Quoted, how), 201); twice.ID != o.ID {
		t.Errorf("sent again: %s and %s", o.ID, twice.ID)
	}
}
