package front

import (
	"syscall"
	"time"
)

// keeper sends by a Gathering that holds all that is written until it is told:
// at first without waiting, then with.
type keeper struct {
	*Gathering
	raw  syscall.RawConn // nil where the connection is no socket
	some func(fd uintptr) bool

	// Of some, under the Gathering's lock.
	rest []byte
	err  error
}

// keep makes g hold from now on whatever is written.
func keep(g *Gathering) *keeper {
	k := &keeper{Gathering: g}
	if s, ok := g.Conn.(syscall.Conn); ok {
		k.raw, _ = s.SyscallConn() // without it every send waits, which is slower and no more
	}
	k.some = k.writeSome
	g.mu.Lock()
	g.keeps = true
	g.mu.Unlock()
	return k
}

// sendNow sends what is held as far as the socket takes it without waiting, and
// reports whether that was all.
func (k *keeper) sendNow() (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil {
		return true, nil
	}
	if k.raw == nil {
		return false, nil
	}
	k.rest, k.err = *k.held, nil
	err := k.raw.Write(k.some)
	left := k.rest
	k.rest = nil
	switch {
	case err != nil:
		return false, err
	case k.err != nil:
		return false, k.err
	case len(left) > 0:
		*k.held = (*k.held)[:copy(*k.held, left)]
		return false, nil
	}
	giveBack(k.held)
	k.held = nil
	return true, nil
}

// writeSome writes until the socket takes no more.
func (k *keeper) writeSome(fd uintptr) bool {
	for len(k.rest) > 0 {
		n, err := syscall.Write(int(fd), k.rest)
		if n > 0 {
			k.rest = k.rest[n:]
		}
		switch err {
		case nil, syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			k.err = err
			return true
		}
	}
	return true
}

// sendAll sends what is held, waiting for at most the time given. There is one
// sender at a time.
func (k *keeper) sendAll(within time.Duration) error {
	k.mu.Lock()
	b := k.held
	k.held = nil // TLS may write meanwhile, to be sent after this
	k.mu.Unlock()
	if b == nil {
		return nil
	}
	if err := k.Conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := k.Conn.Write(*b)
	giveBack(b)
	return err
}

// mostKept is the largest buffer that is used again, in bytes.
const mostKept = 256 << 10

func giveBack(b *[]byte) {
	if cap(*b) <= mostKept {
		*b = (*b)[:0]
		gathered.Put(b)
	}
}
