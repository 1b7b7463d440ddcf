package postgres

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"meridian/engine/failover"
)

// LeftRow is a row that a former primary alone has so, a line of JSON each. There
// is what it has, Here what the primary of now has.
type LeftRow struct {
	Table  string          `json:"table"`
	Change string          `json:"change"` // added, changed or removed, there
	Key    json.RawMessage `json:"key"`
	There  json.RawMessage `json:"there,omitempty"`
	Here   json.RawMessage `json:"here,omitempty"`
}

// left compares two servers' rows table by table.
type left struct {
	there, here *pgx.Conn
	low, next   uint64
	out         *json.Encoder
}

// LeftBehind writes the rows to out that a former primary alone has: what
// transactions did there that were not replicated before another took over. low
// and next are the promotion's, as [Console.End] told them. A row that it removed
// and the new primary has changed since is not told.
func (c *Console) LeftBehind(ctx context.Context, there, here string, low, next uint64, out io.Writer) (counts []failover.Left, err error) {
	buffered := bufio.NewWriter(out)
	err = c.with(ctx, there, func(old *pgx.Conn) error {
		return c.with(ctx, here, func(now *pgx.Conn) error {
			l := left{there: old, here: now, low: low, next: next, out: json.NewEncoder(buffered)}
			counts, err = l.all(ctx)
			return err
		})
	})
	if err == nil {
		err = buffered.Flush()
	}
	return counts, err
}

// table is one to compare; its names are quoted.
type table struct {
	name string
	key  []string
}

// tablesQuery names the tables that are replicated, with the columns of their keys.
const tablesQuery = `select format('%I.%I', n.nspname, c.relname),
       coalesce(array_agg(quote_ident(a.attname) order by array_position(i.indkey::int2[], a.attnum)) filter (where a.attname is not null), '{}')
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join pg_index i on i.indrelid = c.oid and i.indisprimary
  left join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
 where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema')
 group by 1 order by 1`

func (l *left) all(ctx context.Context) ([]failover.Left, error) {
	there, err := tables(ctx, l.there)
	if err != nil {
		return nil, errNoRows("the tables there", err)
	}
	here, err := tables(ctx, l.here)
	if err != nil {
		return nil, errNoRows("the tables here", err)
	}
	var out []failover.Left
	for _, t := range there {
		count := failover.Left{Table: t.name}
		known := slices.ContainsFunc(here, func(o table) bool { return o.name == t.name && slices.Equal(o.key, t.key) })
		if err := l.compare(ctx, t, known && len(t.key) > 0, &count); err != nil {
			return nil, errNoRows(t.name, err)
		}
		if count.Added+count.Changed+count.Removed > 0 {
			out = append(out, count)
		}
	}
	return out, nil
}

func tables(ctx context.Context, conn *pgx.Conn) ([]table, error) {
	rows, err := conn.Query(ctx, tablesQuery)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t table, err error) {
		err = row.Scan(&t.name, &t.key)
		return t, err
	})
}

// compare tells what was done to a table. Of one without a key, or that there is
// only there, every row of an unreplicated transaction is told as added.
func (l *left) compare(ctx context.Context, t table, keyed bool, count *failover.Left) error {
	written, err := l.written(ctx, t)
	if err != nil {
		return err
	}
	for _, w := range written {
		row := LeftRow{Table: t.name, Change: "added", There: w.row}
		if keyed {
			if err := l.counterpart(ctx, t, &row); err != nil {
				return err
			}
		}
		switch {
		case row.Here == nil:
			count.Added++
		case string(row.Here) == string(row.There):
			continue // it was replicated, or made here again
		default:
			row.Change = "changed"
			count.Changed++
		}
		if err := l.out.Encode(row); err != nil {
			return err
		}
	}
	if !keyed {
		return nil
	}
	return l.removed(ctx, t, count)
}

type writtenRow struct {
	xid uint64
	row json.RawMessage
}

