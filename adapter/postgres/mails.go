package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/world"
)

// MailStore keeps the letters that a region's shop owes buyers, in its resident
// cluster.
type MailStore struct{ c *Cluster }

// NewMailStore keeps letters in the given resident cluster.
func NewMailStore(c *Cluster) *MailStore { return &MailStore{c: c} }

// ClaimMails are letters that are due, oldest first, at most limit, and the
// caller's for the time of a lease: until then nobody else gets them.
func (s *MailStore) ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]world.QueuedMail, error) {
	const op = "postgres.claim mails"
	rows, err := s.c.Pool.Query(ctx, `
update mail m set attempts = attempts + 1, next_at = now() + $2 * interval '1 microsecond'
  from (select id from mail where state = 'waiting' and next_at <= now() order by next_at, id limit $1 for update skip locked) due
 where m.id = due.id returning m.id, m.order_id, m.kind, m.n, m.at, m.attempts`, limit, lease.Microseconds())
	if err != nil {
		return nil, mapError(op, err)
	}
	mails, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.QueuedMail])
	return mails, mapError(op, err)
}

// MailSent notes that a letter is sent. It changes nothing where the letter has
// been claimed again since: then it is sent twice, under one id.
func (s *MailStore) MailSent(ctx context.Context, m world.QueuedMail) error {
	return s.settle(ctx, "postgres.mail sent", m, `state = 'sent', done_at = now(), failure = ''`)
}

// MailFailed notes why a letter could not be sent, and that it is due again in a
// while.
func (s *MailStore) MailFailed(ctx context.Context, m world.QueuedMail, again time.Duration, why string) error {
	return s.settle(ctx, "postgres.mail failed", m, `next_at = now() + $3 * interval '1 microsecond', failure = $4`, again.Microseconds(), why)
}

// ParkMail gives a letter up: it is kept, with the reason, until somebody has it
// tried again.
func (s *MailStore) ParkMail(ctx context.Context, m world.QueuedMail, why string) error {
	return s.settle(ctx, "postgres.park mail", m, `state = 'parked', done_at = now(), failure = $3`, why)
}

func (s *MailStore) settle(ctx context.Context, op string, m world.QueuedMail, set string, values ...any) error {
	return settleRow(ctx, s.c.Pool, op, "mail", m.ID, m.Attempts, set, values...)
}

// settleRow changes a row of a queue whose attempt is still the one that was
// claimed. set names its values from $3 on.
func settleRow(ctx context.Context, pool *pgxpool.Pool, op, table string, id int64, attempt int, set string, values ...any) error {
	_, err := pool.Exec(ctx, `update `+table+` set `+set+` where id = $1 and attempts = $2 and state = 'waiting'`, append([]any{id, attempt}, values...)...)
	return mapError(op, err)
}

// ParkedMails are a market's letters that were given up, the newest first, with ids
// below before (0: from the newest on), at most limit.
func (s *MailStore) ParkedMails(ctx context.Context, market string, before int64, limit int) ([]world.ParkedMail, error) {
	const op = "postgres.parked mails"
	rows, err := s.c.Pool.Query(ctx, `select m.id, m.order_id, m.kind, m.n, m.at, m.attempts, o.number, m.failure, m.done_at from mail m join orders o on o.id = m.order_id
		where m.state = 'parked' and o.market = $1 and ($2 = 0 or m.id < $2) order by m.id desc limit $3`, market, before, limit)
	if err != nil {
		return nil, mapError(op, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m world.ParkedMail, err error) {
		return m, row.Scan(&m.ID, &m.OrderID, &m.Kind, &m.N, &m.At, &m.Attempts, &m.Number, &m.Failure, &m.Since)
	})
	return all, mapError(op, err)
}

// RetryMail has a letter of a market that was given up tried again. Errors:
// not_found for one that was not.
func (s *MailStore) RetryMail(ctx context.Context, market string, id int64) error {
	const op = "postgres.retry mail"
	tag, err := s.c.Pool.Exec(ctx, `update mail m set state = 'waiting', done_at = null, attempts = 0, next_at = now()
		from orders o where o.id = m.order_id and o.market = $1 and m.id = $2 and m.state = 'parked'`, market, id)
	if err != nil {
		return mapError(op, err)
	}
	if tag.RowsAffected() == 0 {
		return world.E(world.CodeNotFound, op, "No letter of this number was given up. Look at the list.")
	}
	return nil
}

// ForgetMails removes at most limit letters that were sent or given up before a
// moment, and returns how many.
func (s *MailStore) ForgetMails(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `delete from mail where id in (select id from mail where state <> 'waiting' and done_at < $1 order by done_at, id limit $2)`, before, limit)
	return int(tag.RowsAffected()), mapError("postgres.forget mails", err)
}

// History is an order's log and its refunds, oldest first.
func (s *MailStore) History(ctx context.Context, orderID string) (log []world.OrderNote, refunds []world.Refund, err error) {
	return NewOrderStore(s.c).History(ctx, orderID)
}
