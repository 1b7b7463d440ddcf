package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/test/worldtest"
	"meridian/world"
)

// atRestWithin bounds how long whoever looks after orders and payments may take to
// finish what was left half done, once everybody has gone: what is held for half a
// minute at most, what the provider tells ten seconds late, and a lease of ten.
const atRestWithin = 2 * time.Minute

// contestRounds is how often what came back into stock is sold again.
const contestRounds = 8

// rest waits until no order awaits a payment and no payment is to be looked after.
func (k *contest) rest(t *testing.T) {
	t.Helper()
	var last string
	for began := time.Now(); time.Since(began) < atRestWithin; time.Sleep(100 * time.Millisecond) {
		var waiting, due int
		conn, err := k.w.Connect(t.Context(), world.ResidentCluster(k.w.Market(t, contestMarket).HomeRegion), "resident", k.w.Secrets(t).Super)
		if err == nil {
			err = conn.QueryRow(t.Context(), `select (select count(*) from orders where state = 'awaiting_payment'), (select count(*) from payment where due_at is not null)`).Scan(&waiting, &due)
			conn.Close(t.Context())
		}
		if err == nil && waiting+due == 0 {
			return
		}
		last = fmt.Sprintf("%d orders await a payment, %d payments are to be looked after, %v", waiting, due, err)
	}
	t.Errorf("not at rest %s after the last buyer: %s", atRestWithin, last)
}

// sellOut sells what has come back, as orders expired and buyers left, to buyers
// that come later.
func (k *contest) sellOut(t *testing.T) {
	t.Helper()
	for round := 0; k.w.Stock(t, contestMarket, k.slug) > 0; round++ {
		if round == contestRounds {
			t.Errorf("%d pieces are still there", k.w.Stock(t, contestMarket, k.slug))
			return
		}
		for range k.w.Stock(t, contestMarket, k.slug) {
			k.w.Visitor(t, contestMarket, "").Buy(t, k.slug, 1, k.name, "later@example.org")
		}
		k.rest(t)
	}
}

// judge reads the databases and the provider's own books.
func (k *contest) judge(t *testing.T) {
	t.Helper()
	conn := k.w.Resident(t, k.w.Market(t, contestMarket).HomeRegion)
	for _, c := range []struct {
		what, query string
		want        int64
	}{
		{"pieces on hand", `select on_hand from stock_level where market = $2 and sku = $3 and $1 <> ''`, 0},
		{"pieces reserved", `select reserved from stock_level where market = $2 and sku = $3 and $1 <> ''`, 0},
		{"pieces sold", `select coalesce(sum(l.quantity), 0) from orders o join order_line l on l.order_id = o.id where o.name = $1 and o.market = $2 and l.sku = $3 and ` + live, int64(k.pieces)},
		{"levels that are not what the ledger and the orders say", `select count(*) from stock_fault where $1 <> '' and market = $2 and $3 <> ''`, 0},
		{"carts with two orders", `select count(*) from (select 1 from orders o where o.name = $1 and o.market = $2 and $3 <> '' group by cart_id having count(*) > 1) d`, 0},
		{"orders whose money is not what they say", `select count(*) from payment_fault f join orders o on o.id = f.order_id where o.name = $1 and o.market = $2 and $3 <> ''`, 0},
		{"orders by card in force without a payment of their total", `select count(*) from orders o where o.name = $1 and o.market = $2 and $3 <> '' and ` + live + ` and o.payment_method = 'card' and not exists
			(select from payment p where p.order_id = o.id and p.state = 'captured' and p.captured_minor = o.total_minor + o.rounding_minor and p.refunded_minor = o.refunded_minor)`, 0},
		{"money kept for orders that are not", `select coalesce(sum(p.captured_minor - p.refunded_minor), 0)::bigint from payment p join orders o on o.id = p.order_id where o.name = $1 and o.market = $2 and $3 <> '' and not ` + live, 0},
		{"payments that an operator has to look at", `select count(*) from payment p join orders o on o.id = p.order_id where o.name = $1 and o.market = $2 and $3 <> '' and p.trouble <> ''`, 0},
	} {
		var got int64
		if err := conn.QueryRow(t.Context(), c.query, k.name, contestMarket, k.slug).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s: %d, want %d, %v", c.what, got, c.want, err)
		}
	}
	orders := k.stored(t, conn)
	k.told(t, orders)
	k.balance(t, conn, orders)
}

