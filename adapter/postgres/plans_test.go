package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/adapter/postgres"
)

// Plans are judged as the server has made them for the statements that the stores
// send: auto_explain tells each, with those inside functions and triggers. EXPLAIN
// of a statement would not do: it is planned for its values, while what is prepared
// may have a plan for any.

// manyProducts is how many products, and orders, each of five markets has in the
// tests of plans. `make plans` asks for 100 000. Two thousand are enough that no
// table of theirs is rightly read as a whole for one page.
func manyProducts(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MERIDIAN_PRODUCTS")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 2000 {
		t.Fatalf("MERIDIAN_PRODUCTS is %q: give a number of products a market from 2000 on", text)
	}
	return n
}

// bigMarkets is a table m of the markets and their numbers from 1.
const bigMarkets = `create temp table m as select market, n from unnest(array['us', 'gb', 'de', 'jp', 'in']) with ordinality u (market, n)`

// fill runs statements past the triggers and the constraints, which would take
// hours over a big table; what is written meets them. $1 is n.
func fill(t *testing.T, conn string, n int, statements ...string) {
	t.Helper()
	began := time.Now()
	c, err := pgx.Connect(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, q := range slices.Concat([]string{`set session_replication_role = replica`, `set maintenance_work_mem = '256MB'`, bigMarkets}, statements, []string{`vacuum analyze`}) {
		args := []any{}
		if strings.Contains(q, "$1") {
			args = append(args, n)
		}
		if _, err := c.Exec(t.Context(), q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	t.Logf("filled in %.0f s", time.Since(began).Seconds())
}

// reading is one thing that a store is asked for, and what a right plan of it needs
// however many products and orders there are. The limits are some two times the
// rows and three times the pages of such a plan, as trees grow by a level.
type reading struct {
	name       string
	trips      int // to the server
	statements int // begin and commit are none; 0: as many as an order's lines make
	pages      int // limit of what the statements touch: found in memory or not
	rows       int // limit of the rows of large tables that are looked at, thrown away ones too
	run        func(context.Context) error
}

// node is a step of a plan.
type node struct {
	Type     string  `json:"Node Type"`
	Table    string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Lost     float64 `json:"Rows Removed by Index Recheck"`
	Loops    float64 `json:"Actual Loops"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Plans    []node
}

// plan is what the server did for one statement.
type plan struct {
	Text string `json:"Query Text"`
	Top  node   `json:"Plan"`
}

// witness sees what is sent to a server by one connection, and the plans of it.
type witness struct {
	trips int
	sent  []string
	plans []plan
	every map[string]bool // of the statements with values
	bad   error
}

// TraceQueryStart implements [pgx.QueryTracer].
func (w *witness) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	w.trips++
	w.send(d.SQL)
	return ctx
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (*witness) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements [pgx.BatchTracer].
func (w *witness) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	w.trips++
	return ctx
}

// TraceBatchQuery implements [pgx.BatchTracer].
func (w *witness) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	w.send(d.SQL)
}

// TraceBatchEnd implements [pgx.BatchTracer].
func (*witness) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (w *witness) send(sql string) {
	if sql != "begin" && sql != "commit" {
		w.sent = append(w.sent, sql)
	}
	if strings.Contains(sql, "$1") {
		w.every[sql] = true
	}
}

// notice takes a plan from what the server tells beside its answers.
func (w *witness) notice(n *pgconn.Notice) {
	_, text, ok := strings.Cut(n.Message, "plan:\n")
	if !ok || n.Routine != "explain_ExecutorEnd" {
		return
	}
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		w.bad = fmt.Errorf("%w in %.200s", err, text)
	}
	w.plans = append(w.plans, p)
}

// watched is a cluster as the given one is opened, but with one connection, whose
// statements and plans the witness sees.
func (w *witness) watched(t *testing.T, c *postgres.Cluster) *postgres.Cluster {
	t.Helper()
	cfg := c.Pool.Config()
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = 1, 0, 0
	cfg.ConnConfig.Tracer = w
	told := cfg.ConnConfig.OnNotice
	cfg.ConnConfig.OnNotice = func(c *pgconn.PgConn, n *pgconn.Notice) {
		told(c, n)
		w.notice(n)
	}
	maps.Copy(cfg.ConnConfig.RuntimeParams, map[string]string{
		"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
		"auto_explain.log_buffers": "on", "auto_explain.log_timing": "off", "auto_explain.log_nested_statements": "on",
		"auto_explain.log_format": "json", "auto_explain.log_level": "notice",
	})
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &postgres.Cluster{Name: c.Name, Region: c.Region, Primary: c.Primary, Pool: pool}
}

// seen is what one reading took.
type seen struct {
	trips, statements, pages, rows int
	ways                           []string // how tables were looked at
	whole                          []string // large tables that were read as a whole
}

// seen adds up what was told since the last call.
func (w *witness) seen(large []string) seen {
	s := seen{trips: w.trips, statements: len(w.sent)}
	var rows float64
	var walk func(n node)
	walk = func(n node) {
		if n.Type == "Seq Scan" && slices.Contains(large, n.Table) {
			s.whole = append(s.whole, n.Table)
		}
		if n.Type != "ModifyTable" && slices.Contains(large, n.Table) {
			rows += (n.Rows + n.Filtered + n.Lost) * n.Loops
		}
		if way := n.way(); way != "" && !slices.Contains(s.ways, way) {
			s.ways = append(s.ways, way)
		}
		for _, child := range n.Plans {
			walk(child)
		}
	}
	for _, p := range w.plans {
		if slices.Contains(w.sent, p.Text) { // the others are inside of these
			s.pages += p.Top.Hit + p.Top.Read
		}
		walk(p.Top)
	}
	s.rows = int(math.Ceil(rows))
	w.trips, w.sent, w.plans = 0, nil, nil
	return s
}

// way is how a step looks at a table; "" for one that looks at none, or by another.
func (n node) way() string {
	switch {
	case n.Index != "":
		return n.Index
	case n.Type == "Seq Scan":
		return "all of " + n.Table
	}
	return ""
}

// largeTables grow with the catalog, or with what is bought.
func largeTables(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > 500`)
	if err != nil {
		t.Fatal(err)
	}
	large, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(large) == 0 {
		t.Fatalf("large tables: %v, %v", large, err)
	}
	return large
}

// asOften is how often a reading is made: the server may have another plan for a
// prepared statement from its sixth time on.
const asOften = 7

// judge makes a reading and returns what is wrong with how it was done. took is
// what the last time took.
func (w *witness) judge(t *testing.T, r reading, large []string) (took seen, faults []string) {
	t.Helper()
	w.seen(nil) // forget what was before
	fault := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(faults, text) {
			faults = append(faults, text)
		}
	}
	for turn := range asOften {
		if err := r.run(t.Context()); err != nil {
			fault("%v", err)
		}
		if w.bad != nil {
			t.Fatal(w.bad)
		}
		took = w.seen(large)
		if took.trips != r.trips || r.statements != 0 && took.statements != r.statements {
			fault("%d round trips with %d statements, want %d with %d", took.trips, took.statements, r.trips, r.statements)
		}
		// The first time the server looks into its own tables too, for what functions do.
		if turn > 0 && took.pages > r.pages || took.rows > r.rows {
			fault("%d pages and %d rows are looked at, by %v; %d and %d will do", took.pages, took.rows, took.ways, r.pages, r.rows)
		}
		if took.pages == 0 {
			fault("no plan was told")
		}
		for _, table := range took.whole {
			fault("all of %s is read", table)
		}
	}
	return took, faults
}

// times is how often a reading is timed, as the median.
const times = 9

// timed is what a reading takes by the clock, where nobody explains anything.
func timed(t *testing.T, r reading) time.Duration {
	t.Helper()
	var took []time.Duration
	for range times {
		began := time.Now()
		if err := r.run(t.Context()); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[times/2]
}

// judgeAll judges readings and prints what each took. plain are the same, with
// nobody watching.
func (w *witness) judgeAll(t *testing.T, readings, plain []reading, large []string) {
	t.Helper()
	var table strings.Builder
	for i, r := range readings {
		took, faults := w.judge(t, r, large)
		for _, fault := range faults {
			t.Errorf("%s: %s", r.name, fault)
		}
		fmt.Fprintf(&table, "| %s | %d / %d | %d (%d) | %d (%d) | %.2f | %s |\n", r.name, took.trips, took.statements,
			took.pages, r.pages, took.rows, r.rows, timed(t, plain[i]).Seconds()*1000, strings.Join(took.ways, ", "))
	}
	t.Logf("\n| what is read | round trips / statements | pages (limit) | rows (limit) | ms | by |\n|---|---|---|---|---|---|\n%s", table.String())
}

// prepared fails where a statement that was given values was not prepared by any of
// the connections.
func (w *witness) prepared(t *testing.T, pools ...*pgxpool.Pool) {
	t.Helper()
	for _, pool := range pools {
		rows, err := pool.Query(t.Context(), `select statement from pg_prepared_statements`)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range kept {
			delete(w.every, sql)
		}
	}
	for sql := range w.every {
		t.Errorf("not prepared: %.100s", sql)
	}
}

// without is a reading that must be found out when an index is gone: else what is
// judged could not be told from what it must not be.
type without struct{ index, reading string }

// blind takes one index after the other away.
func (w *witness) blind(t *testing.T, pool *pgxpool.Pool, readings []reading, large []string, all ...without) {
	t.Helper()
	for _, x := range all {
		if _, err := pool.Exec(t.Context(), `drop index `+x.index); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(readings, func(r reading) bool { return r.name == x.reading })
		if _, faults := w.judge(t, readings[at], large); len(faults) == 0 {
			t.Errorf("%s: nothing is amiss without the index %s", x.reading, x.index)
		}
	}
}

func newWitness() *witness { return &witness{every: map[string]bool{}} }
