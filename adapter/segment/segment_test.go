package segment

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"meridian/engine/httpcache"
	"meridian/test/cachetest"
	"meridian/world"
)

// shelf is an owner that keeps an index.
type shelf struct {
	mu      sync.Mutex
	objects map[uint64]httpcache.Place
	tags    map[uint64]httpcache.Tag
	told    map[string]string
	soft    int
	lost    int
	keep    func(key uint64) bool
}

func newShelf() *shelf {
	return &shelf{
		objects: map[uint64]httpcache.Place{}, tags: map[uint64]httpcache.Tag{}, told: map[string]string{},
		keep: func(uint64) bool { return false },
	}
}

func (s *shelf) Found(tag httpcache.Tag, at httpcache.Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[tag.Key], s.tags[tag.Key] = at, tag
}

func (s *shelf) Noted(n httpcache.Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Feed != "" {
		s.told[n.Feed] = n.Cursor
		return
	}
	if n.Soft {
		s.soft++
		return
	}
	for key, tag := range s.tags {
		for _, g := range tag.Groups {
			for _, p := range n.Groups {
				if g == p {
					delete(s.objects, key)
				}
			}
		}
	}
	if n.All {
		clear(s.objects)
	}
}

func (s *shelf) Leaving(key uint64, at httpcache.Place) (httpcache.Tag, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[key] != at {
		return httpcache.Tag{}, false
	}
	if !s.keep(key) {
		delete(s.objects, key)
		return httpcache.Tag{}, false
	}
	return s.tags[key], true
}

func (s *shelf) Moved(key uint64, from, to httpcache.Place, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[key] != from {
		return
	}
	if !ok {
		delete(s.objects, key)
		return
	}
	s.objects[key] = to
}

func (s *shelf) Lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.objects)
	s.lost++
}

// rig is a log with its owner.
type rig struct {
	*Log
	*shelf
	t   *testing.T
	cfg Config
}

func open(t *testing.T, cfg Config) *rig {
	t.Helper()
	if cfg.Bytes == 0 {
		cfg.Bytes = MinBytes
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{Log: l, shelf: newShelf(), t: t, cfg: cfg}
	l.Start(g.shelf)
	t.Cleanup(func() { _ = l.Close() })
	return g
}

// put writes an object and lists it.
func (g *rig) put(key uint64, content string, groups ...string) httpcache.Place {
	g.t.Helper()
	o := cachetest.NewObject(key, content, groups...)
	if !g.Put(o) {
		g.t.Fatal("no room in the queue")
	}
	at := <-o.Done
	if at != (httpcache.Place{}) {
		g.Found(o.Tag, at)
	}
	return at
}

func (g *rig) expect(key uint64, content string) {
	g.t.Helper()
	at, ok := g.objects[key]
	if !ok {
		g.t.Errorf("%d is not there", key)
		return
	}
	meta, got, err := g.Read(at, true)
	if err != nil || string(meta) != fmt.Sprint("meta of ", key) || string(got) != content {
		g.t.Errorf("%d: %q %.20q of %d, %v; want %.20q of %d", key, meta, got, len(got), err, content, len(content))
	}
	if err := g.Check(at); err != nil {
		g.t.Error(err)
	}
	in, err := g.Log.Open(at)
	if err != nil {
		g.t.Fatal(err)
	}
	defer in.Release()
	b := make([]byte, at.Length)
	if _, err := in.File.ReadAt(b, in.Offset); len(b) > 0 && err != nil || string(b) != content {
		g.t.Errorf("%d in its file: %.20q, %v", key, b, err)
	}
	if wanted := at.Length >= alignFrom && runtime.GOOS == "linux"; wanted && string(in.Pages) != content || !wanted && in.Pages != nil {
		g.t.Errorf("%d is mapped: %.20q of %d", key, in.Pages, len(in.Pages))
	}
}

func TestDiskContract(t *testing.T) {
	cachetest.Disk(t, func(t *testing.T) cachetest.DiskPlace {
		cfg := Config{Dir: t.TempDir(), Bytes: MinBytes, bootID: func() string { return "same" }}
		return cachetest.DiskPlace{Open: func() httpcache.Disk {
			l, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}}
	})
}

func TestWhatIsPutComesBack(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat("0123456789", 20_000)
	for i, clean := range []bool{true, false} {
		g := open(t, Config{Dir: dir, bootID: func() string { return "same" }})
		if i > 0 {
			g.expect(1, "one")
		}
		g.put(1, "one")
		g.put(2, big, "g", "h")
		g.put(3, "")
		g.put(4, "four", "g")
		g.Note(httpcache.Note{Purge: httpcache.Purge{Groups: []string{"h"}, Keys: []string{"k"}}}, true)
		g.Note(httpcache.Note{Feed: "us", Cursor: "7.1"}, false)
		g.Note(httpcache.Note{Feed: "us", Cursor: "9.9"}, true)
		if clean {
			g.Close()
		} else { // as if the process had ended here
			dir = copyDir(t, dir)
		}
		g = open(t, Config{Dir: dir, bootID: func() string { return "same" }})
		g.expect(1, "one")
		g.expect(3, "")
		g.expect(4, "four")
		if len(g.objects) != 3 || g.told["us"] != "9.9" || g.soft > 0 || g.lost > 0 {
			t.Errorf("clean %v: %v %v, soft %d, lost %d", clean, g.objects, g.told, g.soft, g.lost)
		}
		if tag := g.tags[2]; fmt.Sprint(tag.Groups) != "[g h]" {
			t.Errorf("groups %v", tag.Groups)
		}
		g.Close()
	}
}

// A large content begins with a page wherever the record before it has ended, and
// all is found again, by a footer and by a walk through the records.
func TestLargeContentsBeginWithAPage(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", alignFrom/16)
	for _, sealed := range []bool{true, false} {
		cfg := Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, bootID: func() string { return "same" }}
		g := open(t, cfg)
		paddings := map[int]bool{}
		key := uint64(10)
		for _, n := range []int{0, 1, 2, 17, 39, 40, 41, 777, pageBytes - headerBytes, pageBytes, pageBytes + 1} {
			g.put(key, strings.Repeat("x", n))
			g.put(key+1, large[:alignFrom-1])
			before := g.Log.active.size
			at := g.put(key+2, large)
			if contentOffset(at)%pageBytes != 0 {
				t.Errorf("a content of %d bytes behind one of %d begins at %d", alignFrom, n, contentOffset(at))
			}
			paddings[int(int64(at.Offset)-before)] = true
			key += 3
		}
		if len(paddings) < 5 {
			t.Errorf("only paddings of %v bytes were tried", paddings)
		}
		if sealed {
			for id := g.Log.active.id; g.Log.active.id == id; key++ {
				g.put(key, large)
			}
		}
		was := len(g.objects)
		g.Close()
		g = open(t, cfg)
		if len(g.objects) != was || g.lost > 0 {
			t.Errorf("sealed %v: %d of %d were found, lost %d", sealed, len(g.objects), was, g.lost)
		}
		for key := range g.objects {
			if at := g.objects[key]; at.Length == alignFrom {
				g.expect(key, large)
			}
		}
		g.Close()
	}
}

