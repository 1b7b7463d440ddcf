package segment

import (
	"sync"

	"meridian/engine/httpcache"
)

// queue is what waits for the writer: notes, which go first, and objects, as
// many as there is room for.
type queue struct {
	limit int64

	mu      sync.Mutex
	bytes   int64
	objects []httpcache.DiskObject
	notes   []pendingNote
	closed  bool
	wake    chan struct{} // a token while there is something to do
}

type pendingNote struct {
	httpcache.Note
	written chan struct{} // closed when it is
}

// objectCost is what an object in the queue counts for beside its content.
const objectCost = 512

func (q *queue) init(limit int64) {
	q.limit, q.wake = limit, make(chan struct{}, 1)
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) put(o httpcache.DiskObject, size int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	// One object may be larger than the queue, when it has the queue for itself.
	if q.closed || len(q.objects) > 0 && q.bytes+size+objectCost > q.limit {
		return false
	}
	q.bytes += size + objectCost
	q.objects = append(q.objects, o)
	q.signal()
	return true
}

// note queues a note; nil once the queue is closed.
func (q *queue) note(n httpcache.Note) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	p := pendingNote{Note: n, written: make(chan struct{})}
	q.notes = append(q.notes, p)
	q.signal()
	return p.written
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// next takes all notes, and one object if there are none. ended says that the
// queue is closed and empty.
func (q *queue) next() (notes []pendingNote, o httpcache.DiskObject, ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.notes) > 0 {
		notes, q.notes = q.notes, nil
		return notes, nil, false
	}
	if len(q.objects) == 0 {
		q.objects = nil
		return nil, nil, q.closed
	}
	o = q.objects[0]
	q.objects[0] = nil
	q.objects = q.objects[1:]
	q.bytes -= o.Size() + objectCost
	return nil, o, false
}
