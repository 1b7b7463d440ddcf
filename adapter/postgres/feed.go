package postgres

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"meridian/engine/pause"
	"meridian/world"
)

// Limits of a feed.
const (
	feedBatch   = 500             // rows a read
	feedRecheck = time.Second     // a wake-up may be lost with its connection; look again
	stillFor    = 2 * feedRecheck // what the listener found is told for so long

	// feedPatience is how long the primary may take for one read. One that hangs
	// would have its followers think, by the stream's heartbeats, that nothing is new.
	feedPatience = statementTimeout
)

// Feed reads a catalog cluster's outbox in commit order. One connection
// listens for all followers; [Feed.Run] keeps it.
type Feed struct {
	c        *Cluster
	patience time.Duration

	mu    sync.Mutex
	wake  chan struct{} // closed when the outbox has grown, then replaced
	still stillness
}

// stillness is what the listener has found last: that nothing lies between two
// cursors. Followers need not ask that each for itself.
type stillness struct {
	from, to world.Cursor
	at       time.Time // when it began to look
}

// NewFeed reads the outbox of a primary.
func NewFeed(c *Cluster) *Feed { return &Feed{c: c, patience: feedPatience, wake: make(chan struct{})} }

// Run listens for the outbox's wake-up and passes it to the followers, until
// ctx ends. Without it followers see only what is there when they start.
func (f *Feed) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := f.listen(ctx); err != nil && ctx.Err() == nil {
			// The primary is away or restarting. Followers ask for themselves
			// meanwhile and report it; here there is nobody to tell.
			f.broadcast()
			pause.For(ctx, feedRecheck)
		}
	}
	return nil
}

func (f *Feed) listen(ctx context.Context) error {
	conn, err := f.c.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	own := conn.Hijack() // it listens for ever: not fit for the pool any more
	defer own.Close(context.WithoutCancel(ctx))
	if _, err := own.Exec(ctx, "listen outbox"); err != nil {
		return err
	}
	now, err := f.place(ctx, own)
	if err != nil {
		return err
	}
	cur := now.settled
	f.broadcast() // what came between two connections
	for {
		if err := waitWake(ctx, own); err != nil {
			return err
		}
		began, before := time.Now(), now
		var events []world.Event
		if events, now, err = f.read(ctx, own, cur); err != nil {
			return err
		}
		if len(events) == 0 {
			f.foundStill(stillness{cur, before.settled, began})
			continue
		}
		if cur, err = world.ParseCursor(events[len(events)-1].Cursor); err != nil {
			return err
		}
		f.broadcast()
	}
}

func (f *Feed) broadcast() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *Feed) foundStill(s stillness) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.still = s
}

// stillBehind is up to where the listener has lately found nothing behind a
// cursor. ok is false when it has found no such thing.
func (f *Feed) stillBehind(cur world.Cursor) (to world.Cursor, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.still.at) > stillFor || !cur.Reached(f.still.from) {
		return cur, false
	}
	return cur.Later(f.still.to), true
}

func (f *Feed) next() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wake
}

