package httpserver

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// warnEvery is how often at most a full listener is logged.
const warnEvery = time.Minute

// seats counts a listener's connections and closes what comes while all are
// taken. It does not leave them unaccepted, as netutil.LimitListener does:
// whoever connects would wait in the kernel's queue, for as long as idle
// connections are kept, while one that is closed can go to the next region or
// machine. Nor does it wrap them: the server must find CloseWrite on them.
type seats struct {
	most int
	log  *slog.Logger

	mu     sync.Mutex
	open   int
	warned time.Time
}

// state is a server's hook, [http.Server.ConnState].
func (s *seats) state(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if !s.enter() {
			c.Close() // its end is told as StateClosed, as everybody's is
		}
	case http.StateClosed, http.StateHijacked:
		s.leave()
	}
}

func (s *seats) enter() bool {
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

func (s *seats) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}
