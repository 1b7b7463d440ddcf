package postgres_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
	"meridian/test/pgtest"
	"meridian/world"
)

func exec(t *testing.T, pool *pgxpool.Pool, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := pool.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func text(t *testing.T, pool *pgxpool.Pool, query string) (got string) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query).Scan(&got); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

// has waits until a query gives a text.
func has(t *testing.T, pool *pgxpool.Pool, query, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s gives %s", query, want), func() bool {
		var got string
		return pool.QueryRow(t.Context(), query).Scan(&got) == nil && got == want
	})
}

const slugs = `select coalesce(string_agg(slug || ' ' || tax_class, ',' order by slug), '') from product`

// left reads the rows that were left behind, by table, change and key.
func left(t *testing.T, path string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var row postgres.LeftRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		var key struct{ Slug, Address string }
		json.Unmarshal(row.Key, &key)
		out = append(out, row.Table+" "+row.Change+" "+key.Slug+key.Address)
	}
	slices.Sort(out)
	return out
}

// soon bounds what must not take long.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// A region is lost with rows that had not reached the one whose replica is
// promoted, and with some that had reached a third. It is told what is missing; the
// third, which has more than the new primary, follows all the same; and the lost
// one comes back as a replica, its rows kept aside and named.
func TestALostRegionsCatalogIsTakenOver(t *testing.T) {
	r := pgtest.StartRegions(t)
	a, b, c := r.Pool(0), r.Pool(1), r.Pool(2)
	exec(t, a, `insert into product (market, slug, tax_class) values ('us', 'kept', 'x'), ('us', 'edited', 'x'), ('us', 'dropped', 'x')`)
	has(t, b, slugs, "dropped x,edited x,kept x")
	// A transaction that is open when b hears the last of it, and commits behind that.
	open, err := a.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Exec(t.Context(), `insert into product (market, slug, tax_class) values ('us', 'open', 'x')`); err != nil {
		t.Fatal(err)
	}
	exec(t, a, `insert into product (market, slug, tax_class) values ('us', 'last', 'x')`)
	has(t, b, slugs, "dropped x,edited x,kept x,last x")
	r.Deaf(1)
	eventually(t, "b hears nobody", func() bool { return text(t, b, `select count(*)::text from pg_stat_wal_receiver`) == "0" })
	if err := open.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, a, `insert into product (market, slug, tax_class) values ('us', 'alone', 'x')`,
		`update product set tax_class = 'y' where slug = 'edited'`, `delete from product where slug = 'dropped'`,
		`insert into product (market, slug, tax_class) values ('us', 'brief', 'x')`, `delete from product where slug = 'brief'`)
	has(t, c, slugs, "alone x,edited y,kept x,last x,open x")

	if p, err := r.Promote(t.Context(), "b", false); !world.Is(err, world.CodeConflict) || !p.Planned || p.Missing <= 0 {
		t.Errorf("with the primary there and b cut off: %+v, %v", p, err)
	}
	r.Lose(0)
	p, err := r.Assess(t.Context(), "b")
	if err != nil || p.Planned || p.Missing <= 0 || len(p.Known) != 1 || p.Known[0].By != r.Seats[2].Spec.Name || p.LastCommit == nil || p.Epoch != 2 {
		t.Errorf("before it: %+v, %v", p, err)
	}
	if _, err := r.Promote(t.Context(), "b", false); !world.Is(err, world.CodeConflict) {
		t.Errorf("with c ahead it is %v", err)
	}
	if lease, err := r.Store.Read(t.Context(), pgtest.RegionsCluster); err != nil || lease.Epoch != 0 {
		t.Errorf("a refusal has changed the lease: %+v, %v", lease, err)
	}
	if p, err = r.Promote(t.Context(), "b", true); err != nil {
		t.Fatal(err)
	}
	t.Logf("b takes writes %.0f ms after it was asked; %d bytes are known to be missing", p.Seconds*1000, p.Missing)
	exec(t, b, `insert into product (market, slug, tax_class) values ('us', 'new', 'x')`, `update product set tax_class = 'z' where slug = 'last'`)

	// What c has behind the fork it cannot keep.
	if err := r.Attach(soon(t), r.Seats[2].Spec.Name); err != nil {
		t.Fatal(err)
	}
	const now = "dropped x,edited x,kept x,last z,new x"
	has(t, r.Pool(2), slugs, now)

	back, err := r.Return(t.Context(), r.Seats[0].Spec.Name)
	if err != nil {
		t.Fatal(err)
	}
	// With each product goes its address, which ends with it, and what it was, which stays.
	want := []string{
		"public.product added alone", "public.product added open", "public.product changed edited", "public.product removed dropped",
		"public.product_address added alone", "public.product_address added open", "public.product_address removed dropped",
		"public.product_history added alone", "public.product_history added brief", "public.product_history added edited", "public.product_history added open",
	}
	if got := left(t, back.File); !slices.Equal(got, want) || back.Rows != len(want) {
		t.Errorf("left behind: %q, told as %+v", got, back)
	}
	if err := r.Attach(soon(t), r.Seats[0].Spec.Name); err != nil {
		t.Fatal(err)
	}
	again := r.Pool(0)
	has(t, again, slugs, now)
	if _, err := again.Exec(t.Context(), `delete from product`); err == nil {
		t.Error("the lost primary takes writes")
	}
	if all := r.Promotions(); len(all) != 1 || all[0].Returned == nil || all[0].Returned.Rows != len(want) {
		t.Errorf("written down: %+v", all)
	}

	// And home again, while all are well: nothing is lost.
	// What is missing when it is looked at is sent before the primary ends: see the rows.
	if p, err = r.Promote(t.Context(), "a", false); err != nil || !p.Planned {
		t.Fatalf("handing over: %+v, %v", p, err)
	}
	exec(t, again, `insert into product (market, slug, tax_class) values ('us', 'home', 'x')`)
	if back, err = r.Return(t.Context(), r.Seats[1].Spec.Name); err != nil || back.Rows != 0 || back.File != "" {
		t.Errorf("after handing over: %+v, %v", back, err)
	}
	for _, seat := range []int{1, 2} {
		if err := r.Attach(soon(t), r.Seats[seat].Spec.Name); err != nil {
			t.Fatal(err)
		}
		has(t, r.Pool(seat), slugs, "dropped x,edited x,home x,kept x,last z,new x")
	}
}

