// Package cachetest asks of what a cache is handed that it keeps its contract:
// the same questions for each implementation.
package cachetest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"meridian/engine/httpcache"
)

// Memory asks of a memory with room for four megabytes what
// [httpcache.Memory] promises.
func Memory(t *testing.T, open func(*testing.T) httpcache.Memory) {
	t.Run("rooms keep their own bytes", func(t *testing.T) {
		m := open(t)
		rng := rand.New(rand.NewPCG(1, 2))
		var held []content
		for range 2000 {
			if len(held) > 0 && rng.IntN(5) < 2 || len(held) > 20 {
				i := rng.IntN(len(held))
				held[i].check(t)
				held[i].Free()
				held[i] = held[len(held)-1]
				held = held[:len(held)-1]
				continue
			}
			if c, ok := take(t, m, 1+rng.Int64N(100<<10), rng); ok {
				held = append(held, c)
			}
		}
		for _, c := range held {
			c.check(t)
			c.Free()
		}
	})
	t.Run("many at once", func(t *testing.T) {
		m := open(t)
		var all sync.WaitGroup
		for i := range 4 {
			rng := rand.New(rand.NewPCG(3, uint64(i)))
			all.Go(func() {
				for range 200 {
					a, ok := take(t, m, 1+rng.Int64N(64<<10), rng)
					if !ok {
						continue
					}
					b, ok := take(t, m, 1+rng.Int64N(64<<10), rng)
					if ok {
						b.check(t)
						b.Free()
					}
					a.check(t)
					a.Free()
				}
			})
		}
		all.Wait()
	})
	t.Run("no room", func(t *testing.T) {
		if _, ok := open(t).Take(1 << 40); ok {
			t.Error("room for a terabyte")
		}
	})
}

// content is a room and what was written to it.
type content struct {
	httpcache.Room
	want []byte
}

func take(t *testing.T, m httpcache.Memory, n int64, rng *rand.Rand) (content, bool) {
	t.Helper()
	r, ok := m.Take(n)
	if !ok {
		return content{}, false
	}
	if int64(len(r.Bytes())) != n || r.Size() < n {
		t.Errorf("asked for %d, got %d bytes that take %d", n, len(r.Bytes()), r.Size())
	}
	c := content{Room: r, want: bytes.Repeat([]byte{byte(rng.Uint32())}, int(n))}
	copy(r.Bytes(), c.want)
	return c, true
}

// check compares what is in the room, as bytes and as a file.
func (c content) check(t *testing.T) {
	t.Helper()
	if !bytes.Equal(c.Bytes(), c.want) {
		t.Error("the room holds other bytes than were written to it")
	}
	file, at := c.File()
	got := make([]byte, len(c.want))
	if _, err := file.ReadAt(got, at); err != nil || !bytes.Equal(got, c.want) {
		t.Errorf("the file holds other bytes (%v)", err)
	}
	if where(t, file) != 0 {
		t.Error("the file's position moved")
	}
}

func where(t *testing.T, f *os.File) int64 {
	t.Helper()
	at, err := f.Seek(0, 1)
	if err != nil {
		t.Error(err)
	}
	return at
}
