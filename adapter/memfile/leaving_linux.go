package memfile

import "sync"

// leaving are rooms that have been given up. Their pages go in a goroutine that
// runs while there are any: whoever gives a room up may hold a lock that hits
// wait for.
type leaving struct {
	free func(*room)

	mu      sync.Mutex
	rooms   []*room
	running bool
}

func (l *leaving) add(r *room) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rooms = append(l.rooms, r)
	if !l.running {
		l.running = true
		go l.run()
	}
}

func (l *leaving) run() {
	for {
		l.mu.Lock()
		rooms := l.rooms
		l.rooms = nil
		l.running = len(rooms) > 0
		l.mu.Unlock()
		if len(rooms) == 0 {
			return
		}
		for _, r := range rooms {
			l.free(r)
		}
	}
}