// A padding is none, or room for a record's header at least.
func TestPaddings(t *testing.T) {
	for offset := int64(fileHeader); offset < 3*pageBytes; offset++ {
		h := header{meta: uint32(offset % 100), content: alignFrom}
		n := paddingFor(offset, &h)
		if n != 0 && n < headerBytes || n >= maxPadding || (offset+int64(n)+headerBytes+int64(h.meta))%pageBytes != 0 {
			t.Fatalf("at %d with a meta of %d: %d bytes", offset, h.meta, n)
		}
		if b := appendPadding(nil, 7, n); len(b) != n {
			t.Fatalf("a padding of %d has %d bytes", n, len(b))
		}
	}
}

// copyDir is the folder as a process leaves it that ends now.
func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestPowerLossMakesAllStale(t *testing.T) {
	dir := t.TempDir()
	g := open(t, Config{Dir: dir, bootID: func() string { return "monday" }})
	g.put(1, "one")
	g = open(t, Config{Dir: copyDir(t, dir), bootID: func() string { return "tuesday" }})
	g.expect(1, "one")
	if g.soft != 1 {
		t.Errorf("%d soft purges, want one of all", g.soft)
	}
	g.Close()
	g = open(t, Config{Dir: g.cfg.Dir, bootID: func() string { return "wednesday" }})
	if g.expect(1, "one"); g.soft != 0 {
		t.Error("a run that ended well is not relied on")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	g := open(t, Config{Dir: t.TempDir()})
	if _, err := Open(Config{Dir: g.cfg.Dir, Bytes: MinBytes}); !world.Is(err, world.CodeConflict) {
		t.Errorf("got %v", err)
	}
	g.Close()
	open(t, Config{Dir: g.cfg.Dir})
}

func TestConfigAtItsEdge(t *testing.T) {
	for _, c := range []Config{{Bytes: MinBytes}, {Dir: t.TempDir(), Bytes: MinBytes - 1}} {
		if _, err := Open(c); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// The log stays within its bytes; what its owner keeps is copied, the rest goes
// with the oldest segment, and the cursors stay.
func TestReclaim(t *testing.T) {
	dir := t.TempDir()
	g := open(t, Config{Dir: dir, SegmentBytes: 1 << 20})
	g.keep = func(key uint64) bool { return key == 1 }
	g.Note(httpcache.Note{Feed: "us", Cursor: "7.1"}, true)
	content := func(key uint64) string { return strings.Repeat(fmt.Sprintf("%08d", key), 12_500) }
	for key := range uint64(500) { // 50 MB
		g.put(key, content(key))
		if b := g.Stats().Bytes; b > MinBytes {
			t.Fatalf("%d bytes on the disk", b)
		}
	}
	if n := len(g.objects); n < 100 || n > 160 {
		t.Errorf("%d objects are left", n)
	}
	check := func() {
		t.Helper()
		for key := range g.objects {
			g.expect(key, content(key))
		}
		if _, ok := g.objects[1]; !ok {
			t.Error("what was to be kept is gone")
		}
		if s := g.Stats(); s.Moved == 0 && s.Written > 0 || s.Bad+s.Errors+s.Dropped > 0 {
			t.Errorf("%+v", s)
		}
	}
	check()
	left := len(g.objects)
	g.Close()
	g = open(t, Config{Dir: dir, SegmentBytes: 1 << 20})
	if check(); len(g.objects) != left || g.told["us"] != "7.1" {
		t.Errorf("%d objects, were %d; cursors %v", len(g.objects), left, g.told)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(files) != int(g.Stats().Segments) {
		t.Errorf("%d files, %d segments", len(files), g.Stats().Segments)
	}
}

// Who has a file open reads on when its segment is reclaimed.
func TestReclaimedWhileInUse(t *testing.T) {
	g := open(t, Config{Dir: t.TempDir(), SegmentBytes: 1 << 20})
	at := g.put(1, "content")
	in, err := g.Log.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	for key := uint64(2); key < 40; key++ {
		g.put(key, strings.Repeat("x", 1<<19))
	}
	if _, _, err := g.Read(at, true); !world.Is(err, world.CodeNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	b := make([]byte, 7)
	if _, err := in.File.ReadAt(b, in.Offset); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
	in.Release()
	if _, err := in.File.ReadAt(b, in.Offset); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file was not closed: %v", err)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	l, err := Open(Config{Dir: t.TempDir(), Bytes: MinBytes, QueueBytes: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	var put []*cachetest.Object
	for { // not started: nothing is written yet
		o := cachetest.NewObject(uint64(len(put)), strings.Repeat("x", 1000))
		if !l.Put(o) {
			break
		}
		put = append(put, o)
	}
	if n := len(put); n != 6 || l.Stats().Dropped != 1 {
		t.Errorf("%d objects in the queue, %+v", n, l.Stats())
	}
	put[2].Dead = true
	l.Start(newShelf())
	l.Close()
	if n := l.Stats().Written; n != 5 {
		t.Errorf("%d written, want all that are wanted", n)
	}
	if l.Put(cachetest.NewObject(9, "x")) {
		t.Error("a closed log takes objects")
	}
}

// Any byte of the files may be wrong, or all behind it missing: nothing is given
// back but what was put.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	g := open(t, Config{Dir: dir, SegmentBytes: 1 << 20, bootID: func() string { return "same" }})
	want := map[uint64]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for key := range uint64(60) {
		b := make([]byte, random.IntN(90_000))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		want[key] = string(b)
		g.put(key, want[key], "g")
		if key%7 == 0 {
			g.Note(httpcache.Note{Feed: "us", Cursor: fmt.Sprint(key)}, true)
		}
	}
	left := 0
	for round := range 60 {
		damaged := copyDir(t, dir)
		files, _ := filepath.Glob(filepath.Join(damaged, "*.seg"))
		name := files[random.IntN(len(files))]
		b, _ := os.ReadFile(name)
		at := random.IntN(len(b))
		if round%2 == 0 {
			b[at] ^= 1 << random.IntN(8)
		} else {
			b = b[:at]
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, Config{Dir: damaged, SegmentBytes: 1 << 20, bootID: func() string { return "same" }})
		for key, place := range d.objects {
			meta, got, err := d.Read(place, true)
			if err == nil && (string(got) != want[key] || string(meta) != fmt.Sprint("meta of ", key)) {
				t.Fatalf("round %d, byte %d of %s: %d is not what was put", round, at, name, key)
			}
			if cerr := d.Check(place); (cerr == nil) != (err == nil) && bytes.Equal(meta, []byte(fmt.Sprint("meta of ", key))) {
				t.Fatalf("round %d: read %v, checked %v", round, err, cerr)
			}
		}
		left += len(d.objects)
		d.put(100, "goes on")
		d.expect(100, "goes on")
		d.Close()
	}
	if left < 60*10 {
		t.Errorf("%d objects are left in 60 rounds: hardly any", left)
	}
}
