package port

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// handshakeRecord is the first byte of every TLS connection (RFC 8446 §5.1). No
// HTTP request begins with it.
const handshakeRecord = 0x16

// errNoSocket is of a connection whose first byte cannot be looked at.
var errNoSocket = errors.New("port: the connection is no socket")

// beginsTLS waits for a connection's first byte and leaves it there: the socket
// stays what it is, so that whoever serves it can still use sendfile on it.
func beginsTLS(c net.Conn) (bool, error) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false, errNoSocket
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false, err
	}
	var b [1]byte
	var n int
	var peeked error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, _, peeked = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
			if peeked != syscall.EINTR {
				return peeked != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil:
		return false, err
	case peeked != nil:
		return false, peeked
	case n == 0:
		return false, io.EOF
	}
	return b[0] == handshakeRecord, nil
}
