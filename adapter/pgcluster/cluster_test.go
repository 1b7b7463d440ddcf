package pgcluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"meridian/world"
)

func TestFreshStartReplicatesAndWarmStartKeeps(t *testing.T) {
	p := newPlace(t)
	specs := p.pair()
	s := p.supervisor(t, Options{})
	steps := map[string][]string{}
	note := func(name, step string) { steps[name] = append(steps[name], step) }

	if err := s.Prepare(t.Context(), specs, note); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), specs, note); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps[specs[0].Name], " "); got != "creating made starting ready" {
		t.Errorf("steps of the primary: %s", got)
	}
	if got := strings.Join(steps[specs[1].Name], " "); got != "copying made starting ready" {
		t.Errorf("steps of the standby: %s", got)
	}
	for _, st := range s.Running() {
		if st.State != StateReady || st.PID == 0 || st.Restarts != 0 || st.Standby != (st.Name == specs[1].Name) {
			t.Errorf("status %+v", st)
		}
	}

	exec1(t, specs[0], "create table bread (name text); insert into bread values ('rye')")
	eventually(t, specs[1], "select name from bread", "rye")
	eventually(t, specs[1], "select pg_is_in_recovery()", "true")
	eventually(t, specs[0], "select sync_state from pg_stat_replication where application_name = 'catalog-us-east@eu-central'", "quorum")
	for setting, want := range map[string]string{"fsync": "on", "listen_addresses": "", "data_checksums": "on", "wal_segment_size": "4MB", "jit": "off", "wal_keep_size": "128MB"} {
		eventually(t, specs[1], "select current_setting('"+setting+"')", want)
	}

	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := s.Running(); len(left) != 0 {
		t.Errorf("after Stop: %+v", left)
	}
	clear(steps)
	// A link or a synchronous standby may differ at every start.
	specs[0].Sync = nil
	if err := s.Prepare(t.Context(), specs, note); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), specs, note); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps[specs[1].Name], " "); got != "kept starting ready" {
		t.Errorf("warm steps: %s", got)
	}
	eventually(t, specs[0], "select count(*) from bread", "1")
	eventually(t, specs[0], "show synchronous_standby_names", "")
	exec1(t, specs[0], "insert into bread values ('spelt')")
	eventually(t, specs[1], "select count(*) from bread", "2")

	t.Run("a standby lost is copied anew from the stopped primary", func(t *testing.T) {
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(specs[1].DataDir); err != nil {
			t.Fatal(err)
		}
		up(t, s, specs)
		eventually(t, specs[1], "select count(*) from bread", "2")
		exec1(t, specs[0], "insert into bread values ('oat')")
		eventually(t, specs[1], "select count(*) from bread", "3")
	})
	t.Run("a directory is never turned from primary to standby or back", func(t *testing.T) {
		exec1(t, specs[1], "select pg_promote()")
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context(), specs, nil); !world.Is(err, world.CodeConflict) {
			t.Errorf("a promoted directory as a standby: %v", err)
		}
		other := p.primary(specs[1].Name, specs[1].Port)
		if err := s.Start(t.Context(), []Spec{other}, nil); err != nil {
			t.Errorf("a promoted directory as a primary: %v", err)
		}
	})
}

func TestDeadServerIsRestartedWithItsCommits(t *testing.T) {
	p := newPlace(t)
	specs := p.pair()
	s := p.supervisor(t, Options{})
	p.up(t, s, specs)
	exec1(t, specs[0], "create table bread (name text)")

	for i, victim := range specs {
		exec1(t, specs[0], "insert into bread values ('rye')")
		before := pidOf(t, s, victim.Name)
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, victim.Name+" is back", func() bool {
			for _, st := range s.Running() {
				if st.Name == victim.Name {
					return st.Restarts > 0 && st.State == StateReady && st.PID != before
				}
			}
			return false
		})
		eventually(t, victim, "select count(*) from bread", []string{"1", "2"}[i])
	}
	// Replication has come back by itself: a synchronous commit returns.
	exec1(t, specs[0], "insert into bread values ('rye')")
	eventually(t, specs[1], "select count(*) from bread", "3")
}

