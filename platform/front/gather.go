package front

import (
	"net"
	"sync"
)

// gatherBytes is how much is held at most: four TLS records and their frames.
const gatherBytes = 68 << 10

// Gathering is a connection below TLS that can hold what is written to it and
// send it at once: crypto/tls makes a system call of each record.
// Hold and Flush are one writer's; the rest is safe for concurrent use.
type Gathering struct {
	net.Conn
	mu     sync.Mutex
	holds  bool
	keeps  bool    // until SendNow or SendAll, however much it is
	held   *[]byte // from gathered; nil while it is empty
	vector net.Buffers
	room   [2][]byte
}

var gathered = sync.Pool{New: func() any { b := make([]byte, 0, gatherBytes); return &b }}

// Gather makes c a Gathering. Until Hold is called it is as c.
func Gather(c net.Conn) *Gathering { return &Gathering{Conn: c} }

// Hold keeps what is written from now on, as far as there is room, until Flush.
func (g *Gathering) Hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = true
}

// Flush sends what is held and holds nothing more.
func (g *Gathering) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = false
	return g.send(nil)
}

// Write writes p, or keeps a copy of it.
func (g *Gathering) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.holds && !g.keeps {
		return g.Conn.Write(p)
	}
	if g.held == nil {
		g.held = gathered.Get().(*[]byte)
	}
	if !g.keeps && len(*g.held)+len(p) > cap(*g.held) {
		if err := g.send(p); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	*g.held = append(*g.held, p...)
	return len(p), nil
}

// send writes what is held and p behind it.
func (g *Gathering) send(p []byte) error {
	if g.held == nil {
		return nil
	}
	g.room = [2][]byte{*g.held, p}
	g.vector = g.room[:1]
	if len(p) > 0 {
		g.vector = g.room[:]
	}
	_, err := g.vector.WriteTo(g.Conn)
	g.room = [2][]byte{}
	*g.held = (*g.held)[:0]
	gathered.Put(g.held)
	g.held = nil
	return err
}

// CloseWrite ends what is sent, where the connection can do it.
func (g *Gathering) CloseWrite() error { return closeWrite(g.Conn) }

// closeWrite says that nothing more will be sent, where c can say so.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
