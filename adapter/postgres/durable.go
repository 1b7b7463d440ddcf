package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"meridian/engine/pause"
	"meridian/world"
)

// A commit waits until the synchronous standby has it, where the cluster has one.
// That wait can be broken off (by pg_cancel_backend, as an operator or a pooler
// may): the server then reports success all the same, with a warning beside it
// (PostgreSQL source, SyncRepWaitForLSN). To take that for an acknowledgement would
// lose the commit with the machine.

// unconfirmed marks a connection whose commit no standby has confirmed.
const unconfirmed = "meridian.unconfirmed"

// noteUnconfirmed marks a connection by the server's warning. That is told by the
// routine that it comes from: its text is in the server's language, and its code,
// 01000, is every other warning's too.
func noteUnconfirmed(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[unconfirmed] = true
	}
}

// commitPolicy is the least that a commit waits for. A role's or database's own
// setting may not lower it; a connection string may raise it.
func commitPolicy(written map[string]string) (string, error) {
	switch level := written["synchronous_commit"]; level {
	case "", "on":
		return "on", nil
	case "remote_apply":
		return level, nil
	default:
		return "", world.E(world.CodeInvalid, "postgres.open", fmt.Sprintf("synchronous_commit=%.20s in a connection string: what is acknowledged must be on disk, here and on a synchronous standby. Write on or remote_apply, or leave it out.", level))
	}
}

// While a standby takes over there is no primary, for some tenths of a second; a
// hung one is noticed in two to three.
const (
	takeoverPatience = 6 * time.Second
	takeoverPause    = 50 * time.Millisecond
)

// durably runs f in a transaction, as pgx.BeginFunc does. When it returns nil the
// transaction is on disk, also on a synchronous standby where the cluster has one.
// unavailable when the wait for that was broken off: then it may or may not last.
//
// Where the connection fails before the commit is sent, nothing can have been
// committed: f is run again, on the primary that there is then, until
// takeoverPatience is over. Whether one that fails at its commit was carried out
// nobody can say; it is for the caller, who may have a key, to ask again.
func (c *Cluster) durably(ctx context.Context, f func(pgx.Tx) error) error {
	for until := time.Now().Add(takeoverPatience); ; {
		sent, err := c.once(ctx, f)
		if err == nil || sent || !broken(err) || time.Now().After(until) || !pause.For(ctx, takeoverPause) {
			return err
		}
	}
}

// once is one try; sent: the commit was.
func (c *Cluster) once(ctx context.Context, f func(pgx.Tx) error) (sent bool, err error) {
	err = c.Pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		marks := conn.Conn().PgConn().CustomData()
		delete(marks, unconfirmed)
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx) // after a commit it does nothing
		if err := f(tx); err != nil {
			return err
		}
		sent = true
		if err := tx.Commit(ctx); err != nil {
			return err
		}
		return confirmed(marks)
	})
	return sent, err
}

// atOnce runs statements as one transaction in one round trip: what they lock is
// held for no longer than the server needs. An error of one undoes all of them.
// When it returns nil they are on disk, as by [Cluster.durably]; unavailable when
// the wait for that was broken off. Whether a connection that fails had them
// carried out nobody can say: the caller needs a key, or a version, to ask again.
func (c *Cluster) atOnce(ctx context.Context, b *pgx.Batch) error {
	return c.Pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		marks := conn.Conn().PgConn().CustomData()
		delete(marks, unconfirmed)
		if _, err := runBatch(ctx, conn, b); err != nil {
			return err
		}
		return confirmed(marks)
	})
}

// confirmed is an error where a connection was told that no standby has the
// commit.
func confirmed(marks map[string]any) error {
	if marks[unconfirmed] != nil {
		return world.E(world.CodeUnavailable, "postgres.commit", "The standby has not confirmed it. Send the same again.")
	}
	return nil
}

// confirm waits until all that was committed before is on disk, also on a
// synchronous standby: what somebody else has committed can be seen while that one
// still waits. It writes a record of its own, which comes behind all of those.
func (c *Cluster) confirm(ctx context.Context) error {
	return c.durably(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `select pg_logical_emit_message(true, 'meridian', 'confirm')`)
		return err
	})
}
