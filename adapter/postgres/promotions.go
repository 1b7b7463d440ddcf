package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"meridian/engine/money"
	"meridian/engine/promotion"
	"meridian/world"
)

const offerColumns = `promotion, labels, kind, coalesce(percent::text, '0'), coalesce(amount_minor, 0), coalesce(buy, 0), coalesce(get, 0),
	code, skus, categories, min_minor, from_at, until_at, exclusive, rank, max_uses, max_per_buyer, version`

// Offers are a market's promotions, those that end last first, at most limit behind
// the one of a name; "" begins with the first. Those that end at the same time go by
// name.
func (s *CatalogStore) Offers(ctx context.Context, market, after string, limit int) ([]promotion.Offer, error) {
	const op = "postgres.offers"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return nil, err
	}
	rows, err := c.Pool.Query(ctx, `select `+offerColumns+` from promotion p where market = $1 and ($2 = '' or
		exists (select from promotion x where x.market = $1 and x.promotion = $2 and (p.until_at < x.until_at or p.until_at = x.until_at and p.promotion > x.promotion)))
		order by until_at desc, promotion limit $3`, m.ID, after, limit)
	if err != nil {
		return nil, mapError(op, err)
	}
	all, err := pgx.CollectRows(rows, offerOf(m))
	return all, mapError(op, err)
}

// Offer is one of a market's promotions; not_found where it has none of that name.
func (s *CatalogStore) Offer(ctx context.Context, market, id string) (promotion.Offer, error) {
	const op = "postgres.offer"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return promotion.Offer{}, err
	}
	rows, err := c.Pool.Query(ctx, `select `+offerColumns+` from promotion where market = $1 and promotion = $2`, m.ID, id)
	if err != nil {
		return promotion.Offer{}, mapError(op, err)
	}
	o, err := pgx.CollectExactlyOneRow(rows, offerOf(m))
	if errors.Is(err, pgx.ErrNoRows) {
		return o, noOffer(op)
	}
	return o, mapError(op, err)
}

func noOffer(op string) error {
	return world.E(world.CodeNotFound, op, "The market has no such promotion. Look at the list.")
}

func offerOf(m world.Market) pgx.RowToFunc[promotion.Offer] {
	return func(row pgx.CollectableRow) (o promotion.Offer, err error) {
		var labels []byte
		var percent string
		var from, until pgtype.Timestamptz
		err = row.Scan(&o.ID, &labels, &o.Kind, &percent, &o.Amount.Minor, &o.Buy, &o.Get, &o.Code, &o.SKUs, &o.Categories, &o.MinSubtotal.Minor,
			&from, &until, &o.Exclusive, &o.Rank, &o.MaxUses, &o.MaxPerBuyer, &o.Version)
		if err != nil {
			return o, err
		}
		o.From, o.To = finite(from), finite(until)
		if err := json.Unmarshal(labels, &o.Labels); err != nil {
			return o, err
		}
		o.Label = o.Labels[m.Locales[0]]
		if o.Amount.Minor > 0 {
			o.Amount.Currency = m.Currency
		}
		if o.MinSubtotal.Minor > 0 {
			o.MinSubtotal.Currency = m.Currency
		}
		o.Percent, err = money.ParsePercent(percent)
		return o, err
	}
}

// SaveOffer keeps a promotion: a new one where its version is 0, else in place of
// the version that it has. It returns the version that it is kept as. Errors:
// invalid or too_large for one that cannot be, which says what to mend; conflict
// where its name or code is another's, where it is not of that version any more, or
// where the market has [promotion.Limits.MaxPromotions] that have not ended;
// not_found where there is none to change; misdirected away from the home region.
func (s *CatalogStore) SaveOffer(ctx context.Context, market string, o promotion.Offer, now time.Time) (version int64, err error) {
	const op = "postgres.save offer"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return 0, err
	}
	if o, err = promotion.DefaultLimits.CheckOffer(o, m); err != nil {
		return 0, world.Wrap(op, err)
	}
	labels, err := json.Marshal(o.Labels)
	if err != nil {
		return 0, world.Wrap(op, err)
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		// Two that are kept at once must not both be the last that fits.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('promotion ' || $1, 0))`, m.ID); err != nil {
			return err
		}
		if err := checkTargets(ctx, tx, m.ID, o.Promotion); err != nil {
			return err
		}
		if version, err = writeOffer(ctx, tx, m.ID, o, labels); err != nil {
			return err
		}
		var going int
		if err := tx.QueryRow(ctx, `select count(*) from promotion where market = $1 and until_at > $2`, m.ID, now).Scan(&going); err != nil {
			return err
		}
		if most := promotion.DefaultLimits.MaxPromotions; going > most {
			return world.E(world.CodeConflict, op, fmt.Sprintf("A market has at most %d promotions that have not ended: end one first.", most))
		}
		_, err := purge(ctx, tx, world.Purge{Groups: []string{world.GroupMarket(m.ID)}})
		return err
	})
	if constraint(err) == "promotion_code" {
		return 0, world.E(world.CodeConflict, op, "Another promotion of the market has this code, or had it: use another code.")
	}
	return version, mapError(op, err)
}

