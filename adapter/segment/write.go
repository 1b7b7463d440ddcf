package segment

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"

	"meridian/engine/httpcache"
)

// run writes what is queued until the queue is closed and empty.
func (l *Log) run() {
	defer close(l.done)
	l.markBegun()
	if l.torn {
		l.undo(l.active)
	}
	var purged <-chan time.Time // a purge is to be synced then
	for {
		notes, o, ended := l.queue.next()
		switch {
		case len(notes) > 0:
			if l.writeNotes(notes) && purged == nil {
				purged = time.After(syncAfter)
			}
		case o != nil:
			l.writeObject(o)
		case ended:
			return
		default:
			select {
			case <-l.queue.wake:
			case <-purged:
				purged = nil
				l.syncBehind()
			}
		}
	}
}

// writeNotes writes notes and wakes who waits for them. It reports whether there
// was a purge.
func (l *Log) writeNotes(notes []pendingNote) (purged bool) {
	for _, n := range notes {
		if n.Feed != "" {
			l.cursors[n.Feed] = n.Cursor
		} else {
			purged = true
		}
		tag := appendNote(nil, n.Note)
		if len(tag) > maxTag { // so many names that it is simpler to forget all
			tag = appendNote(nil, httpcache.Note{Purge: httpcache.Purge{All: true, Soft: n.Soft}, At: n.At})
		}
		if _, err := l.append(kindNote, nil, nil, tag); err != nil && n.Feed == "" {
			l.wipe() // what cannot be told as purged must not be found again
		}
		close(n.written)
	}
	return purged
}

func (l *Log) writeObject(o httpcache.DiskObject) {
	tag, meta, ok := o.Wanted()
	if !ok {
		o.Written(httpcache.Place{}, false)
		return
	}
	b := appendTag(nil, tag)
	if len(b) > maxTag || len(meta) > maxTag {
		o.Written(httpcache.Place{}, false)
		return
	}
	at, err := l.append(kindObject, meta, o.Content(), b)
	o.Written(at, err == nil)
	if err == nil {
		l.stats.written.Add(1)
	}
}

// append writes a record, in a new segment if there is no room, once the oldest
// have made room for it. Where the disk is full, the oldest one goes.
func (l *Log) append(k kind, meta, content, tag []byte) (httpcache.Place, error) {
	l.makeRoom(headerBytes + maxPadding + int64(len(meta)+len(content)+len(tag)))
	at, err := l.appendNow(k, meta, content, tag)
	if errors.Is(err, syscall.ENOSPC) && len(l.order) > 1 {
		l.reclaim(l.order[0], 0)
		at, err = l.appendNow(k, meta, content, tag)
	}
	l.failed(err)
	return at, err
}

func (l *Log) appendNow(k kind, meta, content, tag []byte) (httpcache.Place, error) {
	h := header{kind: k, tag: uint32(len(tag)), meta: uint32(len(meta)), content: uint32(len(content)),
		tagSum: sum(tag), metaSum: sum(meta), cSum: sum(content)}
	if err := l.ready(h.size() + maxPadding); err != nil {
		return httpcache.Place{}, err
	}
	s := l.active
	h.segment = s.id
	l.buf = appendPadding(l.buf[:0], s.id, paddingFor(s.size, &h))
	at := httpcache.Place{Segment: s.id, Offset: uint32(s.size) + uint32(len(l.buf)), Meta: h.meta, Length: h.content}
	l.buf = append(h.append(l.buf), meta...)
	rest := [][]byte{content, tag}
	if len(content) <= gatherBytes {
		l.buf = append(append(l.buf, content...), tag...)
		rest = nil
	}
	offset := s.size
	for _, b := range append([][]byte{l.buf}, rest...) {
		if err := l.writeAt(s, b, offset); err != nil {
			l.undo(s)
			return httpcache.Place{}, err
		}
		offset += int64(len(b))
	}
	l.grow(s, offset)
	s.items = appendItem(s.items, item{kind: k, at: at, tag: tag})
	return at, nil
}

// A content that the kernel sends, page by page, is best begun with a page: where
// it lies across them, a response of 200 KB takes up to two thirds more of the
// processor's time.
const (
	alignFrom  = 64 << 10 // bytes of content
	pageBytes  = 4 << 10
	maxPadding = pageBytes + headerBytes
)

// paddingFor is how many bytes are to come before a record at an offset.
func paddingFor(offset int64, h *header) int {
	if h.content < alignFrom {
		return 0
	}
	n := -(offset + headerBytes + int64(h.meta)) & (pageBytes - 1)
	if n > 0 && n < headerBytes {
		n += pageBytes
	}
	return int(n)
}

