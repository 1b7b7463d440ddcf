package httpcache

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// entryOverhead is what a stored response costs beside its fields and content:
// the structs, the slot and its place in the maps.
const entryOverhead = 768

// groupOverhead is what one group of a response costs in the index, beside its name.
const groupOverhead = 96

// entry is a stored response, or the memory that a key is not cacheable. Only
// place, hit and onDisk change once it is in a shard, under its lock.
type entry struct {
	*head
	body   kept
	at     Place // where the content is on the disk, if it is not in RAM
	onDisk bool  // it has been written to the disk, or is about to be
	hit    bool  // it was asked for again
	slot   *slot
	size   int64
	hash   uint64
	place  place
	of     *partial     // of a part: the response it belongs to
	part   span         // … and which piece of its content body is
	until  time.Time    // of a hit-for-miss memory: when it ends
	large  bool         // of one: the response was larger than is stored
	memo   atomic.Value // see [Found.Memo]
}

// inFile reports whether the content is on the disk only.
func (e *entry) inFile() bool { return e.at != Place{} }

// slot is all that is known of one key. It is in the shard for as long as it
// holds anything.
type slot struct {
	key      string
	vary     []string   // every field that the responses vary by, sorted; it outlives them
	entries  []*entry   // one a variant, newest first by Date
	fills    []*fill    // that others may join
	partials []*partial // responses that are not there as a whole, one a variant
	pass     *entry     // hit-for-miss memory
}

// shard is one part of the store with all that belongs to it under one lock, so
// that a purge, a store and a look-up are each one step.
type shard struct {
	maxVariants int
	maxObject   int64
	space       space

	mu      sync.Mutex
	slots   map[string]*slot
	ram     s3fifo
	groups  groupIndex
	purges  purgeMemory
	filling int // fills that have not ended
	stats   Stats

	// What follows is of use with a disk only.
	disk    Disk
	promote int64 // largest content that it is read into RAM with
	index   diskIndex
	reads   map[Place]*diskRead
	writes  map[Place]*entry // on their way, by token
	tokens  uint32           // of writes so far
}

// newShard is a part with room for limit bytes in RAM, and onDisk on the disk.
func newShard(limit, onDisk int64, cfg *Config) *shard {
	s := &shard{
		maxVariants: cfg.MaxVariants,
		maxObject:   cfg.MaxObjectBytes,
		space:       space{cfg.Memory, cfg.MemoryFrom},
		slots:       map[string]*slot{},
		groups:      groupIndex{},
		purges:      newPurgeMemory(cfg.MaxPurgeNames),
		disk:        cfg.Disk,
		promote:     cfg.PromoteBytes,
		index:       newDiskIndex(cfg.MaxVariants),
		reads:       map[Place]*diskRead{},
		writes:      map[Place]*entry{},
	}
	s.ram = newS3FIFO(limit, func(e *entry) {
		s.stats.Evictions++
		s.demote(e)
		s.unlist(e)
	})
	s.ram.ghost.limit = max(limit, onDisk)
	return s
}

// slotFor is the slot of key, made if need be. The caller fills it or drops it.
func (s *shard) slotFor(key string) *slot {
	sl := s.slots[key]
	if sl == nil {
		sl = &slot{key: key}
		s.slots[key] = sl
	}
	return sl
}

// dropIfEmpty forgets a slot that holds nothing.
func (s *shard) dropIfEmpty(sl *slot) {
	if len(sl.entries)+len(sl.partials)+len(sl.fills) == 0 && sl.pass == nil && s.slots[sl.key] == sl {
		delete(s.slots, sl.key)
	}
}

// match is the stored response for a request, nil if there is none (RFC 9111
// §4.1): of those whose own Vary selects it the newest by Date. One without Vary
// yields to those with it: it may lack the field by mistake only, and so is not
// used where a newer one varies.
func (sl *slot) match(request http.Header) *entry {
	return sl.pick(func(h *head) bool { return variantOf(h.vary, request) == h.variant })
}

