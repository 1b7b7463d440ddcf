package httpcache

// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023), bounded by bytes: a small queue that most one-hit wonders leave by, a
// main queue, and a ghost queue that remembers what the small one let go.
const (
	smallShare  = 10 // the small queue's share of the bytes is one in this many
	promoteFreq = 2  // hits in the small queue that move an entry to the main one
	maxFreq     = 3
)

// place is an entry's position in a queue.
type place struct {
	prev, next *entry
	queue      *fifo // nil while it is in none
	freq       uint8
	known      bool // the ghosts remembered it when it came
}

// fifo is one queue of entries; entries leave at the tail.
type fifo struct {
	head, tail *entry
	bytes      int64
}

func (q *fifo) push(e *entry) {
	e.place.prev, e.place.next, e.place.queue = nil, q.head, q
	if q.head != nil {
		q.head.place.prev = e
	} else {
		q.tail = e
	}
	q.head = e
	q.bytes += e.size
}

func (q *fifo) unlink(e *entry) {
	if e.place.prev != nil {
		e.place.prev.place.next = e.place.next
	} else {
		q.head = e.place.next
	}
	if e.place.next != nil {
		e.place.next.place.prev = e.place.prev
	} else {
		q.tail = e.place.prev
	}
	q.bytes -= e.size
	e.place.prev, e.place.next, e.place.queue = nil, nil, nil
}

// swap puts e where old is.
func (q *fifo) swap(old, e *entry) {
	e.place = old.place
	if e.place.prev != nil {
		e.place.prev.place.next = e
	} else {
		q.head = e
	}
	if e.place.next != nil {
		e.place.next.place.prev = e
	} else {
		q.tail = e
	}
	q.bytes += e.size - old.size
	old.place.prev, old.place.next, old.place.queue = nil, nil, nil
}

// s3fifo decides what stays. It calls evict for each entry that it lets go.
type s3fifo struct {
	limit       int64
	small, main fifo
	ghost       ghosts
	evict       func(*entry)
}

func newS3FIFO(limit int64, evict func(*entry)) s3fifo {
	return s3fifo{limit: limit, evict: evict, ghost: ghosts{limit: limit, near: limit, most: int(limit/entryOverhead) + 1, seen: map[uint64]int64{}}}
}

func (c *s3fifo) bytes() int64 { return c.small.bytes + c.main.bytes }

// insert makes room and takes e; false if e is larger than the whole.
func (c *s3fifo) insert(e *entry) bool {
	if e.size > c.limit {
		return false
	}
	for c.bytes()+e.size > c.limit {
		c.makeRoom()
	}
	var near bool
	if e.place.known, near = c.ghost.take(e.hash); near {
		c.main.push(e)
	} else {
		c.small.push(e)
	}
	return true
}

// touch notes a hit.
func (c *s3fifo) touch(e *entry) {
	if e.place.freq < maxFreq {
		e.place.freq++
	}
}

func (c *s3fifo) remove(e *entry) {
	if e.place.queue != nil {
		e.place.queue.unlink(e)
	}
}

// fit makes room until all is within the limit.
func (c *s3fifo) fit() {
	for c.bytes() > c.limit {
		c.makeRoom()
	}
}

// swap puts e in old's place: neither newer nor older. The caller sees to what
// it may be larger by.
func (c *s3fifo) swap(old, e *entry) { old.place.queue.swap(old, e) }

// replace puts e where old was known to be worth keeping: a validated or newer
// response of the same variant inherits its hits and its queue.
func (c *s3fifo) replace(old, e *entry) bool {
	queue, freq := old.place.queue, old.place.freq
	c.remove(old)
	if e.size > c.limit {
		return false
	}
	for c.bytes()+e.size > c.limit {
		c.makeRoom()
	}
	e.place.freq = freq
	queue.push(e)
	return true
}

func (c *s3fifo) makeRoom() {
	if c.small.tail != nil && (c.small.bytes*smallShare >= c.limit || c.main.tail == nil) {
		c.evictSmall()
		return
	}
	c.evictMain()
}

func (c *s3fifo) evictSmall() {
	e := c.small.tail
	c.small.unlink(e)
	if e.place.freq >= promoteFreq {
		e.place.freq = 0
		c.main.push(e)
		return
	}
	c.ghost.add(e.hash, e.size)
	c.evict(e)
}

func (c *s3fifo) evictMain() {
	e := c.main.tail
	c.main.unlink(e)
	if e.place.freq > 0 {
		e.place.freq--
		c.main.push(e)
		return
	}
	c.evict(e)
}

// ghosts remembers the hashes of what the small queue let go: for as many bytes
// of responses as are near, the cache itself holds; for more where there is a
// disk, which takes what comes back. They are no more than the cache can have
// entries, so that what they take of memory is a small share of its own.
type ghosts struct {
	limit, bytes int64
	near         int64
	most         int
	queue        []ghost
	seen         map[uint64]int64 // hash -> end of its latest ghost
	end          int64
}

// ghost is where one lies in the row of all bytes that were let go.
type ghost struct {
	hash uint64
	end  int64
	size int64
}

func (g *ghosts) add(hash uint64, size int64) {
	g.end += size
	g.seen[hash] = g.end
	g.queue = append(g.queue, ghost{hash: hash, end: g.end, size: size})
	g.bytes += size
	for g.bytes > g.limit || len(g.queue) > g.most {
		old := g.queue[0]
		g.queue = g.queue[1:]
		g.bytes -= old.size
		if g.seen[old.hash] == old.end {
			delete(g.seen, old.hash)
		}
	}
}

// take reports whether hash is remembered, and whether as one of those that are
// near, and forgets it.
func (g *ghosts) take(hash uint64) (known, near bool) {
	end, known := g.seen[hash]
	delete(g.seen, hash)
	return known, known && g.end-end < g.near
}
