package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/fx"
	"meridian/engine/tax"
	"meridian/world"
)

// RateStore keeps reference rates of exchange in the main region's catalog
// cluster. Every region reads its own standby of that.
type RateStore struct {
	cluster *Cluster
}

// NewRateStore takes the main region's cluster out of the given. It fails with
// invalid when that is not among them.
func NewRateStore(w *world.World, clusters []*Cluster) (*RateStore, error) {
	for _, c := range clusters {
		if c.Region == w.Main {
			return &RateStore{cluster: c}, nil
		}
	}
	return nil, world.E(world.CodeInvalid, "postgres.rates", fmt.Sprintf("there is no catalog cluster of the main region %s: give its connection string", w.Main))
}

// Rates are those that hold on a day, by what is known here now: of each currency
// the last one up to then.
func (s *RateStore) Rates(ctx context.Context, on tax.Date) (fx.Table, error) {
	const q = `select distinct on (currency) currency, per_euro::text, day, source from fx_rate
		where day between $1::date - $2::int and $1::date order by currency, day desc, seq desc`
	rows, err := s.cluster.Pool.Query(ctx, q, on.String(), fx.MaxAge)
	if err != nil {
		return fx.Table{}, mapError("postgres.rates", err)
	}
	quotes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (fx.Quote, error) {
		var quote fx.Quote
		var day time.Time
		err := row.Scan(&quote.Currency, &quote.Rate, &day, &quote.Source)
		quote.Day = tax.DateOf(day, time.UTC)
		return quote, err
	})
	if err != nil {
		return fx.Table{}, mapError("postgres.rates", err)
	}
	return fx.NewTable(on, quotes), nil
}

// NewestRates is the day of the newest list that is kept; the zero Date before the
// first.
func (s *RateStore) NewestRates(ctx context.Context) (tax.Date, error) {
	var day *time.Time
	if err := s.cluster.Pool.QueryRow(ctx, `select max(day) from fx_rate`).Scan(&day); err != nil {
		return tax.Date{}, mapError("postgres.rates newest", err)
	}
	if day == nil {
		return tax.Date{}, nil
	}
	return tax.DateOf(*day, time.UTC), nil
}

// ratesBatch is how many rates are written by one statement.
const ratesBatch = 5000

// AddRates writes lists down, all or nothing, and returns how many rates were new.
// One that is kept already as it is adds nothing; one that differs is kept beside
// the former, and holds from now on. Away from the main region it fails with
// misdirected.
func (s *RateStore) AddRates(ctx context.Context, lists []fx.List) (added int, err error) {
	if !s.cluster.Primary {
		return 0, world.E(world.CodeMisdirected, "postgres.rates add", "Rates are written in the main region, "+s.cluster.Region+".")
	}
	var quotes []fx.Quote
	for _, list := range lists {
		quotes = append(quotes, list.Quotes()...)
	}
	err = pgx.BeginFunc(ctx, s.cluster.Pool, func(tx pgx.Tx) error {
		added = 0
		for from := 0; from < len(quotes); from += ratesBatch {
			n, err := addRates(ctx, tx, quotes[from:min(from+ratesBatch, len(quotes))])
			if err != nil {
				return err
			}
			added += n
		}
		return nil
	})
	if err != nil {
		return 0, mapError("postgres.rates add", err)
	}
	return added, nil
}

func addRates(ctx context.Context, tx pgx.Tx, quotes []fx.Quote) (int, error) {
	const q = `insert into fx_rate (source, day, currency, per_euro)
		select n.source, n.day, n.currency, n.per_euro
		from unnest($1::text[], $2::text[]::date[], $3::text[], $4::text[]::numeric[]) as n (source, day, currency, per_euro)
		where n.per_euro is distinct from (select o.per_euro from fx_rate o
			where o.currency = n.currency and o.day = n.day and o.source = n.source order by o.seq desc limit 1)`
	var sources, days, currencies, rates []string
	for _, quote := range quotes {
		sources, days = append(sources, quote.Source), append(days, quote.Day.String())
		currencies, rates = append(currencies, quote.Currency), append(rates, string(quote.Rate))
	}
	tag, err := tx.Exec(ctx, q, sources, days, currencies, rates)
	return int(tag.RowsAffected()), err
}
