package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// NotePhoto notes a photo that is about to be taken in: one that no cart ever
// holds is deleted like those that a cart has let go of.
func (s *OrderStore) NotePhoto(ctx context.Context, mediaID string) error {
	_, err := s.c.Pool.Exec(ctx, `insert into unused_photo (media_id) values ($1) on conflict do nothing`, mediaID)
	return mapError("postgres.notephoto", err)
}

// UnusedPhotos are photos that no cart and no order holds, noted before a moment
// and not tried since, at most limit: fewer than limit when there are no more.
// Each counts as tried now, so those that cannot be deleted keep no other back.
func (s *OrderStore) UnusedPhotos(ctx context.Context, before, now time.Time, limit int) (mediaIDs []string, err error) {
	const held = `delete from unused_photo u where since < $1
		and (exists (select from cart_line where photo = u.media_id) or exists (select from order_line where photo = u.media_id))`
	const tried = `update unused_photo set tried_at = $2 where media_id in (
		select media_id from unused_photo where since < $1 and (tried_at is null or tried_at < $1)
		 order by since limit $3 for update skip locked) returning media_id`
	err = pgx.BeginFunc(ctx, s.c.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, held, before); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, tried, before, now, limit)
		if err != nil {
			return err
		}
		mediaIDs, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return mediaIDs, mapError("postgres.unusedphotos", err)
}

// PhotoDeleted forgets a photo that is deleted; with a failure, it keeps why that
// could not be, until it is tried again.
func (s *OrderStore) PhotoDeleted(ctx context.Context, mediaID, failure string) error {
	q, args := `delete from unused_photo where media_id = $1`, []any{mediaID}
	if failure != "" {
		q, args = `update unused_photo set error = $2 where media_id = $1`, append(args, failure)
	}
	_, err := s.c.Pool.Exec(ctx, q, args...)
	return mapError("postgres.photodeleted", err)
}