// pick is match for whoever knows whether a request selects a response that varies.
func (sl *slot) pick(selected func(*head) bool) *entry {
	if len(sl.vary) == 0 { // nothing has varied: there is one at most
		if len(sl.entries) == 0 {
			return nil
		}
		return sl.entries[0]
	}
	var plain *entry
	for i, e := range sl.entries {
		switch {
		case len(e.vary) > 0:
			if selected(e.head) {
				return e
			}
		case i == 0:
			plain = e
		}
	}
	return plain
}

// isVariantOf reports whether two responses of a key stand for the same requests.
func (h *head) isVariantOf(o *head) bool {
	return h.variant == o.variant && slices.Equal(h.vary, o.vary)
}

// put stores a response under key. It replaces the one of its variant. False if
// it does not fit. The caller holds the content no more.
func (s *shard) put(key string, hash uint64, h *head, body kept) bool {
	s.index.supersede(hash, variantHash(h.variant), h.vary)
	if int64(len(body.bytes)) > s.maxObject {
		return s.putOnDisk(key, hash, h, body)
	}
	return s.putEntry(key, &entry{head: h, body: body, hash: hash})
}

// putEntry lists e, of which head, content, hash and place on the disk are set.
// The caller holds the content no more.
func (s *shard) putEntry(key string, e *entry) bool {
	sl, h := s.slotFor(key), e.head
	e.slot, e.size = sl, sizeOf(key, h, e.body.size())
	if sl.pass != nil {
		s.remove(sl.pass)
	}
	for _, p := range slices.Clone(sl.partials) {
		if p.head.isVariantOf(h) {
			s.removePartial(p)
		}
	}
	var old *entry
	if i := slices.IndexFunc(sl.entries, func(o *entry) bool { return o.isVariantOf(h) }); i >= 0 {
		old = sl.entries[i]
		e.hit = old.hit // its disk copy is written when it leaves RAM: it may be replaced again soon
		s.unlist(old)
	}
	for len(sl.entries) >= s.maxVariants {
		s.remove(sl.entries[len(sl.entries)-1])
	}
	// Making room may empty the slot and so forget it: it is listed again below.
	fits := false
	if old != nil {
		fits = s.ram.replace(old, e)
	} else {
		fits = s.ram.insert(e)
	}
	if !fits {
		e.body.release()
		s.dropIfEmpty(sl)
		return false
	}
	s.slots[key] = sl
	sl.entries = slices.Insert(sl.entries, sl.placeOf(h), e)
	sl.readVary()
	s.groups.add(e)
	s.stats.Objects++
	if e.place.known && old == nil {
		s.again(e)
	}
	return true
}

// placeOf is where a response goes among those of its key: before the first that
// is not newer.
func (sl *slot) placeOf(h *head) int {
	for i, e := range sl.entries {
		if !e.date.After(h.date) {
			return i
		}
	}
	return len(sl.entries)
}

// remember keeps for a while that key is not cacheable, in place of any older
// memory; large says that its response was only too large.
func (s *shard) remember(key string, hash uint64, until time.Time, large bool) {
	sl := s.slotFor(key)
	if sl.pass != nil {
		s.remove(sl.pass)
	}
	e := &entry{slot: sl, hash: hash, until: until, large: large, size: int64(len(key)) + entryOverhead}
	if s.ram.insert(e) {
		sl.pass = e
		s.slots[key] = sl
		return
	}
	s.dropIfEmpty(sl)
}

// remove takes an entry out of the queues and all else, with its copy on the disk.
func (s *shard) remove(e *entry) {
	s.ram.remove(e)
	s.unlist(e)
	if e.onDisk {
		s.index.supersede(e.hash, variantHash(e.variant), e.vary)
	}
}

// unlist takes an entry that is in no queue (any more) out of its slot and the index.
func (s *shard) unlist(e *entry) {
	sl := e.slot
	if e.head == nil {
		sl.pass = nil
	} else if e.of != nil {
		s.unlistPart(e)
	} else if i := slices.Index(sl.entries, e); i >= 0 {
		sl.entries = slices.Delete(sl.entries, i, i+1)
		e.body.release()
		s.groups.remove(e)
		s.stats.Objects--
	}
	s.dropIfEmpty(sl)
}

