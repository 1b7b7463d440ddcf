package owner

import (
	"strings"
	"testing"

	"meridian/engine/invoice"
	"meridian/engine/money"
	"meridian/engine/tax"
	"meridian/world"
)

// An order's page lists its documents and what each lacks, and shows those that are
// issued as the buyer has them, without what they lack.
func TestAnOrdersDocuments(t *testing.T) {
	d := newDesk(t)
	o := placedOrder()
	other := anOrder(1)
	other.Market = "gb"
	d.orders = []world.Order{o, other}
	d.documents = []invoice.Entry{{OrderID: o.ID, Document: invoice.Document{
		Kind: invoice.Simplified, Title: "Rechnung", Number: "DE-26-000001", Law: "UStDV § 33", Issued: tax.Date{Year: 2026, Month: 3, Day: 1}, Paper: "A4",
		Total:   tax.Parts{Gross: money.Amount{Minor: 3200, Currency: "EUR"}},
		Missing: []invoice.Missing{{Field: "seller.tax_id", Law: "UStG § 14 (4) No. 2"}},
	}}, {OrderID: o.ID, Refund: 1}}
	c := d.signedIn()
	path := "/owner/orders/" + o.ID
	want(t, c.get(path), 200, `href="`+path+`/documents/0">DE-26-000001</a>`, "seller.tax_id", "UStG § 14 (4) No. 2", "Will be issued soon")
	shown := c.get(path + "/documents/0")
	want(t, shown, 200, "DE-26-000001", "UStDV § 33", `class="paper A4"`)
	if strings.Contains(shown.Body.String(), "seller.tax_id") {
		t.Error("what is missing is on the document")
	}
	want(t, c.get(path+"/documents/1"), 404) // owed
	want(t, c.get(path+"/documents/x"), 404)
	want(t, c.get("/owner/orders/"+other.ID+"/documents/0"), 404)
}
