package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/world"
)

// ChangePrice gives a SKU its next price in the base list, in minor units of the
// market's currency, and has every cache forget what shows the old one: one
// transaction. It returns the new price's version. expectVersion is the version
// of the base list that the owner saw: conflict when it has moved on. Other errors:
// not_found when the market has no such SKU or it has no price yet; misdirected
// away from the market's home region.
func (s *CatalogStore) ChangePrice(ctx context.Context, market, sku string, expectVersion, newMinor int64) (version int64, err error) {
	const op = "postgres.changeprice"
	m, c, err := s.atPrimary(op, market)
	if err != nil {
		return 0, err
	}
	err = c.durably(ctx, func(tx pgx.Tx) error {
		if err := lockSKU(ctx, tx, m, sku); err != nil {
			return err
		}
		var slug string
		if version, slug, err = insertPrice(ctx, tx, m, sku, expectVersion, newMinor); err != nil {
			return err
		}
		_, err := purge(ctx, tx, world.Purge{Groups: []string{world.GroupProduct(m.ID, slug), world.GroupMarket(m.ID)}})
		return err
	})
	return version, mapError(op, err)
}

// insertPrice writes the version after the last, where the base list's last is the
// expected one. Two who expect the same meet at the table's key: the second waits
// for the first, then fails. slug is the SKU's product.
func insertPrice(ctx context.Context, tx pgx.Tx, m world.Market, sku string, expectVersion, newMinor int64) (version int64, slug string, err error) {
	const q = `
insert into price (market, sku, version, amount_minor, currency)
select $1, $2, max(version) + 1, $4, $5 from price where market = $1 and sku = $2 having max(version) filter (where list = 'base') = $3
returning version, (select slug from sku where market = $1 and sku = $2)`
	err = tx.QueryRow(ctx, q, m.ID, sku, expectVersion, newMinor, m.Currency).Scan(&version, &slug)
	if !errors.Is(err, pgx.ErrNoRows) {
		return version, slug, err
	}
	var priced bool
	if err := tx.QueryRow(ctx, `select exists (select from price where market = $1 and sku = $2)`, m.ID, sku).Scan(&priced); err != nil {
		return 0, "", err
	}
	if !priced {
		return 0, "", world.E(world.CodeNotFound, "postgres.price", "The market has no such product.")
	}
	return 0, "", world.E(world.CodeConflict, "postgres.price", fmt.Sprintf("The price of %s has been changed meanwhile: look at it and change it again.", sku))
}

// Prices calls each with a SKU's prices in the base list, newest first, at most
// limit. since is when a price began to hold. A SKU that is not there has none.
func (s *CatalogStore) Prices(ctx context.Context, market, sku string, limit int, each func(version, minor int64, currency string, since time.Time)) error {
	const op = "postgres.prices"
	m, c, err := s.of(op, market)
	if err != nil {
		return err
	}
	rows, err := c.Pool.Query(ctx, `select version, amount_minor, currency, valid_from from price where market = $1 and sku = $2 and list = 'base' order by version desc limit $3`, m.ID, sku, limit)
	if err != nil {
		return mapError(op, err)
	}
	var version, minor int64
	var currency string
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&version, &minor, &currency, &since}, func() error {
		each(version, minor, currency, since.UTC())
		return nil
	})
	return mapError(op, err)
}

// ChangePicture gives a product its picture, as [SetPicture] does, at the
// market's primary; misdirected away from the market's home region.
func (s *CatalogStore) ChangePicture(ctx context.Context, market, slug, mediaID string) error {
	_, c, err := s.atPrimary("postgres.changepicture", market)
	if err != nil {
		return err
	}
	return SetPicture(ctx, c.Pool, market, slug, mediaID)
}

func (s *CatalogStore) atPrimary(op, market string) (world.Market, *Cluster, error) {
	m, c, err := s.of(op, market)
	if err == nil && !c.Primary {
		err = world.E(world.CodeMisdirected, op, "")
	}
	return m, c, err
}

// OrdersOfMarket are a market's orders, newest first, at most limit, with
// their lines but without their taxes. They begin behind the order of the
// given time and id; a zero time begins with the newest.
func (s *OrderStore) OrdersOfMarket(ctx context.Context, market string, before time.Time, beforeID string, limit int) ([]world.Order, error) {
	const q = `select ` + orderColumns + ` from orders
 where market = $1 and ($2::timestamptz is null or (placed_at, id) < ($2, $3))
 order by placed_at desc, id desc limit $4`
	rows, err := s.c.Pool.Query(ctx, q, market, moment(before), beforeID, limit)
	if err != nil {
		return nil, mapError("postgres.marketorders", err)
	}
	orders, err := pgx.CollectRows(rows, scanOrder)
	if err == nil {
		err = s.addLines(ctx, orders)
	}
	return orders, mapError("postgres.marketorders", err)
}

