package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"meridian/world"
)

// MediaStore keeps manifests: each in the catalog of its asset's write
// region, read here from that cluster's primary or standby.
type MediaStore struct {
	own     *Cluster
	regions map[int]*Cluster // by the region's number, as media ids carry it
	missing []string         // regions of the world without a cluster here
	jobs    *river.Client[pgx.Tx]
}

// NewMediaStore is a region's store over the catalog clusters that can be
// reached there. The region's own must be among them, as a primary; an asset
// of a region without a cluster here is not found.
func NewMediaStore(w *world.World, region string, clusters []*Cluster) (*MediaStore, error) {
	s := &MediaStore{regions: map[int]*Cluster{}}
	for _, c := range clusters {
		r, ok := w.RegionByID(c.Region)
		if !ok {
			return nil, world.E(world.CodeInvalid, "postgres.media", fmt.Sprintf("The cluster %s is of region %q, which the world does not have.", c.Name, c.Region))
		}
		s.regions[r.Number] = c
		if c.Region == region && c.Primary {
			s.own = c
		}
	}
	if s.own == nil {
		return nil, world.E(world.CodeInvalid, "postgres.media", fmt.Sprintf("Region %s needs its own catalog primary: give its connection string.", region))
	}
	for _, r := range w.Regions {
		if s.regions[r.Number] == nil {
			s.missing = append(s.missing, r.ID)
		}
	}
	var err error
	s.jobs, err = newJobInserter(s.own.Pool)
	return s, err
}

// Create stores a new asset with its versions, its replicas and one replicate
// job a replica that is not copied, in one transaction. It returns the
// manifest as stored (a replica that was there already keeps its state) and a
// position at or past the commit; a zero one when that could not be told.
// Errors: conflict when the media id is taken, unavailable and timeout when
// the primary does not take it; then nothing is stored.
func (s *MediaStore) Create(ctx context.Context, m world.Manifest) (world.Manifest, world.Position, error) {
	m.Replicas = inOrder(m.Replicas)
	err := s.own.durably(ctx, func(tx pgx.Tx) error { return s.create(ctx, tx, &m) })
	if err != nil {
		return world.Manifest{}, world.Position{}, mapError("postgres.media create", err)
	}
	pos, err := s.own.Position(ctx)
	if err != nil {
		return m, world.Position{}, nil // it is committed: to fail now would have it sent again
	}
	return m, pos, nil
}

// Confirm waits until what is known of an asset of this region is on disk, also on
// a synchronous standby where there is one. An asset of another region came from
// there by replication: nothing is waited for. Errors: unavailable, timeout.
func (s *MediaStore) Confirm(ctx context.Context, mediaID string) error {
	if number, ok := world.MediaIDRegion(mediaID); !ok || s.regions[number] != s.own {
		return nil
	}
	return mapError("postgres.media confirm", s.own.confirm(ctx))
}

// inOrder is a copy in the one order in which replicas are locked.
func inOrder(replicas []world.Replica) []world.Replica {
	return slices.SortedFunc(slices.Values(replicas), func(a, b world.Replica) int { return cmp.Compare(a.Region, b.Region) })
}

