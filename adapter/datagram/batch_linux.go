package datagram

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many datagrams are read, and how many sent, by one call at most.
const batch = 32

// MostBytes is how long a datagram may be: what is longer is cut there.
const MostBytes = 1344 // an odd number of cache lines, so that beginnings do not push one another out of the cache

// mostAnswers is how many bytes the answers of a batch have in one piece of memory.
const mostAnswers = 64 << 10

// header is the system's struct mmsghdr: a message, and how many bytes it had.
type header struct {
	hdr  unix.Msghdr
	size uint32
}

// address is where a datagram came from, as the system writes it: a struct
// sockaddr_in or sockaddr_in6.
type address [unix.SizeofSockaddrInet6]byte

func (a *address) ip() netip.Addr {
	if binary.NativeEndian.Uint16(a[:]) == unix.AF_INET {
		return netip.AddrFrom4([4]byte(a[4:]))
	}
	return netip.AddrFrom16([16]byte(a[8:])).Unmap()
}

// memory is what a batch is read into, and answered from. It is made once, and
// the system knows its places: it does not move.
type memory struct {
	in, out       [batch]header
	inAt, outAt   [batch]unix.Iovec
	from          [batch]address
	came          [batch * MostBytes]byte
	answers       [mostAnswers]byte
	got, used, to int // datagrams that came, bytes of answers, answers
}

func newMemory() *memory {
	m := &memory{}
	for i := range batch {
		m.inAt[i].Base = &m.came[i*MostBytes]
		m.inAt[i].SetLen(MostBytes)
		m.in[i].hdr.Name, m.in[i].hdr.Iov = &m.from[i][0], &m.inAt[i]
		m.in[i].hdr.SetIovlen(1)
		m.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
		m.out[i].hdr.Iov = &m.outAt[i]
		m.out[i].hdr.SetIovlen(1)
	}
	return m
}

// receive reads what waits, and waits itself where nothing does.
//
// What waits is read without telling Go's scheduler, for which a call of the system
// is one that may take long: it would hand this thread's place to another, and wake
// its watchdog every few microseconds to see to that. Under load nothing ever waits.
func (m *memory) receive(fd int) (int, unix.Errno) {
	for i := range m.got { // the system has written the lengths over
		m.in[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	m.got, m.used, m.to = 0, 0, 0
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.in[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN {
		n, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.in[0])), batch, unix.MSG_WAITFORONE, 0, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	m.got = int(n)
	return m.got, 0
}

// nobody reports whether the last one of a batch is none: it has no sender. So the
// system ends a socket that is shut (inet_shutdown in Linux).
func (m *memory) nobody() bool { return m.got > 0 && m.in[m.got-1].hdr.Namelen == 0 }

func (m *memory) reply(i int, with []byte) {
	o := &m.out[m.to]
	o.hdr.Name, o.hdr.Namelen = &m.from[i][0], m.in[i].hdr.Namelen
	m.outAt[m.to].Base = &with[0]
	m.outAt[m.to].SetLen(len(with))
	m.to++
	if m.used < mostAnswers && &with[0] == &m.answers[m.used] {
		m.used += len(with)
	}
}

// flush sends all replies. The system refuses one that leads nowhere: the others go
// on. Where there is no room it waits for some.
func (m *memory) flush(fd int) {
	for sent := 0; sent < m.to; {
		left := uintptr(m.to - sent)
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.out[sent])), left, unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EAGAIN {
			n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.out[sent])), left, 0, 0, 0)
		}
		if errno != 0 {
			n = 1
		}
		sent += int(n)
	}
	m.to, m.used = 0, 0
}
