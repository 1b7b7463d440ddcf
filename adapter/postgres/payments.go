package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/payment"
	"meridian/world"
)

// PaymentStore keeps payments over a resident cluster. Each is looked after by one
// process at a time, by a lease; what is written is joined by version, so that
// one whose lease has passed unnoticed does no harm.
type PaymentStore struct{ c *Cluster }

// NewPaymentStore needs the region's own resident cluster.
func NewPaymentStore(c *Cluster) *PaymentStore { return &PaymentStore{c} }

// maxPaymentsOf is how many payments an order may have, one after the other.
const maxPaymentsOf = 20

const paymentColumns = `p.key, p.order_id, p.market, p.attempt, p.provider, p.ref, p.state, p.currency, p.amount_minor, p.captured_minor,
	p.refunded_minor, p.failure, p.version, p.opened_at, coalesce(p.due_at, '0001-01-01'), p.tries, p.trouble`

func scanPayment(row pgx.Row) (p world.PaymentRow, err error) {
	err = row.Scan(paymentFields(&p)...)
	return inUTC(p), err
}

func paymentFields(p *world.PaymentRow) []any {
	return []any{&p.Key, &p.OrderID, &p.Market, &p.Attempt, &p.Provider, &p.Ref, &p.State, &p.Currency, &p.AmountMinor, &p.CapturedMinor,
		&p.RefundedMinor, &p.Failure, &p.Version, &p.OpenedAt, &p.DueAt, &p.Tries, &p.Trouble}
}

func inUTC(p world.PaymentRow) world.PaymentRow {
	p.OpenedAt = p.OpenedAt.UTC()
	if p.DueAt.Year() < 2 {
		p.DueAt = time.Time{}
	}
	p.DueAt = p.DueAt.UTC()
	return p
}

// Begin is the payment of an order that awaits one by card: the one that is not
// over, or a new one, of what the order comes to, at a provider. It is to be
// looked after from due. The key is made of the order's id and the attempt.
// Errors: not_found for no such order, conflict when it awaits no payment (any
// more) or has had too many.
func (s *PaymentStore) Begin(ctx context.Context, orderID, provider string, now, due time.Time) (p world.PaymentRow, err error) {
	const op = "postgres.payment"
	err = s.c.durably(ctx, func(tx pgx.Tx) error {
		var state string
		var attempt int
		if err := tx.QueryRow(ctx, `select o.state, (select count(*) from payment where order_id = o.id) from orders o where o.id = $1 and o.payment_method = 'card' for share`, orderID).Scan(&state, &attempt); err != nil {
			return err
		}
		if state != string(world.OrderAwaitingPayment) {
			return world.E(world.CodeConflict, op, "This order awaits no payment. Look at the order.")
		}
		// Two at once: the second waits for the first, and then finds its row.
		if attempt < maxPaymentsOf {
			if _, err := tx.Exec(ctx, `insert into payment (key, order_id, market, attempt, provider, state, currency, amount_minor, opened_at, changed_at, due_at)
				select o.id || '-' || $2::integer, o.id, o.market, $2::integer, $3, 'opened', o.currency, o.total_minor + o.rounding_minor, $4, $4, $5 from orders o
				where o.id = $1 on conflict do nothing`, orderID, attempt+1, provider, now, due); err != nil {
				return err
			}
		}
		var err error
		p, err = scanPayment(tx.QueryRow(ctx, `select `+paymentColumns+` from payment p where order_id = $1 and state not in ('failed', 'voided')`, orderID))
		if errors.Is(err, pgx.ErrNoRows) {
			err = world.E(world.CodeConflict, op, fmt.Sprintf("This order has had %d payments. Order anew.", attempt))
		}
		return err
	})
	return p, mapError(op, err)
}

// Payment is one by its key; not_found for none.
func (s *PaymentStore) Payment(ctx context.Context, key string) (world.PaymentRow, error) {
	p, err := scanPayment(s.c.Pool.QueryRow(ctx, `select `+paymentColumns+` from payment p where key = $1`, key))
	return p, mapError("postgres.payment", err)
}

