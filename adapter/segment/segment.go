// Package segment keeps cached responses on a disk: one log of records over
// append-only files, as httpcache.Disk asks for it. See README.md for the format
// and for what survives a crash.
package segment

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"meridian/engine/httpcache"
	"meridian/world"
)

// Defaults and limits of [Config], in bytes.
const (
	DefaultSegmentBytes = 256 << 20
	DefaultQueueBytes   = 16 << 20
	MinBytes            = 16 << 20
	MaxSegmentBytes     = 2 << 30

	// minSegments is how many segments a log has room for at least: with few,
	// reclaiming one costs much of what is stored.
	minSegments = 8
)

// syncBytes is how much is written between two syncs: what a seal has to wait for.
const syncBytes = 32 << 20

// syncAfter is how long a purge that has been written may wait to be synced. The
// end of the process does not need it, the loss of power does.
const syncAfter = time.Second

// Config is what a log is made of. Dir and Bytes are required.
type Config struct {
	Dir          string // made if need be; nobody else may use it
	Bytes        int64  // of all files; while a segment is reclaimed half of one more
	SegmentBytes int64  // of one file; at most Bytes/8
	QueueBytes   int64  // of contents that wait to be written

	// Report is told of failures of the file system, when they begin; nil: nobody.
	Report func(error)

	bootID func() string // when the machine was started; for tests
	fault  *faults
	sync   func(*os.File) error // (*os.File).Sync; for tests
}

// faults stand in for a disk that fails, in tests.
type faults struct {
	write  func(n int) (int, error) // how much of n bytes may be written, and the error then
	remove func() error
}

// Log is an [httpcache.Disk].
type Log struct {
	cfg   Config
	owner httpcache.DiskOwner
	lock  *os.File

	mu       sync.RWMutex // guards what follows
	segments map[uint32]*segment
	order    []uint32 // ascending: oldest first
	total    int64    // bytes of all files

	queue queue
	stats struct{ written, dropped, moved, reads, bad, errors atomic.Int64 }

	// Of the writer's goroutine, and of Start before it.
	active   *segment
	lastID   uint32
	cursors  map[string]string
	buf      []byte
	unsynced int64
	failing  bool // the last write failed; it has been reported
	torn     bool // the active segment has something torn behind its end

	started  bool
	done     chan struct{}
	closing  sync.Once
	closeErr error
}

var _ httpcache.Disk = (*Log)(nil)

// Open opens or makes a log. Its code is conflict where another process has it,
// invalid where the config does not fit, unavailable where the file system fails.
func Open(cfg Config) (*Log, error) {
	if cfg.SegmentBytes <= 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.QueueBytes <= 0 {
		cfg.QueueBytes = DefaultQueueBytes
	}
	if cfg.sync == nil {
		cfg.sync = (*os.File).Sync
	}
	if cfg.bootID == nil {
		cfg.bootID = bootID
	}
	if cfg.Dir == "" || cfg.Bytes < MinBytes {
		return nil, world.E(world.CodeInvalid, "segment", "A disk cache needs a folder and at least 16 MB: set dir and bytes.")
	}
	cfg.SegmentBytes = min(cfg.SegmentBytes, cfg.Bytes/minSegments, MaxSegmentBytes)
	l := &Log{cfg: cfg, segments: map[uint32]*segment{}, cursors: map[string]string{}, done: make(chan struct{})}
	l.queue.init(cfg.QueueBytes)
	if err := l.openDir(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Log) openDir() error {
	failed := func(err error) error {
		return world.Because(world.CodeUnavailable, "segment", "The folder of the disk cache cannot be used: "+l.cfg.Dir, err)
	}
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return failed(err)
	}
	lock, err := os.OpenFile(filepath.Join(l.cfg.Dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return failed(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return world.Because(world.CodeConflict, "segment", "Another process uses the disk cache in "+l.cfg.Dir+".", err)
	}
	entries, err := os.ReadDir(l.cfg.Dir) // sorted by name, so by id
	if err != nil {
		lock.Close()
		return failed(err)
	}
	for _, e := range entries {
		id, ok := idOf(e.Name())
		if !ok {
			continue
		}
		l.lastID = max(l.lastID, id)
		s, err := openSegment(l.cfg.Dir, id, 0, l.cfg.SegmentBytes)
		if err != nil {
			lock.Close()
			return failed(err)
		}
		l.segments[id] = s
		l.order = append(l.order, id)
	}
	l.lock = lock
	return nil
}

// Put queues an object. False: the queue is full, or closed, or the object is
// larger than half a segment.
func (l *Log) Put(o httpcache.DiskObject) bool {
	size := o.Size()
	if size > l.cfg.SegmentBytes/2 || !l.queue.put(o, size) {
		l.stats.dropped.Add(1)
		return false
	}
	return true
}

// Note writes a note before the objects that wait in the queue.
func (l *Log) Note(n httpcache.Note, wait bool) {
	written := l.queue.note(n)
	if wait && written != nil {
		<-written
	}
}

// use gives a segment, which must be released. False: it has been reclaimed.
func (l *Log) use(id uint32) (*segment, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s, ok := l.segments[id]
	if ok {
		s.users.Add(1)
	}
	return s, ok
}

// Read reads an object; the code is not_found where its segment was reclaimed.
func (l *Log) Read(at httpcache.Place, withContent bool) (meta, content []byte, err error) {
	s, ok := l.use(at.Segment)
	if !ok {
		return nil, nil, errGone
	}
	defer s.release()
	l.stats.reads.Add(1)
	if meta, content, err = s.record(at, withContent); err != nil {
		l.stats.bad.Add(1)
	}
	return meta, content, err
}

var errGone = world.E(world.CodeNotFound, "segment", "The object is not on the disk any more.")

// Check reads a content and compares its checksum.
func (l *Log) Check(at httpcache.Place) error {
	s, ok := l.use(at.Segment)
	if !ok {
		return errGone
	}
	defer s.release()
	err := s.check(at)
	if err != nil {
		l.stats.bad.Add(1)
	}
	return err
}

// Open gives the file of an object's content.
func (l *Log) Open(at httpcache.Place) (httpcache.InFile, error) {
	s, ok := l.use(at.Segment)
	if !ok {
		return httpcache.InFile{}, errGone
	}
	l.stats.reads.Add(1)
	return httpcache.InFile{File: s.file, Offset: contentOffset(at), Pages: s.pagesOf(at), Release: s.letGo}, nil
}

// Stats are the log's figures.
func (l *Log) Stats() httpcache.DiskStats {
	l.mu.RLock()
	segments, bytes := len(l.segments), l.total
	l.mu.RUnlock()
	return httpcache.DiskStats{
		Segments: int64(segments), Bytes: bytes, Written: l.stats.written.Load(), Dropped: l.stats.dropped.Load(),
		Moved: l.stats.moved.Load(), Reads: l.stats.reads.Load(), Bad: l.stats.bad.Load(), Errors: l.stats.errors.Load(),
	}
}

// Close writes what is queued, syncs, and closes the files that nobody uses.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.queue.close()
		if l.started {
			<-l.done
		}
		var err error
		if l.active != nil {
			err = l.cfg.sync(l.active.file)
		}
		if err == nil && l.started && !l.failing {
			err = l.mark(clean)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range l.segments {
			s.release()
		}
		clear(l.segments)
		_ = l.lock.Close() // with it goes the lock
		if err != nil {
			l.closeErr = world.Because(world.CodeUnavailable, "segment", "The disk cache could not be synced: what it holds is used as stale.", err)
		}
	})
	return l.closeErr
}
