package memfile

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"meridian/engine/httpcache"
	"meridian/test/cachetest"
)

func newMemory(t *testing.T, bytes int64) *Memory {
	t.Helper()
	m, err := New(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// settle waits until what has been given up is gone.
func (m *Memory) settle() {
	for busy := true; busy; runtime.Gosched() {
		m.leaving.mu.Lock()
		busy = m.leaving.running
		m.leaving.mu.Unlock()
	}
}

// inUse is what the file takes of the system's memory, in bytes.
func (m *Memory) inUse(t *testing.T) int64 {
	t.Helper()
	info, err := m.file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestContract(t *testing.T) {
	cachetest.Memory(t, func(t *testing.T) httpcache.Memory { return newMemory(t, 4<<20) })
}

func TestRoomsGiveBackTheirPages(t *testing.T) {
	m := newMemory(t, 1<<20)
	page := int64(pageBytes)
	a, _ := m.Take(1)
	b, _ := m.Take(page)
	c, ok := m.Take(page + 1)
	if !ok || a.Size() != page || b.Size() != page || c.Size() != 2*page || len(c.Bytes()) != pageBytes+1 || cap(c.Bytes()) != pageBytes+1 {
		t.Fatalf("sizes %d %d %d", a.Size(), b.Size(), c.Size())
	}
	if s := m.Stats(); s != (Stats{Rooms: 3, Bytes: 4 * page}) || m.inUse(t) != 4*page {
		t.Errorf("%+v, the file takes %d", s, m.inUse(t))
	}
	for _, r := range []httpcache.Room{b, a, c} {
		r.Free()
	}
	m.settle()
	if s := m.Stats(); s != (Stats{}) || m.inUse(t) != 0 {
		t.Errorf("after all were given up: %+v, the file takes %d", s, m.inUse(t))
	}
}

func TestAllAddressesComeBack(t *testing.T) {
	const size = 1 << 20
	m := newMemory(t, size/addressShare)
	for range 3 {
		var rooms []httpcache.Room
		for {
			r, ok := m.Take(3 * int64(pageBytes)) // blocks of four pages
			if !ok {
				break
			}
			rooms = append(rooms, r)
		}
		if want := size / 4 / pageBytes; len(rooms) != want {
			t.Fatalf("%d rooms, want %d", len(rooms), want)
		}
		for _, r := range rooms {
			r.Free()
		}
		m.settle()
		whole, ok := m.Take(size)
		if !ok {
			t.Fatal("free blocks were not joined")
		}
		if _, ok := m.Take(1); ok {
			t.Fatal("more was given out than there is")
		}
		whole.Free()
		m.settle()
	}
	if n := m.Stats().Refused; n != 6 {
		t.Errorf("%d refused, want 6", n)
	}
	if _, ok := m.Take(size + 1); ok {
		t.Error("a room larger than the file")
	}
}

// What has been handed to a socket, by sendfile(2) or by vmsplice(2) from the
// mapping, arrives as it was, although its room has been given up and written
// anew before the peer read a byte.
func TestWhatASocketHoldsStaysAsItWas(t *testing.T) {
	t.Run("sendfile", func(t *testing.T) {
		staysAsItWas(t, func(socket int, r httpcache.Room, from int) (int, error) {
			file, at := r.File()
			at += int64(from)
			return syscall.Sendfile(socket, int(file.Fd()), &at, len(r.Bytes())-from)
		})
	})
	t.Run("vmsplice", func(t *testing.T) {
		var ends [2]int
		if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(ends[0])
		defer unix.Close(ends[1])
		staysAsItWas(t, func(socket int, r httpcache.Room, from int) (int, error) {
			part := r.Bytes()[from:min(from+pageBytes, len(r.Bytes()))]
			v := [1]unix.Iovec{{Base: &part[0]}}
			v[0].SetLen(len(part))
			if n, err := unix.Vmsplice(ends[1], v[:], unix.SPLICE_F_NONBLOCK); err != nil || n != len(part) {
				return n, fmt.Errorf("vmsplice: %d, %w", n, err)
			}
			n, err := unix.Splice(ends[0], nil, socket, nil, len(part), unix.SPLICE_F_NONBLOCK)
			return int(n), err
		})
	})
}

func staysAsItWas(t *testing.T, send func(socket int, r httpcache.Room, from int) (int, error)) {
	m := newMemory(t, 1<<20)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()

	const most = 256 << 10
	old, _ := m.Take(most)
	fill(old.Bytes(), 'a')
	sent := sendWhatFits(t, out, most, func(socket, from int) (int, error) { return send(socket, old, from) })
	if sent < pageBytes {
		t.Fatalf("the socket took %d bytes", sent)
	}
	old.Free()
	m.settle()
	var again []httpcache.Room // all addresses there are, so the same ones too
	for {
		r, ok := m.Take(most)
		if !ok {
			break
		}
		fill(r.Bytes(), 'b')
		again = append(again, r)
	}
	if len(again)*most != len(m.all) {
		t.Fatal("the old addresses were not given out again")
	}
	got := make([]byte, sent)
	if _, err := io.ReadFull(in, got); err != nil {
		t.Fatal(err)
	}
	if i := bytes.IndexFunc(got, func(r rune) bool { return r != 'a' }); i >= 0 {
		t.Errorf("byte %d of %d is %q: a room was written while a socket held it", i, sent, got[i])
	}
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// sendWhatFits sends until the socket takes no more, or most bytes are in it.
func sendWhatFits(t *testing.T, to net.Conn, most int, send func(socket, from int) (int, error)) (sent int) {
	t.Helper()
	raw, err := to.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for sent < most {
			n, err := send(int(fd), sent)
			if err == syscall.EAGAIN {
				return true
			}
			if failed = err; err != nil {
				return true
			}
			sent += n
		}
		return true
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return sent
}

func TestTheFileIsSealedAndClosedOnExec(t *testing.T) {
	m := newMemory(t, 1<<20)
	if m.file.Truncate(0) == nil || m.file.Truncate(int64(len(m.all))+1) == nil {
		t.Error("the file's size can be changed: what is mapped would end")
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, m.file.Fd(), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
		t.Error("a program that is started would have the file")
	}
}

// Pages that are joined into larger ones would be cleared in place.
func TestPagesAreNotJoined(t *testing.T) {
	m := newMemory(t, 1<<20)
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip(err)
	}
	at := fmt.Sprintf("%x-", &m.all[0])
	_, of, ok := strings.Cut(string(maps), "\n"+at)
	_, flags, _ := strings.Cut(of, "VmFlags:")
	flags, _, _ = strings.Cut(flags, "\n")
	if !ok || !strings.Contains(flags+" ", " nh ") {
		t.Errorf("the mapping at %s has the flags %q", at, flags)
	}
}

func TestItEndsWithTheLastRoom(t *testing.T) {
	r, b := func() (httpcache.Room, []byte) {
		r, _ := newMemory(t, 1<<20).Take(10)
		copy(r.Bytes(), "still here")
		return r, r.Bytes()
	}()
	runtime.GC()
	runtime.GC()
	if string(b) != "still here" {
		t.Errorf("%q", b)
	}
	runtime.KeepAlive(r)
}
