package shop

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/invoice"
	"meridian/engine/tax"
	"meridian/world"
)

// Invoices keeps the documents of orders and refunds: resident data.
type Invoices interface {
	// Owed are documents that are not issued yet, the oldest first and of one order
	// its own before its refunds', at most limit.
	Owed(ctx context.Context, limit int) ([]invoice.Entry, error)
	// OfOrder are an order's documents, its own first; those that are owed have no
	// number. None for an order that was never placed.
	OfOrder(ctx context.Context, orderID string) ([]invoice.Entry, error)
	// Issue gives an owed document the next number of a series and keeps it as build
	// makes it, once: one that is issued already is returned as it was. build's error
	// leaves the series as it is. not_found when no such document is owed or issued.
	Issue(ctx context.Context, e invoice.Entry, series invoice.Series, build func(number string) (invoice.Document, error)) (invoice.Document, error)
}

// invoiceCounts tell operators what was issued, and what documents lack by law.
type invoiceCounts struct{ issued, missing *prometheus.CounterVec }

func newInvoiceCounts(reg prometheus.Registerer) invoiceCounts {
	c := invoiceCounts{
		issued:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meridian_shop_invoices_total", Help: "Invoices, receipts and credit notes that were issued."}, []string{"market", "kind"}),
		missing: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meridian_shop_invoices_missing_total", Help: "What the law asks of documents that were issued without it."}, []string{"market", "field"}),
	}
	if reg != nil {
		reg.MustRegister(c.issued, c.missing)
	}
	return c
}

// lacking is what to do about what a document lacks, by whose it is to give.
var lacking = map[invoice.Side]string{
	invoice.OfSeller: "complete the market's company in the world file",
	invoice.OfBuyer:  "the order's buyer has not given it; ask for it",
	invoice.OfOrder:  "the order does not say it",
}

// issueOwed issues at most limit documents that are owed, and returns how many.
func (s *Shop) issueOwed(ctx context.Context, limit int) (int, error) {
	const op = "shop.invoices"
	owed, err := s.deps.Invoices.Owed(ctx, limit)
	if err != nil {
		return 0, world.Wrap(op, err)
	}
	var failed []error // one that cannot be made keeps no other back
	for _, e := range owed {
		o, err := s.deps.Orders.Order(ctx, e.OrderID)
		if err == nil {
			_, err = s.issue(ctx, o, e.Refund)
		}
		if err != nil {
			failed = append(failed, world.Wrap(op+" "+o.Number, err))
		}
	}
	return len(owed) - len(failed), errors.Join(failed...)
}

// issue issues a document of an order, and what must come before it: a credit note
// names the invoice that it corrects.
func (s *Shop) issue(ctx context.Context, o world.Order, refund int) (invoice.Document, error) {
	const op = "shop.invoice"
	b, err := s.booking(ctx, o, refund)
	if err != nil {
		return invoice.Document{}, err
	}
	series, err := b.Series()
	if err != nil {
		return invoice.Document{}, world.Wrap(op, err)
	}
	made := false
	d, err := s.deps.Invoices.Issue(ctx, invoice.Entry{OrderID: o.ID, Refund: refund}, series, func(number string) (invoice.Document, error) {
		made = true
		return b.Make(number)
	})
	if err != nil || !made {
		return d, world.Wrap(op, err)
	}
	s.invoiced.issued.WithLabelValues(o.Market, string(d.Kind)).Inc()
	for _, m := range d.Missing {
		s.invoiced.missing.WithLabelValues(o.Market, m.Field).Inc()
		s.deps.Log.WarnContext(ctx, "a document lacks what the law asks for: "+lacking[m.Side()], "number", d.Number, "side", m.Side(), "field", m.Field, "law", m.Law)
	}
	return d, nil
}

// booking is what a document is made of.
func (s *Shop) booking(ctx context.Context, o world.Order, refund int) (invoice.Booking, error) {
	const op = "shop.invoice"
	at := s.orderSite(o)
	b := invoice.Booking{Market: at.market, Order: o, Refund: refund, Day: tax.DateOf(s.deps.Now(), at.zone), Zone: at.zone}
	to := o.Contact
	to.Name = "" // it stands above the address
	if lines := at.texts.Address(to); lines != "" {
		b.Address = strings.Split(lines, "\n")
	}
	if refund == 0 {
		return b, nil
	}
	var err error
	if _, b.Refunds, err = s.deps.Orders.History(ctx, o.ID); err != nil {
		return b, world.Wrap(op, err)
	}
	b.Original, err = s.issue(ctx, o, 0)
	return b, err
}

// showInvoice shows a document of the buyer's own order, to be printed: its own,
// or a refund's where the address names one. What is owed is issued.
func (s *Shop) showInvoice(w http.ResponseWriter, r *http.Request, at *site) error {
	o, err := s.ownOrder(r, at)
	if err != nil {
		return err
	}
	refund := 0
	if n := r.PathValue("n"); n != "" {
		if refund, err = strconv.Atoi(n); err != nil || refund < 1 {
			return world.E(world.CodeNotFound, "shop.invoice", "")
		}
	}
	d, err := s.issue(r.Context(), o, refund)
	if err != nil {
		return err
	}
	page, err := d.Page(at.locale(), at.texts.Text, s.assets.URL("invoice.css"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", at.locale())
	send(w, r, page)
	return nil
}

// documents are links to what there is to print of an order.
func (s *Shop) documents(ctx context.Context, at *site, o world.Order) ([]link, error) {
	entries, err := s.deps.Invoices.OfOrder(ctx, o.ID)
	if err != nil {
		return nil, world.Wrap("shop.order", err)
	}
	var out []link
	for _, e := range entries {
		show := at.prefix + "/orders/" + o.ID
		l := link{Name: at.texts.Text("invoice.link"), URL: show + "/invoice"}
		if e.Refund > 0 {
			l = link{Name: at.texts.Text("invoice.credit_link", "N", e.Refund), URL: show + "/refunds/" + strconv.Itoa(e.Refund)}
		}
		out = append(out, l)
	}
	return out, nil
}
