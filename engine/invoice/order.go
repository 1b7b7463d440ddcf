package invoice

import (
	"fmt"
	"slices"
	"time"

	"meridian/engine/order"
	"meridian/engine/tax"
	"meridian/world"
)

// Model is the version of the form in which documents are kept. A field may be
// added within a version; what changes its meaning makes a new one.
const Model = 1

// Entry is a document in the books: of an order, or of one of its refunds.
type Entry struct {
	OrderID  string
	Refund   int      // which; 0 for the order itself
	Document Document // without a number while it is only owed
}

// Issued reports whether the document has its number.
func (e Entry) Issued() bool { return e.Document.Number != "" }

// Booking is what is known of an order when a document about it is issued.
type Booking struct {
	Market   world.Market
	Order    world.Order
	Refunds  []world.Refund // all of the order's, oldest first
	Refund   int            // the one that the document is about; 0 for the order itself
	Original Document       // for a refund: the order's own
	Day      tax.Date       // of issue, on the market's clocks
	Zone     *time.Location // of the market
	Address  []string       // the buyer's, in lines as the country writes it; none where none was asked for
}

// Series is the run of numbers that the document's is taken from.
func (b Booking) Series() (Series, error) {
	return SeriesOf(b.Market.ID, b.Market.Country, b.Refund > 0, b.Day)
}

// Make builds the document by its number, from what is stored of the order alone:
// no rule of today changes it. It fails as [Make] does, and with
// [world.CodeNotFound] for a refund that the order has not had.
func (b Booking) Make(number string) (Document, error) {
	o := b.Order
	s := Sale{
		Number: number, Issued: b.Day, Order: o.Number,
		Seller:    Party{Name: b.Market.Company.Name, Address: b.Market.Company.Address, TaxID: b.Market.Company.TaxID},
		Buyer:     Party{Name: o.Contact.Name, Address: b.Address, TaxID: o.Contact.TaxID},
		Full:      o.Contact.Company != "",
		Terms:     tax.Sale{Seller: b.Market.Seller(), Jurisdiction: o.Jurisdiction, On: b.supplied()},
		Inclusive: o.Inclusive, EatenIn: o.Fulfilment == world.EatIn,
	}
	if s.Full {
		s.Buyer.Name, s.Buyer.Contact = o.Contact.Company, o.Contact.Name
	}
	var err error
	if s.Tax, err = order.Reckoned(o); err != nil {
		return Document{}, world.Wrap("invoice.order", err)
	}
	pieces := map[string]int{}
	for i, l := range o.Lines {
		pieces[order.LineID(i+1)] = l.Quantity
	}
	if b.Refund > 0 {
		if s.Tax, pieces, err = b.refund(); err != nil {
			return Document{}, err
		}
		s.Corrects, s.CorrectsOn = b.Original.Number, b.Original.Issued
	}
	for i, l := range o.Lines {
		if n := pieces[order.LineID(i+1)]; n > 0 {
			s.Items = append(s.Items, Item{ID: order.LineID(i + 1), Name: l.Name, Code: b.code(l), Quantity: n})
		}
	}
	return Make(s)
}

// supplied is the day on which the goods are handed over, as far as the order says.
func (b Booking) supplied() tax.Date {
	at := b.Order.PlacedAt
	if b.Order.Slot.ID != "" {
		at = b.Order.Slot.Start
	}
	return tax.DateOf(at, b.Zone)
}

// refund is the reckoning of the refund that the document is about, and how many
// pieces of each line it gives back for money.
func (b Booking) refund() (tax.Result, map[string]int, error) {
	at := slices.IndexFunc(b.Refunds, func(r world.Refund) bool { return r.N == b.Refund })
	if at < 0 {
		return tax.Result{}, nil, world.E(world.CodeNotFound, "invoice.order", fmt.Sprintf("the order %s has no refund %d", b.Order.Number, b.Refund))
	}
	results, err := order.Refunded(b.Order, b.Refunds[:at+1])
	if err != nil {
		return tax.Result{}, nil, world.Wrap("invoice.order", err)
	}
	pieces := map[string]int{}
	for _, l := range b.Refunds[at].Lines {
		if l.TotalMinor > 0 {
			pieces[order.LineID(l.Line)] = l.Quantity
		}
	}
	return results[at], pieces, nil
}

// code is what the country asks for beside a line's goods.
func (b Booking) code(l world.OrderLine) string {
	if b.Market.Country != "IN" {
		return ""
	}
	return HSN(l.TaxClass, tax.Mode(b.Order.Supply))
}