// OfOrder are an order's payments, the latest first.
func (s *PaymentStore) OfOrder(ctx context.Context, orderID string) ([]world.PaymentRow, error) {
	return s.list(ctx, `where order_id = $1 order by attempt desc`, orderID)
}

// List are payments of a market ("" for all) in a state ("" for any), the newest
// first, at most limit; with troubled those alone that an operator has to look at.
func (s *PaymentStore) List(ctx context.Context, market string, state world.PaymentState, troubled bool, limit int) ([]world.PaymentRow, error) {
	return s.list(ctx, `where ($1 = '' or market = $1) and ($2 = '' or state = $2) and (not $3 or trouble <> '') order by opened_at desc, key limit $4`, market, string(state), troubled, limit)
}

func (s *PaymentStore) list(ctx context.Context, where string, args ...any) ([]world.PaymentRow, error) {
	rows, err := s.c.Pool.Query(ctx, `select `+paymentColumns+` from payment p `+where, args...)
	if err != nil {
		return nil, mapError("postgres.payments", err)
	}
	out, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (world.PaymentRow, error) { return scanPayment(r) })
	return out, mapError("postgres.payments", err)
}

// Claim takes the lease of a payment until a moment; false while somebody has it.
func (s *PaymentStore) Claim(ctx context.Context, key string, now, until time.Time) (bool, error) {
	tag, err := s.c.Pool.Exec(ctx, `update payment set leased_until = $3 where key = $1 and (leased_until is null or leased_until <= $2)`, key, now, until)
	return err == nil && tag.RowsAffected() == 1, mapError("postgres.claim", err)
}

// ClaimDue takes the leases of payments that are to be looked after by now, at
// most limit, the longest overdue first, and returns their keys.
func (s *PaymentStore) ClaimDue(ctx context.Context, now, until time.Time, limit int) ([]string, error) {
	rows, err := s.c.Pool.Query(ctx, `update payment set leased_until = $2 where key in (
		select key from payment where due_at <= $1 and (leased_until is null or leased_until <= $1) order by due_at limit $3 for update skip locked)
		returning key`, now, until, limit)
	if err != nil {
		return nil, mapError("postgres.claimdue", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return keys, mapError("postgres.claimdue", err)
}

// NextDue is when the next payment is to be looked after; the zero time for none.
func (s *PaymentStore) NextDue(ctx context.Context) (at time.Time, err error) {
	err = s.c.Pool.QueryRow(ctx, `select coalesce(min(greatest(due_at, leased_until)), '0001-01-01') from payment where due_at is not null`).Scan(&at)
	if at.Year() < 2 {
		return time.Time{}, mapError("postgres.due", err)
	}
	return at.UTC(), mapError("postgres.due", err)
}

// Case is a payment with what it must know of its order, as both are now. wakes is
// to be given to Release.
func (s *PaymentStore) Case(ctx context.Context, key string) (p world.PaymentRow, o payment.Order, wakes int64, err error) {
	var numbers []int32
	var sums []int64
	err = s.c.Pool.QueryRow(ctx, `select `+paymentColumns+`, p.wakes, o.state, o.currency, o.total_minor + o.rounding_minor, coalesce(o.expires_at, '0001-01-01'), o.refunded_minor,
		array(select n from refund where order_id = o.id and settled_at is null order by n), array(select total_minor from refund where order_id = o.id and settled_at is null order by n),
		exists (select from payment e where e.order_id = o.id and e.key <> p.key and e.state not in ('failed', 'voided'))
		from payment p join orders o on o.id = p.order_id where p.key = $1`, key).
		Scan(append(paymentFields(&p), &wakes, &o.State, &o.Currency, &o.DueMinor, &o.ExpiresAt, &o.Refunds, &numbers, &sums, &o.Elsewhere)...)
	for i, n := range numbers {
		o.Owed = append(o.Owed, payment.Owed{N: int(n), Minor: sums[i]})
	}
	return inUTC(p), o, wakes, mapError("postgres.case", err)
}

// Save writes what the provider has said. An older version than what is written
// changes nothing.
func (s *PaymentStore) Save(ctx context.Context, key string, p world.Payment, now time.Time) error {
	err := s.c.durably(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update payment set ref = $2, state = $3, captured_minor = $4, refunded_minor = $5, failure = $6, version = $7, changed_at = $8
			where key = $1 and version <= $7 and ref in ('', $2)`, key, p.Ref, p.State, p.CapturedMinor, p.RefundedMinor, p.Failure, p.Version, now)
		return err
	})
	return mapError("postgres.save", err)
}

// Release gives a lease back and says when the payment is to be looked after next,
// zero for not by itself, how often it has failed in a row, and why. Whatever has
// made it due since wakes was read keeps it due.
func (s *PaymentStore) Release(ctx context.Context, key string, until time.Time, wakes int64, due time.Time, tries int, trouble string) error {
	_, err := s.c.Pool.Exec(ctx, `update payment set leased_until = null, tries = $5, trouble = $6,
		due_at = case when wakes = $3 then $4 else least(due_at, $4) end where key = $1 and leased_until = $2`, key, until, wakes, moment(due), tries, trouble)
	return mapError("postgres.release", err)
}

// Heard notes a provider's message and makes its payment due, once for each
// message. key is "" for a payment that we do not have.
func (s *PaymentStore) Heard(ctx context.Context, provider string, e world.PaymentEvent, now time.Time) (key string, fresh bool, err error) {
	err = s.c.durably(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select key from payment where provider = $1 and (ref = $2 and $2 <> '' or key = $3)`, provider, e.Ref, e.Key).Scan(&key)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `insert into payment_event (provider, id, payment, at, received_at) values ($1, $2, $3, $4, $5) on conflict do nothing`, provider, e.ID, key, e.At, now)
		if fresh = err == nil && tag.RowsAffected() == 1; !fresh {
			return err
		}
		_, err = tx.Exec(ctx, `update payment set due_at = least(due_at, $2), wakes = wakes + 1 where key = $1`, key, now)
		return err
	})
	return key, fresh, mapError("postgres.heard", err)
}