// Follow emits a hello with the starting cursor, then every event after the
// cursor as it is committed, until ctx ends, emit fails, or the primary fails or
// hangs (timeout). Behind what was missed, and in a quiet time, it emits
// heartbeats, whose cursor says up to where nothing is missing. A cursor may be
// of another history, of a cluster that was set up anew, put back to an older
// state or taken over by a standby; or what came behind it may have been removed
// ([PurgeStore.ForgetEvents]): the feed then starts with what comes next, and its
// hello says so. When that comes to be while it is followed, it ends with conflict.
func (f *Feed) Follow(ctx context.Context, after string, emit func(world.Event) error) error {
	cur, err := f.hello(ctx, after, emit)
	if err != nil {
		return err
	}
	if err := f.heartbeat(ctx, &cur, emit); err != nil { // who was cut off need not wait for the next
		return err
	}
	beat := time.NewTimer(pause.Next(time.Now(), world.FeedHeartbeat))
	defer beat.Stop()
	for {
		woken := f.next()
		more, err := f.batch(ctx, &cur, emit)
		if err != nil {
			return err
		}
		for waits := !more; waits; {
			select {
			case <-woken:
				waits = false
			case <-beat.C:
				beat.Reset(pause.Next(time.Now(), world.FeedHeartbeat))
				if err := f.beat(ctx, &cur, emit); err != nil {
					return err
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// beat is a heartbeat in a quiet time: by what the listener has found, if it has.
func (f *Feed) beat(ctx context.Context, cur *world.Cursor, emit func(world.Event) error) error {
	to, ok := f.stillBehind(*cur)
	if !ok {
		return f.heartbeat(ctx, cur, emit)
	}
	*cur = to
	return emit(heartbeatAt(to))
}

func heartbeatAt(c world.Cursor) world.Event {
	return world.Event{Kind: world.EventHeartbeat, Cursor: c.String(), At: time.Now().UTC()}
}

// heartbeat tells how far the follower is complete. The settled place is read
// first: what is behind it after the batch has been delivered.
func (f *Feed) heartbeat(ctx context.Context, cur *world.Cursor, emit func(world.Event) error) error {
	now, err := f.place(ctx, f.c.Pool)
	if err != nil {
		return err
	}
	for more := true; more; {
		if more, err = f.batch(ctx, cur, emit); err != nil {
			return err
		}
	}
	if cur.Less(now.settled) {
		*cur = now.settled
	}
	return emit(heartbeatAt(*cur))
}

func (f *Feed) hello(ctx context.Context, after string, emit func(world.Event) error) (world.Cursor, error) {
	now, err := f.place(ctx, f.c.Pool)
	if err != nil {
		return world.Cursor{}, err
	}
	cur, err := now.start(after)
	if err != nil {
		return cur, err
	}
	reset := !now.holds(cur)
	if reset {
		cur = now.settled
	}
	asking, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	pos, err := f.c.Position(asking)
	if err != nil {
		return cur, err
	}
	return cur, emit(world.Event{Kind: world.EventHello, Cursor: cur.String(), Position: pos, Reset: reset, At: time.Now().UTC()})
}

// querier is what a connection and a pool have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// batch emits the next rows; more is true when there may be others behind them.
func (f *Feed) batch(ctx context.Context, cur *world.Cursor, emit func(world.Event) error) (more bool, err error) {
	events, _, err := f.read(ctx, f.c.Pool, *cur)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		if err := emit(e); err != nil {
			return false, err
		}
		if *cur, err = world.ParseCursor(e.Cursor); err != nil {
			return false, err
		}
	}
	return len(events) == feedBatch, nil
}

// read is the next events behind a cursor. Where the feed stands is looked up
// after them: what it still holds then it held when they were read.
func (f *Feed) read(ctx context.Context, conn querier, cur world.Cursor) ([]world.Event, place, error) {
	const q = `select txid::text::numeric::bigint, seq, kind, groups, urls, everything, soft, purge_id, at, pg_current_wal_flush_lsn()::text, ` + epochColumn + `
	             from outbox
	            where (txid, seq) > ($1::text::xid8, $2) and txid < pg_snapshot_xmin(pg_current_snapshot())
	            order by txid, seq limit $3`
	ctx, cancel := context.WithTimeout(ctx, f.patience)
	defer cancel()
	var both pgx.Batch
	both.Queue(q, strconv.FormatUint(cur.Tx, 10), int64(cur.Seq), feedBatch)
	both.Queue(placeQuery)
	res := conn.SendBatch(ctx, &both)
	defer res.Close()
	rows, err := res.Query()
	if err != nil {
		return nil, place{}, mapError("postgres.feed", err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (world.Event, error) { return f.event(row, cur.History) })
	if err != nil {
		return nil, place{}, mapError("postgres.feed", err)
	}
	now, err := scanPlace(res.QueryRow())
	if err == nil && !now.holds(cur) {
		err = world.E(world.CodeConflict, "", "The feed begins anew: follow it again.")
	}
	return events, now, mapError("postgres.feed", err)
}

// event reads a row. Its position is the log's end at the time of reading:
// at or past the row's own commit, which the row cannot know.
func (f *Feed) event(row pgx.CollectableRow, history uint64) (world.Event, error) {
	var e world.Event
	cursor := world.Cursor{History: history}
	var lsn string
	var epoch int64
	if err := row.Scan(&cursor.Tx, &cursor.Seq, &e.Kind, &e.Groups, &e.URLs, &e.All, &e.Soft, &e.ID, &e.At, &lsn, &epoch); err != nil {
		return e, err
	}
	n, err := world.ParseLSN(lsn)
	if err != nil {
		return e, err
	}
	if parts := e.Purge().Parts(); len(parts) > 1 || len(parts) == 1 && parts[0].All {
		// More than an event can carry, or a name that cannot be sent: whoever wrote
		// it past our own door still has it forgotten.
		e.Groups, e.URLs, e.All = nil, nil, true
	}
	e.Cursor = cursor.String()
	e.At = e.At.UTC()
	e.Position = world.Position{Cluster: f.c.Name, Epoch: uint32(epoch), LSN: n}
	return e, nil
}

// waitWake returns when the outbox has grown, or after feedRecheck at most.
func waitWake(ctx context.Context, conn *pgx.Conn) error {
	c, cancel := context.WithTimeout(ctx, pause.Next(time.Now(), feedRecheck))
	defer cancel()
	_, err := conn.WaitForNotification(c)
	if err != nil && ctx.Err() == nil && c.Err() != nil {
		return nil // nothing came; look all the same
	}
	return err
}
