package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/checkout"
	"meridian/engine/slots"
	"meridian/world"
)

const weekVersion = `coalesce((select version from slot_week where market = $1), 1)`

// Week is when a market hands goods over, as its owner keeps it. Closed days that are
// over by more than a day are left out.
func (s *CatalogStore) Week(ctx context.Context, market string, now time.Time) (checkout.Week, error) {
	const op = "postgres.week"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return checkout.Week{}, err
	}
	var hours checkout.Selling
	var w checkout.Week
	b := &pgx.Batch{}
	// The version first: what is changed in between is told by it when it is saved.
	b.Queue(`select `+weekVersion, m.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&w.Version) })
	queueHours(b, &hours, m, now)
	err = c.Pool.SendBatch(ctx, b).Close()
	w.Slots, w.Closed = hours.Slots, hours.Closed
	return w, mapError(op, err)
}

// ChangeWeek puts a week in the place of the one of its version, and returns the
// next. What was booked stays so. Closed days that are over stay where they are.
// Errors: invalid and too_large for one that cannot be, which says what to mend;
// conflict where somebody has changed it meanwhile; misdirected away from the
// market's home region.
func (s *CatalogStore) ChangeWeek(ctx context.Context, market string, w checkout.Week, now time.Time) (version int64, err error) {
	const op = "postgres.change week"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return 0, err
	}
	if err := w.Check(slots.DefaultLimits); err != nil {
		return 0, world.Wrap(op, err)
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into slot_week as w (market, version) select $1, 2 where $2 = 1
			on conflict (market) do nothing`, m.ID, w.Version)
		if err == nil && tag.RowsAffected() == 0 {
			tag, err = tx.Exec(ctx, `update slot_week set version = version + 1 where market = $1 and version = $2`, m.ID, w.Version)
		}
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return world.E(world.CodeConflict, op, "Somebody has changed the hours meanwhile: look at them and change them again.")
		}
		version = w.Version + 1
		if _, err := runBatch(ctx, tx, weekRows(m.ID, w, now)); err != nil {
			return err
		}
		_, err = purge(ctx, tx, world.Purge{Groups: []string{world.GroupMarket(m.ID)}})
		return err
	})
	return version, mapError(op, err)
}

// weekRows writes a week anew, but for closed days that [CatalogStore.Week] does not
// show.
func weekRows(market string, w checkout.Week, now time.Time) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(`delete from slot_rule where market = $1`, market)
	for _, r := range w.Slots {
		b.Queue(`insert into slot_rule (market, kind, weekday, start_minute, end_minute, capacity, cutoff) values ($1, $2, $3, $4, $5, $6, $7)`,
			market, r.Kind, int(r.Weekday), int(r.Start/time.Minute), int(r.End/time.Minute), r.Capacity, int(r.Cutoff/time.Minute))
	}
	b.Queue(`delete from slot_closed where market = $1 and day >= $2::date - 1`, market, now)
	for _, d := range w.Closed {
		b.Queue(`insert into slot_closed (market, day, kind) values ($1, ($2::text)::date, $3) on conflict do nothing`, market, d.Day.String(), d.Kind)
	}
	return b
}
