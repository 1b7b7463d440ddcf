package segment

import (
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"meridian/engine/httpcache"
)

// A disk that is full costs the oldest segment, and objects, but no more.
func TestFullDisk(t *testing.T) {
	var left atomic.Int64
	left.Store(5 << 20)
	faults := &faults{
		write: func(n int) (int, error) {
			if left.Add(-int64(n)) < 0 {
				return n / 2, syscall.ENOSPC
			}
			return n, nil
		},
		remove: func() error { left.Add(1 << 20); return nil },
	}
	var reported atomic.Int32
	g := open(t, Config{Dir: t.TempDir(), SegmentBytes: 1 << 20, fault: faults, Report: func(error) { reported.Add(1) }})
	lost := 0
	for key := range uint64(100) {
		if at := g.put(key, strings.Repeat(fmt.Sprintf("%04d", key), 50_000)); at == (httpcache.Place{}) {
			lost++
			left.Store(1 << 20)
		}
	}
	for key := range g.objects {
		if in, err := g.Log.Open(g.objects[key]); err == nil {
			in.Release()
			g.expect(key, strings.Repeat(fmt.Sprintf("%04d", key), 50_000))
		}
	}
	if s := g.Stats(); s.Written < 50 || s.Bad > 0 || int(s.Written)+lost != 100 {
		t.Errorf("%d lost, %+v", lost, s)
	}
	dir := copyDir(t, g.cfg.Dir)
	g = open(t, Config{Dir: dir, SegmentBytes: 1 << 20})
	for key := range g.objects {
		g.expect(key, strings.Repeat(fmt.Sprintf("%04d", key), 50_000))
	}
	if len(g.objects) == 0 || g.lost > 0 {
		t.Errorf("%d objects after the next start, lost %d times", len(g.objects), g.lost)
	}
}

// A purge that cannot be written takes all with it: what was purged must not
// come back at the next start. When the disk works again, so does the log.
func TestAPurgeThatCannotBeWritten(t *testing.T) {
	var broken atomic.Bool
	var reported atomic.Int32
	g := open(t, Config{
		Dir: t.TempDir(), Report: func(error) { reported.Add(1) },
		fault: &faults{write: func(n int) (int, error) {
			if broken.Load() {
				return 0, syscall.EIO
			}
			return n, nil
		}},
	})
	g.put(1, "one", "g")
	broken.Store(true)
	if at := g.put(2, "two"); at != (httpcache.Place{}) {
		t.Error("written to a broken disk")
	}
	g.expect(1, "one") // reading goes on
	g.Note(httpcache.Note{Purge: httpcache.Purge{Groups: []string{"g"}}}, true)
	g.Note(httpcache.Note{Feed: "us", Cursor: "1.1"}, true)
	if g.lost != 1 || len(g.objects) != 0 {
		t.Errorf("lost %d times, %d objects", g.lost, len(g.objects))
	}
	if n := reported.Load(); n != 1 {
		t.Errorf("reported %d times, want once", n)
	}
	again := open(t, Config{Dir: copyDir(t, g.cfg.Dir)})
	if len(again.objects) != 0 {
		t.Error("what was purged is back")
	}
	broken.Store(false)
	g.put(3, "three")
	g.expect(3, "three")
	again = open(t, Config{Dir: copyDir(t, g.cfg.Dir), bootID: bootID})
	again.expect(3, "three")
	if again.told["us"] != "1.1" {
		t.Errorf("cursors %v", again.told)
	}
}
