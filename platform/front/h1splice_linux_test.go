package front

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// mapping is a file in memory of random bytes, and the mapping of a part of it.
func mapping(t testing.TB, size, from, length int) (*os.File, []byte) {
	t.Helper()
	file, _ := segment(t, size)
	all, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(all) })
	return file, all[from : from+length : from+length]
}

// Pages that are lent to sockets arrive whole and in order, with visitors who
// read at once and with one who reads only when the socket is long full.
func TestPagesOfAMappingArrive(t *testing.T) {
	for _, length := range []int{splicedFrom - 1, splicedFrom, 3*pipeBytes + 5, 16 << 20} {
		const from = 77
		file, part := mapping(t, length+200, from, length)
		hits := shelf{"/hit": {Head: headOf(int64(length)), Pages: part, File: file, Offset: from, Length: int64(length)}}
		_, addr := start(t, Config{Hits: hits}, echo)
		var visitors sync.WaitGroup
		for range 3 {
			c := dial(t, addr)
			visitors.Go(func() {
				r := bufio.NewReader(c)
				for range 3 {
					io.WriteString(c, "GET /hit HTTP/1.1\r\nHost: a\r\n\r\n")
					res, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, part) {
						t.Errorf("%d bytes: %d came, %v", length, len(got), err)
						return
					}
				}
			})
		}
		visitors.Wait()
	}
}

// What a pipe could not get rid of is not sent to the next visitor.
func TestAPipeWithLeftOversIsNotUsedAgain(t *testing.T) {
	const length = 8 << 20
	_, part := mapping(t, length, 0, length)
	s, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s[0])
	defer unix.Close(s[1])
	sent := spliceMapped(s[0], part) // nobody reads: the socket fills
	if sent >= length {
		t.Fatalf("a socket that nobody reads has taken %d bytes", sent)
	}
	got := make([]byte, 0, sent)
	room := make([]byte, 64<<10)
	for {
		n, err := unix.Read(s[1], room)
		if n <= 0 {
			if err != unix.EAGAIN {
				t.Fatal(n, err)
			}
			break
		}
		got = append(got, room[:n]...)
	}
	if !bytes.Equal(got, part[:sent]) {
		t.Fatalf("%d bytes were said to be sent, %d came", sent, len(got))
	}
	if again := spliceMapped(s[0], part[:4096]); again != 4096 {
		t.Fatalf("%d of 4096 bytes were sent", again)
	}
	if n, err := unix.Read(s[1], room); err != nil || !bytes.Equal(room[:n], part[:4096]) {
		t.Fatalf("%d bytes that are not those that were sent, %v", n, err)
	}
}
