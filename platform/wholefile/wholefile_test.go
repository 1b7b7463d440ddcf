package wholefile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"meridian/platform/wholefile"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	for i, c := range []struct {
		text string
		o    wholefile.Options
		mode fs.FileMode
	}{{"first and longer", wholefile.Options{}, 0o600}, {"second", wholefile.Options{Mode: 0o644}, 0o644}, {"", wholefile.Options{}, 0o600}} {
		if err := c.o.Replace(path, []byte(c.text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(got) != c.text || info.Mode() != c.mode || !slices.Equal(names(t, dir), []string{"state"}) {
			t.Errorf("%d: %q, %v, %v, %v", i, got, info.Mode(), err, names(t, dir))
		}
	}
}

// The file is on the disk before its name is, and then its folder.
func TestFileAndFolderAreSynced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	var synced []string
	o := wholefile.Options{Sync: func(f *os.File) error {
		_, err := os.Stat(path)
		was := "the new name is there"
		if err != nil {
			was = "not yet"
		}
		if info, err := f.Stat(); err != nil || info.IsDir() != (f.Name() == dir+string(filepath.Separator)) {
			t.Errorf("%s: %v", f.Name(), err)
		}
		synced = append(synced, wholefile.Of(filepath.Base(f.Name())), was)
		return nil
	}}
	if err := o.Replace(path, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"state", "not yet", filepath.Base(dir), "the new name is there"}; !slices.Equal(synced, want) {
		t.Errorf("%v, want %v", synced, want)
	}
}

// What fails leaves the old content, and nothing beside it.
func TestAFailureLeavesTheOldOne(t *testing.T) {
	wrong := errors.New("no")
	for name, o := range map[string]wholefile.Options{
		"its owner": {Own: func(*os.File) error { return wrong }},
		"the disk":  {Sync: func(*os.File) error { return wrong }},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "state")
		if err := wholefile.Replace(path, []byte("old")); err != nil {
			t.Fatal(err)
		}
		err := o.Replace(path, []byte("new"))
		if got, _ := os.ReadFile(path); !errors.Is(err, wrong) || string(got) != "old" || len(names(t, dir)) != 1 {
			t.Errorf("%s: %v, %q, %v", name, err, got, names(t, dir))
		}
	}
	if err := wholefile.Replace(filepath.Join(t.TempDir(), "gone", "state"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without its folder: %v", err)
	}
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := wholefile.Replace(folder, []byte("x")); err == nil || len(names(t, dir)) != 1 {
		t.Errorf("in place of a folder: %v, %v", err, names(t, dir))
	}
}

// A link is replaced, and what it leads to is not written.
func TestNoLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	target, path := filepath.Join(dir, "target"), filepath.Join(dir, "state")
	if err := errors.Join(os.WriteFile(target, []byte("mine"), 0o600), os.Symlink(target, path), wholefile.Replace(path, []byte("new"))); err != nil {
		t.Fatal(err)
	}
	if kept, _ := os.ReadFile(target); string(kept) != "mine" {
		t.Errorf("the link's target holds %q", kept)
	}
}

func TestManyWritersDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				o := wholefile.Options{Sync: func(*os.File) error { return nil }}
				if err := o.Replace(path, bytes.Repeat([]byte{byte('a' + i)}, 5000)); err != nil {
					t.Error(err)
				}
				if got, err := os.ReadFile(path); err != nil || len(got) != 5000 || bytes.Count(got, got[:1]) != 5000 {
					t.Errorf("a mixed file, or none: %v", err)
				}
			}
		})
	}
	all.Wait()
}

func TestOf(t *testing.T) {
	for name, want := range map[string]string{"run.json": "run.json", "run.json.new-1234": "run.json", "run.json.new": "run.json.new", "": ""} {
		if got := wholefile.Of(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
