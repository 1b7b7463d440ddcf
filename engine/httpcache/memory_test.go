package httpcache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// memoryRig is a rig with its memory, for contents of 100 bytes and more.
func memoryRig(t *testing.T, size int, change func(*Config)) (*rig, *PoisonedMemory) {
	m := NewPoisonedMemory(t, size)
	g := newRig(t, func(c *Config) {
		c.Memory, c.MemoryFrom = m, 100
		if change != nil {
			change(c)
		}
	})
	t.Cleanup(func() {
		g.Purge(Purge{All: true})
		if held, _ := m.Held(); held > 0 {
			t.Errorf("%d contents were never given up", held)
		}
	})
	return g, m
}

func held(t *testing.T, m *PoisonedMemory, want int) {
	t.Helper()
	if n, _ := m.Held(); n != want {
		t.Errorf("%d contents are held in memory, want %d", n, want)
	}
}

func TestLargeContentsAreFoundInAFile(t *testing.T) {
	g, m := memoryRig(t, 1<<20, nil)
	for n, want := range map[int]bool{98: false, 99: true, 5000: true} { // a byte more than the content is asked for
		held(t, m, 0)
		content := strings.Repeat("x", n)
		g.origin.says(200, content, "Cache-Control: max-age=300")
		g.get("/a")
		f, ok := g.Find([]byte("shop.test/a"), nil)
		in := f.File()
		if !ok || string(f.Body()) != content || (in.File != nil) != want {
			t.Fatalf("%d bytes: found %v, in a file %v", n, ok, in.File != nil)
		}
		if want {
			got := make([]byte, f.Length())
			if _, err := in.File.ReadAt(got, in.Offset); err != nil || string(got) != content {
				t.Errorf("the file holds other bytes (%v)", err)
			}
			g.Purge(Purge{All: true})
			if string(f.Body()) != content {
				t.Error("what was found is gone before it was released")
			}
			held(t, m, 1)
			in.Release()
		}
		g.Purge(Purge{All: true})
	}
}

func TestContentsWithoutRoomInMemory(t *testing.T) {
	g, m := memoryRig(t, 250, nil)
	for _, path := range []string{"/a", "/b", "/c"} {
		content := strings.Repeat(path, 60)
		g.origin.says(200, content, "Cache-Control: max-age=300")
		g.get(path)
		g.expect(g.get(path), 200, content, "edge-iad; hit; ttl=300")
	}
	if _, taken := m.Held(); taken != 2 {
		t.Errorf("%d contents in memory, want 2", taken)
	}
}

// Whoever sends a content holds it: of a hit, of a validation that others wait
// for, and of what is stale after an error, though the store has another by then.
func TestContentsAreHeldUntilTheyAreSent(t *testing.T) {
	old := strings.Repeat("old ", 100)
	for name, says := range map[string]func(*rig){
		"hit":   func(*rig) {},
		"stale": func(g *rig) { g.pass(301 * time.Second); g.origin.says(503, "") },
		"validated": func(g *rig) {
			g.pass(301 * time.Second)
			g.origin.set(func(*http.Request) (*http.Response, error) { return answer(304, "", "Cache-Control: max-age=300"), nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, m := memoryRig(t, 1<<20, nil)
				g.origin.says(200, old, "Cache-Control: max-age=300, stale-if-error=600", `ETag: "v1"`)
				g.get("/a")
				says(g)
				w := &slowWriter{httptest.NewRecorder(), make(chan struct{})}
				done := make(chan struct{})
				go func() {
					defer close(done)
					g.ServeHTTP(w, httptest.NewRequest("GET", "http://shop.test/a", nil))
				}()
				synctest.Wait()
				g.Purge(Purge{All: true})
				held(t, m, 1)
				close(w.gate)
				<-done
				if w.Body.String() != old {
					t.Errorf("got %q", w.Body)
				}
				synctest.Wait()
				held(t, m, 0)
			})
		})
	}
}

// A fill that is being read by many is given up with the last of them, whatever
// became of it.
func TestAFillIsGivenUpWithItsLastReader(t *testing.T) {
	for name, end := range map[string]error{"whole": nil, "broken": io.ErrUnexpectedEOF} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, m := memoryRig(t, 1<<20, func(c *Config) { c.MaxTakeOvers = -1 })
				body, feed := io.Pipe()
				g.origin.set(func(*http.Request) (*http.Response, error) {
					return streamed(body, 1000, "Cache-Control: max-age=300"), nil
				})
				all := g.crowd(3, "/a")
				ctx, leave := context.WithCancel(t.Context())
				go g.do(ctx, "GET", "/a")
				synctest.Wait()
				feed.Write(bytes.Repeat([]byte("a"), 500))
				synctest.Wait()
				leave()
				g.Purge(Purge{All: true})
				held(t, m, 1)
				if end == nil {
					feed.Write(bytes.Repeat([]byte("b"), 500))
				}
				feed.CloseWithError(end)
				for _, r := range all() {
					if whole := strings.Repeat("a", 500) + strings.Repeat("b", 500); !strings.HasPrefix(whole, r.Body.String()) || r.aborted != (end != nil) {
						t.Errorf("aborted %v, %d bytes", r.aborted, r.Body.Len())
					}
				}
				synctest.Wait()
				held(t, m, 0)
			})
		})
	}
}

// What is too large for RAM is in memory until it is on the disk, and no longer.
func TestWhatGoesToTheDiskAloneIsGivenUpOnceWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		d := &memDisk{hold: hold}
		g, m := memoryRig(t, 1<<20, func(c *Config) {
			c.Disk, c.MaxBytes, c.MaxObjectBytes, c.MaxDiskObject = d, 32<<10, 4<<10, 16<<10
		})
		content := strings.Repeat("0123456789", 1000)
		g.origin.says(200, content, "Cache-Control: max-age=300")
		g.get("/a")
		held(t, m, 1)
		g.expect(g.get("/a"), 200, content, "edge-iad; hit; ttl=300") // on its way
		close(hold)
		synctest.Wait()
		held(t, m, 0)
		if n := g.Stats().OnDisk; n != 1 {
			t.Errorf("%d on the disk", n)
		}
	})
}
