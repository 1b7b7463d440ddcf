package shop

import (
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/engine/invoice"
	"meridian/engine/order"
	"meridian/world"
)

var update = flag.Bool("update", false, "write the golden documents anew")

type entryKey struct {
	order  string
	refund int
}

// fakeInvoices keeps the documents of orders that were placed.
type fakeInvoices struct{ *fakeOrders }

func (f fakeInvoices) Owed(ctx context.Context, limit int) (out []invoice.Entry, err error) {
	for _, id := range slices.Sorted(maps.Keys(f.orders)) {
		all, _ := f.OfOrder(ctx, id)
		for _, e := range all {
			if !e.Issued() && len(out) < limit {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func (f fakeInvoices) OfOrder(_ context.Context, id string) (out []invoice.Entry, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o, ok := f.orders[id]; !ok || o.State == world.OrderAwaitingPayment {
		return nil, nil
	}
	for n := range len(f.refunds[id]) + 1 {
		e := invoice.Entry{OrderID: id, Refund: n}
		e.Document = f.invoices[entryKey{id, n}]
		out = append(out, e)
	}
	return out, nil
}

func (f fakeInvoices) Issue(ctx context.Context, e invoice.Entry, s invoice.Series, build func(string) (invoice.Document, error)) (invoice.Document, error) {
	all, _ := f.OfOrder(ctx, e.OrderID)
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Refund >= len(all) {
		return invoice.Document{}, world.E(world.CodeNotFound, "", "")
	}
	if all[e.Refund].Issued() {
		return all[e.Refund].Document, nil
	}
	number, err := s.Number(f.last[s] + 1)
	if err != nil {
		return invoice.Document{}, err
	}
	d, err := build(number)
	if err == nil {
		f.last[s]++
		f.invoices[entryKey{e.OrderID, e.Refund}] = d
	}
	return d, err
}

// bought is an order in a market of the shipped world, by numbers that are the same
// each time, and its address below the shop's.
func bought(t *testing.T, market, prefix string, contact url.Values) (*bench, world.Order, string) {
	t.Helper()
	shipped := shippedYAML[world.World](t, "world.yaml")
	m, ok := shipped.MarketByID(market)
	if !ok {
		t.Fatalf("no market %s", market)
	}
	b := open(t, m.HomeRegion, m.Host, func(_ *Config, d *Deps) {
		d.World, d.Random, d.Metrics = &shipped, rand.NewChaCha8([32]byte{}), prometheus.NewRegistry()
	})
	b.add("brot", "3")
	b.add("torte", "1")
	w := b.get(prefix + "/checkout")
	form := with(contact, "key", hidden(t, w, "key"), "step", "review", "quoted", hidden(t, w, "quoted"))
	w = b.post(prefix+"/checkout", form)
	wants(t, w, 200)
	w = b.post(prefix+"/checkout", with(form, "step", "place", "quoted", hidden(t, w, "quoted")))
	wants(t, w, 303)
	show := w.Header().Get("Location")
	return b, b.orders.orders[show[strings.LastIndexByte(show, '/')+1:]], show
}

func to(name, line1, city, postal, state string) url.Values {
	return url.Values{"name": {name}, "email": {"a@example.com"}, "line1": {line1}, "city": {city}, "postal_code": {postal}, "state": {state}}
}

func goldenFile(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "invoice."+name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s is another (go test ./role/shop -update writes it anew): %v\n%s", file, err, got)
	}
}

// sheet takes out the style sheet's address, which changes with it.
func sheet(page string) string {
	head, rest, _ := strings.Cut(page, `href="`)
	_, rest, _ = strings.Cut(rest, `"`)
	return head + `href="invoice.css"` + rest
}

// Each market's document, and one market's credit note, in the language of the
// order; each lacks nothing that the law asks for.
func TestDocumentsOfEveryMarket(t *testing.T) {
	for _, c := range []struct {
		locale, market, prefix string
		contact                url.Values
	}{
		{"en-US", "us", "", to("Ann Lee", "100 Main St", "Peoria", "61602", "IL")},
		{"en-GB", "gb", "", to("Ada Lovelace", "12 St James's Square", "London", "SW1Y 4LB", "")},
		{"de-DE", "de", "", to("Jürgen Weiß", "Weg 1", "Köln", "50667", "")},
		{"ja-JP", "jp", "", to("山田太郎", "丸の内2-4-1", "千代田区", "100-0005", "東京都")},
		{"en-IN", "in", "", to("Asha Rao", "1 MG Road", "Bengaluru", "560001", "KA")},
		{"hi-IN", "in", "/hi-in", to("आशा राव", "1 एमजी रोड", "मुंबई", "400001", "MH")},
	} {
		t.Run(c.locale, func(t *testing.T) {
			b, o, show := bought(t, c.market, c.prefix, c.contact)
			wants(t, b.get(show), 200, `href="`+show+`/invoice"`)
			w := b.get(show + "/invoice")
			wants(t, w, 200, `lang="`+c.locale+`"`, o.Number)
			if w.Header().Get("Cache-Control") != "private, no-store" || w.Header().Get("Content-Language") != c.locale {
				t.Errorf("headers %v", w.Header())
			}
			goldenFile(t, c.locale, sheet(w.Body.String()))
			if again := b.get(show + "/invoice").Body.String(); again != w.Body.String() {
				t.Error("the second time it is another")
			}
			for _, d := range b.orders.invoices {
				if !d.Complete() {
					t.Errorf("it lacks %v", d.Missing)
				}
			}
		})
	}
}

func TestACreditNoteNamesItsInvoice(t *testing.T) {
	b, o, show := bought(t, "de", "", to("Jürgen Weiß", "Weg 1", "Köln", "50667", ""))
	wants(t, b.get(show+"/refunds/1"), 404)
	wants(t, b.get(show+"/refunds/0"), 404)
	wants(t, b.get(show+"/refunds/x"), 404)
	r, err := order.NewRefund(o, nil, []world.RefundLine{{Line: 1, Quantity: 2}})
	if err != nil {
		t.Fatal(err)
	}
	b.orders.refunds[o.ID] = []world.Refund{r}
	wants(t, b.get(show), 200, `href="`+show+`/refunds/1"`)
	w := b.get(show + "/refunds/1") // the invoice is issued before it
	wants(t, w, 200, "DE-26C000001", "DE-26-000001")
	goldenFile(t, "de-DE.credit", sheet(w.Body.String()))
	b.cookies = map[string]string{}
	wants(t, b.get(show+"/invoice"), 404) // another browser's
}

// What is owed is issued by itself, and what a document lacks is counted.
func TestOwedDocumentsAreIssued(t *testing.T) {
	b, o, _ := bought(t, "gb", "", to("Ada Lovelace", "12 St James's Square", "London", "SW1Y 4LB", ""))
	at := b.shop.orderSite(o)
	at.market.Company.TaxID = ""
	for want := range 2 {
		if n, err := b.shop.issueOwed(context.Background(), 10); err != nil || n != 1-want {
			t.Errorf("issued %d, %v", n, err)
		}
	}
	families, err := b.shop.deps.Metrics.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			counted[f.GetName()+" "+m.GetLabel()[0].GetValue()] += m.GetCounter().GetValue()
		}
	}
	if counted["meridian_shop_invoices_total invoice"] != 1 || counted["meridian_shop_invoices_missing_total seller.tax_id"] != 1 {
		t.Errorf("counted %v", counted)
	}
}
