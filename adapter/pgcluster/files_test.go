package pgcluster

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian/world"
)

func TestLogIsBounded(t *testing.T) {
	const limit = 4096
	path := filepath.Join(t.TempDir(), "a.log")
	l, err := openLog(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	defer l.f.Close()
	size := func(p string) int64 {
		info, err := os.Stat(p)
		if err != nil {
			return -1
		}
		return info.Size()
	}
	write := func(n int) {
		if _, err := l.f.WriteString(strings.Repeat("x", n-1) + "\n"); err != nil {
			t.Fatal(err)
		}
		if err := l.bound(); err != nil {
			t.Fatal(err)
		}
	}
	write(limit)
	if size(path) != limit || size(path+".1") != -1 {
		t.Errorf("at the limit: %d, %d", size(path), size(path+".1"))
	}
	write(1)
	if size(path) != 0 || size(path+".1") != limit {
		t.Errorf("over the limit: %d, %d", size(path), size(path+".1"))
	}
	write(10 * limit) // a burst between two checks
	if size(path) != 0 || size(path+".1") != limit {
		t.Errorf("after a burst: %d, %d", size(path), size(path+".1"))
	}
	write(10)
	if size(path) != 10 {
		t.Errorf("writing goes on at %d", size(path))
	}
}

func TestLogQuotesOnlyThePresentServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	if err := os.WriteFile(path, []byte("an earlier one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer l.f.Close()
	if got := l.sinceStart(); got != "" {
		t.Errorf("before it wrote: %q", got)
	}
	l.f.WriteString("FATAL: no\n")
	if got := l.sinceStart(); got != "FATAL: no" {
		t.Errorf("got %q", got)
	}
	l.f.WriteString(strings.Repeat("y", 2*maxQuotedLog))
	if got := l.sinceStart(); len(got) != maxQuotedLog {
		t.Errorf("quotes %d bytes", len(got))
	}
}

func TestCopyLeavesOutWhatIsOneServersOwn(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	kept := []string{"PG_VERSION", "base/1/2601", "global/pg_control", "pg_wal/000000010000000000000002"}
	own := []string{"postmaster.pid", "postmaster.opts", markerFile, signalFile, "pg_replslot/link/state", "base/pgsql_tmp/pgsql_tmp1.1", ".meridian-1"}
	for _, name := range append(kept, own...) {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyCluster(from, to, owner{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range kept {
		if text, err := os.ReadFile(filepath.Join(to, name)); string(text) != name {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	for _, name := range own {
		if _, err := os.Lstat(filepath.Join(to, name)); !os.IsNotExist(err) {
			t.Errorf("%s was copied", name)
		}
	}
	if info, err := os.Stat(filepath.Join(to, "pg_replslot")); err != nil || !info.IsDir() {
		t.Error("PostgreSQL needs pg_replslot, empty")
	}
	if err := os.Symlink("/elsewhere", filepath.Join(from, "pg_tblspc")); err != nil {
		t.Fatal(err)
	}
	if err := copyCluster(from, to+"2", owner{}); err == nil || !strings.Contains(err.Error(), "tablespaces") {
		t.Errorf("a linked directory: %v", err)
	}
}

func TestOwnerMustBeAbleToReachItsData(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root hands its directories to another user")
	}
	own, err := findOwner("test", "")
	if err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(newPlace(t).state, "closed")
	if err := os.MkdirAll(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	os.Chmod(filepath.Dir(closed), 0o755)
	err = own.makeParent("test", filepath.Join(closed, "data"))
	if !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "cannot enter "+closed) {
		t.Errorf("a closed directory: %v", err)
	}
	os.Chmod(closed, 0o711)
	if err := own.makeParent("test", filepath.Join(closed, "more", "data")); err != nil {
		t.Error(err)
	}
	if _, err := findOwner("test", "no-such-user-here"); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("an unknown owner: %v", err)
	}
	if _, err := findOwner("test", "root"); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("root as owner: %v", err)
	}
}

func TestSocketDirMustBeOurs(t *testing.T) {
	own, err := findOwner("test", "")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(newPlace(t).state)
	good := filepath.Join(root, "s")
	for range 2 { // made, then found
		if err := own.makeSocketDir("test", good); err != nil {
			t.Error(err)
		}
	}
	s := New(Binaries{}, slog.New(slog.DiscardHandler), Options{})
	if uid, gid, err := s.MakeSocketDir(good); err != nil || uid != own.uid || gid != own.gid {
		t.Errorf("the directory's owner: %d:%d, %v; want %d:%d", uid, gid, err, own.uid, own.gid)
	}
	open, link := filepath.Join(root, "open"), filepath.Join(root, "link")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := own.give(open); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, link} {
		if err := own.makeSocketDir("test", dir); !world.Is(err, world.CodeConflict) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
