package front

import (
	"io"
	"syscall"
)

// fileSender sends a head, and a part of a file by the kernel (sendfile(2)).
type fileSender struct {
	head, unsent []byte
	from         int // the file's descriptor
	at, left     int64
	err          error
	mapped       []byte // what is still to be sent, where it may be by its pages
	run          func(fd uintptr) bool
}

// sendfileBytes is the most that one call is asked for.
const sendfileBytes = 1 << 30

// writeFile sends an answer whose content is in a file, without the file's own
// position: many connections send of one file at once.
func (c *conn1) writeFile(head []byte, a *Answer) (int64, error) {
	f := &c.in.out.file
	if f.run == nil {
		f.run = f.send
	}
	f.head = append(append(f.head[:0], head...), c.in.out.end...)
	f.unsent = f.head
	f.from, f.at, f.left, f.err = int(a.File.Fd()), a.Offset, a.Length, nil
	f.mapped = nil
	if a.Length >= splicedFrom && int64(len(a.Pages)) == a.Length {
		f.mapped = a.Pages
	}
	if err := c.raw.Write(f.run); err != nil {
		return a.Length - f.left, err
	}
	return a.Length - f.left, f.err
}

// send goes on where it was; false: the socket takes no more for now.
func (f *fileSender) send(fd uintptr) bool {
	for f.err == nil && len(f.unsent) > 0 {
		// More follows: head and content are to share their first packet.
		n, err := syscall.SendmsgN(int(fd), f.unsent, nil, nil, syscall.MSG_MORE)
		if err == syscall.EAGAIN {
			return false
		}
		f.unsent = f.unsent[max(0, n):]
		f.note(err)
	}
	if f.err == nil && len(f.mapped) > 0 {
		n := spliceMapped(int(fd), f.mapped)
		f.at, f.left, f.mapped = f.at+n, f.left-n, nil // what is left goes by sendfile
	}
	for f.err == nil && f.left > 0 {
		n, err := syscall.Sendfile(int(fd), f.from, &f.at, int(min(f.left, sendfileBytes)))
		if err == syscall.EAGAIN {
			return false
		}
		if n == 0 && err == nil { // the file is shorter than it was said to be
			err = io.ErrUnexpectedEOF
		}
		f.left -= int64(max(0, n))
		f.note(err)
	}
	return true
}

func (f *fileSender) note(err error) {
	if err != nil && err != syscall.EINTR {
		f.err = err
	}
}
