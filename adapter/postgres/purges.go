package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// purge puts into the outbox what is to be forgotten, as part of the
// transaction that makes it so, and returns the place of its last event in the
// feed. What one event cannot carry becomes several.
func purge(ctx context.Context, tx pgx.Tx, p world.Purge) (last world.Cursor, err error) {
	const q = `insert into outbox (kind, groups, urls, everything, soft, purge_id) values ($1, $2, $3, $4, $5, $6)
	           returning txid::text::numeric::bigint, seq`
	for _, part := range p.Parts() {
		err := tx.QueryRow(ctx, q, world.EventPurge, texts(part.Groups), texts(part.URLs), part.All, part.Soft, part.ID).Scan(&last.Tx, &last.Seq)
		if err != nil {
			return last, err
		}
	}
	return last, nil
}

// texts is never null.
func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// PurgeStore keeps the purges that were asked for in a region, and reads those
// of the others.
type PurgeStore struct {
	own     *Cluster
	regions map[int]*Cluster // by the region's number
}

// NewPurgeStore keeps purges in the primary of the given region's catalog
// cluster, one of clusters. Fails with invalid when that is not there.
func NewPurgeStore(w *world.World, region string, clusters []*Cluster) (*PurgeStore, error) {
	s := &PurgeStore{regions: map[int]*Cluster{}}
	for _, c := range clusters {
		if r, ok := w.RegionByID(c.Region); ok {
			s.regions[r.Number] = c
		}
		if c.Region == region && c.Primary {
			s.own = c
		}
	}
	if s.own == nil {
		return nil, world.E(world.CodeInvalid, "postgres.purges", "catalogs must hold the primary of region "+region+".")
	}
	return s, nil
}

// Begin writes down a purge and, in the same transaction, puts here into the
// region's feed, unless it is empty; cursor is its place there. When the token
// has used the key before, nothing is done and the purge of then is returned,
// with existed true.
func (s *PurgeStore) Begin(ctx context.Context, p world.PurgeAsked, here world.Purge) (asked world.PurgeAsked, cursor world.Cursor, existed bool, err error) {
	const op = "postgres.purge begin"
	key := p.Key
	if key == "" {
		key = "id " + p.ID // a key has no space: nobody can use this one
	}
	err = s.own.durably(ctx, func(tx pgx.Tx) error {
		const insert = `insert into purge (id, token, idempotency_key, client, at, groups, urls, everything, soft, regions)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (token, idempotency_key) do nothing`
		tag, err := tx.Exec(ctx, insert, p.ID, p.Token, key, p.Client, p.At, texts(p.Groups), texts(p.URLs), p.All, p.Soft, texts(p.Regions))
		if err != nil {
			return err
		}
		if existed = tag.RowsAffected() == 0; existed {
			asked, err = onePurge(ctx, tx, `where token = $1 and idempotency_key = $2`, p.Token, key)
			return err
		}
		asked = p
		if here.Empty() {
			return nil
		}
		if cursor, err = purge(ctx, tx, here); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update purge set result = jsonb_build_object('placed', jsonb_build_object($2::text, $3::text)) where id = $1`, p.ID, s.own.Region, cursor.String())
		return err
	})
	if err == nil && existed {
		err = s.own.confirm(ctx)
	}
	return asked, cursor, existed, mapError(op, err)
}

// Place puts a purge into the region's feed and returns its place there.
func (s *PurgeStore) Place(ctx context.Context, p world.Purge) (cursor world.Cursor, err error) {
	err = s.own.durably(ctx, func(tx pgx.Tx) error {
		cursor, err = purge(ctx, tx, p)
		return err
	})
	return cursor, mapError("postgres.purge place", err)
}

// Record keeps how far a purge has come. Places that are known stay known.
func (s *PurgeStore) Record(ctx context.Context, id string, r world.PurgeResult) error {
	const q = `update purge set result = $2::jsonb || jsonb_build_object('placed',
	               coalesce(result -> 'placed', '{}') || coalesce($2::jsonb -> 'placed', '{}')) where id = $1`
	tag, err := s.own.Pool.Exec(ctx, q, id, r)
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return mapError("postgres.purge record", err)
}

// Unplaced are the purges asked for in this region since a moment whose place
// in some region's feed is not known, oldest first, at most limit.
func (s *PurgeStore) Unplaced(ctx context.Context, since time.Time, limit int) ([]world.PurgeAsked, error) {
	const where = `where at > $1 and not coalesce(result -> 'placed', '{}') ?& regions order by at limit $2`
	rows, err := s.own.Pool.Query(ctx, purgeColumns+where, since, limit)
	if err != nil {
		return nil, mapError("postgres.purge unplaced", err)
	}
	list, err := pgx.CollectRows(rows, scanPurge)
	return list, mapError("postgres.purge unplaced", err)
}

// Asked is one purge, wherever it was asked for; not_found when there is none,
// also when its region's catalog has not been replicated as far yet.
func (s *PurgeStore) Asked(ctx context.Context, id string) (world.PurgeAsked, error) {
	const op = "postgres.purge asked"
	number, ok := world.MediaIDRegion(id)
	c := s.regions[number]
	if !ok || c == nil {
		return world.PurgeAsked{}, world.E(world.CodeNotFound, op, "")
	}
	p, err := onePurge(ctx, c.Pool, `where id = $1`, id)
	return p, mapError(op, err)
}

// List is the newest purges of every region before a moment, zero for now, at
// most limit; token "" for those of all tokens. missing names the regions whose
// catalog did not answer; when none did, that is the error.
func (s *PurgeStore) List(ctx context.Context, token string, before time.Time, limit int) (page []world.PurgeAsked, missing []string, err error) {
	const where = `where ($1 = '' or token = $1) and ($2::timestamptz is null or at < $2) order by at desc limit $3`
	order := func(a, b world.PurgeAsked) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID)) }
	return newest(ctx, "postgres.purge list", s.regions, limit, order, alike(scanPurge), purgeColumns+where, token, moment(before), limit)
}

// ForgetEvents removes events from the region's feed that came before a moment,
// and at least an hour ago, at most limit, the oldest first, and returns how many:
// fewer than limit when there are no more. A follower whose cursor lies before
// what is left is told to begin anew.
func (s *PurgeStore) ForgetEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.forget(ctx, "outbox_forget", before, limit)
}

// ForgetPurges removes purges from the list that were asked for in this region
// before a moment, and at least a day ago, as [PurgeStore.ForgetEvents] does.
func (s *PurgeStore) ForgetPurges(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.forget(ctx, "purge_forget", before, limit)
}

func (s *PurgeStore) forget(ctx context.Context, function string, before time.Time, limit int) (n int, err error) {
	err = s.own.Pool.QueryRow(ctx, "select "+function+"($1, $2)", before, limit).Scan(&n)
	return n, mapError("postgres."+function, err)
}

const purgeColumns = `select id, token, client, at, groups, urls, everything, soft, regions, result from purge `

func onePurge(ctx context.Context, conn querier, where string, args ...any) (world.PurgeAsked, error) {
	rows, err := conn.Query(ctx, purgeColumns+where, args...)
	if err != nil {
		return world.PurgeAsked{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanPurge)
}

func scanPurge(row pgx.CollectableRow) (world.PurgeAsked, error) {
	var p world.PurgeAsked
	err := row.Scan(&p.ID, &p.Token, &p.Client, &p.At, &p.Groups, &p.URLs, &p.All, &p.Soft, &p.Regions, &p.Result)
	p.At = p.At.UTC()
	return p, err
}
