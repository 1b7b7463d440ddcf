package shop

import (
	"meridian/engine/checkout"
	"meridian/engine/invoice"
	"meridian/engine/tax"
	"meridian/engine/taxid"
	"meridian/world"
)

// fit is a contact as far as the market asks for it; a business's number is
// written as its register has it.
func (at *site) fit(c world.Contact) world.Contact {
	if !at.market.Business {
		c.Company, c.TaxID = "", ""
	}
	if id, err := at.rules.TaxID(c.TaxID); c.TaxID != "" && err == nil {
		c.TaxID = id.String()
	}
	return c
}

// bill tells whether what is handed over at the shop needs the buyer's address all the same, since
// the law wants it on the invoice: for a business, or above some sum. Who asks for
// more than an order may have, or for nothing, is told that first.
func (s *Shop) bill(a *attempt) error {
	a.wish.billed = false
	if !a.wish.fulfilment.AtShop() || len(a.basket.sold()) == 0 {
		return nil
	}
	q, final, err := s.settle(a)
	switch {
	case world.Is(err, world.CodeTooLarge):
		return nil
	case err != nil || !final:
		return err
	}
	c := a.contact
	a.wish.billed = invoice.AsksAddress(invoice.Sale{
		Terms: tax.Sale{Seller: a.at.terms.Seller}, Buyer: invoice.Party{TaxID: c.TaxID}, Full: c.Company != "" || c.TaxID != "",
		Tax: tax.Result{Total: tax.Parts{Net: q.Net, Tax: q.Tax, Gross: q.Total}},
	})
	return nil
}

// The keys of what a market's businesses are told where they are asked for their
// address whatever they buy, and however they get it.
const (
	firmsAll      = "checkout.billing_firms"  // all of them
	firmsNumbered = "checkout.billing_number" // those that give a tax number
)

// firms is which of a market's businesses are asked for their address; "" for none.
func (at *site) firms() string {
	asks := func(number string) bool {
		return at.market.Business && invoice.AsksAddress(invoice.Sale{Terms: tax.Sale{Seller: at.terms.Seller}, Buyer: invoice.Party{TaxID: number}, Full: true})
	}
	switch {
	case asks(""):
		return firmsAll
	case asks("-"):
		return firmsNumbered
	}
	return ""
}

// confirm makes a buyer with a good number a business, and asks the register whether
// it is in force. One that the register does not know is wrong; when nobody answers,
// the buyer is a business whose number is not confirmed, which never lowers a tax.
func (s *Shop) confirm(a *attempt) {
	c := a.contact
	id, err := a.at.rules.TaxID(c.TaxID)
	if c.TaxID == "" || err != nil || a.wrong[checkout.TaxID] != "" {
		return
	}
	seller, err := taxid.Parse(a.at.market.Country, a.at.market.Company.TaxID)
	if err != nil {
		seller = taxid.ID{} // who asks for nobody is answered without a reference
	}
	v := taxid.Verify(a.r.Context(), s.register(a, id), id.Country, id.String(), seller)
	if v.Reason == taxid.NotInForce {
		a.wrong[checkout.TaxID] = checkout.UnknownTaxID
		return
	}
	a.buyer = tax.Buyer{Kind: tax.Business, TaxID: id.String(), Verified: v.Verified, Country: a.at.market.Country}
	a.proof = v.Answer.Reference
}

// register is who keeps a number: VIES for those of the Union and Northern Ireland.
func (s *Shop) register(a *attempt, id taxid.ID) taxid.Register {
	if !tax.InUnion(id.Country, tax.DateOf(s.deps.Now(), a.at.zone)) {
		return nil
	}
	return s.deps.Register
}
