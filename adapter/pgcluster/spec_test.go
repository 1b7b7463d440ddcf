package pgcluster

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"meridian/world"
)

func goodSpec(name string, port int) Spec {
	return Spec{Name: name, DataDir: "/d/" + name, SocketDir: "/s", Port: port, Database: "catalog", SuperPassword: "a", ReplicationPassword: "b"}
}

func TestSpecLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		what   string
		change func(*Spec)
		says   string // "" : accepted
	}{
		{"as it is", func(*Spec) {}, ""},
		{"socket dir at its limit", func(s *Spec) { s.SocketDir = "/" + long(MaxSocketDir-1) }, ""},
		{"socket dir over its limit", func(s *Spec) { s.SocketDir = "/" + long(MaxSocketDir) }, "SocketDir has 81 bytes"},
		{"socket dir relative", func(s *Spec) { s.SocketDir = "s" }, "absolute"},
		{"socket dir with a comma", func(s *Spec) { s.SocketDir = "/s,/t" }, "comma"},
		{"name at its limit", func(s *Spec) { s.Name = long(63) }, ""},
		{"name over its limit", func(s *Spec) { s.Name = long(64) }, "63"},
		{"name with a quote", func(s *Spec) { s.Name = `a"b` }, "63"},
		{"no name", func(s *Spec) { s.Name = "" }, "63"},
		{"data dir relative", func(s *Spec) { s.DataDir = "d" }, "absolute"},
		{"data dir of two lines", func(s *Spec) { s.DataDir = "/d\nx" }, "absolute"},
		{"lowest port", func(s *Spec) { s.Port = 1 }, ""},
		{"no port", func(s *Spec) { s.Port = 0 }, "65535"},
		{"highest port", func(s *Spec) { s.Port = 65535 }, ""},
		{"port too high", func(s *Spec) { s.Port = 65536 }, "65535"},
		{"database at its limit", func(s *Spec) { s.Database = long(63) }, ""},
		{"database over its limit", func(s *Spec) { s.Database = long(64) }, "63"},
		{"database with a quote", func(s *Spec) { s.Database = `a"` }, "63"},
		{"no password", func(s *Spec) { s.SuperPassword = "" }, "passwords"},
		{"password that ends a statement", func(s *Spec) { s.ReplicationPassword = "x;\n\nDROP" }, "passwords"},
		{"follows itself", func(s *Spec) { s.StandbyOf = &Upstream{Name: s.Name, ConnInfo: "x"} }, "no other server"},
		{"no way to its primary", func(s *Spec) { s.StandbyOf = &Upstream{Name: "p"} }, "ConnInfo"},
		{"a second setting in ConnInfo", func(s *Spec) { s.StandbyOf = &Upstream{Name: "p", ConnInfo: "x'\nfsync = 'off"} }, "ConnInfo"},
		{"a standby with standbys", func(s *Spec) { s.StandbyOf = &Upstream{Name: "p", ConnInfo: "x"}; s.Sync = []string{"q"} }, "leave Sync empty"},
		{"sync with itself", func(s *Spec) { s.Sync = []string{s.Name} }, "no other server"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := goodSpec("a", 5501)
			c.change(&s)
			err := checkSpecs("test", []Spec{s})
			if c.says == "" && err != nil {
				t.Error(err)
			}
			if c.says != "" && (!world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestSpecsTogether(t *testing.T) {
	follow := func(s Spec, of string) Spec { s.StandbyOf = &Upstream{Name: of, ConnInfo: "host=/l"}; return s }
	resident := func(s Spec, sync ...string) Spec { s.Resident, s.Sync = true, sync; return s }
	same := func(change func(*Spec)) []Spec {
		b := goodSpec("b", 5502)
		change(&b)
		return []Spec{goodSpec("a", 5501), b}
	}
	for _, c := range []struct {
		what  string
		specs []Spec
		want  world.Code
	}{
		{"two", same(func(*Spec) {}), ""},
		{"one name twice", same(func(s *Spec) { s.Name = "a" }), world.CodeInvalid},
		{"one directory twice", same(func(s *Spec) { s.DataDir = "/d/a" }), world.CodeInvalid},
		{"one socket twice", same(func(s *Spec) { s.Port = 5501 }), world.CodeInvalid},
		{"one port in two socket dirs", same(func(s *Spec) { s.Port, s.SocketDir = 5501, "/t" }), ""},
		{"a chain", []Spec{goodSpec("a", 1), follow(goodSpec("b", 2), "a"), follow(goodSpec("c", 3), "b")}, world.CodeInvalid},
		{"a resident pair", []Spec{resident(goodSpec("a", 1), "b"), resident(follow(goodSpec("b", 2), "a"))}, ""},
		{"a resident primary followed by one it does not name", []Spec{resident(goodSpec("a", 1)), resident(follow(goodSpec("b", 2), "a"))}, world.CodeForbidden},
		{"a resident primary followed by one that is not resident", []Spec{resident(goodSpec("a", 1), "b"), follow(goodSpec("b", 2), "a")}, world.CodeForbidden},
	} {
		if err := checkSpecs("test", c.specs); world.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

func TestPrepareRefusesBeforeItMakes(t *testing.T) {
	sp := goodSpec("a", 1)
	sp.DataDir = filepath.Join(t.TempDir(), "a")
	s := New(Binaries{}, slog.New(slog.DiscardHandler), Options{WALKeepMB: 15})
	if err := s.Prepare(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeInvalid) {
		t.Errorf("too little log kept: %v", err)
	}
	s = New(Binaries{}, slog.New(slog.DiscardHandler), Options{})
	sp.SocketDir = "/" + strings.Repeat("a", MaxSocketDir)
	if err := s.Prepare(t.Context(), []Spec{sp}, nil); !world.Is(err, world.CodeInvalid) {
		t.Errorf("socket path too long: %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(sp.DataDir)); err != nil || len(entries) > 0 {
		t.Errorf("something was made: %v %v", entries, err)
	}
}

func TestReplicates(t *testing.T) {
	primary, follower := goodSpec("a", 1), goodSpec("b", 2)
	follower.StandbyOf = &Upstream{Name: "a"}
	resident, twin, lone := goodSpec("r", 3), goodSpec("r2", 4), goodSpec("l", 5)
	resident.Resident, resident.Sync = true, []string{"r2"}
	twin.Resident, twin.StandbyOf = true, &Upstream{Name: "r"}
	lone.Resident = true
	stray := goodSpec("x", 6)
	stray.StandbyOf = &Upstream{Name: "l"}
	all := []Spec{primary, follower, resident, twin, lone, stray}
	for name, want := range map[string]bool{"a": true, "b": true, "r": true, "r2": true, "l": false, "x": false} {
		for _, s := range all {
			if s.Name == name && replicates(s, all) != want {
				t.Errorf("%s: %v", name, !want)
			}
		}
	}
	if replicates(primary, []Spec{primary}) {
		t.Error("a primary that nobody follows")
	}
}

func TestConnStringSurvivesAnyText(t *testing.T) {
	text := rapid.StringMatching(`[ -~é]{1,40}`)
	rapid.Check(t, func(t *rapid.T) {
		s := Spec{SocketDir: "/" + text.Draw(t, "dir"), Port: rapid.IntRange(1, 65535).Draw(t, "port")}
		user, password, database := text.Draw(t, "user"), text.Draw(t, "password"), text.Draw(t, "database")
		c, err := pgx.ParseConfig(ConnString(s, user, password, database))
		if err != nil {
			t.Fatal(err)
		}
		if c.User != user || c.Password != password || c.Database != database || int(c.Port) != s.Port {
			t.Fatalf("%q %q %q %d came back as %q %q %q %d", user, password, database, s.Port, c.User, c.Password, c.Database, c.Port)
		}
	})
}

func TestSettingsName(t *testing.T) {
	s := goodSpec("a@b", 1)
	s.StandbyOf = &Upstream{Name: "p", ConnInfo: `host=/l password='it''s \\'`}
	text := settings(s, Options{}.withDefaults())
	want := `primary_conninfo = 'host=/l password=''it''''s \\\\'' application_name=''a@b'''` + "\n"
	if !strings.Contains(text, want) {
		t.Errorf("no line %s in\n%s", want, text)
	}
	if got := syncNames([]string{"a@b", "c"}); got != `ANY 1 ("a@b", "c")` {
		t.Errorf("sync names: %s", got)
	}
}
