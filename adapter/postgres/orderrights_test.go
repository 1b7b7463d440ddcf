package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

// The owners' database role leads orders on and refunds, and writes no history anew.
func TestOwnerRoleMayLeadOrdersOn(t *testing.T) {
	conn := pgtest.Resident(t)
	super := pgtest.Cluster(t, "resident-here", "here", conn)
	if err := postgres.SeedStock(t.Context(), super.Pool, []postgres.SeedProduct{{Market: "de", Slug: "brezel", Stock: 9}}); err != nil {
		t.Fatal(err)
	}
	s := postgres.NewOrderStore(super)
	o := ordered(t, s, map[string]int{"brezel": 3})
	if _, _, err := s.Place(t.Context(), o, "key-0123456789abcdef", draw); err != nil {
		t.Fatal(err)
	}
	owner := asOwner(t, "resident-here", conn, true)
	s = postgres.NewOrderStore(owner)
	now := time.Now()
	if got, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderAccept, By: world.ByOwner, Who: "o@example.com", At: now}); err != nil || got.State != world.OrderPreparing {
		t.Errorf("%+v, %v", got.State, err)
	}
	want := world.Refund{OrderID: o.ID, Key: "key", At: now, By: world.ByOwner, Lines: []world.RefundLine{{Line: 1, Quantity: 1, Restock: true}}}
	for range 2 { // once, however often
		if r, err := s.Refund(t.Context(), want); err != nil || r.N != 1 || r.TotalMinor != 107 || !r.Settled {
			t.Errorf("%+v, %v", r, err)
		}
	}
	other := want
	other.Lines = []world.RefundLine{{Line: 1, Quantity: 1}}
	if r, err := s.Refund(t.Context(), other); !world.Is(err, world.CodeConflict) {
		t.Errorf("a key of another refund gave %+v, %v", r, err)
	}
	other.Key = "cancel"
	if r, err := s.Refund(t.Context(), other); !world.Is(err, world.CodeInvalid) {
		t.Errorf("the cancellation's own key gave %+v, %v", r, err)
	}
	if got, err := s.Change(t.Context(), world.OrderStep{OrderID: o.ID, Event: world.OrderCancel, By: world.ByOwner, At: now}); err != nil || got.RefundedMinor != got.TotalMinor {
		t.Errorf("%+v, %v", got, err)
	}
	for range 2 {
		if l, err := s.KeepStock(t.Context(), world.StockChange{Market: "de", SKU: "brezel", Act: world.ActWriteOff, Pieces: 2, Key: "count-1", Who: "o@example.com", Reason: "stale"}); err != nil || l.OnHand != 7 {
			t.Errorf("%+v, %v", l, err)
		}
	}
	if _, err := s.KeepStock(t.Context(), world.StockChange{Market: "de", SKU: "brezel", Act: world.ActWriteOff, Pieces: 3, Key: "count-1", Reason: "stale"}); !world.Is(err, world.CodeConflict) {
		t.Errorf("a key of another count: %v", err)
	}
	if n := stockOf(t, s, "brezel"); n != 7 {
		t.Errorf("%d left", n)
	}
	if faults, err := s.StockFaults(t.Context(), "de", 5); err != nil || len(faults) > 0 {
		t.Errorf("%v, %v", faults, err)
	}
	for _, q := range []string{"update stock_level set on_hand = 99", "delete from order_event", "update refund set total_minor = 0", "update orders set total_minor = 0"} {
		if _, err := owner.Pool.Exec(t.Context(), q); err == nil {
			t.Errorf("the owner role may %s", q)
		}
	}
}

// What runs with its maker's rights looks for its tables where its caller cannot put
// others of the same name: in a schema for the session alone, last of all
// (postgresql.org/docs/current/sql-createfunction.html, "Writing SECURITY DEFINER
// functions safely").
func TestFunctionsWithTheirMakersRightsCannotBeMisled(t *testing.T) {
	for name, conn := range map[string]string{"resident": pgtest.Resident(t), "catalog": pgtest.Catalog(t)} {
		c := pgtest.Cluster(t, name, "here", conn)
		rows, err := c.Pool.Query(t.Context(), `select proname, coalesce(array_to_string(proconfig, ' '), '') from pg_proc where prosecdef and pronamespace = 'public'::regnamespace`)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		var function, config string
		if _, err := pgx.ForEachRow(rows, []any{&function, &config}, func() error {
			if n++; config != "search_path=pg_catalog, public, pg_temp" {
				t.Errorf("%s: %s has %q", name, function, config)
			}
			return nil
		}); err != nil || n == 0 {
			t.Errorf("%s: %d functions, %v", name, n, err)
		}
	}
}
