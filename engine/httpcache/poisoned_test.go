package httpcache

import (
	"os"
	"sync"
	"syscall"
	"testing"
)

// PoisonedMemory is a Memory whose rooms hold nonsense before they are written
// and after they are given up: whoever reads one that is not held reads that.
type PoisonedMemory struct {
	t    testing.TB
	file *os.File
	all  []byte // of the file

	mu    sync.Mutex
	end   int
	held  int
	taken int
}

// poison is what a room holds that nobody holds.
const poison = 0xdb

// NewPoisonedMemory has room for so many bytes in all; none is used twice.
func NewPoisonedMemory(t testing.TB, size int) *PoisonedMemory {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(int64(size)); err != nil {
		t.Fatal(err)
	}
	all, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	m := &PoisonedMemory{t: t, file: file, all: all}
	t.Cleanup(func() {
		_ = syscall.Munmap(all)
		_ = file.Close()
	})
	return m
}

// Take is the next n bytes.
func (m *PoisonedMemory) Take(n int64) (Room, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int(n) > len(m.all)-m.end {
		return nil, false
	}
	r := &poisonedRoom{m: m, from: m.end, to: m.end + int(n)}
	m.end = r.to
	m.held++
	m.taken++
	r.spoil()
	return r, true
}

// Held is how many rooms have not been given up, and how many were ever taken.
func (m *PoisonedMemory) Held() (held, taken int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held, m.taken
}

type poisonedRoom struct {
	m        *PoisonedMemory
	from, to int
	freed    bool
}

func (r *poisonedRoom) Bytes() []byte           { return r.m.all[r.from:r.to] }
func (r *poisonedRoom) File() (*os.File, int64) { return r.m.file, int64(r.from) }
func (r *poisonedRoom) Size() int64             { return int64(r.to - r.from) }

func (r *poisonedRoom) spoil() {
	b := r.Bytes()
	for i := range b {
		b[i] = poison
	}
}

func (r *poisonedRoom) Free() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if r.freed {
		r.m.t.Error("a room was given up twice")
	}
	r.freed = true
	r.m.held--
	r.spoil()
}
