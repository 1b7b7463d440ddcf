package postgres

import (
	"context"

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