func (s *MediaStore) create(ctx context.Context, tx pgx.Tx, m *world.Manifest) error {
	const asset = `insert into asset (media_id, app, name, owner, audience, zone, write_region, moderation, moderated_at, current_version, created_at)
	               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	_, err := tx.Exec(ctx, asset, m.MediaID, m.App, m.Name, m.Owner, m.Audience, m.Zone, m.WriteRegion,
		m.Moderation.State, m.Moderation.At, m.Current, m.CreatedAt)
	if err != nil {
		return err
	}
	for _, v := range m.Versions {
		if err := s.insertVersion(ctx, tx, m, v); err != nil {
			return err
		}
	}
	if err := noteDecision(ctx, tx, m.MediaID, 0, m.Moderation); err != nil {
		return err
	}
	return s.placeOriginal(ctx, tx, m, m.CurrentVersion(), m.Replicas)
}

// insertVersion writes a version, and for one that is pending a job that asks for
// a verdict.
func (s *MediaStore) insertVersion(ctx context.Context, tx pgx.Tx, m *world.Manifest, v world.Version) error {
	const q = `insert into asset_version (media_id, version, sha256, media_type, bytes, width, height, frames, color, thumbhash,
	               focal_x, focal_y, from_version, edit, moderation, created_at)
	           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, nullif($13, 0), $14, $15, $16)`
	var x, y *float64
	if v.Focal != nil {
		x, y = &v.Focal.X, &v.Focal.Y
	}
	if _, err := tx.Exec(ctx, referenceLock+`_shared(hashtextextended($1, 0))`, v.SHA256); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, q, m.MediaID, v.Number, v.SHA256, v.MediaType, v.Bytes, v.Width, v.Height, v.Frames, v.Color, v.Thumbhash,
		x, y, v.From, v.Edit, v.Moderation, v.CreatedAt)
	if err == nil && v.Moderation == world.ModerationPending {
		_, err = s.jobs.InsertTx(ctx, tx, JudgeArgs{MediaID: m.MediaID, Version: v.Number, App: m.App}, nil)
	}
	return err
}

// noteDecision adds to the record of what was decided about an asset, or about
// one version of it (0: the asset).
func noteDecision(ctx context.Context, tx pgx.Tx, mediaID string, version int, d world.Moderation) error {
	const q = `insert into moderation (media_id, version, state, by, reason, at) values ($1, $2, $3, $4, $5, $6)`
	_, err := tx.Exec(ctx, q, mediaID, version, d.State, d.By, d.Reason, d.At)
	return err
}

// placeOriginal writes the replicas of a version's original, and a job for each
// that is not copied. It sets each to what it is then.
func (s *MediaStore) placeOriginal(ctx context.Context, tx pgx.Tx, m *world.Manifest, v world.Version, replicas []world.Replica) error {
	if m.Visibility != world.Withheld && v.Moderation == world.ModerationApproved {
		if _, err := s.jobs.InsertTx(ctx, tx, PrepareArgs{App: m.App, MediaID: m.MediaID, Version: v.Number}, nil); err != nil {
			return err
		}
	}
	for i := range replicas {
		r := &replicas[i]
		if err := placeReplica(ctx, tx, v.SHA256, r); err != nil {
			return err
		}
		if r.State == world.ReplicaCopied {
			continue
		}
		args := ReplicateArgs{SHA256: v.SHA256, App: m.App, MediaID: m.MediaID, Version: v.Number, Target: r.Region}
		if _, err := s.jobs.InsertTx(ctx, tx, args, nil); err != nil {
			return err
		}
	}
	return nil
}

// placeReplica writes a replica row. The same original may be there from
// another asset: a copy stays copied, a pending one keeps its age, and a
// failed one is pending anew.
func placeReplica(ctx context.Context, tx pgx.Tx, sha256 string, r *world.Replica) error {
	const q = `insert into replica as old (sha256, region, state, at, verified_at) values ($1, $2, $3, $4, $5)
	           on conflict (sha256, region) do update set
	               state = case when old.state = 'copied' then old.state else excluded.state end,
	               at    = case when old.state in ('copied', excluded.state) then old.at else excluded.at end,
	               verified_at = greatest(old.verified_at, excluded.verified_at),
	               error = ''
	           returning state, at, verified_at`
	verified := moment(r.VerifiedAt)
	if err := tx.QueryRow(ctx, q, sha256, r.Region, r.State, r.At, verified).Scan(&r.State, &r.At, &verified); err != nil {
		return err
	}
	if r.At = r.At.UTC(); verified != nil {
		r.VerifiedAt = verified.UTC()
	}
	return nil
}

// manifestColumns reads a manifest whole, in one snapshot.
const manifestColumns = `select a.app, a.media_id, a.name, a.owner, a.visibility, a.audience, a.zone, a.write_region, a.current_version,
       a.moderation, a.moderated_at, coalesce(d.by, ''), coalesce(d.reason, ''), a.created_at, a.deleted_at,
       (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('version', v.version, 'sha256', v.sha256, 'media_type', v.media_type,
                   'bytes', v.bytes, 'width', v.width, 'height', v.height, 'frames', v.frames, 'color', v.color, 'thumbhash', v.thumbhash,
                   'focal', case when v.focal_x is not null then jsonb_build_object('x', v.focal_x, 'y', v.focal_y) end,
                   'from', v.from_version, 'edit', v.edit, 'moderation', v.moderation,
                   'mezzanine', case when v.mezzanine_state <> 'none' then jsonb_build_object('state', v.mezzanine_state, 'sha256', v.mezzanine_sha256) end,
                   'created_at', v.created_at)) order by v.version)
          from asset_version v where v.media_id = a.media_id),
       (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('region', r.region, 'state', r.state, 'at', r.at, 'error', r.error,
                   'verified_at', r.verified_at)) order by r.region), '[]')
          from replica r join asset_version v using (sha256) where v.media_id = a.media_id and v.version = a.current_version)
  from asset a
  left join lateral (select by, reason from moderation m where m.media_id = a.media_id and m.version = 0 order by seq desc limit 1) d on true `

func scanManifest(row pgx.CollectableRow) (world.Manifest, error) {
	var m world.Manifest
	var deleted *time.Time
	err := row.Scan(&m.App, &m.MediaID, &m.Name, &m.Owner, &m.Visibility, &m.Audience, &m.Zone, &m.WriteRegion, &m.Current,
		&m.Moderation.State, &m.Moderation.At, &m.Moderation.By, &m.Moderation.Reason, &m.CreatedAt, &deleted, &m.Versions, &m.Replicas)
	m.CreatedAt, m.Moderation.At = m.CreatedAt.UTC(), m.Moderation.At.UTC()
	if deleted != nil {
		m.DeletedAt = deleted.UTC()
	}
	for i := range m.Versions {
		m.Versions[i].CreatedAt = m.Versions[i].CreatedAt.UTC()
	}
	for i := range m.Replicas {
		r := &m.Replicas[i]
		r.At, r.VerifiedAt = r.At.UTC(), r.VerifiedAt.UTC()
	}
	return m, err
}

// Manifest is what this region knows of an asset; any app's when app is "". Its
// replicas are those of the current version's original. Errors: not_found, also
// when the asset's write region has not been replicated as far yet; unavailable,
// timeout.
func (s *MediaStore) Manifest(ctx context.Context, app, mediaID string) (world.Manifest, error) {
	const op = "postgres.media manifest"
	number, ok := world.MediaIDRegion(mediaID)
	c := s.regions[number]
	if !ok || c == nil {
		return world.Manifest{}, world.E(world.CodeNotFound, op, "")
	}
	m, err := oneManifest(ctx, c.Pool, app, mediaID)
	return m, mapError(op+" "+c.Name, err)
}

func oneManifest(ctx context.Context, conn querier, app, mediaID string) (world.Manifest, error) {
	rows, err := conn.Query(ctx, manifestColumns+`where a.media_id = $1 and $2 in (a.app, '')`, mediaID, app)
	if err != nil {
		return world.Manifest{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanManifest)
}

// WaitFor waits, at most for limit, until the catalog that holds an asset has
// here what the positions name of it. It reports whether it has; true for an
// asset of a region without a cluster here, which is asked for elsewhere.
func (s *MediaStore) WaitFor(ctx context.Context, mediaID string, positions []world.Position, limit time.Duration) (bool, error) {
	number, _ := world.MediaIDRegion(mediaID)
	c := s.regions[number]
	for _, p := range positions {
		if c != nil && p.Cluster == c.Name {
			return c.WaitFor(ctx, p, limit)
		}
	}
	return true, nil
}

// List is an app's assets of every write region, newest first, at most limit,
// without those that are deleted and those that the filter leaves out. missing
// names the regions whose catalog did not answer and whose assets are therefore
// left out; when none did, that is the error.
func (s *MediaStore) List(ctx context.Context, app string, f world.AssetFilter, limit int) (page []world.Manifest, missing []string, err error) {
	const q = manifestColumns + `where a.app = $1 and a.deleted_at is null
	              and ($2::timestamptz is null or (a.created_at, a.media_id collate "C") < ($2, $3))
	              and ($5 = '' or a.moderation = $5 or exists (select from asset_version v where v.media_id = a.media_id and v.moderation = $5))
	              and ($6 = '' or position(lower($6) in lower(a.name)) > 0)
	            order by a.created_at desc, a.media_id collate "C" desc limit $4`
	order := func(a, b world.Manifest) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.MediaID, a.MediaID))
	}
	return newest(ctx, "postgres.media list", s.regions, limit, order, alike(scanManifest), q, app, moment(f.Before), f.BeforeID, limit, f.State, f.Name)
}

// MarkReplica records how far an original's copy in a region has come, at the
// given time. A copy that is copied stays copied: a late failure of a second
// attempt does not undo it. Errors: not_found when no such replica is meant.
func (s *MediaStore) MarkReplica(ctx context.Context, sha256 string, r world.Replica) error {
	const q = `update replica set
	               at    = case when state in ('copied', $3) then at else $4 end,
	               state = case when state = 'copied' then state else $3 end,
	               error = case when state = 'copied' then '' else $5 end,
	               verified_at = coalesce($6, verified_at)
	            where sha256 = $1 and region = $2`
	tag, err := s.own.Pool.Exec(ctx, q, sha256, r.Region, r.State, r.At, r.Error, moment(r.VerifiedAt))
	if err == nil && tag.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	return mapError("postgres.media mark", err)
}

// Uncopied calls each with the replicas of this region's assets that are
// pending or failed, by target region and state: how many, and since when the
// oldest is so.
func (s *MediaStore) Uncopied(ctx context.Context, each func(region string, state world.ReplicaState, count int, oldest time.Time)) error {
	const q = `select region, state, count(*), min(at) from replica where state <> 'copied' group by region, state`
	rows, err := s.own.Pool.Query(ctx, q)
	if err != nil {
		return mapError("postgres.media uncopied", err)
	}
	var region string
	var state world.ReplicaState
	var count int
	var oldest time.Time
	_, err = pgx.ForEachRow(rows, []any{&region, &state, &count, &oldest}, func() error {
		each(region, state, count, oldest.UTC())
		return nil
	})
	return mapError("postgres.media uncopied", err)
}
