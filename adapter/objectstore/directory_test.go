package objectstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"meridian/world"
)

// filesIn are all files under dir but its lock, by path from it.
func filesIn(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && path != filepath.Join(dir, lockName) {
			files = append(files, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAPutSyncsTheFileThenItsNameThenEveryFolder(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	defer s.Close()
	var synced []string
	s.dir.sync = func(f *os.File) error {
		name := strings.TrimPrefix(f.Name(), dir)
		if strings.HasSuffix(name, unfinished) {
			if _, err := os.Stat(filepath.Join(dir, "a/b/c")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the name is there before its bytes are durable: %v", err)
			}
			name = "the file"
		}
		synced = append(synced, name)
		return f.Sync()
	}
	put(t, s, "a/b/c", "cake")
	if want := []string{"the file", "/a/b", "/a", ""}; !slices.Equal(synced, want) {
		t.Errorf("synced %q, want %q", synced, want)
	}
	synced = nil
	if err := s.Delete(ctx, "a/b/c"); err != nil || len(synced) == 0 || synced[0] != "/a/b" {
		t.Errorf("Delete synced %q, %v", synced, err)
	}
	if got := filesIn(t, dir); got != nil {
		t.Errorf("the directory still holds %q", got)
	}
}

func TestAFailedSyncIsAFailedPut(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	defer s.Close()
	put(t, s, "a/b", "before")
	full := false
	s.dir.sync = func(f *os.File) error {
		if full || strings.HasSuffix(f.Name(), unfinished) {
			return &fs.PathError{Op: "sync", Path: f.Name(), Err: syscall.ENOSPC}
		}
		return nil
	}
	for _, full = range []bool{false, true} {
		if _, err := s.Put(ctx, "a/b", strings.NewReader("after"), PutOptions{}); !world.Is(err, world.CodeFull) {
			t.Errorf("Put = %v", err)
		}
	}
	holds(t, s, "a/b", "before")
	if got := filesIn(t, dir); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("the directory holds %q", got)
	}
}

func TestOpenDirSweepsWhatNeverFinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "store")
	s := openDir(t, dir)
	put(t, s, "a/b", "cake")
	left := filepath.Join(dir, "a/b.17f00ba4.tmp")
	if err := os.WriteFile(left, []byte("half a ca"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, s, ""); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("an unfinished file is listed: %q", got)
	}

	second := openDir(t, dir) // the first is still open: the file may be its own
	if _, err := os.Stat(left); err != nil {
		t.Errorf("another's unfinished file was swept: %v", err)
	}
	if err := errors.Join(s.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}

	third := openDir(t, dir)
	defer third.Close()
	if got := filesIn(t, dir); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("after the sweep the directory holds %q", got)
	}
	holds(t, third, "a/b", "cake")
}

func TestOpenDirSaysWhyItCannot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDir(ctx, filepath.Join(file, "store")); world.CodeOf(err) != world.CodeInternal {
		t.Errorf("OpenDir below a file = %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := OpenDir(gone, t.TempDir()); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("OpenDir with a context that is over = %v", err)
	}
}

// childDir tells this test's binary, started again, to be a writer that is killed.
const childDir = "MERIDIAN_TEST_OBJECTSTORE_CHILD"

// TestAKillLeavesAllOrNothing kills -9 a process that has had one put
// acknowledged and is in the middle of another.
func TestAKillLeavesAllOrNothing(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		child(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAKillLeavesAllOrNothing$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		ready = lines.Text() == "in the middle"
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed: the error says so
	if !ready {
		t.Fatal("the writer ended before it was in the middle")
	}
	if got := filesIn(t, dir); len(got) != 2 {
		t.Fatalf("the killed writer left %q, want an object and an unfinished file", got)
	}
	s := openDir(t, dir)
	defer s.Close()
	holds(t, s, original(t, "acknowledged"), "acknowledged")
	holds(t, s, "tests/unfinished", absent)
	if got := keys(t, s, ""); len(got) != 1 {
		t.Errorf("the store lists %q", got)
	}
	if got := filesIn(t, dir); len(got) != 1 {
		t.Errorf("after the sweep the directory holds %q", got)
	}
}

func child(t *testing.T, dir string) {
	s := openDir(t, dir)
	put(t, s, original(t, "acknowledged"), "acknowledged")
	endless := readerFunc(func(p []byte) (int, error) {
		fmt.Println("in the middle")
		select {} // until it is killed
	})
	_, err := s.Put(ctx, "tests/unfinished", io.MultiReader(strings.NewReader("half of it"), endless), PutOptions{})
	t.Fatal(err)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
