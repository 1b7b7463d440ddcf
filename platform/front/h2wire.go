package front

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"
)

// wire sends batches of frames. One goroutine uses it at a time.
type wire interface {
	// put takes a batch and sends of it what can be sent without waiting. Where
	// it reports false, rest must be called before the next put, and b left as it
	// is until then.
	put(b []byte) (bool, error)
	// rest sends what is left, waiting for at most the time given.
	rest(within time.Duration) error
	// lastly sends what has been written beside the batches.
	lastly()
}

// wireOf is the best wire for a connection. Sockets can be tried without
// waiting; through TLS only if what lies below it was gathered.
func wireOf(conn net.Conn) wire {
	if tc, ok := conn.(*tls.Conn); ok {
		if g, ok := tc.NetConn().(*Gathering); ok {
			return gatherWire{keep(g), tc}
		}
		return &plainWire{conn: conn}
	}
	if _, ok := conn.(syscall.Conn); !ok {
		return &plainWire{conn: conn}
	}
	g := Gather(conn)
	return gatherWire{keep(g), g}
}

// gatherWire writes to top, which is the Gathering or TLS above it.
type gatherWire struct {
	k   *keeper
	top net.Conn
}

func (w gatherWire) put(b []byte) (bool, error) {
	if _, err := w.top.Write(b); err != nil {
		return false, err
	}
	return w.k.sendNow()
}

func (w gatherWire) rest(within time.Duration) error { return w.k.sendAll(within) }

// plainWire can only write and wait.
type plainWire struct {
	conn net.Conn
	b    []byte
}

func (w *plainWire) put(b []byte) (bool, error) {
	w.b = b
	return len(b) == 0, nil
}

func (w *plainWire) rest(within time.Duration) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.b)
	w.b = nil
	return err
}

// lastly sends what TLS has written without a batch, such as its last word, as
// far as that can be done without waiting.
func (w gatherWire) lastly() { w.k.sendNow() } // an error shows in whatever comes next

func (w *plainWire) lastly() {}

// batches holds buffers in which frames are gathered, which only connections
// that are writing need.
var batches = sync.Pool{New: func() any { b := make([]byte, 0, 96<<10); return &b }}
