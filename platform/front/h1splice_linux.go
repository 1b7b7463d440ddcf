package front

import (
	"golang.org/x/sys/unix"
)

// splicedFrom is the content from whose size on pages are moved through a pipe.
// Below, what the pipe costs is more than what the look-up of each page in the
// file does.
const splicedFrom = 64 << 10

// pipeBytes is what a pipe is asked to hold. One that holds less, as where the
// user has too many (pipe(7)), is slower and no worse.
const pipeBytes = 256 << 10

// idlePipes is how many are kept while nobody uses them. One is in use only
// while a thread sends, so that there are never many.
const idlePipes = 16

// pipe moves pages from memory to a socket.
type pipe struct{ r, w int }

var pipes = make(chan pipe, idlePipes)

func takePipe() (pipe, error) {
	select {
	case p := <-pipes:
		return p, nil
	default:
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, err
	}
	_, _ = unix.FcntlInt(uintptr(ends[1]), unix.F_SETPIPE_SZ, pipeBytes)
	return pipe{r: ends[0], w: ends[1]}, nil
}

// giveBack keeps a pipe that is empty for the next.
func (p pipe) giveBack() {
	select {
	case pipes <- p:
	default:
		p.close()
	}
}

func (p pipe) close() {
	unix.Close(p.r)
	unix.Close(p.w)
}

// spliceMapped sends as much of mapped memory as the socket takes at once,
// without a copy, and returns how much that was: vmsplice(2) lends the pages to a
// pipe, splice(2) hands them to the socket. Who is told of less than all sends
// the rest another way, and meets there the error that there was.
func spliceMapped(socket int, mapped []byte) (sent int64) {
	p, err := takePipe()
	if err != nil {
		return 0
	}
	for len(mapped) > 0 {
		lent := p.lend(mapped)
		moved := p.moveTo(socket, lent, lent < int64(len(mapped)))
		sent, mapped = sent+moved, mapped[moved:]
		if lent == 0 || moved < lent {
			p.close() // pages that were not taken are still in it
			return sent
		}
	}
	p.giveBack()
	return sent
}

// lend puts pages of b in the pipe, as many as fit.
func (p pipe) lend(b []byte) int64 {
	v := [1]unix.Iovec{{Base: &b[0]}}
	v[0].SetLen(len(b))
	for {
		n, err := unix.Vmsplice(p.w, v[:], unix.SPLICE_F_NONBLOCK)
		if err != unix.EINTR {
			return int64(max(0, n))
		}
	}
}

// moveTo gives the socket the n bytes in the pipe, or what it takes of them.
// more says that others follow at once.
func (p pipe) moveTo(socket int, n int64, more bool) (moved int64) {
	flags := unix.SPLICE_F_NONBLOCK
	if more {
		flags |= unix.SPLICE_F_MORE
	}
	for moved < n {
		k, err := unix.Splice(p.r, nil, socket, nil, int(n-moved), flags)
		if err == unix.EINTR {
			continue
		}
		if k <= 0 {
			return moved
		}
		moved += k
	}
	return moved
}
