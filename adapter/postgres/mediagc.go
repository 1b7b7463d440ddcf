package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/world"
)

// referenceLock begins the statement that keeps whoever makes a version of an
// original and whoever removes that original apart, within a region.
const referenceLock = `select pg_advisory_xact_lock`

// Referenced are those of some originals that an asset refers to: any version of
// any that is not deleted, in the catalog of any region. A catalog that cannot be
// read, or is not known here, is an error, for it might tell of one.
func (s *MediaStore) Referenced(ctx context.Context, sha256 []string) (map[string]bool, error) {
	const op = "postgres.media referenced"
	if err := s.wholeWorld(op); err != nil {
		return nil, err
	}
	const q = `select distinct v.sha256 from asset_version v join asset a using (media_id) where v.sha256 = any($1) and a.deleted_at is null`
	found := map[string]bool{}
	for _, c := range s.regions {
		rows, err := c.Pool.Query(ctx, q, sha256)
		if err != nil {
			return nil, mapError(op+" "+c.Name, err)
		}
		some, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, mapError(op+" "+c.Name, err)
		}
		for _, sha := range some {
			found[sha] = true
		}
	}
	return found, nil
}

// wholeWorld fails with unavailable where a region's catalog is not known here.
func (s *MediaStore) wholeWorld(op string) error {
	if len(s.missing) == 0 {
		return nil
	}
	return world.E(world.CodeUnavailable, op, "Whether an original is referred to cannot be told: the catalog of "+strings.Join(s.missing, ", ")+" is not known here. Give its connection string.")
}

// Unreferenced does what is to be done with an original that no asset refers to,
// in the sense of [MediaStore.Referenced], and reports whether nobody did. While
// it is done nobody here can make a version of that original.
func (s *MediaStore) Unreferenced(ctx context.Context, sha256 string, do func(context.Context) error) (free bool, err error) {
	const op = "postgres.media unreferenced"
	if err := s.wholeWorld(op); err != nil {
		return false, err
	}
	err = pgx.BeginFunc(ctx, s.own.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, referenceLock+`(hashtextextended($1, 0))`, sha256); err != nil {
			return mapError(op, err)
		}
		const q = `select exists (select from asset_version v join asset a using (media_id) where v.sha256 = $1 and a.deleted_at is null)`
		for _, c := range s.regions {
			var referenced bool
			if err := c.Pool.QueryRow(ctx, q, sha256).Scan(&referenced); err != nil || referenced {
				return mapError(op+" "+c.Name, err)
			}
		}
		free = true
		return do(ctx)
	})
	if err != nil {
		return false, world.Wrap(op, err)
	}
	return free, nil
}

// Asked records that stored variants were asked for on a day. A key that is there
// with the same day costs no write.
func (s *MediaStore) Asked(ctx context.Context, day time.Time, keys []string) error {
	const q = `insert into variant_asked as old (key, day) select distinct k, $1::date from unnest($2::text[]) k
	           on conflict (key) do update set day = excluded.day where old.day < excluded.day`
	_, err := s.own.Pool.Exec(ctx, q, day, keys)
	return mapError("postgres.media asked", err)
}

// AskedSince are those of some stored variants that were asked for on a day or
// later.
func (s *MediaStore) AskedSince(ctx context.Context, day time.Time, keys []string) (map[string]bool, error) {
	const op = "postgres.media asked since"
	rows, err := s.own.Pool.Query(ctx, `select key from variant_asked where key = any($2) and day >= $1::date`, day, keys)
	if err != nil {
		return nil, mapError(op, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	asked := make(map[string]bool, len(found))
	for _, key := range found {
		asked[key] = true
	}
	return asked, mapError(op, err)
}

// ForgetAsked removes what is recorded of days before one.
func (s *MediaStore) ForgetAsked(ctx context.Context, day time.Time) error {
	_, err := s.own.Pool.Exec(ctx, `delete from variant_asked where day < $1::date`, day)
	return mapError("postgres.media forget asked", err)
}

// HeldBytes is how many originals of an app a region holds, by what the catalogs
// here say, and how many bytes they have. An original that assets of two write
// regions share counts for each of those.
func (s *MediaStore) HeldBytes(ctx context.Context, region, app string) (held world.Amount, err error) {
	const q = `select count(*), coalesce(sum(bytes), 0)::bigint from (
	               select distinct on (r.sha256) v.bytes from replica r join asset_version v using (sha256) join asset a using (media_id)
	                where r.region = $1 and r.state = 'copied' and a.app = $2 and a.deleted_at is null) o`
	for _, c := range s.regions {
		var one world.Amount
		if err := c.Pool.QueryRow(ctx, q, region, app).Scan(&one.Objects, &one.Bytes); err != nil {
			return held, mapError("postgres.media held bytes "+c.Name, err)
		}
		held.Objects, held.Bytes = held.Objects+one.Objects, held.Bytes+one.Bytes
	}
	return held, nil
}
