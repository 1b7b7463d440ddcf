package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// TellTurns tells of at most limit SKUs that have sold out or come back, as they
// stand now, and forgets them once tell returned nil. One process at a time does:
// while another does, and when there is none, tell is not called. It returns how
// many turns were told: fewer than limit when there are no more.
func (s *OrderStore) TellTurns(ctx context.Context, limit int, tell func([]world.Availability) error) (n int, err error) {
	const op = "postgres.tellturns"
	var any bool
	if err := s.c.Pool.QueryRow(ctx, `select exists (select from stock_turn)`).Scan(&any); err != nil || !any {
		return 0, mapError(op, err)
	}
	err = pgx.BeginFunc(ctx, s.c.Pool, func(tx pgx.Tx) error {
		n = 0
		// Two at once could tell an older level after a newer one.
		var first bool
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock(hashtextextended('stock_turn', 0))`).Scan(&first); err != nil || !first {
			return err
		}
		turns, standing, err := readTurns(ctx, tx, limit)
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
func readTurns(ctx context.Context, tx pgx.Tx, limit int) (ids []int64, standing []world.Availability, err error) {
	rows, err := tx.Query(ctx, `select array_agg(t.id), t.market, t.sku, coalesce(bool_and(l.on_hand <= l.reserved), true)
  from (select * from stock_turn order by id limit $1) t left join stock_level l on l.market = t.market and l.sku = t.sku
 group by t.market, t.sku order by t.market, t.sku`, limit)
	if err != nil {
		return nil, nil, err
	}
	var some []int64
	var a world.Availability
	_, err = pgx.ForEachRow(rows, []any{&some, &a.Market, &a.SKU, &a.SoldOut}, func() error {
		ids, standing, some = append(ids, some...), append(standing, a), nil
		return nil
	})
	return ids, standing, err
}

// CompareSoldOut has every SKU of a market told again that stands otherwise than
// given: those sold out that are not among soldOut, and those among it that are not.
// All of the market's levels are read.
func (s *OrderStore) CompareSoldOut(ctx context.Context, market string, soldOut []string) error {
	_, err := s.c.Pool.Exec(ctx, `insert into stock_turn (market, sku)
select market, sku from stock_level where market = $1 and (on_hand <= reserved) <> (sku = any($2))`, market, texts(soldOut))
	return mapError("postgres.comparesoldout", err)
}

// SoldOut are the SKUs of a market of which none is left, as the primary was told.
// Away from the market's home region: misdirected.
func (s *CatalogStore) SoldOut(ctx context.Context, market string) ([]string, error) {
	const op = "postgres.soldout"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return nil, err
	}
	rows, err := c.Pool.Query(ctx, `select sku from sold_out where market = $1`, m.ID)
	if err != nil {
		return nil, mapError(op, err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return keys, mapError(op, err)
}

// SetAvailability writes down which SKUs are sold out and which are not, and has
// every cache forget what shows a product of which that is new. A SKU that the
// market does not have is left out. Away from a market's home region: misdirected.
func (s *CatalogStore) SetAvailability(ctx context.Context, standing []world.Availability) error {
	const op = "postgres.setavailability"
	byMarket := map[string][]world.Availability{}
	for _, a := range standing {
		byMarket[a.Market] = append(byMarket[a.Market], a)
	}
	for market, list := range byMarket {
		m, c, err := s.atPrimary(op, market)
		if err != nil {
			return err
		}
		err = c.durably(ctx, func(tx pgx.Tx) error { return setAvailability(ctx, tx, m, list) })
		if err != nil {
			return mapError(op, err)
		}
	}
	return nil
}

func setAvailability(ctx context.Context, tx pgx.Tx, m world.Market, list []world.Availability) error {
	gone, back := []string{}, []string{}
	for _, a := range list {
		if a.SoldOut {
			gone = append(gone, a.SKU)
		} else {
			back = append(back, a.SKU)
		}
	}
	rows, err := tx.Query(ctx, `
with gone as (insert into sold_out (market, sku) select s.market, s.sku from sku s where s.market = $1 and s.sku = any($2)
              on conflict do nothing returning market, sku),
     back as (delete from sold_out where market = $1 and sku = any($3) returning market, sku)
select distinct s.slug from (select * from gone union all select * from back) t join sku s using (market, sku)`, m.ID, gone, back)
	if err != nil {
		return err
	}
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(slugs) == 0 {
		return err
	}
	slices.Sort(slugs)
	groups := []string{}
	for _, slug := range slugs {
		groups = append(groups, world.GroupProduct(m.ID, slug))
	}
	_, err = purge(ctx, tx, world.Purge{Groups: groups})
	return err
}
