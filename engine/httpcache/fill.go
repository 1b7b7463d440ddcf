package httpcache

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"meridian/world"
)

// outcome is what became of a fill's upstream request.
type outcome uint8

const (
	pending  outcome = iota
	shared           // a response; its content arrives in buf
	released         // a response that is the leader's alone; the others go upstream themselves
	failed           // no response that may be used
)

// fill is one upstream read, and what those who share it must know.
type fill struct {
	shard    *shard
	key      string
	hash     uint64
	asked    time.Time   // when it was begun
	request  http.Header // of the request that began it: what the response varies by
	origin   string      // of that request, where groups belong to an origin
	start    uint64      // purge generation at which it began
	stale    *entry      // the stored response that it validates, if any
	plan     plan        // what it asks for, if not the whole
	joinable bool        // others with the same key may join
	spare    bool        // the stale response may be used after an error: who began it asked for that
	behind   bool        // it was begun because the stored response was not enough
	negative bool        // it failed because the one before had
	unsure   bool        // it was begun while purges may have been missed
	fwd      string      // why it goes upstream, for Cache-Status
	detail   string

	cancel  context.CancelCauseFunc // ends the upstream read
	timeout *time.Timer

	mu         sync.Mutex
	changed    chan struct{} // closed at the next change, nil while nobody watches
	room       chan struct{} // a token when a reader has moved
	readers    map[*reader]struct{}
	leaderless bool // nobody will take a response that cannot be shared
	boundless  bool // too large to store: it lives only as long as it has readers

	// What follows is guarded by mu and set once by settle.
	outcome   outcome
	head      *head
	own       *http.Response // what only the leader may have
	why       string         // why it is not stored
	fwdStatus int
	storing   bool
	exclusive bool // shared, but each other request must validate for itself
	spoiled   bool // purged before the response came: not for who joined after a purge
	interim   []interim
	failure   error // what the upstream failed with

	piece span // of the content, where the fill brings a part; set before it settles

	given bool   // a reader has been handed bytes: they cannot be taken back
	buf   []byte // content from base on; bytes in it never change once given
	base  int64
	at    Place  // where the content is on the disk, instead of in buf
	holds []kept // where buf and the stale content lie: given up when the fill is over and nobody reads of it
	past  bool   // it is over
	ended bool
	err   error // why the content broke off
}

func newFill(s *shard, key string, hash uint64, request http.Header) *fill {
	return &fill{
		shard: s, key: key, hash: hash, request: request.Clone(),
		room: make(chan struct{}, 1), readers: map[*reader]struct{}{},
	}
}

// enter adds a reader. The caller holds the shard.
func (f *fill) enter(leader bool) *reader {
	r := &reader{f: f, leader: leader, joined: f.shard.purges.gen}
	f.mu.Lock()
	f.readers[r] = struct{}{}
	f.mu.Unlock()
	return r
}

// hold keeps a content for the fill and its readers. The caller holds it no more.
func (f *fill) hold(k kept) {
	if k.room == nil {
		return
	}
	f.mu.Lock()
	f.holds = append(f.holds, k)
	f.mu.Unlock()
}

// over ends what the fill itself needs of its contents. Nobody joins any more.
func (f *fill) over() {
	f.mu.Lock()
	f.past = true
	holds := f.unheld()
	f.mu.Unlock()
	releaseAll(holds)
}

// unheld is what is to be given up, once nobody needs it. It is called with mu held.
func (f *fill) unheld() (holds []kept) {
	if f.past && len(f.readers) == 0 {
		holds, f.holds = f.holds, nil
	}
	return holds
}

func releaseAll(holds []kept) {
	for _, k := range holds {
		k.release()
	}
}

// demandFields say what an answer must not be older than. A fill that was begun
// to meet a demand is shared by those who make the same one.
var demandFields = []string{world.HeaderMinCursor, world.HeaderMinPosition}

// sameDemand reports whether two requests make the same demand in the same words.
func sameDemand(a, b http.Header) bool {
	for _, name := range demandFields {
		if !slices.Equal(a[name], b[name]) {
			return false
		}
	}
	return true
}

// welcomes reports whether a request that arrives now may join: the response has
// not been purged since the fill began, as far as is known, and would be selected
// by the request. vary is what the key's responses varied by. The caller holds
// the shard.
func (f *fill) welcomes(request http.Header, vary []string, ask want) bool {
	if ask.unsure && !f.unsure {
		return false // it may have read what was purged while nothing was heard
	}
	if len(f.request["Authorization"]) > 0 && len(request["Authorization"]) == 0 {
		return false // what comes may be for who is named there alone: who is not would wait in vain
	}
	if f.behind != ask.behind || ask.behind && !sameDemand(request, f.request) {
		return false
	}
	f.mu.Lock()
	h := f.head
	f.mu.Unlock()
	var groups []string
	if f.stale != nil {
		groups = f.stale.groups
	}
	if f.shard.purges.hit(f.start, f.key, groups) != untouched {
		return false
	}
	if h == nil {
		return variantOf(vary, request) == variantOf(vary, f.request)
	}
	return f.shard.purges.hit(f.start, f.key, h.groups) == untouched && variantOf(h.vary, request) == h.variant
}

// settle publishes what became of the request and wakes who waits.
func (f *fill) settle(set func()) {
	f.mu.Lock()
	set()
	f.wake()
	f.mu.Unlock()
}

// fail ends a fill that has no response. Who comes now begins anew.
func (f *fill) fail(err error, status int) {
	f.shard.mu.Lock()
	f.shard.close(f)
	f.shard.mu.Unlock()
	f.settle(func() {
		f.outcome, f.failure, f.fwdStatus = failed, err, status
		f.ended, f.err = true, err
	})
}

// finish ends the content: whole if err is nil.
func (f *fill) finish(err error) {
	f.settle(func() { f.ended, f.err = true, err })
}

// wake is called with mu held.
func (f *fill) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// watch is the channel that the next change closes. It is called with mu held.
func (f *fill) watch() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}

// signalRoom tells a fill that waits for slow readers that one has moved.
func (f *fill) signalRoom() {
	select {
	case f.room <- struct{}{}:
	default:
	}
}

// slowest is the lowest offset that a reader still wants; ok is false if there
// are no readers. It is called with mu held.
func (f *fill) slowest() (off int64, ok bool) {
	for r := range f.readers {
		if !ok || r.off < off {
			off, ok = r.off, true
		}
	}
	return off, ok
}

// isSpoiled reports whether a reader came after a purge that concerns the
// response: it must have a newer one.
func (f *fill) isSpoiled(r *reader) bool {
	if r.leader || r.joined == f.start {
		return false // it waited when the purge came
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.spoiled
}
