package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"meridian/world"
)

// HookStore keeps the endpoints of owners' systems and what they are told, in a
// region's resident cluster.
type HookStore struct{ c *Cluster }

// NewHookStore keeps them in the given resident cluster.
func NewHookStore(c *Cluster) *HookStore { return &HookStore{c: c} }

// AddEndpoint keeps an endpoint with its secret. The same key again changes nothing:
// again says so, and the secret is the former one. Keys are kept for thirty days.
// Errors: invalid for one that cannot be, conflict when the market has
// [world.MaxHookEndpoints], or when the key was another act's.
func (s *HookStore) AddEndpoint(ctx context.Context, e world.HookEndpoint, secret, key string, open bool) (again bool, err error) {
	const op = "postgres.add endpoint"
	if err := e.Check(open); err != nil {
		return false, world.Wrap(op, err)
	}
	// By its hash: the address may hold a password of the receiver's, and keys outlive endpoints.
	what := fmt.Sprintf("endpoint %s %x", e.ID, sha256.Sum256(fmt.Append(nil, e.URL, e.Kinds)))
	again, err = s.c.underKey(ctx, "hooks/"+e.Market, key, what, func(tx pgx.Tx) error {
		// Two that are added at once must not both be the last that fits.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('hook_endpoint ' || $1, 0))`, e.Market); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `insert into hook_endpoint (id, market, url, kinds, secret)
			select $1, $2, $3, $4, $5 where (select count(*) from hook_endpoint where market = $2) < $6`, e.ID, e.Market, e.URL, e.Kinds, secret, world.MaxHookEndpoints)
		if err == nil && tag.RowsAffected() == 0 {
			return world.E(world.CodeConflict, op, fmt.Sprintf("A market has at most %d endpoints: remove one first.", world.MaxHookEndpoints))
		}
		return err
	})
	return again, mapError(op, err)
}

// Endpoints are a market's, oldest first, without their secrets.
func (s *HookStore) Endpoints(ctx context.Context, market string) ([]world.HookEndpoint, error) {
	const op = "postgres.endpoints"
	rows, err := s.c.Pool.Query(ctx, `
select id, market, url, kinds, enabled, created_at, case when old_until > now() then old_until end,
       (select count(*) from (select from hook_delivery d where d.endpoint = e.id and d.state = 'waiting' limit $2) w),
       coalesce((select failure from hook_delivery d where d.endpoint = e.id and d.state = 'waiting' order by tx, id limit 1), '')
  from hook_endpoint e where market = $1 order by created_at, id`, market, world.MaxHookWaiting)
	if err != nil {
		return nil, mapError(op, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e world.HookEndpoint, err error) {
		var old pgtype.Timestamptz
		err = row.Scan(&e.ID, &e.Market, &e.URL, &e.Kinds, &e.Enabled, &e.CreatedAt, &old, &e.Waiting, &e.Failure)
		e.OldUntil = finite(old)
		return e, err
	})
	return all, mapError(op, err)
}

// RemoveEndpoint forgets an endpoint and all that it was told or is owed.
// not_found where the market has none of this id.
func (s *HookStore) RemoveEndpoint(ctx context.Context, market, id string) error {
	return s.one(ctx, "postgres.remove endpoint", `delete from hook_endpoint where market = $1 and id = $2`, market, id)
}

// EnableEndpoint has an endpoint told, or not: what happens while it is not is
// not kept for it, what is owed waits. not_found where there is none.
func (s *HookStore) EnableEndpoint(ctx context.Context, market, id string, enabled bool) error {
	return s.one(ctx, "postgres.enable endpoint", `update hook_endpoint set enabled = $3 where market = $1 and id = $2`, market, id, enabled)
}

// RotateSecret gives an endpoint another secret. For the time of keep messages are
// signed with both, so that the receiver can change at its leisure. While that lasts
// another one takes the newer one's place, and the older, which the receiver has, is
// good for the time of keep again. The same key again changes nothing, as in
// [HookStore.AddEndpoint]. Errors: not_found where there is no such endpoint, conflict
// when the key was another act's.
func (s *HookStore) RotateSecret(ctx context.Context, market, id, secret, key string, keep time.Duration) (again bool, err error) {
	const op = "postgres.rotate secret"
	again, err = s.c.underKey(ctx, "hooks/"+market, key, "rotate "+id, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update hook_endpoint set old_secret = case when old_until > now() then old_secret else secret end,
			old_until = now() + $4 * interval '1 microsecond', secret = $3 where market = $1 and id = $2`, market, id, secret, keep.Microseconds())
		if err == nil && tag.RowsAffected() == 0 {
			return noHook(op)
		}
		return err
	})
	return again, mapError(op, err)
}

const messageColumns = `d.id, d.endpoint, d.message, d.kind, d.at, d.since, d.data, d.state, d.attempts, d.failure`