// addLines reads the lines of many orders at once. An order's lines are
// written with it and never change, so a second snapshot sees the same.
func (s *OrderStore) addLines(ctx context.Context, orders []world.Order) error {
	place := make(map[string]int, len(orders))
	ids := make([]string, len(orders))
	for i, o := range orders {
		place[o.ID], ids[i] = i, o.ID
	}
	rows, err := s.c.Pool.Query(ctx, `select order_id, `+lineColumns+` from order_line where order_id = any($1) order by order_id, n`, ids)
	if err != nil {
		return err
	}
	var id string
	var l world.OrderLine
	_, err = pgx.ForEachRow(rows, []any{&id, &l.SKU, &l.Name, &l.TaxClass, &l.ServedHot, &l.ServedWith, &l.Quantity, &l.UnitMinor, &l.LineMinor, &l.TaxMinor, &l.PriceVersion, &l.Photo, &l.Product, &l.ProductVersion, &l.DiscountMinor}, func() error {
		o := &orders[place[id]]
		o.Lines = append(o.Lines, l)
		return nil
	})
	return err
}

// Takings are those of the orders that a market took from one moment up to, not
// including, another.
func (s *OrderStore) Takings(ctx context.Context, market string, from, to time.Time) (t world.Takings, err error) {
	const q = `select count(*), coalesce(sum(o.total_minor), 0)::bigint, coalesce(sum(o.refunded_minor), 0)::bigint, coalesce(sum(o.net_minor - coalesce(r.net_minor, 0)), 0)::bigint
	             from orders o left join lateral (select sum(net_minor) as net_minor from refund where order_id = o.id) r on true
	            where o.market = $1 and o.placed_at >= $2 and o.placed_at < $3 and o.state in ('placed', 'preparing', 'ready', 'completed')`
	err = s.c.Pool.QueryRow(ctx, q, market, from, to).Scan(&t.Orders, &t.GrossMinor, &t.RefundedMinor, &t.NetMinor)
	return t, mapError("postgres.takings", err)
}

// AccountStore keeps owners' accounts and sessions in a region's resident
// cluster. Of a session's token it holds the SHA-256 only: who reads the table
// cannot sign in with what it says.
type AccountStore struct{ c *Cluster }

// NewAccountStore keeps accounts in the given resident cluster.
func NewAccountStore(c *Cluster) *AccountStore { return &AccountStore{c: c} }

// PasswordHash is the hash of an owner's password; not_found when the market
// has no owner of that e-mail address, which is kept in lower case.
func (s *AccountStore) PasswordHash(ctx context.Context, market, email string) (string, error) {
	var hash string
	err := s.c.Pool.QueryRow(ctx, `select password_hash from owner_account where market = $1 and email = $2`, market, email).Scan(&hash)
	return hash, mapError("postgres.account", err)
}

// StartSession signs an owner in until a moment.
func (s *AccountStore) StartSession(ctx context.Context, tokenHash [32]byte, market, email string, until time.Time) error {
	_, err := s.c.Pool.Exec(ctx, `insert into owner_session (token_hash, market, email, expires_at) values ($1, $2, $3, $4)`, tokenHash[:], market, email, until)
	return mapError("postgres.startsession", err)
}

// Session is the e-mail address of the owner whose session it is; not_found
// when there is none, when it has expired by now, or is of another market.
func (s *AccountStore) Session(ctx context.Context, tokenHash [32]byte, market string, now time.Time) (email string, err error) {
	err = s.c.Pool.QueryRow(ctx, `select email from owner_session where token_hash = $1 and market = $2 and expires_at > $3`, tokenHash[:], market, now).Scan(&email)
	return email, mapError("postgres.session", err)
}

// EndSession signs an owner out. A session that is not there is none already.
func (s *AccountStore) EndSession(ctx context.Context, tokenHash [32]byte) error {
	_, err := s.c.Pool.Exec(ctx, `delete from owner_session where token_hash = $1`, tokenHash[:])
	return mapError("postgres.endsession", err)
}

// ForgetSessions removes sessions that have expired by now, at most limit, and
// returns how many: fewer than limit when there are no more.
func (s *AccountStore) ForgetSessions(ctx context.Context, now time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `delete from owner_session where token_hash in
		(select token_hash from owner_session where expires_at <= $1 order by expires_at limit $2)`, now, limit)
	return int(tag.RowsAffected()), mapError("postgres.forgetsessions", err)
}

// SeedOwner gives a market an owner's account, or that account another
// password: email in lower case, the password as its hash. It can be run
// again, and needs the resident primary's superuser.
func SeedOwner(ctx context.Context, pool *pgxpool.Pool, market, email, passwordHash string) error {
	_, err := pool.Exec(ctx, `insert into owner_account (market, email, password_hash) values ($1, $2, $3)
		on conflict (market, email) do update set password_hash = excluded.password_hash`, market, email, passwordHash)
	return mapError("postgres.seedowner", err)
}
