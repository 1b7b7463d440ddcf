package httpcache

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"
)

// use notes a hit.
func (s *shard) use(e *entry) {
	s.ram.touch(e)
	s.stats.Hits++
	s.again(e)
}

// again notes that a response was asked for a second time: what is asked for
// once is not worth a write.
func (s *shard) again(e *entry) {
	if !e.hit {
		e.hit = true
		s.admit(e)
	}
}

// demote has what leaves RAM written to the disk, if it was of use and is not there.
func (s *shard) demote(e *entry) {
	if s.disk == nil || e.head == nil || e.of != nil || !e.hit || e.inFile() {
		return
	}
	if e.onDisk && !s.index.has(e.hash, variantHash(e.variant)) {
		e.onDisk = false // its segment was reclaimed
	}
	s.admit(e)
}

// admit has a response written to the disk, if there is one and it is not there
// yet. What varies in several ways stays in RAM: on the disk the newest of a
// key's ways alone is known.
func (s *shard) admit(e *entry) {
	if s.disk == nil || e.onDisk ||
		slices.ContainsFunc(e.slot.entries, func(o *entry) bool { return !slices.Equal(o.vary, e.vary) }) {
		return
	}
	s.tokens++
	token := Place{Offset: s.tokens}
	tag := Tag{Key: e.hash, Variant: variantHash(e.variant), Vary: e.vary, Groups: e.groups}
	id, ok := s.index.add(tag, token, spotPending)
	if !ok {
		return
	}
	e.body.again() // until it is written
	if !s.disk.Put(&diskWrite{shard: s, e: e, key: e.slot.key, token: token}) {
		e.body.release()
		s.index.remove(id)
		return
	}
	e.onDisk = true
	s.writes[token] = e
}

// putOnDisk stores what is too large for RAM. It is not asked for twice first:
// to fetch it once more would cost more than the write. The caller holds the
// content no more.
func (s *shard) putOnDisk(key string, hash uint64, h *head, body kept) bool {
	defer body.release()
	if sl := s.slots[key]; sl != nil {
		if sl.pass != nil {
			s.remove(sl.pass)
		}
		for _, e := range slices.Clone(sl.entries) {
			if e.isVariantOf(h) || !slices.Equal(e.vary, h.vary) {
				s.remove(e)
			}
		}
		for _, p := range slices.Clone(sl.partials) {
			if p.head.isVariantOf(h) {
				s.removePartial(p)
			}
		}
	}
	e := &entry{head: h, body: body, hash: hash, slot: &slot{key: key, vary: h.vary}, hit: true}
	s.admit(e)
	return e.onDisk
}

// reserve makes sure that contents which are fetched for the disk alone do not
// take more than half as much RAM as the store has. False: there is no room, or
// no disk for it. Who has reserved gives it back.
func (c *Cache) reserve(length int64) bool {
	if c.cfg.Disk == nil || length > c.cfg.MaxDiskObject {
		return false
	}
	if c.large.Add(length) > c.cfg.MaxBytes/2 {
		c.large.Add(-length)
		return false
	}
	return true
}

// onItsWay is a fresh response that is not in RAM any more, or never was, and not
// on the disk yet.
func (s *shard) onItsWay(hash uint64, request http.Header, now time.Time) *entry {
	if len(s.writes) == 0 {
		return nil
	}
	for _, id := range s.index.chain(hash) {
		spot := &s.index.spots[id]
		if spot.flags&spotPending == 0 || spot.soft > 0 {
			continue
		}
		if e := s.writes[spot.at]; e != nil && e.fresh(now) && variantOf(e.vary, request) == e.variant {
			return e
		}
	}
	return nil
}

// diskWrite is a response on its way to the disk.
type diskWrite struct {
	shard *shard
	e     *entry
	key   string
	token Place
}

func (w *diskWrite) Size() int64 { return int64(len(w.e.body.bytes)) }

// Wanted is false for what has been purged or replaced since.
func (w *diskWrite) Wanted() (Tag, []byte, bool) {
	s := w.shard
	s.mu.Lock()
	id, ok := s.index.at(w.e.hash, w.token)
	var tag Tag
	if ok {
		tag = s.index.tag(id)
	}
	s.mu.Unlock()
	if !ok {
		return Tag{}, nil, false
	}
	return tag, encodeHead(w.key, w.e.head), true
}

func (w *diskWrite) Content() []byte { return w.e.body.bytes }

func (w *diskWrite) Written(at Place, ok bool) {
	s := w.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.writes, w.token)
	defer w.e.body.release()
	id, listed := s.index.at(w.e.hash, w.token)
	switch {
	case !ok:
		if w.e.onDisk = false; listed {
			s.index.remove(id)
		}
	case listed:
		spot := &s.index.spots[id]
		spot.at, spot.flags = at, spotUsed|spotHit|spotChecked
		if w.Size() > s.promote {
			s.intoFile(w.e, at)
		}
	}
}

// intoFile lets a large content go from RAM once it is on the disk.
func (s *shard) intoFile(e *entry, at Place) {
	if e.place.queue == nil {
		return
	}
	s.relist(e, &entry{
		head: e.head, at: at, onDisk: true, slot: e.slot, hash: e.hash, size: sizeOf(e.slot.key, e.head, 0),
	})
}

