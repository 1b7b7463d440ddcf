package httpcache

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
)

// memDisk is a Disk in memory: what it holds is written as soon as somebody
// else may run, and outlives its cache.
type memDisk struct {
	mu      sync.Mutex
	owner   DiskOwner
	records []memRecord
	full    bool // no room in the queue
	closed  bool
	hold    chan struct{} // where not nil: nothing is read or written until it is closed
	reads   int
	file    *os.File // contents, where they are opened
	notes   []Note
	writing sync.WaitGroup
}

type memRecord struct {
	tag     Tag
	meta    []byte
	content []byte
	offset  int64
	note    *Note
	gone    bool
}

// NewMemDisk is a disk in memory that is opened again and again, with what has it
// reclaim all that it holds.
func NewMemDisk(t testing.TB) (open func() Disk, reclaim func(Disk)) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	d := &memDisk{file: file}
	return func() Disk { return d }, func(Disk) { d.reclaim() }
}

func (d *memDisk) place(i int) Place {
	return Place{Segment: 1, Offset: uint32(i), Meta: uint32(len(d.records[i].meta)), Length: uint32(len(d.records[i].content))}
}

func (d *memDisk) Start(o DiskOwner) {
	d.owner, d.closed = o, false
	for i, r := range d.records {
		switch {
		case r.gone:
		case r.note != nil:
			o.Noted(*r.note)
		default:
			o.Found(r.tag, d.place(i))
		}
	}
}

func (d *memDisk) wait() {
	if d.hold != nil {
		<-d.hold
	}
}

func (d *memDisk) Put(o DiskObject) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full || d.closed {
		return false
	}
	d.writing.Go(func() {
		d.wait()
		tag, meta, ok := o.Wanted()
		if !ok {
			o.Written(Place{}, false)
			return
		}
		d.mu.Lock()
		r := memRecord{tag: tag, meta: meta, content: bytes.Clone(o.Content())}
		if d.file != nil {
			r.offset, _ = d.file.Seek(0, 2)
			_, _ = d.file.Write(r.content)
		}
		d.records = append(d.records, r)
		at := d.place(len(d.records) - 1)
		d.mu.Unlock()
		o.Written(at, true)
	})
	return true
}

func (d *memDisk) Note(n Note, _ bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.records = append(d.records, memRecord{note: &n})
	d.notes = append(d.notes, n)
}

var errGone = errors.New("gone")

func (d *memDisk) Read(at Place, withContent bool) (meta, content []byte, err error) {
	d.wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads++
	r := d.records[at.Offset]
	if r.gone {
		return nil, nil, errGone
	}
	if withContent {
		content = r.content
	}
	return r.meta, content, nil
}

func (d *memDisk) Check(Place) error { return nil }

func (d *memDisk) Open(at Place) (InFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.records[at.Offset]
	if r.gone {
		return InFile{}, errGone
	}
	return InFile{File: d.file, Offset: r.offset, Release: func() {}}, nil
}

func (d *memDisk) Stats() DiskStats { return DiskStats{} }

func (d *memDisk) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.writing.Wait()
	return nil
}

// reclaim takes all records away, but for those that the owner keeps.
func (d *memDisk) reclaim() (kept int) {
	for i := range d.records {
		d.mu.Lock()
		r, at := d.records[i], d.place(i)
		d.mu.Unlock()
		if r.gone || r.note != nil {
			continue
		}
		tag, keep := d.owner.Leaving(r.tag.Key, at)
		d.mu.Lock()
		d.records[i].gone = true
		if keep {
			r.tag = tag
			d.records = append(d.records, r)
		}
		to := d.place(len(d.records) - 1)
		d.mu.Unlock()
		if keep {
			kept++
			d.owner.Moved(r.tag.Key, at, to, true)
		}
	}
	return kept
}
