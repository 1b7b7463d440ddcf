package httpserver

import (
	"cmp"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// warnEvery is how often at most a full listener is logged.
const warnEvery = time.Minute

// Seats counts connections, of one listener or several, so that what comes while all are taken
// can be closed. It does not leave them unaccepted, as netutil.LimitListener
// does: whoever connects would wait in the kernel's queue, for as long as idle
// connections are kept, while one that is closed can go to the next region or
// machine. Nor does it wrap them: the server must find CloseWrite on them.
type Seats struct {
	most int
	log  *slog.Logger

	mu     sync.Mutex
	open   int
	warned time.Time
}

// NewSeats are so many; none is as many as [DefaultLimits] says.
func NewSeats(most int, log *slog.Logger) *Seats {
	return &Seats{most: cmp.Or(most, DefaultLimits().Connections), log: log}
}

// Bound has a server take these seats for its connections in place of its own.
// Several servers may share them.
func (s *Seats) Bound(of *http.Server) { of.ConnState = s.state }

// stateful is a connection that somebody stands before: it counts itself, and
// wants to know what the server does with it.
type stateful interface{ State(http.ConnState) }

// state is a server's hook, [http.Server.ConnState].
func (s *Seats) state(c net.Conn, state http.ConnState) {
	if c, ok := c.(stateful); ok {
		c.State(state)
		return
	}
	switch state {
	case http.StateNew:
		if !s.Enter() {
			c.Close() // its end is told as StateClosed, as everybody's is
		}
	case http.StateClosed, http.StateHijacked:
		s.Leave()
	}
}

// Percent is how many seats are taken, of all.
func (s *Seats) Percent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open * 100 / s.most
}

// Enter takes a seat; false where none is free. Leave is called either way.
func (s *Seats) Enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	if s.open <= s.most {
		return true
	}
	if now := time.Now(); now.Sub(s.warned) >= warnEvery {
		s.warned = now
		s.log.Warn("listener is full: new connections are closed", "connections", s.most)
	}
	return false
}

// Leave gives a seat back.
func (s *Seats) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}