// freshen gives a response whose content is on the disk another head. The head
// on the disk stays what it was: read again, it has to be validated again. False
// if the content is gone, or stands for other requests now.
func (s *shard) freshen(e *entry, h *head) bool {
	if _, ok := s.index.at(e.hash, e.at); !ok || e.place.queue == nil || !h.isVariantOf(e.head) {
		return false
	}
	s.relist(e, &entry{
		head: h, at: e.at, onDisk: true, hit: e.hit, slot: e.slot, hash: e.hash, size: sizeOf(e.slot.key, h, 0),
	})
	return true
}

// diskRead is one read from the disk, and those who wait for it.
type diskRead struct {
	at   Place
	done chan struct{}
}

// fromDisk is the read by which a request may find what it asks for; lead says
// that the caller must do it.
func (s *shard) fromDisk(hash uint64, request http.Header) (rd *diskRead, lead bool) {
	if s.disk == nil {
		return nil, false
	}
	id, ok := s.index.match(hash, request)
	if !ok {
		return nil, false
	}
	at := s.index.spots[id].at
	if rd := s.reads[at]; rd != nil {
		return rd, false
	}
	rd = &diskRead{at: at, done: make(chan struct{})}
	s.reads[at] = rd
	return rd, true
}

// littleContent is content that takes no more RAM than its head, in bytes.
const littleContent = 4 << 10

// worthReading reports whether content from the disk is read into RAM: where it
// is little, or makes nothing else leave. What is in its file is sent as fast, and
// the system keeps it in memory while it is asked for.
func (s *shard) worthReading(length int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return length <= s.promote && (length <= littleContent || s.ram.bytes()+length+entryOverhead <= s.ram.limit)
}

// bring reads an object into RAM, or its head alone if it is large. A purge that
// comes meanwhile takes the object out of the index, and it is then not kept.
func (c *Cache) bring(s *shard, key string, hash uint64, rd *diskRead) {
	small := s.worthReading(int64(rd.at.Length))
	meta, content, err := s.disk.Read(rd.at, small)
	var h *head
	stored := ""
	if err == nil {
		stored, h, err = decodeHead(meta)
	}
	body := c.space.keep(content)
	if err == nil && !small && !s.checked(hash, rd.at) {
		err = s.disk.Check(rd.at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(rd.done)
	delete(s.reads, rd.at)
	id, ok := s.index.at(hash, rd.at)
	if !ok {
		body.release()
		return
	}
	spot := &s.index.spots[id]
	if err != nil || stored != key || variantHash(h.variant) != spot.variant || h.length != int64(rd.at.Length) {
		body.release()
		s.index.remove(id)
		return
	}
	spot.flags |= spotHit | spotChecked
	if spot.soft > 0 {
		h = h.stale(time.Unix(int64(spot.soft), 0))
	}
	s.stats.DiskHits++
	e := &entry{head: h, body: body, hash: hash, onDisk: true}
	if !small {
		e.at = rd.at
	}
	s.putEntry(key, e)
}

func (s *shard) checked(hash uint64, at Place) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.index.at(hash, at)
	return ok && s.index.spots[id].flags&spotChecked != 0
}

// readDisk waits for an object from the disk, or reads it. The error is the
// context's: who asked is gone.
func (c *Cache) readDisk(ctx context.Context, key string, d decision) error {
	if d.lead {
		s, hash := shardOf(c, key)
		c.bring(s, key, hash, d.read)
		return nil
	}
	select {
	case <-d.read.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open gives the content of a stored response, which it lets go from RAM if its
// content is gone: then the entry that it returns is nil, as it is for none.
// release, where not nil, must be called when the content has been used. The
// caller holds the shard.
func (c *Cache) open(s *shard, e *entry) (body content, release func(), there *entry) {
	if e == nil {
		return nil, nil, nil
	}
	body, release, err := c.contentOf(e)
	if err != nil { // where the disk has a copy of it elsewhere, that will be found
		s.ram.remove(e)
		s.unlist(e)
		return nil, nil, nil
	}
	return body, release, e
}

// contentOf is an entry's content, which somebody holds meanwhile. Without an
// error release must be called.
func (c *Cache) contentOf(e *entry) (body content, release func(), err error) {
	if !e.inFile() {
		body := e.body.again()
		return stored(body.bytes), body.releaser(), nil
	}
	file, err := c.openFile(e.at)
	if err != nil {
		return nil, nil, err
	}
	return file, file.Release, nil
}

// openFile is content on the disk. Its Release must be called.
func (c *Cache) openFile(at Place) (*fileContent, error) {
	in, err := c.cfg.Disk.Open(at)
	if err != nil {
		return nil, err
	}
	return &fileContent{in}, nil
}

// fileContent is content in a file.
type fileContent struct{ InFile }

func (f *fileContent) copyTo(_ context.Context, w http.ResponseWriter, piece span) error {
	buf := make([]byte, min(minBuffer, max(piece.to-piece.from, 1)))
	for off := piece.from; off < piece.to; {
		n, err := f.File.ReadAt(buf[:min(int64(len(buf)), piece.to-off)], f.Offset+off)
		if n == 0 && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return errWrite
		}
		off += int64(n)
	}
	return nil
}
