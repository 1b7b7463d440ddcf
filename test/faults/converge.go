package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"meridian/adapter/postgres"
	"meridian/world"
)

// convergeWithin is how long after the faults everything may take to be the same
// everywhere. What takes longest is the copy of a picture whose worker was killed:
// it is looked for every half minute, taken up again a minute after it began, and
// if it fails then waits for up to half a minute more.
const convergeWithin = 150 * time.Second

// lateAfter is when a report says what took so long.
const lateAfter = 5 * time.Second

// converge waits until all that should be the same everywhere is, and notes how
// long after the faults that was.
func (r *run) converge(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, convergeWithin)
	defer cancel()
	var all sync.WaitGroup
	until := func(what string, holds func() error) {
		all.Go(func() { r.until(ctx, what, holds) })
	}
	for _, region := range r.world.Plan.Regions {
		until("replicas", func() error { return r.replicated(ctx, region.ID) })
	}
	for _, st := range r.stalls {
		all.Go(func() {
			// Each tier has taken the whole feed, so from now on shows what is in it.
			r.until(ctx, "feeds", func() error { return r.caughtUp(ctx, st) })
			r.until(ctx, "prices", func() error { return r.priced(ctx, st) })
		})
	}
	for _, u := range r.uploads {
		if len(u.ids) > 0 {
			until("pictures", func() error { return r.stored(ctx, u) })
		}
	}
	all.Wait()
}

// until asks again and again until something holds, and notes when it did; what
// took long, with what was lacking before.
func (r *run) until(ctx context.Context, what string, holds func() error) {
	var lacked error
	for {
		err := holds()
		if err == nil {
			break
		}
		lacked = err
		if ctx.Err() != nil {
			r.fail("%s: not the same everywhere %s after the faults: %v", what, convergeWithin, err)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(r.healed)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.report.Converged == nil {
		r.report.Converged = map[string]time.Duration{}
	}
	r.report.Converged[what] = max(r.report.Converged[what], took)
	if took > lateAfter {
		r.report.Late = append(r.report.Late, fmt.Sprintf("%s %d ms, until then %v", what, took.Milliseconds(), lacked))
	}
}

// caughtUp has every tier acknowledge all that the market's region's feed has said.
func (r *run) caughtUp(ctx context.Context, st *stall) error {
	posted, missing := r.now(), []string{"nobody was asked"}
	err := r.purge(ctx, st, heardWithin, func(n world.PurgeNews) {
		switch n.Event {
		case world.PurgeTaken:
			r.mu.Lock()
			r.taken = append(r.taken, Taken{Tier: n.Tier, Region: st.market.HomeRegion, Posted: posted, At: r.now()})
			r.mu.Unlock()
		case world.PurgeDone:
			missing = n.Missing
		}
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("not taken by %s", strings.Join(missing, ", "))
	}
	return err
}

// priced has every tier show the price that is in the database, as good.
func (r *run) priced(ctx context.Context, st *stall) error {
	var tiers errgroup.Group
	for _, slug := range st.priced {
		order, err := r.prices(ctx, st, slug)
		if err != nil {
			return err
		}
		now := order[len(order)-1]
		for _, tier := range r.tiers {
			tiers.Go(func() error {
				if got, ok := r.readOnce(st, tier, slug); !ok || got.Minor != now || !got.Sure() {
					return fmt.Errorf("%s shows %s/%s at %s, it is %d", tier, st.market.ID, slug, got, now)
				}
				return nil
			})
		}
	}
	return tiers.Wait()
}

// prices are all that a product has had in this run, in their order, from the
// database.
func (r *run) prices(ctx context.Context, st *stall, slug string) ([]int64, error) {
	conn, err := r.world.Connect(ctx, world.CatalogCluster(st.market.HomeRegion), postgres.Catalog, r.secrets.super)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, "select amount_minor from price where market = $1 and sku = $2 and version >= $3 order by version", st.market.ID, slug, st.first[slug])
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// rowsOf tells all rows that regions must agree on by one hash.
const rowsOf = `
select md5(coalesce(string_agg(line, '|' order by line), '')) from (
	select 'price ' || t::text from price t union all
	select 'asset ' || t::text from asset t union all
	select 'version ' || t::text from asset_version t union all
	select 'replica ' || t::text from replica t union all
	select 'outbox ' || t::text from outbox t) as every(line)`

// replicated has every other region's copy of a region's catalog have its rows.
func (r *run) replicated(ctx context.Context, home string) error {
	name := world.CatalogCluster(home)
	want, err := r.hash(ctx, name)
	if err != nil {
		return err
	}
	for _, region := range r.world.Plan.Regions {
		if region.ID == home {
			continue
		}
		if got, err := r.hash(ctx, name+"@"+region.ID); err != nil || got != want {
			return fmt.Errorf("%s has other rows of %s than its primary: %v", region.ID, name, err)
		}
	}
	return nil
}

func (r *run) hash(ctx context.Context, server string) (sum string, err error) {
	conn, err := r.world.Connect(ctx, server, postgres.Catalog, r.secrets.super)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return sum, conn.QueryRow(ctx, rowsOf).Scan(&sum)
}

// holds has a region hold an original as it was sent.
func (r *run) holds(region string, u *upload) error {
	b, err := os.ReadFile(r.world.Original(region, u.sha))
	if err != nil {
		return fmt.Errorf("%s does not hold upload %s: %w", region, u.key, err)
	}
	sum := sha256.Sum256(b)
	if want, _ := hex.DecodeString(u.sha); !bytes.Equal(sum[:], want) {
		return fmt.Errorf("%s holds %d other bytes for upload %s", region, len(b), u.key)
	}
	return nil
}

// audit looks into the databases once nothing is under way any more.
func (r *run) audit(ctx context.Context) {
	for _, st := range r.stalls {
		if err := r.auditOf(ctx, st); err != nil {
			r.fail("no audit of %s: %v", st.market.ID, err)
		}
	}
}

func (r *run) auditOf(ctx context.Context, st *stall) error {
	conn, err := r.world.Connect(ctx, world.ResidentCluster(st.market.HomeRegion), postgres.Resident, r.secrets.super)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	a := Audit{Left: map[string]int{}, Call: r.now()}
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, slug := range st.shelf {
			var n int
			if err := tx.QueryRow(ctx, "select on_hand - reserved from stock_level where market = $1 and sku = $2", st.market.ID, slug).Scan(&n); err != nil {
				return err
			}
			a.Left[slug] = n
		}
		var carts []string
		for _, at := range st.history.Attempts {
			carts = append(carts, at.Cart)
		}
		rows, err := tx.Query(ctx, `
select o.cart_id, o.idempotency_key, o.id, array_agg(l.sku order by l.n), array_agg(l.quantity order by l.n)
  from orders o left join order_line l on l.order_id = o.id
 where o.market = $1 and o.cart_id = any($2) group by o.id`, st.market.ID, carts)
		if err != nil {
			return err
		}
		var o Stored
		var slugs []string
		var quantities []int
		_, err = pgx.ForEachRow(rows, []any{&o.Cart, &o.Key, &o.Order, &slugs, &quantities}, func() error {
			o.Lines = nil
			for i, slug := range slugs {
				o.Lines = append(o.Lines, Line{slug, quantities[i]})
			}
			a.Orders = append(a.Orders, o)
			return nil
		})
		return err
	})
	a.Return = r.now()
	st.history.Audit = a
	return err
}
