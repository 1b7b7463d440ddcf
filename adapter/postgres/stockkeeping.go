package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// KeepStock carries out what an owner does by hand, and returns what is on hand then.
// The same key again changes nothing; keys are kept for thirty days. Errors: invalid
// for what cannot be; conflict when less would be on hand than is reserved, or when
// the key was another act's.
func (s *OrderStore) KeepStock(ctx context.Context, c world.StockChange) (world.StockLevel, error) {
	const op = "postgres.keep stock"
	if err := c.Check(); err != nil {
		return world.StockLevel{}, world.Wrap(op, err)
	}
	_, err := s.c.underKey(ctx, "stock/"+c.Market, c.Key, fmt.Sprintf("%s %s %d", c.Act, c.SKU, c.Pieces), func(tx pgx.Tx) error {
		pieces, kind := c.Pieces, world.StockCorrect
		switch c.Act {
		case world.ActCount:
			_, err := tx.Exec(ctx, `select stock_count($1, $2, $3, $4, $5)`, c.Market, c.SKU, c.Pieces, c.Who, c.Reason)
			return err
		case world.ActReceive:
			kind = world.StockReceive
		case world.ActWriteOff:
			pieces = -pieces
		}
		_, err := tx.Exec(ctx, `select stock_move($1, $2, $3, $4, 0, null, null, $5, $6)`, c.Market, c.SKU, kind, pieces, c.Who, c.Reason)
		return err
	})
	levels, lookErr := s.Stock(ctx, c.Market, []string{c.SKU})
	level := levels[c.SKU]
	level.SKU = c.SKU
	switch sqlState(err) {
	case "":
	case stateShort:
		return level, world.E(world.CodeConflict, op, fmt.Sprintf("Of %s %d are on hand and %d of them reserved for orders: fewer cannot be left. Cancel an order first, or write less.", c.SKU, level.OnHand, level.Reserved))
	case "22003": // numeric_value_out_of_range
		return level, world.E(world.CodeInvalid, op, "So many pieces cannot be kept: correct the number.")
	}
	if err == nil {
		err = lookErr
	}
	return level, mapError(op, err)
}

// underKey does something under a key of a scope, durably, unless that was done
// before: then it waits until it is durable. what tells it from others: conflict by
// [world.ErrAnotherKey] where the key was another's. Without a key it is done.
func (c *Cluster) underKey(ctx context.Context, scope, key, what string, do func(tx pgx.Tx) error) (done bool, err error) {
	err = c.durably(ctx, func(tx pgx.Tx) error {
		if key == "" {
			return do(tx)
		}
		tag, err := tx.Exec(ctx, `insert into idempotency_key (scope, key, answer) values ($1, $2, $3) on conflict do nothing`, scope, key, what)
		if err != nil {
			return err
		}
		if done = tag.RowsAffected() == 0; done {
			return sameKey(ctx, tx, scope, key, what)
		}
		return do(tx)
	})
	if err == nil && done {
		err = c.confirm(ctx)
	}
	return done, err
}

// sameKey fails with conflict, by [world.ErrAnotherKey], where a key was used for
// something else, and with not_found where it was not.
func sameKey(ctx context.Context, q interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, scope, key, what string) error {
	var was string
	if err := q.QueryRow(ctx, `select answer from idempotency_key where scope = $1 and key = $2`, scope, key).Scan(&was); err != nil {
		return mapError("postgres.key", err)
	}
	if was != what {
		return anotherKey()
	}
	return nil
}

func anotherKey() error {
	return world.Because(world.CodeConflict, "postgres.key", "The idempotency key was used for something else: make a new one.", world.ErrAnotherKey)
}

// Movements are the entries of the ledger of a market's SKU, the newest first, with
// ids below before (0: from the newest on), at most limit.
func (s *OrderStore) Movements(ctx context.Context, market, sku string, before int64, limit int) ([]world.StockMovement, error) {
	const op = "postgres.movements"
	if before == 0 {
		before = math.MaxInt64
	}
	// Which entries they are is told by the index alone, in its order: of what sells
	// most there are more than the planner, who has a plan for any SKU, would sort.
	rows, err := s.c.Pool.Query(ctx, `select m.id, m.at, m.sku, m.kind, m.on_hand, m.reserved, coalesce(m.order_id, ''), coalesce(o.number, ''), m.who, m.note
		from (select id from stock_movement where market = $1 and sku = $2 and id < $3 order by id desc limit $4) page
		cross join lateral (select * from stock_movement m where m.id = page.id offset 0) m
		left join lateral (select number from orders o where o.id = m.order_id offset 0) o on true
		order by m.id desc`, market, sku, before, limit)
	if err != nil {
		return nil, mapError(op, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.StockMovement])
	return all, mapError(op, err)
}

// MaxUses is how far the uses of a promotion without limits are counted.
const MaxUses = 10_000

// PromotionUses is how often promotions of a market were used so far by orders that
// were not given back; of one without limits at most [MaxUses] are counted.
func (s *OrderStore) PromotionUses(ctx context.Context, market string, promotions []string) (map[string]int, error) {
	const op = "postgres.promotionuses"
	rows, err := s.c.Pool.Query(ctx, `
select l.id, coalesce((select used from promotion_use where market = $1 and promotion = l.id and buyer = ''),
       (select count(*) from (select `+liveUse+` limit $3) u))
  from unnest($2::text[]) l(id)`, market, promotions, MaxUses)
	if err != nil {
		return nil, mapError(op, err)
	}
	uses := map[string]int{}
	var id string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		uses[id] = n
		return nil
	})
	return uses, mapError(op, err)
}
