package shop

import (
	"context"
	"errors"
	"slices"
	"testing"

	"meridian/engine/taxid"
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