// checkTargets: what a promotion is about is there, or nobody would ever get it.
func checkTargets(ctx context.Context, tx pgx.Tx, market string, p promotion.Promotion) error {
	var missing []string
	err := tx.QueryRow(ctx, `select coalesce(array_agg(x), '{}') from (
		select t from unnest($2::text[]) t where not exists (select from sku where market = $1 and sku = t) union all
		select t from unnest($3::text[]) t where not exists (select from category where market = $1 and category = t) limit 3) g(x)`,
		market, texts(p.SKUs), texts(p.Categories)).Scan(&missing)
	if err == nil && len(missing) > 0 {
		return world.E(world.CodeInvalid, "postgres.save offer", fmt.Sprintf("The market has no SKU or category %.120q: look at its products and correct it.", strings.Join(missing, ", ")))
	}
	return err
}

func writeOffer(ctx context.Context, tx pgx.Tx, market string, o promotion.Offer, labels []byte) (version int64, err error) {
	args := []any{market, o.ID, labels, o.Kind, o.Percent.Percent(), o.Amount.Minor, o.Buy, o.Get, o.Code, texts(o.SKUs), texts(o.Categories), o.MinSubtotal.Minor,
		moment(o.From), moment(o.To), o.Exclusive, o.Rank, o.MaxUses, o.MaxPerBuyer}
	const columns = `labels, kind, percent, amount_minor, buy, get, code, skus, categories, min_minor, from_at, until_at, exclusive, rank, max_uses, max_per_buyer`
	const values = `$3, $4, nullif($5::numeric, 0), nullif($6::bigint, 0), nullif($7::integer, 0), nullif($8::integer, 0), $9, $10, $11, $12,
		coalesce($13::timestamptz, '-infinity'), coalesce($14::timestamptz, 'infinity'), $15, $16, $17, $18`
	if o.Version == 0 {
		err = tx.QueryRow(ctx, `insert into promotion (market, promotion, `+columns+`) values ($1, $2, `+values+`) on conflict (market, promotion) do nothing returning version`, args...).Scan(&version)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, world.E(world.CodeConflict, "postgres.save offer", "The market has, or had, a promotion of this name: use another name.")
		}
		return version, err
	}
	err = tx.QueryRow(ctx, `update promotion set (`+columns+`, version) = (`+values+`, version + 1) where market = $1 and promotion = $2 and version = $19 returning version`, append(args, o.Version)...).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, movedOffer(ctx, tx, "postgres.save offer", market, o.ID)
	}
	return version, err
}

// movedOffer is why nothing of a version was found.
func movedOffer(ctx context.Context, tx pgx.Tx, op, market, id string) error {
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from promotion where market = $1 and promotion = $2)`, market, id).Scan(&there); err != nil {
		return err
	}
	if !there {
		return noOffer(op)
	}
	return world.E(world.CodeConflict, op, "Somebody has changed the promotion meanwhile: look at it and change it again.")
}

// EndOffer ends a promotion of a version at a moment; one that was to come by then is
// removed, and removed tells so. One that has ended is left as it is. Errors: as
// [CatalogStore.SaveOffer].
func (s *CatalogStore) EndOffer(ctx context.Context, market, id string, version int64, now time.Time) (removed bool, err error) {
	const op = "postgres.end offer"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return false, err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		var from, until pgtype.Timestamptz
		err := tx.QueryRow(ctx, `select from_at, until_at from promotion where market = $1 and promotion = $2 and version = $3 for update`, m.ID, id, version).Scan(&from, &until)
		if errors.Is(err, pgx.ErrNoRows) {
			return movedOffer(ctx, tx, op, m.ID, id)
		}
		if err != nil {
			return err
		}
		p := promotion.Promotion{From: finite(from), To: finite(until)}
		switch phase := p.At(now); phase {
		case promotion.PhaseEnded:
			return nil
		case promotion.PhaseToCome:
			removed = true
			_, err = tx.Exec(ctx, `delete from promotion where market = $1 and promotion = $2`, m.ID, id)
		default:
			// At its very first moment it has been in force for no time at all.
			_, err = tx.Exec(ctx, `update promotion set until_at = greatest($3::timestamptz, from_at + interval '1 microsecond'), version = version + 1 where market = $1 and promotion = $2`, m.ID, id, now)
		}
		if err != nil {
			return err
		}
		_, err = purge(ctx, tx, world.Purge{Groups: []string{world.GroupMarket(m.ID)}})
		return err
	})
	return removed, mapError(op, err)
}
