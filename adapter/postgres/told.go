package postgres

import (
	"context"
	"time"

	"meridian/engine/pause"
)

// told is the channel by which processes of a region tell each other that something
// is owed: a letter, a message, a document, money.
const told = "owed"

// Tell tells whoever listens by [Cluster.Told] that something may be owed. A hint
// that is lost costs time alone: whoever sends looks by itself, too. It is no part of
// the transactions that owe something: such a notice would make them wait for one
// another.
func (c *Cluster) Tell(ctx context.Context) error {
	_, err := c.Pool.Exec(ctx, `select pg_notify($1, '')`, told)
	return mapError("postgres.tell", err)
}

// toldPatience is how long a listener believes in a silent connection, and
// toldPause how long it waits after one that failed.
const (
	toldPatience = 10 * time.Minute
	toldPause    = 5 * time.Second
)

// Told calls wake whenever somebody tells that something may be owed, until ctx ends.
// It keeps one connection and asks nothing of it.
func (c *Cluster) Told(ctx context.Context, wake func()) error {
	for ctx.Err() == nil {
		_ = c.listen(ctx, wake) // a hint that is lost is found by the next look
		pause.For(ctx, toldPause)
	}
	return nil
}

func (c *Cluster) listen(ctx context.Context, wake func()) error {
	conn, err := c.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	own := conn.Hijack() // it listens for ever: not fit for the pool any more
	defer own.Close(context.WithoutCancel(ctx))
	if _, err := own.Exec(ctx, "listen "+told); err != nil {
		return err
	}
	wake() // what came between two connections
	for {
		wait, cancel := context.WithTimeout(ctx, toldPatience)
		_, err := own.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			wake()
		case ctx.Err() != nil || wait.Err() == nil:
			return err
		default: // long silence: is it still there?
			if err := own.Ping(ctx); err != nil {
				return err
			}
		}
	}
}
