package pgcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian/world"
)

// fakeBinaries makes a directory whose postgres prints a version line.
func fakeBinaries(t *testing.T, line string) string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{"initdb": "#!/bin/sh\n", "postgres": "#!/bin/sh\necho '" + line + "'\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func versionOf(v int) string { return fmt.Sprintf("postgres (PostgreSQL) %d.3", v) }

func TestFindBinaries(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	old := fakeBinaries(t, versionOf(MinVersion-1))
	oldest := fakeBinaries(t, versionOf(MinVersion))
	newer := fakeBinaries(t, versionOf(17))
	for _, c := range []struct {
		what, chosen string
		candidates   []string
		want         Binaries
		says         string // of the error
	}{
		{"first that holds them", "", []string{absent, newer, oldest}, Binaries{newer, 17}, ""},
		{"too old is passed over", "", []string{old, oldest}, Binaries{oldest, MinVersion}, ""},
		{"the chosen one alone counts", oldest, []string{newer}, Binaries{oldest, MinVersion}, ""},
		{"chosen and absent", absent, []string{newer}, Binaries{}, BinEnv + " is " + absent},
		{"chosen and too old", old, []string{newer}, Binaries{}, "too old"},
		{"only too old", "", []string{absent, old}, Binaries{}, "holds PostgreSQL 14: too old"},
		{"none", "", nil, Binaries{}, "apt install postgresql"},
		{"another program", "", []string{fakeBinaries(t, "mysqld 8")}, Binaries{}, "apt install postgresql"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := findBinaries(c.chosen, c.candidates)
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if c.says == "" && err != nil {
				t.Error(err)
			}
			if c.says != "" && (!world.Is(err, world.CodeUnavailable) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "install")) {
				t.Errorf("error %v, want it to say %q", err, c.says)
			}
		})
	}
}

func TestMissingBinariesByEnvironment(t *testing.T) {
	t.Setenv(BinEnv, t.TempDir())
	if _, err := FindBinaries(); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("an empty %s: %v", BinEnv, err)
	}
}

func TestParseVersion(t *testing.T) {
	for line, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1":                          18,
		"postgres (PostgreSQL) 17":                               17,
		"postgres (PostgreSQL) 9.6.24\n":                         9,
		"pg_ctl (PostgreSQL) 15.1":                               0,
		"postgres (PostgreSQL) ":                                 0,
		"postgres (PostgreSQL) 12345.1":                          0,
		"":                                                       0,
	} {
		got, err := parseVersion(line)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v; want %d", line, got, err, want)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"postgres (PostgreSQL) 15.18", "postgres (PostgreSQL) 18devel\n", "postgres (PostgreSQL) -1", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		v, err := parseVersion(line)
		if err == nil && !strings.HasPrefix(line, "postgres (PostgreSQL) ") {
			t.Errorf("%q passed for a version line", line)
		}
		if v < 0 || v > 9999 || (err != nil && v != 0) {
			t.Errorf("%q: %d, %v", line, v, err)
		}
	})
}
