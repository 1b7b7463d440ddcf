package memfile

import (
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"meridian/engine/httpcache"
)

// addressShare is how many bytes of addresses the file has for each byte of
// contents: blocks are powers of two, and free ones may lie apart. What holds
// nothing takes no memory.
const addressShare = 4

// Memory is an [httpcache.Memory]: one file of memory (memfd_create(2)) that is
// mapped once and for all.
//
// A room's pages are given back to the system when it is freed (fallocate(2) with
// FALLOC_FL_PUNCH_HOLE), never written again: a page that a socket still has to
// send stays as it is until it is sent, for the socket holds it, and who takes the
// same room next is given other pages. That holds for pages which the system has
// not joined into larger ones: of such it would clear a part in place. So the
// mapping is exempt from them (MADV_NOHUGEPAGE), and it is the only way by which
// pages come into the file.
type Memory struct {
	file *os.File
	all  []byte // of the file

	blocks  blocks
	leaving leaving

	rooms, bytes, refused, lost atomic.Int64
}

var _ httpcache.Memory = (*Memory)(nil)

// New makes a memory with room for contents of so many bytes. Its code is
// unavailable where the system gives none (Linux before 5.14, or no addresses).
// It ends with the last who holds it or a room of it.
func New(bytes int64) (*Memory, error) {
	m := &Memory{}
	order := orderOf(bytes * addressShare)
	size := int64(pageBytes) << order
	if int64(int(size)) != size {
		return nil, unavailable(unix.ENOMEM)
	}
	fd, err := unix.MemfdCreate("meridian-cache", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, unavailable(err)
	}
	m.file = os.NewFile(uintptr(fd), "meridian-cache")
	if err := m.open(fd, size); err != nil {
		_ = m.file.Close() // nothing is in it
		return nil, unavailable(err)
	}
	m.blocks.init(order)
	m.leaving.free = m.free
	runtime.AddCleanup(m, func(all []byte) { _ = unix.Munmap(all) }, m.all)
	return m, nil
}

// open gives the file its size, for good, and maps it.
func (m *Memory) open(fd int, size int64) (err error) {
	if err := unix.Ftruncate(fd, size); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return err
	}
	if m.all, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return err
	}
	if err = unix.Madvise(m.all, unix.MADV_NOHUGEPAGE); err == unix.EINVAL {
		err = nil // this system knows no large pages
	}
	if err == nil { // does it know how to fill a room beforehand?
		if err = populate(m.all[:pageBytes]); err == nil {
			err = m.punch(0, int64(pageBytes))
		}
	}
	if err != nil {
		_ = unix.Munmap(m.all)
	}
	return err
}

// populate has all pages of b there. Without it the process would end where the
// system has none left, when the first of them is touched.
func populate(b []byte) error {
	for {
		if err := unix.Madvise(b, unix.MADV_POPULATE_WRITE); err != unix.EINTR && err != unix.EAGAIN {
			return err
		}
	}
}

// punch gives pages back to the system.
func (m *Memory) punch(at, n int64) error {
	for {
		err := unix.Fallocate(int(m.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
		if err != unix.EINTR {
			return err
		}
	}
}

// Take is room for n bytes.
func (m *Memory) Take(n int64) (httpcache.Room, bool) {
	size := wholePages(n)
	at, ok := m.blocks.take(orderOf(size))
	if !ok {
		m.refused.Add(1)
		return nil, false
	}
	r := &room{m: m, at: at, n: n}
	if populate(m.all[at:at+size]) != nil {
		m.refused.Add(1)
		m.leaving.add(r) // some of its pages may be there
		return nil, false
	}
	m.rooms.Add(1)
	m.bytes.Add(size)
	return r, true
}

// free ends a room. One whose pages the system does not take back is not used
// again: what is in it may still be on its way.
func (m *Memory) free(r *room) {
	size := wholePages(r.n)
	if m.punch(r.at, size) != nil {
		m.lost.Add(size)
		return
	}
	m.blocks.give(r.at, orderOf(size))
}

// Stats are the figures of this moment.
func (m *Memory) Stats() Stats {
	return Stats{m.rooms.Load(), m.bytes.Load(), m.refused.Load(), m.lost.Load()}
}

// room is an [httpcache.Room] of whole pages.
type room struct {
	m     *Memory
	at, n int64
}

func (r *room) Bytes() []byte           { return r.m.all[r.at : r.at+r.n : r.at+r.n] }
func (r *room) File() (*os.File, int64) { return r.m.file, r.at }
func (r *room) Size() int64             { return wholePages(r.n) }

func (r *room) Free() {
	r.m.rooms.Add(-1)
	r.m.bytes.Add(-r.Size())
	r.m.leaving.add(r)
}
