package httpcache

import (
	"maps"
	"time"
)

// owner is the cache as its disk sees it.
type owner struct{ c *Cache }

var _ DiskOwner = owner{}

func (o owner) shard(hash uint64) *shard { return o.c.shards[hash%uint64(len(o.c.shards))] }

func (o owner) Found(tag Tag, at Place) {
	s := o.shard(tag.Key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.add(tag, at, 0)
}

func (o owner) Noted(n Note) {
	if n.Feed != "" {
		o.c.cursors[n.Feed] = n.Cursor
		return
	}
	for _, s := range o.c.shards {
		s.mu.Lock()
		s.index.purge(n.Purge, n.At)
		s.mu.Unlock()
	}
}

// Leaving keeps what was used since it was written. A copy begins unused.
func (o owner) Leaving(key uint64, at Place) (Tag, bool) {
	s := o.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.index.at(key, at)
	if !ok {
		return Tag{}, false
	}
	if s.index.spots[id].flags&spotHit == 0 {
		s.index.remove(id)
		return Tag{}, false
	}
	return s.index.tag(id), true
}

// Moved follows a copy. What is in RAM with its content in the old file goes.
func (o owner) Moved(key uint64, from, to Place, ok bool) {
	s := o.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	id, listed := s.index.at(key, from)
	if !listed {
		return
	}
	if !ok {
		s.index.remove(id)
		return
	}
	spot := &s.index.spots[id]
	spot.at = to
	spot.flags &^= spotHit
}

// Lost forgets what was on the disk.
func (o owner) Lost() {
	for _, s := range o.c.shards {
		s.mu.Lock()
		s.index.purgeAll(false, 0)
		s.mu.Unlock()
	}
}

// Cursors is how far each purge feed had been taken when what is on the disk
// was written, by feed. Without a disk, or with an empty one, there are none.
func (c *Cache) Cursors() map[string]string { return maps.Clone(c.cursors) }

// KeepCursor notes on the disk that a purge feed has been taken as far as
// cursor: every purge up to there has been done by [Cache.Purge].
func (c *Cache) KeepCursor(feed, cursor string) {
	if c.cfg.Disk != nil {
		c.cfg.Disk.Note(Note{Feed: feed, Cursor: cursor}, false)
	}
}

// notePurge writes a purge to the disk before it is reported.
func (c *Cache) notePurge(p Purge, now time.Time) {
	if c.cfg.Disk != nil {
		c.cfg.Disk.Note(Note{Purge: p, At: unix(now)}, true)
	}
}

// unix is a moment in whole seconds, rounded down, as the disk keeps it.
func unix(t time.Time) uint32 { return uint32(max(1, t.Unix())) }
