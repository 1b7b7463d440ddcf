package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/promotion"
	"meridian/world"
)

// Stock is how much a market has of some SKUs, by SKU. One without an entry
// cannot be sold.
func (s *OrderStore) Stock(ctx context.Context, market string, skus []string) (map[string]world.StockLevel, error) {
	rows, err := s.c.Pool.Query(ctx, `select sku, on_hand, reserved from stock_level where market = $1 and sku = any($2)`, market, skus)
	if err != nil {
		return nil, mapError("postgres.stock", err)
	}
	levels := map[string]world.StockLevel{}
	var l world.StockLevel
	_, err = pgx.ForEachRow(rows, []any{&l.SKU, &l.OnHand, &l.Reserved}, func() error {
		levels[l.SKU] = l
		return nil
	})
	return levels, mapError("postgres.stock", err)
}

// ForgetKeys removes idempotency keys of writes from before a moment, at most
// limit, and returns how many: fewer than limit when there are no more.
func (s *OrderStore) ForgetKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `delete from idempotency_key where (scope, key) in
		(select scope, key from idempotency_key where at < $1 order by at limit $2)`, before, limit)
	return int(tag.RowsAffected()), mapError("postgres.forgetkeys", err)
}

// StockFaults are a market's, by SKU, at most limit; none when all is well. All of
// the ledger is read, as of one moment.
func (s *OrderStore) StockFaults(ctx context.Context, market string, limit int) ([]world.StockFault, error) {
	rows, err := s.c.Pool.Query(ctx, `select sku, coalesce(on_hand, 0), moved, coalesce(reserved, 0), moved_reserved, ordered from stock_fault where market = $1 order by sku limit $2`, market, limit)
	if err != nil {
		return nil, mapError("postgres.stockfaults", err)
	}
	faults, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.StockFault])
	return faults, mapError("postgres.stockfaults", err)
}

// SlotUse is how many orders each of some slots has, by slot; without an entry none.
func (s *OrderStore) SlotUse(ctx context.Context, market string, slots []string) (map[string]int, error) {
	rows, err := s.c.Pool.Query(ctx, `select slot, used from slot_use where market = $1 and slot = any($2)`, market, slots)
	if err != nil {
		return nil, mapError("postgres.slotuse", err)
	}
	used := map[string]int{}
	var slot string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&slot, &n}, func() error {
		used[slot] = n
		return nil
	})
	return used, mapError("postgres.slotuse", err)
}

// PromotionUse is how often promotions were used in a market so far by orders that
// were not given back: in all, and by the buyer of an e-mail address ("" is nobody),
// without an entry never. Neither is counted further than the promotion's limit, nor
// at all where it has none.
func (s *OrderStore) PromotionUse(ctx context.Context, market, email string, limited []promotion.Promotion) (total, byBuyer map[string]int, err error) {
	ids, most, each := make([]string, len(limited)), make([]int, len(limited)), make([]int, len(limited))
	for i, p := range limited {
		ids[i], most[i], each[i] = p.ID, p.MaxUses, p.MaxPerBuyer
	}
	// As promotion_take will count, which makes a row by the first order under a limit.
	rows, err := s.c.Pool.Query(ctx, `
select l.id,
       case when most > 0 then coalesce((select used from promotion_use where market = $1 and promotion = l.id and buyer = ''),
         (select count(*) from (select `+liveUse+` limit most) u)) else 0 end,
       case when each > 0 and $2 <> '' then coalesce((select used from promotion_use where market = $1 and promotion = l.id and buyer = $2),
         (select count(*) from (select `+liveUse+` and lower(o.email) = $2 limit each) u)) else 0 end
  from unnest($3::text[], $4::integer[], $5::integer[]) l(id, most, each)`,
		market, buyerOf(world.Order{Contact: world.Contact{Email: email}}), ids, most, each)
	if err != nil {
		return nil, nil, mapError("postgres.promotionuse", err)
	}
	total, byBuyer = map[string]int{}, map[string]int{}
	var id string
	var all, mine int
	_, err = pgx.ForEachRow(rows, []any{&id, &all, &mine}, func() error {
		total[id], byBuyer[id] = all, mine
		return nil
	})
	return total, byBuyer, mapError("postgres.promotionuse", err)
}

// liveUse are the orders of market $1 that have the promotion l.id and were not given back.
const liveUse = `from order_discount d join orders o on o.id = d.order_id
  where d.promotion = l.id and o.market = $1 and o.state not in ('cancelled', 'expired')`
