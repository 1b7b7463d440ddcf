package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"
)

// speak is a primary on a timeline, as far as a fence asks one.
func speak(conn net.Conn, timeline int) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if _, err := b.ReceiveStartupMessage(); err != nil {
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	for {
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		if b.Flush() != nil {
			return
		}
		m, err := b.Receive()
		q, ok := m.(*pgproto3.Query)
		if err != nil || !ok {
			return
		}
		row := [][]byte{[]byte("f"), []byte("on"), fmt.Append(nil, timeline)}
		if !strings.Contains(q.String, "pg_is_in_recovery") {
			row = row[:1]
		}
		fields := make([]pgproto3.FieldDescription, len(row))
		b.Send(&pgproto3.RowDescription{Fields: fields})
		b.Send(&pgproto3.DataRow{Values: row})
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
	}
}

// A primary that says nothing while the first connection waits, or is away, is asked
// again: until it was heard, the zombie before it in the list is believed.
func TestWhoWasNotHeardIsAskedAgain(t *testing.T) {
	for name, away := range map[string]func(net.Conn) error{
		"it says nothing": func(server net.Conn) error {
			go io.Copy(io.Discard, server)
			return nil
		},
		"it is down": func(net.Conn) error { return errors.New("refused") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { asksAgain(t, away) })
		})
	}
}

func asksAgain(t *testing.T, away func(net.Conn) error) {
	cfg, err := pgxpool.ParseConfig("host=/zombie,/primary user=test")
	if err != nil {
		t.Fatal(err)
	}
	var there atomic.Bool
	cfg.ConnConfig.DialFunc = func(_ context.Context, _, addr string) (net.Conn, error) {
		client, server := net.Pipe()
		zombie := strings.HasPrefix(addr, "/zombie")
		switch {
		case zombie:
			go speak(server, 1)
		case there.Load():
			go speak(server, 2)
		default:
			if err := away(server); err != nil {
				return nil, err
			}
		}
		return client, nil
	}
	(&fence{cluster: "catalog-test"}).guard(cfg)
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	began := time.Now()
	one, two := take(t, pool), take(t, pool)
	if got := time.Since(began); got > surveyWait {
		t.Errorf("two connections waited for %v", got)
	}
	if timelineOf(one) != 1 || timelineOf(two) != 1 {
		t.Fatalf("they are on timelines %d and %d", timelineOf(one), timelineOf(two))
	}
	one.Release()
	two.Release()
	there.Store(true)
	time.Sleep(surveyAgain)
	take(t, pool).Release() // whoever comes by asks, and does not wait for it
	synctest.Wait()
	last := take(t, pool)
	defer last.Release()
	if timelineOf(last) != 2 {
		t.Errorf("the primary answers, and the zombie on timeline %d is believed", timelineOf(last))
	}
}

func take(t *testing.T, pool *pgxpool.Pool) *pgxpool.Conn {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func timelineOf(c *pgxpool.Conn) int64 {
	return c.Conn().PgConn().CustomData()[timelineMark].(int64)
}

// A host that is named with TLS and without is one host.
func TestHostsOfAConnectionString(t *testing.T) {
	cfg, err := pgconn.ParseConfig("host=a.example,b.example user=test sslmode=prefer")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range hostsOf(cfg) {
		got = append(got, fmt.Sprint(h.Host, " ", len(h.Fallbacks)))
	}
	if strings.Join(got, ",") != "a.example 1,b.example 1" {
		t.Errorf("%q", got)
	}
}
