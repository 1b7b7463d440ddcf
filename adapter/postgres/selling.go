package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"meridian/engine/checkout"
	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/engine/slots"
	"meridian/engine/tax"
	"meridian/world"
)

// Selling is what the market's primary says at a moment of promotions that have
// not ended, with labels in a locale or the market's first, and of slots. Away from
// the market's home region: misdirected.
func (s *CatalogStore) Selling(ctx context.Context, market, locale string, at time.Time) (checkout.Selling, error) {
	const op = "postgres.selling"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return checkout.Selling{}, err
	}
	var out checkout.Selling
	b := &pgx.Batch{}
	queuePromotions(b, &out.Promotions, m, locale, at)
	queueHours(b, &out, m, at)
	return out, mapError(op, c.Pool.SendBatch(ctx, b).Close())
}

// Hours are a market's slots alone, as they are seen from here.
func (s *CatalogStore) Hours(ctx context.Context, market string, at time.Time) (checkout.Selling, error) {
	const op = "postgres.hours"
	m, c, err := s.of(op, market)
	if err != nil {
		return checkout.Selling{}, err
	}
	var out checkout.Selling
	b := &pgx.Batch{}
	queueHours(b, &out, m, at)
	return out, mapError(op, c.Pool.SendBatch(ctx, b).Close())
}

func queueHours(b *pgx.Batch, out *checkout.Selling, m world.Market, at time.Time) {
	b.Queue(`select kind, weekday, start_minute, end_minute, capacity, cutoff from slot_rule where market = $1 order by kind, weekday, start_minute`, m.ID).Query(func(rows pgx.Rows) error {
		var r slots.Rule
		var day, start, end, cutoff int
		_, err := pgx.ForEachRow(rows, []any{&r.Kind, &day, &start, &end, &r.Capacity, &cutoff}, func() error {
			r.Weekday, r.Start, r.End, r.Cutoff = time.Weekday(day), minutes(start), minutes(end), minutes(cutoff)
			out.Slots = append(out.Slots, r)
			return nil
		})
		return err
	})
	b.Queue(`select day, kind from slot_closed where market = $1 and day >= $2::date - 1 order by day, kind`, m.ID, at).Query(func(rows pgx.Rows) error {
		var day time.Time
		var kind slots.Kind
		_, err := pgx.ForEachRow(rows, []any{&day, &kind}, func() error {
			out.Closed = append(out.Closed, checkout.Closed{Day: tax.DateOf(day, time.UTC), Kind: kind})
			return nil
		})
		return err
	})
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

func queuePromotions(b *pgx.Batch, into *[]promotion.Promotion, m world.Market, locale string, at time.Time) {
	b.Queue(`
select promotion, coalesce(labels ->> $2, labels ->> $3, promotion), kind, coalesce(percent::text, '0'), coalesce(amount_minor, 0), coalesce(buy, 0), coalesce(get, 0),
       code, skus, categories, min_minor, from_at, until_at, exclusive, rank, max_uses, max_per_buyer
  from promotion where market = $1 and until_at > $4 order by promotion`, m.ID, locale, m.Locales[0], at).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (promotion.Promotion, error) {
			var p promotion.Promotion
			var percent string
			var from, until pgtype.Timestamptz
			err := row.Scan(&p.ID, &p.Label, &p.Kind, &percent, &p.Amount.Minor, &p.Buy, &p.Get, &p.Code, &p.SKUs, &p.Categories, &p.MinSubtotal.Minor,
				&from, &until, &p.Exclusive, &p.Rank, &p.MaxUses, &p.MaxPerBuyer)
			if err != nil {
				return p, err
			}
			p.From, p.To = finite(from), finite(until)
			if p.Amount.Minor > 0 {
				p.Amount.Currency = m.Currency
			}
			if p.MinSubtotal.Minor > 0 {
				p.MinSubtotal.Currency = m.Currency
			}
			p.Percent, err = money.ParsePercent(percent)
			return p, err
		})
		return err
	})
}

// finite is a moment; the zero time for one that never comes, or always was.
func finite(t pgtype.Timestamptz) time.Time {
	if t.InfinityModifier != pgtype.Finite {
		return time.Time{}
	}
	return t.Time.UTC()
}