// A promotion that was broken off once the lease named the new primary is carried
// on, and whoever was primary does not start as one meanwhile.
func TestAPromotionIsCarriedOn(t *testing.T) {
	r := pgtest.StartRegions(t)
	a := r.Pool(0)
	exec(t, a, `insert into product (market, slug, tax_class) values ('us', 'kept', 'x')`)
	has(t, r.Pool(1), slugs, "kept x")
	r.Lose(0)
	if err := r.Sup.StopOne(t.Context(), r.Seats[1].Spec.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Promote(t.Context(), "b", false); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a replica that does not answer: %v", err)
	}
	if _, err := r.Promote(t.Context(), "nowhere", false); !world.Is(err, world.CodeInvalid) {
		t.Errorf("a region that there is not: %v", err)
	}
	if _, err := r.Return(t.Context(), r.Seats[0].Spec.Name); !world.Is(err, world.CodeConflict) {
		t.Errorf("the primary returns as a replica of itself: %v", err)
	}
	lease, err := r.Store.Read(t.Context(), pgtest.RegionsCluster)
	if err != nil {
		t.Fatal(err)
	}
	next := lease
	next.Epoch, next.Primary, next.Holder, next.Until = 1, r.Seats[1].Spec.Name, "pgtest", time.Now()
	if _, err := r.Store.Swap(t.Context(), lease, next); err != nil {
		t.Fatal(err)
	}
	r.Follow(1)
	if _, err := r.Promote(t.Context(), "b", false); err != nil {
		t.Fatal(err)
	}
	exec(t, r.Pool(1), `insert into product (market, slug, tax_class) values ('us', 'on', 'x')`)
	back, err := r.Return(t.Context(), r.Seats[0].Spec.Name)
	if err != nil || back.Rows != 0 {
		t.Errorf("with no record of what was lost: %+v, %v", back, err)
	}
	has(t, r.Pool(0), slugs, "kept x,on x")
}
