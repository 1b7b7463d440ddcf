package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"meridian/world"
)

const (
	// MinVersion is the oldest PostgreSQL major version that is taken.
	MinVersion = 15
	// newestPackaged is the newest major version whose packaged directory is looked for by name.
	newestPackaged = 18
	// BinEnv names the environment variable with the directory of the binaries.
	// Once set it alone counts: a wrong value is an error, not a reason to look further.
	BinEnv = "MERIDIAN_PG_BIN"
)

const installHint = "install PostgreSQL 15 or newer (Debian: apt install postgresql; macOS: brew install postgresql@17) or set " +
	BinEnv + " to the directory that holds initdb and postgres"

// Binaries is a directory with initdb and postgres, and their major version.
type Binaries struct {
	Dir     string
	Version int
}

func (b Binaries) path(name string) string { return filepath.Join(b.Dir, name) }

// FindBinaries looks for initdb and postgres: in $MERIDIAN_PG_BIN, or else in
// the directories of distribution packages from the newest version down,
// `pg_config --bindir`, Homebrew's and Postgres.app's. The first directory that
// holds version 15 or newer wins. If there is none the error is
// CodeUnavailable and says what to install.
func FindBinaries() (Binaries, error) {
	return findBinaries(os.Getenv(BinEnv), candidateDirs())
}

func findBinaries(chosen string, candidates []string) (Binaries, error) {
	const op = "pgcluster.find_binaries"
	if chosen != "" {
		b, err := inspect(chosen)
		if err != nil {
			return Binaries{}, world.Because(world.CodeUnavailable, op, BinEnv+" is "+chosen+": "+installHint, err)
		}
		return b, nil
	}
	var tooOld error
	for _, dir := range candidates {
		b, err := inspect(dir)
		if err == nil {
			return b, nil
		}
		if errors.Is(err, errTooOld) {
			tooOld = err
		}
	}
	return Binaries{}, world.Because(world.CodeUnavailable, op, "no PostgreSQL found: "+installHint, tooOld)
}

func candidateDirs() []string {
	var dirs []string
	for v := newestPackaged; v >= MinVersion; v-- {
		dirs = append(dirs, fmt.Sprintf("/usr/lib/postgresql/%d/bin", v))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, prefix := range []string{"/opt/homebrew", "/usr/local"} {
		for v := newestPackaged; v >= MinVersion; v-- {
			dirs = append(dirs, fmt.Sprintf("%s/opt/postgresql@%d/bin", prefix, v))
		}
	}
	return append(dirs, "/Applications/Postgres.app/Contents/Versions/latest/bin")
}

var errTooOld = errors.New("too old")

// inspect accepts a directory that holds both binaries in a version that is taken.
func inspect(dir string) (Binaries, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return Binaries{}, err
		}
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("%s/postgres --version: %w", dir, err)
	}
	v, err := parseVersion(string(out))
	if err != nil {
		return Binaries{}, err
	}
	if v < MinVersion {
		return Binaries{}, fmt.Errorf("%s holds PostgreSQL %d: %w", dir, v, errTooOld)
	}
	return Binaries{Dir: dir, Version: v}, nil
}

// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "postgres (PostgreSQL) 18beta1"
var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d{1,4})\D`)

// parseVersion is the major version in the line that `postgres --version` prints.
func parseVersion(line string) (int, error) {
	m := versionLine.FindStringSubmatch(line + "\n")
	if m == nil {
		return 0, fmt.Errorf("not a PostgreSQL version line: %.80q", line)
	}
	return strconv.Atoi(m[1])
}