// Messages are what an endpoint is owed and was told, newest first, with ids below
// before (0: from the newest on), at most limit.
func (s *HookStore) Messages(ctx context.Context, market, endpoint string, before int64, limit int) ([]world.HookMessage, error) {
	const op = "postgres.messages"
	rows, err := s.c.Pool.Query(ctx, `select `+messageColumns+` from hook_delivery d join hook_endpoint e on e.id = d.endpoint
		where e.market = $1 and d.endpoint = $2 and ($3 = 0 or d.id < $3) order by d.id desc limit $4`, market, endpoint, before, limit)
	if err != nil {
		return nil, mapError(op, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[world.HookMessage])
	return all, mapError(op, err)
}

// Replay has a message that was sent or given up sent again, under the same id,
// before what is younger. not_found where the market has no such message.
func (s *HookStore) Replay(ctx context.Context, market string, id int64) error {
	return s.one(ctx, "postgres.replay", `update hook_delivery d set state = 'waiting', done_at = null, attempts = 0, next_at = now(), since = now()
		from hook_endpoint e where e.id = d.endpoint and e.market = $1 and d.id = $2 and d.state <> 'waiting'`, market, id)
}

// ReplaySince has an endpoint's messages from a moment on sent again that were given
// up, and those that were sent too where sent says so: the oldest first, at most
// [world.MaxHookReplay]. It returns how many, and where that is the most, whether more
// are left is for the caller to ask again. not_found where there is no such endpoint.
func (s *HookStore) ReplaySince(ctx context.Context, market, endpoint string, since time.Time, sent bool) (int, error) {
	const op = "postgres.replay since"
	var there bool
	if err := s.c.Pool.QueryRow(ctx, `select exists (select from hook_endpoint where market = $1 and id = $2)`, market, endpoint).Scan(&there); err != nil {
		return 0, mapError(op, err)
	}
	if !there {
		return 0, noHook(op)
	}
	tag, err := s.c.Pool.Exec(ctx, `update hook_delivery set state = 'waiting', done_at = null, attempts = 0, next_at = now(), since = now() where id in (
		select id from hook_delivery where endpoint = $1 and at >= $2 and (state = 'parked' or $3 and state = 'sent') order by id limit $4)`, endpoint, since, sent, world.MaxHookReplay)
	return int(tag.RowsAffected()), mapError(op, err)
}

func noHook(op string) error {
	return world.E(world.CodeNotFound, op, "The market has no such endpoint or message. Look at the list.")
}

// one runs what must change a row.
func (s *HookStore) one(ctx context.Context, op, query string, args ...any) error {
	tag, err := s.c.Pool.Exec(ctx, query, args...)
	if err == nil && tag.RowsAffected() == 0 {
		return noHook(op)
	}
	return mapError(op, err)
}

// ClaimHooks are the first messages of endpoints that are owed any, if they are
// due, at most limit, and the caller's for the time of a lease. An endpoint's next
// one is given when its first is settled, so each is told in order: that of the
// transactions, and nothing is shown before all that is older is settled.
func (s *HookStore) ClaimHooks(ctx context.Context, limit int, lease time.Duration) ([]world.HookCall, error) {
	const op = "postgres.claim hooks"
	rows, err := s.c.Pool.Query(ctx, `
with due as (
    select first.id from hook_endpoint e cross join lateral (
           select id, next_at from hook_delivery where endpoint = e.id and state = 'waiting' and tx < pg_snapshot_xmin(pg_current_snapshot()) order by tx, id limit 1) first
     where e.enabled and first.next_at <= now() order by first.next_at limit $1),
locked as (select d.id from hook_delivery d join due using (id) where d.state = 'waiting' and d.next_at <= now() for update of d skip locked)
update hook_delivery d set attempts = d.attempts + 1, next_at = now() + $2 * interval '1 microsecond'
  from locked l, hook_endpoint e where d.id = l.id and e.id = d.endpoint
returning `+messageColumns+`, e.url, array_remove(array[e.secret, case when e.old_until > now() then e.old_secret end], null)`, limit, lease.Microseconds())
	if err != nil {
		return nil, mapError(op, err)
	}
	calls, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (world.HookCall, error) {
		var c world.HookCall
		err := row.Scan(&c.ID, &c.Endpoint, &c.Message, &c.Kind, &c.At, &c.Since, &c.Data, &c.State, &c.Attempts, &c.Failure, &c.URL, &c.Secrets)
		return c, err
	})
	return calls, mapError(op, err)
}

// HookSent, HookFailed and ParkHook settle a message: told, due again in a while,
// or given up until somebody replays it. They change nothing where it has been
// claimed again since.
func (s *HookStore) HookSent(ctx context.Context, m world.HookMessage) error {
	return s.settle(ctx, "postgres.hook sent", m, `state = 'sent', done_at = now(), failure = ''`)
}

// HookFailed is described at [HookStore.HookSent].
func (s *HookStore) HookFailed(ctx context.Context, m world.HookMessage, again time.Duration, why string) error {
	return s.settle(ctx, "postgres.hook failed", m, `next_at = now() + $3 * interval '1 microsecond', failure = $4`, again.Microseconds(), why)
}

// ParkHook is described at [HookStore.HookSent].
func (s *HookStore) ParkHook(ctx context.Context, m world.HookMessage, why string) error {
	return s.settle(ctx, "postgres.park hook", m, `state = 'parked', done_at = now(), failure = $3`, why)
}

func (s *HookStore) settle(ctx context.Context, op string, m world.HookMessage, set string, values ...any) error {
	return settleRow(ctx, s.c.Pool, op, "hook_delivery", m.ID, m.Attempts, set, values...)
}

// ForgetHooks removes at most limit messages that were settled before a moment,
// and returns how many.
func (s *HookStore) ForgetHooks(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.c.Pool.Exec(ctx, `delete from hook_delivery where id in (select id from hook_delivery where state <> 'waiting' and done_at < $1 order by done_at, id limit $2)`, before, limit)
	return int(tag.RowsAffected()), mapError("postgres.forget hooks", err)
}
