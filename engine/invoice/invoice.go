// Package invoice makes documents of sales and refunds: invoices, receipts and
// credit notes with all that the seller's country asks them to print, from an
// order and the tax that package tax has reckoned. It says what is missing and
// never makes anything up; pages and paper are for others.
package invoice

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// Party is who sells or buys.
type Party struct {
	Name    string   `json:"name,omitempty"`
	Contact string   `json:"contact,omitempty"` // who it is for, at a business
	Address []string `json:"address,omitempty"` // lines, as they are printed
	TaxID   string   `json:"tax_id,omitempty"`  // as package taxid writes it

	// Of a buyer: its register has not confirmed TaxID, so the normal tax was taken.
	Unverified bool `json:"tax_id_unverified,omitempty"`
}

// Item says in words what a line of the reckoning is.
type Item struct {
	ID       string // of the line
	Name     string
	Code     string // of the goods, where the law asks for one (HSN in India)
	Quantity int
}

// Sale is what a document is made of.
type Sale struct {
	Number    string   // of the document, from a [Series]
	Issued    tax.Date // day of issue
	Order     string   // number of the order, for people
	Seller    Party
	Buyer     Party    // may be empty for a simplified document
	Items     []Item   // one for each line of Tax
	Terms     tax.Sale // what Tax was reckoned for; On is the day of supply
	Inclusive bool     // prices contain the tax
	EatenIn   bool     // at the seller's
	Tax       tax.Result
	Full      bool // the buyer wants a full invoice, with its own name

	// For a refund: the document that it corrects. Tax is then the refund's.
	Corrects   string
	CorrectsOn tax.Date
}

// Kind is what sort of document it is.
type Kind string

// The kinds.
const (
	Full       Kind = "invoice"
	Simplified Kind = "simplified_invoice"
	Receipt    Kind = "receipt"        // where no law knows invoices for tax
	Supply     Kind = "bill_of_supply" // of exempt goods alone (IN)
	Mixed      Kind = "invoice_cum_bill_of_supply"
	Credit     Kind = "credit_note"
)

// Document is what is to be printed. Sums of a credit note are positive: what
// the buyer has back.
type Document struct {
	Kind       Kind      `json:"kind"`
	Law        string    `json:"law"`   // that asks for what is in it
	Title      string    `json:"title"` // in the country's language
	Paper      string    `json:"paper"` // that it is printed on there: "A4" or "letter"
	Number     string    `json:"number"`
	Issued     tax.Date  `json:"issued"`
	Supplied   tax.Date  `json:"supplied"`
	EatenIn    bool      `json:"eaten_in,omitempty"` // at the seller's, which has a tax of its own
	Order      string    `json:"order,omitempty"`
	Corrects   string    `json:"corrects,omitempty"`
	CorrectsOn tax.Date  `json:"corrects_on,omitzero"`
	Seller     Party     `json:"seller"`
	Buyer      Party     `json:"buyer"`
	Place      string    `json:"place,omitempty"` // of supply, where the law asks for it
	Lines      []Line    `json:"lines"`
	Summary    []Rate    `json:"summary"`
	Total      tax.Parts `json:"total"`
	Inclusive  bool      `json:"inclusive"`
	Notes      []string  `json:"notes,omitempty"` // sentences that the law asks for, in its language
	Missing    []Missing `json:"missing,omitempty"`
}

// Line is one line of a document.
type Line struct {
	Name     string   `json:"name"`
	Mark     string   `json:"mark,omitempty"` // beside the name: goods at a reduced rate (JP)
	Code     string   `json:"code,omitempty"`
	Quantity int      `json:"quantity"`
	UnitNet  string   `json:"unit_net"` // without tax, in major units, to four decimals
	Taxes    []Amount `json:"taxes"`    // a column for each levy
	tax.Parts
}

// Amount is a line's tax by one levy.
type Amount struct {
	Label string       `json:"label"`
	Rate  string       `json:"rate"` // in percent
	Tax   money.Amount `json:"tax"`
}

// Rate is a line of the summary.
type Rate struct {
	Label string `json:"label"`
	Rate  string `json:"rate"` // in percent
	Mark  string `json:"mark,omitempty"`
	tax.Parts
}

// Missing is something that the law asks for and the document lacks.
type Missing struct {
	Field string `json:"field"` // "seller.tax_id"
	Law   string `json:"law"`   // where it says so
}

// Side is whose it is to give what a document lacks.
type Side string

// The sides.
const (
	OfSeller Side = "seller" // the market's company in the world file
	OfBuyer  Side = "buyer"  // the order's contact
	OfOrder  Side = "order"  // all else: its lines, its dates, its place
)