func TestServerThatCannotRestartIsTriedUntilItCan(t *testing.T) {
	p := newPlace(t)
	sp := p.primary("catalog-us-east", 5501)
	s := p.supervisor(t, Options{RestartMin: 5 * time.Millisecond, RestartMax: 20 * time.Millisecond})
	p.up(t, s, []Spec{sp})
	auto := filepath.Join(sp.DataDir, "postgresql.auto.conf")
	if err := os.WriteFile(auto, []byte("max_connections = 'many'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(t, s, sp.Name), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "several attempts", func() bool { return s.Running()[0].Restarts >= 3 })
	if err := os.Truncate(auto, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, sp, "select 1", "1")
	until(t, "ready", func() bool { return s.Running()[0].State == StateReady })
}

func TestWhoMayConnect(t *testing.T) {
	p := newPlace(t)
	catalog := p.primary("catalog-eu", 5501)
	follower := p.standby(catalog, "catalog-eu@us", 5502)
	resident := p.primary("resident-eu", 5503)
	resident.Resident = true
	specs := []Spec{catalog, resident, follower}
	p.up(t, p.supervisor(t, Options{}), specs)

	for _, c := range []struct {
		what, conn string
		ok         bool
	}{
		{"superuser", ConnString(catalog, SuperUser, catalog.SuperPassword, "catalog"), true},
		{"wrong password", ConnString(catalog, SuperUser, "guess", "catalog"), false},
		{"no password", ConnString(catalog, SuperUser, "", "catalog"), false},
		{"replicator in a database", ConnString(catalog, ReplicationUser, catalog.ReplicationPassword, "catalog"), false},
		{"replicator, physical", ConnString(catalog, ReplicationUser, catalog.ReplicationPassword, "") + " replication=true", true},
		{"superuser, physical", ConnString(catalog, SuperUser, catalog.SuperPassword, "") + " replication=true", false},
		{"replicator, logical", ConnString(catalog, ReplicationUser, catalog.ReplicationPassword, "catalog") + " replication=database", false},
		{"resident superuser", ConnString(resident, SuperUser, resident.SuperPassword, "catalog"), true},
		{"resident replicator, physical", ConnString(resident, ReplicationUser, resident.ReplicationPassword, "") + " replication=true", false},
		{"resident replicator, logical", ConnString(resident, ReplicationUser, resident.ReplicationPassword, "catalog") + " replication=database", false},
	} {
		conn, err := pgconn.Connect(t.Context(), c.conn)
		if err == nil {
			conn.Close(t.Context())
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: err %v, may connect: %v", c.what, err, c.ok)
		}
	}

	// A row that breaks a rule is quoted to its writer, never in the resident log.
	for _, sp := range []Spec{catalog, resident} {
		exec1(t, sp, "create table person (email text primary key); insert into person values ('canary@example.org')")
		c, err := pgx.Connect(t.Context(), ConnString(sp, SuperUser, sp.SuperPassword, sp.Database))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Exec(t.Context(), "insert into person values ('canary@example.org')")
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || !strings.Contains(pe.Detail, "canary") {
			t.Fatalf("%s: no error with detail: %v", sp.Name, err)
		}
		c.Close(t.Context())
		text, err := os.ReadFile(sp.DataDir + ".log")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "canary"); got != !sp.Resident {
			t.Errorf("%s: the log quotes the row: %v", sp.Name, got)
		}
	}
}

func TestPrepareRemakesWhatACrashLeftAndRefusesWhatIsNotOurs(t *testing.T) {
	p := newPlace(t)
	sp := p.primary("catalog-us-east", 5501)
	s := p.supervisor(t, Options{})

	// A crash in the middle of Prepare: something under the temporary name, nothing under the final one.
	half := filepath.Join(sp.DataDir+".making", "base")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	os.Chmod(p.state, 0o711)
	if err := os.WriteFile(filepath.Join(half, "junk"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	// An empty directory under the final name is no obstacle.
	if err := os.Mkdir(sp.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeConflict) {
		t.Errorf("start before prepare: %v", err)
	}
	up(t, s, []Spec{sp})
	eventually(t, sp, "select 1", "1")
	if _, err := os.Stat(filepath.Join(sp.DataDir, "base", "junk")); !os.IsNotExist(err) {
		t.Error("the half-made directory was taken over")
	}
	if _, err := os.Stat(sp.DataDir + ".making"); !os.IsNotExist(err) {
		t.Error("the temporary directory is still there")
	}

	if err := s.Start(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeConflict) {
		t.Errorf("started twice: %v", err)
	}
	second := p.supervisor(t, Options{})
	if err := second.Start(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "running Meridian") {
		t.Errorf("a second supervisor: %v", err)
	}
	late := p.standby(sp, "late", 5502)
	if err := second.Prepare(t.Context(), []Spec{sp, late}, nil); !world.Is(err, world.CodeConflict) {
		t.Errorf("a copy of a running primary: %v", err)
	}
	eventually(t, sp, "select 1", "1") // and the first was not disturbed

	renamed := sp
	renamed.Name = "catalog-eu-central"
	if err := second.Start(t.Context(), []Spec{renamed}, nil); !world.Is(err, world.CodeConflict) {
		t.Errorf("another server's directory: %v", err)
	}
	newer := New(Binaries{Dir: p.bin.Dir, Version: p.bin.Version + 1}, s.log, Options{})
	if err := newer.Start(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeConflict) || !strings.Contains(err.Error(), "pg_upgrade") {
		t.Errorf("another major version: %v", err)
	}

	foreign := p.primary("foreign", 5503)
	if err := os.Mkdir(foreign.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(foreign.DataDir, "PG_VERSION")
	if err := os.WriteFile(precious, []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(t.Context(), []Spec{foreign}, nil); !world.Is(err, world.CodeConflict) {
		t.Errorf("somebody else's directory: %v", err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("somebody else's directory was touched: %v", err)
	}
}

func TestStartThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	p := newPlace(t)
	specs := p.pair()
	s := p.supervisor(t, Options{})
	p.premake(t, specs)
	auto := filepath.Join(specs[1].DataDir, "postgresql.auto.conf")
	if err := os.WriteFile(auto, []byte("max_connections = 'many'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.Start(t.Context(), specs, nil)
	if !world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), "max_connections") {
		t.Errorf("error does not say why: %v", err)
	}
	if left := s.Running(); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	for _, sp := range specs {
		if _, err := readPidFile(sp.DataDir); !os.IsNotExist(err) {
			t.Errorf("%s was left running: %v", sp.Name, err)
		}
	}
	if err := os.Truncate(auto, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), specs, nil); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}
