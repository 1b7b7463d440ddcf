package dnsserver

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// udpSockets is how many sockets one port can be shared by.
func udpSockets(cores int) int { return cores }

// receiveBuffer is how much may wait in a socket, in bytes, while this process is
// not on a core; the system may give less.
const receiveBuffer = 4 << 20

// sharePort lets several sockets of this user have the same port, between which
// the system shares out who asks.
func sharePort(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	})
	return errors.Join(err, failed)
}