// ForgetEvents removes messages that came before a moment, at most limit, and
// returns how many.
func (s *PaymentStore) ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `delete from payment_event where (provider, id) in (select provider, id from payment_event where received_at < $1 order by received_at limit $2)`, before, limit)
	return int(tag.RowsAffected()), mapError("postgres.events", err)
}

// Unsettled are counts of the payments that are to be looked after, by state; how
// many of all are in trouble; since when the longest overdue is; and how many
// orders' money is not what they say, of those whose payments changed since a
// moment.
func (s *PaymentStore) Unsettled(ctx context.Context, now, since time.Time) (world.PaymentSums, error) {
	sums := world.PaymentSums{Unsettled: map[world.PaymentState]int{}}
	b := &pgx.Batch{}
	b.Queue(`select state, count(*) from payment where due_at is not null group by state`).Query(func(rows pgx.Rows) error {
		var state world.PaymentState
		var n int
		_, err := pgx.ForEachRow(rows, []any{&state, &n}, func() error { sums.Unsettled[state] = n; return nil })
		return err
	})
	b.Queue(`select coalesce(extract(epoch from $1 - min(due_at)), 0)::float8 from payment where due_at <= $1`, now).QueryRow(func(row pgx.Row) error {
		var seconds float64
		err := row.Scan(&seconds)
		sums.Overdue = time.Duration(seconds * float64(time.Second))
		return err
	})
	b.Queue(`select count(*) filter (where trouble <> ''), (select count(*) from payment_fault where changed_at >= $1) from payment where changed_at >= $1`, since).QueryRow(func(row pgx.Row) error {
		return row.Scan(&sums.Troubled, &sums.Mismatches)
	})
	return sums, mapError("postgres.unsettled", s.c.Pool.SendBatch(ctx, b).Close())
}