// purge does p in one step, and has running fills refused or marked that it may
// concern. It returns how many stored responses it named.
func (s *shard) purge(p Purge, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purges.record(p, s.filling > 0)
	twice := 0 // named in RAM and on the disk
	do := s.remove
	if p.Soft {
		do = func(e *entry) {
			s.soften(e, now)
			if e.onDisk && s.index.has(e.hash, variantHash(e.variant)) {
				twice++
			}
		}
	}
	named := s.purgeRAM(p, do)
	if s.disk != nil {
		named += s.index.purge(p, unix(now))
	}
	return named - twice
}

func (s *shard) purgeRAM(p Purge, do func(*entry)) int {
	named := 0
	if p.All {
		for _, sl := range s.slots {
			named += s.purgeKey(sl, do)
		}
		return named
	}
	for _, key := range p.Keys {
		if sl := s.slots[key]; sl != nil {
			named += s.purgeKey(sl, do)
		}
	}
	for _, name := range p.Groups {
		for _, e := range slices.Collect(maps.Keys(s.groups[name])) {
			if e.of == nil {
				do(e)
				named++
				continue
			}
			if s.remove(e); len(e.of.parts) == 0 { // its parts are all in the same groups
				named++
			}
		}
	}
	return named
}

// purgeKey forgets that a key is not cacheable, and does what the purge does to
// each of its responses.
func (s *shard) purgeKey(sl *slot, do func(*entry)) int {
	if sl.pass != nil {
		s.remove(sl.pass)
	}
	entries, partials := slices.Clone(sl.entries), slices.Clone(sl.partials)
	for _, e := range entries {
		do(e)
	}
	for _, p := range partials {
		s.removePartial(p)
	}
	return len(entries) + len(partials)
}

// soften puts in e's place the same response, stale from now on. Whoever has e
// keeps it as it was.
func (s *shard) soften(e *entry, now time.Time) {
	s.relist(e, &entry{
		head: e.stale(now), body: e.body.again(), at: e.at, onDisk: e.onDisk, hit: e.hit, slot: e.slot, size: e.size, hash: e.hash,
	})
}

// relist puts e, of the same key and variant, where old is. The caller holds e's
// content no more.
func (s *shard) relist(old, e *entry) {
	s.ram.swap(old, e)
	e.slot.entries[slices.Index(e.slot.entries, old)] = e
	s.groups.remove(old)
	old.body.release()
	s.groups.add(e)
	s.ram.fit()
}

// began counts a new fill. It holds what it validates until it is over.
func (s *shard) began(f *fill) {
	f.start = s.purges.gen
	s.filling++
	if f.stale != nil {
		f.hold(f.stale.body.again())
	}
	if f.joinable {
		sl := s.slotFor(f.key)
		sl.fills = append(sl.fills, f)
	}
}

// ended counts a fill out.
func (s *shard) ended(f *fill) {
	s.close(f)
	f.over()
	if s.filling--; s.filling == 0 {
		s.purges.forget()
	}
}

// close lets nobody join f any more.
func (s *shard) close(f *fill) {
	sl := s.slots[f.key]
	if sl == nil {
		return
	}
	if i := slices.Index(sl.fills, f); i >= 0 {
		sl.fills = slices.Delete(sl.fills, i, i+1)
		s.dropIfEmpty(sl)
	}
}

// sizeOf is what a response costs in bytes of RAM.
func sizeOf(key string, h *head, body int64) int64 {
	n := body + int64(entryOverhead+len(key)+len(h.variant))
	for name, values := range h.header {
		for _, v := range values {
			n += int64(len(name) + len(v) + 32)
		}
	}
	for _, g := range h.groups {
		n += int64(len(g) + groupOverhead)
	}
	return n
}
