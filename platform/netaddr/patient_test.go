package netaddr

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a listener that fails in a given order, and then accepts.
type scripted struct {
	net.Listener
	fails []error
}

func (s *scripted) Accept() (net.Conn, error) {
	if len(s.fails) == 0 {
		return &net.TCPConn{}, nil
	}
	err := s.fails[0]
	s.fails = s.fails[1:]
	return nil, err
}

// A process that has too many files open for a moment accepts again once it has
// not; a listener that is closed is closed.
func TestAcceptWaitsOverWhatPasses(t *testing.T) {
	full := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	for _, c := range []struct {
		fails []error
		want  error
		waits time.Duration
	}{
		{nil, nil, 0},
		{[]error{full, full, full}, nil, 3 * acceptAgain},
		{[]error{full, net.ErrClosed}, net.ErrClosed, acceptAgain},
		{[]error{syscall.EINVAL}, syscall.EINVAL, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			conn, err := patient{&scripted{fails: c.fails}}.Accept()
			if !errors.Is(err, c.want) || (conn == nil) != (err != nil) || time.Since(began) != c.waits {
				t.Errorf("%v: %v, %v after %v", c.fails, conn, err, time.Since(began))
			}
		})
	}
}
