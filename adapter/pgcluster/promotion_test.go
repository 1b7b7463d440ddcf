package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// timelineOf asks a primary for the timeline that it writes on.
const timelineOf = "select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"

// plainConsole is as much of a Console as a rejoin needs.
type plainConsole struct{ Console }

func (plainConsole) Checkpoint(ctx context.Context, conn string) error {
	return plainConsole{}.with(ctx, conn, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "checkpoint")
		return err
	})
}

func (plainConsole) Backup(ctx context.Context, conn string, copy func() error) (label string, err error) {
	return label, plainConsole{}.with(ctx, conn, func(c *pgx.Conn) error {
		if _, err := c.Exec(ctx, "select pg_backup_start('test', true)"); err != nil {
			return err
		}
		return errors.Join(copy(), c.QueryRow(ctx, "select labelfile from pg_backup_stop(false)").Scan(&label))
	})
}

func (plainConsole) with(ctx context.Context, conn string, f func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, conn)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	return f(c)
}

// parted is a pair that was killed, its standby first: the primary has a row that
// it alone has. end is where the standby's log ends, and file the segment of that.
func parted(t *testing.T, p place) (pair *Pair, specs []Spec, end, file string) {
	t.Helper()
	specs = p.pair()
	specs[0].Sync, specs[0].Peer, specs[1].Peer = nil, specs[1].Name, specs[0].Name
	s := p.supervisor(t, Options{})
	p.premake(t, specs)
	pair = NewPair(s, specs[0], specs[1], plainConsole{}, nil)
	must(t, pair.StartPrimary(t.Context(), specs[0].Name, ""))
	must(t, pair.StartStandby(t.Context(), specs[1].Name, specs[0].Name))
	exec1(t, specs[0], "create table bread (name text); insert into bread values ('rye')")
	eventually(t, specs[1], "select name from bread", "rye")
	deaf := specs[1] // what came between the question and the standby's death would be behind end
	deaf.StandbyOf = &Upstream{Name: specs[0].Name, ConnInfo: nowhere}
	must(t, s.Reconfigure(deaf))
	eventually(t, specs[1], "select (select count(*) from pg_stat_wal_receiver)::text", "0")
	eventually(t, specs[1], "select wait_event from pg_stat_activity where backend_type = 'startup'", "RecoveryRetrieveRetryInterval") // it has replayed all
	var err error
	end, err = query(t.Context(), specs[1], "select pg_last_wal_replay_lsn()::text")
	must(t, err)
	must(t, pair.Kill(t.Context(), specs[1].Name))
	file, err = query(t.Context(), specs[0], "select pg_walfile_name('"+end+"')")
	must(t, err)
	exec1(t, specs[0], "insert into bread values ('of the first alone')")
	must(t, pair.Kill(t.Context(), specs[0].Name))
	return pair, specs, end, file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rejoined brings the first server back as a standby of the second, and demands
// that both hold the same.
func rejoined(t *testing.T, pair *Pair, specs []Spec) {
	t.Helper()
	exec1(t, specs[1], "insert into bread values ('spelt')")
	must(t, pair.Rejoin(t.Context(), specs[0].Name, specs[1].Name, false))
	must(t, pair.StartStandby(t.Context(), specs[0].Name, specs[1].Name))
	for _, sp := range specs {
		eventually(t, sp, "select string_agg(name, ',' order by name) from bread", "rye,spelt")
	}
}

// A standby that was killed in mid-promotion, when standby.signal was gone and the
// new timeline was not in the control file yet, must not go on with the old one.
func TestAPromotionThatWasBrokenOffBeginsATimelineOfItsOwn(t *testing.T) {
	for _, c := range []struct {
		name    string
		history bool // it had written the new timeline's history too
		want    string
	}{
		{"before its history was written", false, "2"},
		{"behind that", true, "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			pair, specs, end, file := parted(t, p)
			must(t, os.Remove(filepath.Join(specs[1].DataDir, signalFile)))
			if c.history {
				own, err := findOwner("test", "")
				must(t, err)
				wal := filepath.Join(specs[1].DataDir, "pg_wal")
				must(t, copyFile(filepath.Join(wal, file), filepath.Join(wal, "00000002"+file[8:]), own))
				must(t, writeOwned(filepath.Join(wal, "00000002.history"), fmt.Sprintf("1\t%s\tno recovery target specified\n", end), own))
			}
			must(t, pair.StartPrimary(t.Context(), specs[1].Name, ""))
			if got, err := query(t.Context(), specs[1], timelineOf); err != nil || got != c.want {
				t.Errorf("it writes on timeline %s, %v; want %s", got, err, c.want)
			}
			rejoined(t, pair, specs)
		})
	}
}

// One that is started again by its supervisor is promoted too, where that had been
// asked for.
func TestAStandbyThatDiesBeforeItIsPromotedIsPromotedWhenItIsBack(t *testing.T) {
	p := newPlace(t)
	specs := p.pair()
	specs[0].Sync = nil
	s := p.supervisor(t, Options{})
	p.up(t, s, specs)
	must(t, s.StopOne(t.Context(), specs[0].Name))
	primary := specs[1]
	primary.StandbyOf = nil
	must(t, s.Reconfigure(primary)) // the first step of Promote
	must(t, syscall.Kill(pidOf(t, s, primary.Name), syscall.SIGKILL))
	eventually(t, primary, "select pg_is_in_recovery()::text", "false")
	eventually(t, primary, timelineOf, "2")
}

// pg_rewind finds nothing to do between two of one timeline, whatever they hold.
func TestTwoThatPartedOnOneTimelineAreNotTakenForTheSame(t *testing.T) {
	p := newPlace(t)
	pair, specs, _, _ := parted(t, p)
	must(t, os.Remove(filepath.Join(specs[1].DataDir, signalFile)))
	own, err := findOwner("test", "")
	must(t, err)
	m := making{Supervisor: pair.sup, own: own}
	must(t, m.run(t.Context(), "\n", "postgres", "--single", "-D", specs[1].DataDir, "postgres")) // makes it a primary as it lies
	must(t, pair.StartPrimary(t.Context(), specs[1].Name, ""))
	if got, err := query(t.Context(), specs[1], timelineOf); err != nil || got != "1" {
		t.Fatalf("it writes on timeline %s, %v: this test shows nothing", got, err)
	}
	rejoined(t, pair, specs)
}
