package main

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// segmented has what is written to a connection sent as datagrams of one length
// each (udp(7), UDP_SEGMENT): who asks takes less time for it than who answers.
func segmented(c *net.UDPConn, length int) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, length)
	})
	return errors.Join(err, failed)
}
