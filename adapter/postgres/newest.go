package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// newest is the first rows, at most limit, of what a query tells in any of some
// regions' clusters, in the given order; the query itself keeps that order and
// limit. missing names the regions that did not answer; when none did, that is
// the error.
func newest[T any](ctx context.Context, op string, regions map[int]*Cluster, limit int, order func(a, b T) int,
	row func(*Cluster) pgx.RowToFunc[T], query string, args ...any) (page []T, missing []string, err error) {
	for _, c := range regions {
		rows, queryErr := c.Pool.Query(ctx, query, args...)
		var found []T
		if queryErr == nil {
			found, queryErr = pgx.CollectRows(rows, row(c))
		}
		if queryErr != nil {
			missing, err = append(missing, c.Region), mapError(op+" "+c.Name, queryErr)
			continue
		}
		page = append(page, found...)
	}
	if len(missing) == len(regions) {
		return nil, nil, err
	}
	slices.Sort(missing)
	slices.SortFunc(page, order)
	return page[:min(limit, len(page))], missing, nil
}

// alike reads every cluster's rows by one function.
func alike[T any](row pgx.RowToFunc[T]) func(*Cluster) pgx.RowToFunc[T] {
	return func(*Cluster) pgx.RowToFunc[T] { return row }
}

// moment is a time for a query; null for a zero one.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
