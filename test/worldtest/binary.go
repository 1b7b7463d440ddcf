package worldtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"meridian/adapter/pgcluster"
)

// BinaryVariable names a binary to test instead of one that is built anew.
const BinaryVariable = "MERIDIAN_BIN"

// scratch is removed when the tests are over.
var scratch = sync.OnceValues(func() (string, error) {
	// Under /tmp, for PostgreSQL's sockets need short paths, and searchable,
	// for its servers run as another user when we are root.
	dir, err := os.MkdirTemp("/tmp", "mw-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
})

var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(BinaryVariable); path != "" {
		return filepath.Abs(path)
	}
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "meridian")
	build := exec.Command("go", "build", "-o", out, "meridian/cmd/meridian")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the binary cannot be built (libvips and a C compiler are needed; scripts/install-deps installs them): %w\n%s", err, said)
	}
	return out, nil
})

// Binary is the path of the meridian to test, built once a test binary.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// needPostgres says what to install, before a world says that it cannot start.
func needPostgres(t testing.TB) {
	t.Helper()
	if _, err := pgcluster.FindBinaries(); err != nil {
		t.Fatalf("these tests run real PostgreSQL servers; scripts/install-deps installs them: %v", err)
	}
}

// Main runs a package's tests, then ends and removes every world that is left.
// Call it from TestMain: os.Exit(worldtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if err := endAll(); err != nil {
		fmt.Fprintln(os.Stderr, "worldtest:", err)
		code = 1
	}
	if dir, err := scratch(); err == nil {
		os.RemoveAll(dir)
	}
	return code
}

// endAll stops what runs, in order when it can.
func endAll() error {
	var errs []error
	for _, w := range worlds.all() {
		if code, err := w.end(); err != nil || code != 0 {
			errs = append(errs, err, fmt.Errorf("%s: exit code %d\n%s", w.Dir, code, tail(w.Logs(), 3000)))
		}
		if left := w.Left(); len(left) > 0 {
			errs = append(errs, fmt.Errorf("%s: left behind: %s", w.Dir, strings.Join(left, "; ")))
			w.killLeft()
		}
		w.remove()
	}
	return errors.Join(errs...)
}