// live are orders in force: those that something is sold by.
const live = `o.state in ('placed', 'preparing', 'ready', 'completed')`

// stored are the contest's orders: their states by id.
func (k *contest) stored(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select id, state from orders where name = $1`, k.name)
	if err != nil {
		t.Fatal(err)
	}
	out, counts := map[string]string{}, map[string]int{}
	var id, state string
	if _, err := pgx.ForEachRow(rows, []any{&id, &state}, func() error { out[id] = state; counts[state]++; return nil }); err != nil {
		t.Fatal(err)
	}
	t.Logf("orders by state: %v", counts)
	return out
}

// told holds what buyers were told against what is stored: whoever was led to an
// order has it, and one form never led to two.
func (k *contest) told(t *testing.T, stored map[string]string) {
	t.Helper()
	refused, unheard := 0, int64(0)
	for i, c := range k.all {
		told := c.told()
		if len(told) > 1 {
			t.Errorf("contender %d was led to %d orders by one form: %v", i, len(told), told)
		}
		for _, id := range told {
			if stored[id] == "" {
				t.Errorf("contender %d was led to order %s, which is not there", i, id)
			}
		}
		if len(told) == 0 && !c.refused.Load() {
			t.Errorf("contender %d never had an answer", i)
		}
		if len(told) == 0 {
			refused++
		}
		unheard += c.unheard.Load()
	}
	t.Logf("%d contenders: %d were led to an order, %d refused; %d requests had no answer, or one of a failure", len(k.all), len(k.all)-refused, refused, unheard)
}

// bookEntry is a payment as the provider keeps it.
type bookEntry struct {
	Ref, Account, State, Card string
	Captured                  int64
	Asked                     struct {
		Key     string
		OrderID string `json:"order_id"`
		Minor   int64
	}
	Refunds map[string]struct {
		Minor int64
		State string
	}
}

// books are the provider's own, read from its ledger: the last line of each payment.
func books(t *testing.T, w *worldtest.World) map[string]bookEntry {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Dir, "testpay", "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bookEntry{}
	for line := range bytes.Lines(text) {
		_, record, _ := bytes.Cut(line, []byte(" ")) // the checksum comes first
		var e bookEntry
		if err := json.Unmarshal(record, &e); err != nil {
			t.Fatalf("the provider's ledger has the line %q: %v", line, err)
		}
		out[e.Ref] = e
	}
	return out
}

// balance holds the provider's books against the shop's.
func (k *contest) balance(t *testing.T, conn *pgx.Conn, orders map[string]string) {
	t.Helper()
	type row struct{ captured, refunded, total int64 }
	rows, err := conn.Query(t.Context(), `select p.ref, p.captured_minor, p.refunded_minor, o.total_minor + o.rounding_minor from payment p join orders o on o.id = p.order_id where o.name = $1 and p.ref <> ''`, k.name)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]row{}
	var ref string
	var r row
	if _, err := pgx.ForEachRow(rows, []any{&ref, &r.captured, &r.refunded, &r.total}, func() error { ours[ref] = r; return nil }); err != nil {
		t.Fatal(err)
	}
	counts, captured := map[string]int{}, map[string]int{}
	kept := books(t, k.w)
	for ref, e := range kept {
		state, mine := orders[e.Asked.OrderID]
		if !mine {
			continue // of another story
		}
		counts[e.State]++
		var refunded int64
		for _, back := range e.Refunds {
			if back.State != "returned" {
				refunded += back.Minor
			}
		}
		if !slices.Contains([]string{"captured", "voided", "failed"}, e.State) {
			t.Errorf("the provider has payment %s (%s) still %s, of an order that is %s", ref, e.Card, e.State, state)
		}
		if o := ours[ref]; o.captured != e.Captured || o.refunded != refunded || e.Captured > 0 && e.Captured != o.total {
			t.Errorf("payment %s (%s) of an order that is %s: by the provider's books %d taken and %d given back, by ours %+v", ref, e.Card, state, e.Captured, refunded, o)
		}
		if e.Captured > refunded {
			captured[e.Asked.OrderID]++
		}
	}
	for id, n := range captured {
		if n > 1 {
			t.Errorf("order %s was paid for %d times", id, n)
		}
	}
	for ref, o := range ours {
		if _, known := kept[ref]; !known {
			t.Errorf("payment %s is in our books alone: %+v", ref, o)
		}
	}
	t.Logf("the provider's payments by state: %v", counts)
}
