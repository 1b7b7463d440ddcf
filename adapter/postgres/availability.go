package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// TellTurns tells of at most limit SKUs of a market that have sold out or come back,
// as they stand now, and forgets them once tell returned nil. One process at a time
// does: while another does, and when there is none, tell is not called. It returns how
// many turns were told: fewer than limit when there are no more.
func (s *OrderStore) TellTurns(ctx context.Context, market string, limit int, tell func([]world.Availability) error) (n int, err error) {
	const op = "postgres.tellturns"
	var any bool
	if err := s.c.Pool.QueryRow(ctx, `select exists (select from stock_turn where market = $1)`, market).Scan(&any); err != nil || !any {
		return 0, mapError(op, err)
	}
	err = pgx.BeginFunc(ctx, s.c.Pool, func(tx pgx.Tx) error {
		n = 0
		// Two at once could tell an older level after a newer one.
		var first bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock(hashtextextended('stock_turn ' || $1, 0))`, market).Scan(&first); err != nil || !first {
			return err
		}
		turns, standing, err := readTurns(ctx, tx, market, limit)
		if err != nil || len(turns) == 0 {
			return err
		}
		if err := tell(standing); err != nil {
			return err
		}
		n = len(turns)
		_, err = tx.Exec(ctx, `delete from stock_turn where id = any($1)`, turns)
		return err
	})
	if err != nil {
		return 0, mapError(op, err)
	}
	return n, nil
}

// readTurns are the ids of turns, and how what turned stands, once each.
func readTurns(ctx context.Context, tx pgx.Tx, market string, limit int) (ids []int64, standing []world.Availability, err error) {
	rows, err := tx.Query(ctx, `select array_agg(t.id), t.sku, coalesce(bool_and(l.on_hand <= l.reserved), true)
  from (select id, sku from stock_turn where market = $1 order by id limit $2) t left join stock_level l on l.market = $1 and l.sku = t.sku
 group by t.sku order by t.sku`, market, limit)
	if err != nil {
		return nil, nil, err
	}
	var some []int64
	var a world.Availability
	_, err = pgx.ForEachRow(rows, []any{&some, &a.SKU, &a.SoldOut}, func() error {
		ids, standing, some = append(ids, some...), append(standing, a), nil
		return nil
	})
	return ids, standing, err
}

// CompareStock has those SKUs of a market told again of which something else is said
// than how they stand: what has no stock level is sold out. It returns how many.
func (s *OrderStore) CompareStock(ctx context.Context, market string, said []world.Availability) (int, error) {
	keys, out := apart(said)
	tag, err := s.c.Pool.Exec(ctx, `insert into stock_turn (market, sku)
select $1, a.sku from unnest($2::text[], $3::boolean[]) a (sku, out) left join stock_level l on l.market = $1 and l.sku = a.sku
 where coalesce(l.on_hand <= l.reserved, true) <> a.out`, market, keys, out)
	return int(tag.RowsAffected()), mapError("postgres.comparestock", err)
}

func apart(list []world.Availability) (keys []string, out []bool) {
	keys, out = make([]string, len(list)), make([]bool, len(list))
	for i, a := range list {
		keys[i], out[i] = a.SKU, a.SoldOut
	}
	return keys, out
}

// Availability is what the primary says of at most limit SKUs of a market, in the
// order of their keys, behind one of them: fewer when there are no more. Away from the
// market's home region: misdirected.
func (s *CatalogStore) Availability(ctx context.Context, market, after string, limit int) ([]world.Availability, error) {
	const op = "postgres.availability"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return nil, err
	}
	rows, err := c.Pool.Query(ctx, `select sku, sold_out from sku where market = $1 and sku > $2 order by sku limit $3`, m.ID, after, limit)
	if err != nil {
		return nil, mapError(op, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.Availability])
	return list, mapError(op, err)
}

// SetAvailability writes down which SKUs of a market are sold out and which are not,
// and has every cache forget what shows a product of which that is new. A SKU that the
// market does not have is left out. Away from the market's home region: misdirected.
// busy, and nothing is written, while somebody else changes one of the SKUs.
func (s *CatalogStore) SetAvailability(ctx context.Context, market string, standing []world.Availability) error {
	const op = "postgres.setavailability"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return err
	}
	keys, out := apart(standing)
	return mapError(op, c.durably(ctx, func(tx pgx.Tx) error {
		// An owner changes a product's SKUs in an order of his own. Who waits for none
		// of them is in nobody's way.
		rows, err := tx.Query(ctx, `
with turned as materialized (select s.sku, a.out from sku s join unnest($2::text[], $3::boolean[]) a (sku, out) on s.sku = a.sku
                              where s.market = $1 and s.sold_out <> a.out for no key update of s nowait)
update sku s set sold_out = t.out from turned t where s.market = $1 and s.sku = t.sku returning s.slug`, m.ID, keys, out)
		if err != nil {
			return err
		}
		slugs, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(slugs) == 0 {
			return err
		}
		_, err = purge(ctx, tx, world.Purge{Groups: productGroups(m, slugs)})
		return err
	}))
}