// written are the rows there of transactions that were not replicated. A row shows
// the lower half of its transaction's number (PostgreSQL manual, 5.5, 74.1).
func (l *left) written(ctx context.Context, t table) ([]writtenRow, error) {
	q := `with e as (select pg_snapshot_xmax(pg_current_snapshot())::text::numeric::bigint as next), r as (
	        select e.next - mod(mod(e.next - t.xmin::text::bigint, 4294967296) + 4294967296, 4294967296) as xid, to_jsonb(t)::text as row from e, ` + t.name + ` t)
	      select xid, row from r where xid >= ` + decimal(l.low) + ` order by row`
	rows, err := l.there.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w writtenRow, err error) {
		var xid int64
		var text string
		err = row.Scan(&xid, &text)
		return writtenRow{uint64(xid), json.RawMessage(text)}, err
	})
	if err != nil {
		return nil, err
	}
	replicated := map[uint64]bool{}
	return slices.DeleteFunc(all, func(w writtenRow) bool {
		if w.xid >= l.next || err != nil {
			return false
		}
		done, known := replicated[w.xid]
		if !known {
			done, err = l.committedHere(ctx, w.xid)
			replicated[w.xid] = done
		}
		return done
	}), err
}

// committedHere reports whether a transaction from before the fork is committed
// here too. One that is too old for its status to be kept is.
func (l *left) committedHere(ctx context.Context, xid uint64) (ok bool, err error) {
	err = l.here.QueryRow(ctx, `select coalesce(pg_xact_status('`+decimal(xid)+`'::xid8), 'committed') = 'committed'`).Scan(&ok)
	return ok, err
}

// counterpart finds a row's key, and what the primary of now has under it.
func (l *left) counterpart(ctx context.Context, t table, row *LeftRow) error {
	q := `select to_jsonb(t)::text from ` + t.name + ` t where (` + list("t.", t.key) + `) = (select ` + list("r.", t.key) + ` from jsonb_populate_record(null::` + t.name + `, $1::jsonb) r)`
	var here string
	switch err := l.here.QueryRow(ctx, q, string(row.There)).Scan(&here); err {
	case nil:
		row.Here = json.RawMessage(here)
	case pgx.ErrNoRows:
	default:
		return err
	}
	var key string
	err := l.there.QueryRow(ctx, `select to_jsonb(k)::text from (select `+list("r.", t.key)+` from jsonb_populate_record(null::`+t.name+`, $1::jsonb) r) k`, string(row.There)).Scan(&key)
	row.Key = json.RawMessage(key)
	return err
}

// removed tells the rows here, of before the fork, whose keys are not there.
func (l *left) removed(ctx context.Context, t table, count *failover.Left) error {
	if _, err := l.here.Exec(ctx, `create temporary table left_keys as select `+list("", t.key)+` from `+t.name+` with no data`); err != nil {
		return err
	}
	defer l.here.Exec(context.WithoutCancel(ctx), `drop table pg_temp.left_keys`) // or it goes with the connection
	pr, pw := io.Pipe()
	go func() {
		_, err := l.there.PgConn().CopyTo(ctx, pw, `copy `+t.name+` (`+list("", t.key)+`) to stdout`)
		pw.CloseWithError(err)
	}()
	_, err := l.here.PgConn().CopyFrom(ctx, pr, `copy pg_temp.left_keys from stdin`)
	pr.CloseWithError(err)
	if err != nil {
		return err
	}
	q := `with e as (select pg_snapshot_xmax(pg_current_snapshot())::text::numeric::bigint as next)
	      select to_jsonb(t)::text, (select to_jsonb(k)::text from (select ` + list("t.", t.key) + `) k) from e, ` + t.name + ` t
	       where e.next - mod(mod(e.next - t.xmin::text::bigint, 4294967296) + 4294967296, 4294967296) < ` + decimal(l.next) + `
	         and not exists (select from pg_temp.left_keys k where (` + list("k.", t.key) + `) = (` + list("t.", t.key) + `)) order by 1`
	rows, err := l.here.Query(ctx, q)
	if err != nil {
		return err
	}
	var row, key string
	_, err = pgx.ForEachRow(rows, []any{&row, &key}, func() error {
		count.Removed++
		return l.out.Encode(LeftRow{Table: t.name, Change: "removed", Key: json.RawMessage(key), Here: json.RawMessage(row)})
	})
	return err
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// list joins columns, each of a table's alias.
func list(alias string, columns []string) string {
	return alias + strings.Join(columns, ", "+alias)
}
