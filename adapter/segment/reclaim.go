package segment

import (
	"os"

	"meridian/engine/httpcache"
)

// makeRoom reclaims the oldest segments until size bytes more are within the
// limit, with a segment to spare for what is copied.
func (l *Log) makeRoom(size int64) {
	for len(l.order) > 1 && l.total+size > l.cfg.Bytes-l.cfg.SegmentBytes {
		l.reclaim(l.order[0], l.cfg.SegmentBytes/2)
	}
}

// reclaim removes a segment. What its owner wants to keep is copied to the end
// of the log, up to so many bytes.
func (l *Log) reclaim(id uint32, budget int64) {
	s := l.segments[id]
	if s == l.active {
		l.active = nil
	}
	var end int64
	items, _, err := l.items(s, &end)
	if err != nil {
		l.stats.bad.Add(1)
	}
	for _, it := range items {
		tag, err := parseTag(it.tag)
		if it.kind != kindObject || err != nil {
			continue
		}
		now, keep := l.owner.Leaving(tag.Key, it.at)
		if !keep {
			continue
		}
		to, ok := l.copy(s, it.at, now, &budget)
		l.owner.Moved(tag.Key, it.at, to, ok)
	}
	l.remove(id)
}

// copy appends an object of an old segment again, if the budget allows it.
func (l *Log) copy(s *segment, at httpcache.Place, tag httpcache.Tag, budget *int64) (httpcache.Place, bool) {
	size := headerBytes + int64(at.Meta) + int64(at.Length)
	if size > *budget {
		return httpcache.Place{}, false
	}
	*budget -= size
	meta, content, err := s.record(at, true)
	if err != nil {
		l.stats.bad.Add(1)
		return httpcache.Place{}, false
	}
	to, err := l.appendNow(kindObject, meta, content, appendTag(nil, tag))
	if err != nil {
		return httpcache.Place{}, false
	}
	l.stats.moved.Add(1)
	return to, true
}

// remove deletes a segment's file. Who has it open can read on.
func (l *Log) remove(id uint32) {
	l.mu.Lock()
	s := l.segments[id]
	delete(l.segments, id)
	for i, o := range l.order {
		if o == id {
			l.order = append(l.order[:i], l.order[i+1:]...)
			break
		}
	}
	l.total -= s.size
	l.mu.Unlock()
	err := os.Remove(s.path)
	if l.cfg.fault != nil && l.cfg.fault.remove != nil {
		err = l.cfg.fault.remove()
	}
	if err != nil {
		err = s.file.Truncate(0) // nothing of it may be found again
	}
	if err != nil {
		l.failed(err)
	}
	s.release()
}

// wipe empties the log.
func (l *Log) wipe() {
	l.active = nil
	for len(l.order) > 0 {
		l.remove(l.order[0])
	}
	l.owner.Lost()
}