// Side is whose it is to give.
func (m Missing) Side() Side {
	switch of, _, _ := strings.Cut(m.Field, "."); Side(of) {
	case OfSeller:
		return OfSeller
	case OfBuyer:
		return OfBuyer
	}
	return OfOrder
}

// AsksAddress tells whether the law asks for the buyer's address in the document of
// a sale, of which the seller's country, the buyer's tax number, Full and the
// total are enough; where the law is not known, it does not.
func AsksAddress(s Sale) bool {
	law, ok := laws[s.country()]
	if !ok {
		return false
	}
	named := Document{Kind: law.kind(s), Buyer: Party{Name: "-"}} // all but the address
	return slices.ContainsFunc(law.needs, func(n need) bool {
		return n.field == string(OfBuyer) && n.of(s, named) && !n.has(named)
	})
}

// Complete tells whether the document has all that the law asks for.
func (d Document) Complete() bool { return len(d.Missing) == 0 }

// Make builds the document that the seller's law asks for. What it lacks is
// listed in Missing: it is no error, for a buyer waits for it; who sells has to
// see it and mend the world file.
// It fails with [world.CodeUnprocessed] for a country whose law is not known,
// and with [world.CodeInvalid] where items and lines do not match.
func Make(s Sale) (Document, error) {
	country := s.country()
	law, ok := laws[country]
	if !ok {
		return Document{}, world.E(world.CodeUnprocessed, "invoice.make",
			fmt.Sprintf("what %q asks an invoice to print is not known; add its law before selling there", country))
	}
	d := Document{
		Kind: law.kind(s), Number: s.Number, Issued: s.Issued, Supplied: s.Terms.On, EatenIn: s.EatenIn, Order: s.Order,
		Corrects: s.Corrects, CorrectsOn: s.CorrectsOn, Seller: s.Seller, Buyer: s.Buyer,
		Total: s.Tax.Total, Inclusive: s.Inclusive,
	}
	d.Buyer.Unverified = slices.Contains(s.Tax.Notes, tax.Unverified)
	if s.Corrects != "" {
		d.Kind = Credit
	}
	d.Law, d.Title, d.Paper = law.sections[d.Kind], law.titles[d.Kind], cmp.Or(law.paper, "A4")
	if law.place != nil {
		d.Place = law.place(s)
	}
	if err := d.addLines(s, law); err != nil {
		return Document{}, err
	}
	d.addSummary(s, law)
	if law.notes != nil {
		d.Notes = law.notes(s, d)
	}
	for _, need := range law.needs {
		if need.of(s, d) && !need.has(d) {
			d.Missing = append(d.Missing, Missing{Field: need.field, Law: need.section})
		}
	}
	return d, nil
}

// country is the seller's.
func (s Sale) country() string { return s.Terms.Seller[:min(2, len(s.Terms.Seller))] }

func (d *Document) addLines(s Sale, law law) error {
	if len(s.Items) != len(s.Tax.Lines) {
		return mismatch("there are not as many items as lines")
	}
	for _, line := range s.Tax.Lines {
		at := slices.IndexFunc(s.Items, func(i Item) bool { return i.ID == line.ID })
		if at < 0 || s.Items[at].Quantity < 1 {
			return mismatch(fmt.Sprintf("line %q has no item with a quantity", line.ID))
		}
		item := s.Items[at]
		out := Line{Name: item.Name, Code: item.Code, Quantity: item.Quantity, Parts: line.Parts, UnitNet: unitNet(line.Net, item.Quantity)}
		for _, c := range line.Components {
			out.Taxes = append(out.Taxes, Amount{Label: law.label(s, c.Rule.Label), Rate: c.Rule.Rate.Percent(), Tax: c.Tax})
		}
		if law.mark != nil {
			out.Mark = law.mark(s, line.Rate())
		}
		d.Lines = append(d.Lines, out)
	}
	return nil
}

func (d *Document) addSummary(s Sale, law law) {
	for _, r := range s.Tax.Rates {
		out := Rate{Label: law.label(s, r.Label), Rate: r.Rate.Percent(), Parts: r.Parts}
		if law.mark != nil {
			out.Mark = law.mark(s, r.Rate)
		}
		d.Summary = append(d.Summary, out)
	}
}

// unitNet is the price of one piece without tax. It is for the eye: the line's
// own net is what counts.
func unitNet(net money.Amount, quantity int) string {
	digits, err := money.Digits(net.Currency)
	if err != nil {
		digits = 0
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	major := new(big.Rat).SetFrac(big.NewInt(net.Minor), scale)
	return major.Quo(major, big.NewRat(int64(quantity), 1)).FloatString(4)
}

func mismatch(why string) error {
	return world.E(world.CodeInvalid, "invoice.make", "the items are not those of the reckoning: "+why)
}
