// Package porttest gives tests ports that stay theirs: for servers that are told
// where to listen, and that are stopped and started there again.
package porttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
)

// The ports lie below those that the system gives to whoever asks for any
// (ip(7), ip_local_port_range).
const (
	lowest  = 20000
	highest = 32000
)

// given are the ports of this process. Each is given once.
var given = struct {
	sync.Mutex
	next  int
	locks []net.Listener
}{next: lowest + rand.IntN(highest-lowest)} // where others do not begin too

// Free is a port of 127.0.0.1 on which nobody listens, by TCP or UDP.
func Free(t testing.TB) int {
	t.Helper()
	p, err := Row(1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Row is the first of n such ports in a row.
func Row(n int) (int, error) {
	given.Lock()
	defer given.Unlock()
	for range highest - lowest - n {
		if given.next+n > highest {
			given.next = lowest
		}
		first := given.next
		given.next++
		if locks, err := take(first, n); err == nil {
			given.next = first + n
			given.locks = append(given.locks, locks...)
			return first, nil
		}
	}
	return 0, fmt.Errorf("there are no %d free ports in a row between %d and %d", n, lowest, highest)
}

// take locks a row of ports, if all of it is free.
func take(first, n int) (locks []net.Listener, err error) {
	for p := first; p < first+n && err == nil; p++ {
		var l net.Listener
		if l, err = lock(p); l != nil {
			locks = append(locks, l)
		}
		if err == nil {
			err = free(p)
		}
	}
	if err != nil {
		for _, l := range locks {
			l.Close()
		}
		return nil, err
	}
	return locks, nil
}

// lock has other test binaries that run now choose another port, by a socket whose
// name is no file's and goes with this process (unix(7)). Elsewhere it does nothing,
// and that all begin at some place has to do.
func lock(port int) (net.Listener, error) {
	if runtime.GOOS != "linux" {
		return nil, nil
	}
	return net.Listen("unix", fmt.Sprintf("@meridian-test-port-%d", port))
}

func free(port int) error {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	pc, err := net.ListenPacket("udp", addr)
	if err == nil {
		err = pc.Close()
	}
	return errors.Join(err, ln.Close())
}