// appendPadding appends a record of n bytes that says nothing; of none for 0.
func appendPadding(b []byte, segment uint32, n int) []byte {
	if n == 0 {
		return b
	}
	h := header{kind: kindPadding, meta: uint32(n - headerBytes), segment: segment}
	return append(h.append(b), make([]byte, n-headerBytes)...)
}

// gatherBytes is the largest content that is copied to be written with its
// header at once, in bytes.
const gatherBytes = 64 << 10

func (l *Log) writeAt(s *segment, b []byte, offset int64) error {
	if l.cfg.fault != nil {
		n, err := l.cfg.fault.write(len(b))
		if err != nil {
			_, _ = s.file.WriteAt(b[:n], offset)
			return err
		}
	}
	_, err := s.file.WriteAt(b, offset)
	return err
}

// grow counts what has been written, and has it synced now and then.
func (l *Log) grow(s *segment, size int64) {
	more := size - s.size
	s.size = size
	l.mu.Lock()
	l.total += more
	l.mu.Unlock()
	if l.unsynced += more; l.unsynced >= syncBytes {
		l.syncBehind()
	}
}

// syncBehind syncs the active segment while writing goes on.
func (l *Log) syncBehind() {
	l.unsynced = 0
	s := l.active
	if s == nil {
		return
	}
	s.users.Add(1)
	go func() {
		defer s.release()
		_ = l.cfg.sync(s.file) // a seal syncs again and minds the error
	}()
}

// undo takes back a record that could not be written whole. A segment of which
// that fails too is left alone: with its torn end it counts for nothing at the
// next start.
func (l *Log) undo(s *segment) {
	if err := s.file.Truncate(s.size); err != nil {
		l.active = nil
	}
}

// ready sees to an active segment with room for size bytes.
func (l *Log) ready(size int64) error {
	if l.active != nil && l.active.size+size > l.cfg.SegmentBytes {
		if err := l.seal(); err != nil {
			return err
		}
	}
	if l.active != nil {
		return nil
	}
	return l.begin()
}

// seal ends the active segment with its footer.
func (l *Log) seal() error {
	s := l.active
	h := header{kind: kindFooter, tag: uint32(len(s.items)), tagSum: sum(s.items), segment: s.id}
	b := append(h.append(nil), s.items...)
	foot := binary.LittleEndian.AppendUint32(nil, footMagic)
	foot = binary.LittleEndian.AppendUint32(foot, uint32(s.size))
	foot = binary.LittleEndian.AppendUint32(foot, s.id)
	b = append(b, binary.LittleEndian.AppendUint32(foot, sum(foot))...)
	if err := l.writeAt(s, b, s.size); err != nil {
		l.undo(s)
		return err
	}
	l.grow(s, s.size+int64(len(b)))
	l.active, l.unsynced, s.items = nil, 0, nil
	return l.cfg.sync(s.file)
}

// begin makes a new active segment, which begins with the latest cursors: so the
// oldest segment can go without them.
func (l *Log) begin() error {
	s, err := openSegment(l.cfg.Dir, l.lastID+1, os.O_CREATE|os.O_EXCL, l.cfg.SegmentBytes)
	if err != nil {
		return err
	}
	b := s.fileHeader()
	for feed, cursor := range l.cursors {
		tag := appendNote(nil, httpcache.Note{Feed: feed, Cursor: cursor})
		h := header{kind: kindNote, tag: uint32(len(tag)), tagSum: sum(tag), segment: s.id}
		s.items = appendItem(s.items, item{kind: kindNote, at: httpcache.Place{Offset: uint32(len(b))}, tag: tag})
		b = append(h.append(b), tag...)
	}
	if err := errors.Join(l.writeAt(s, b, 0), l.syncDir()); err != nil {
		_ = os.Remove(s.path)
		s.release()
		return err
	}
	l.lastID = s.id
	l.mu.Lock()
	l.segments[s.id] = s
	l.order = append(l.order, s.id)
	l.mu.Unlock()
	l.grow(s, int64(len(b)))
	l.active = s
	return nil
}

// failed counts an error of the file system and reports the first in a row.
func (l *Log) failed(err error) {
	if err != nil {
		l.stats.errors.Add(1)
		if !l.failing && l.cfg.Report != nil {
			l.cfg.Report(err)
		}
	}
	l.failing = err != nil
}
