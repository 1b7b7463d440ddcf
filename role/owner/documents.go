package owner

import (
	"net/http"
	"strconv"

	"meridian/engine/invoice"
	"meridian/world"
)

// documentRow is an invoice, receipt or credit note on an order's page.
type documentRow struct {
	URL, Number, Title, Issued, Total string
	Owed                              bool // it has no number yet
	Missing                           []invoice.Missing
}

// documentsOf are an order's documents.
func (o *Owner) documentsOf(v *visit, found world.Order) ([]documentRow, error) {
	entries, err := o.deps.Documents.OfOrder(v.r.Context(), found.ID)
	if err != nil {
		return nil, world.Wrap("owner.documents", err)
	}
	var out []documentRow
	for _, e := range entries {
		d := e.Document
		out = append(out, documentRow{URL: ordersPath + "orders/" + found.ID + "/documents/" + strconv.Itoa(e.Refund), Number: d.Number, Title: d.Title,
			Issued: d.Issued.String(), Total: v.at.money(d.Total.Gross.Minor), Owed: !e.Issued(), Missing: d.Missing})
	}
	return out, nil
}

// showDocument shows a document as the buyer has it: the order's own, or a refund's
// by its number.
func (o *Owner) showDocument(v *visit) error {
	const op = "owner.document"
	found, err := o.orderOf(v, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	entries, err := o.deps.Documents.OfOrder(v.r.Context(), found.ID)
	if err != nil {
		return world.Wrap(op, err)
	}
	for _, e := range entries {
		if strconv.Itoa(e.Refund) != v.r.PathValue("n") || !e.Issued() {
			continue
		}
		page, err := e.Document.Page(v.at.texts.Tag, v.at.texts.Text, o.shared.URL("invoice.css"))
		if err != nil {
			return err
		}
		v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		v.w.WriteHeader(http.StatusOK)
		_, _ = v.w.Write(page) // the owner has gone: nobody to tell
		return nil
	}
	return world.E(world.CodeNotFound, op, "This order has no such document yet.")
}
