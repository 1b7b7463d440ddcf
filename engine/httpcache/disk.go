package httpcache

import "os"

// Place is where an object lies on a disk. The zero Place is nowhere; no two
// objects ever have the same.
type Place struct {
	Segment uint32
	Offset  uint32 // in bytes
	Meta    uint32 // length of what the cache must know of the object, in bytes
	Length  uint32 // length of the content, in bytes
}

// Tag is what is kept of an object in RAM, and found again at the next start
// without reading the object.
type Tag struct {
	Key     uint64 // hash of the cache key, the same in every run
	Variant uint32 // hash of the request's values of the Vary fields
	Soft    uint32 // when it was purged softly, in Unix seconds; 0: it was not
	Vary    []string
	Groups  []string
}

// Note is a record without content: a purge, or how far a purge feed has been
// taken.
type Note struct {
	Purge        // where Feed is empty
	At    uint32 // of a soft purge: when, in Unix seconds

	Feed   string
	Cursor string
}

// Disk is a log of objects and notes that survives the process. It is handed in
// ([Config.Disk]) and safe for concurrent use. It bounds its own size, and
// drops objects rather than have anybody wait: what is put may never be there.
//
// Of what it gives back after a crash this holds: an object is whole and as it
// was put, or is not there; and if a note is there, so is each note before it.
type Disk interface {
	// Start tells the owner, before it returns, what the log holds, in its order;
	// from then on it asks the owner what may go. It is called once, first.
	Start(DiskOwner)
	// Put queues an object to be written. False: there is no room in the queue, or
	// the disk is closed.
	Put(DiskObject) bool
	// Note writes a note behind all that has been written. With wait it is written
	// when Note returns, and survives the end of the process from then on. A
	// purge that cannot be written empties the disk (see [DiskOwner.Lost]).
	Note(n Note, wait bool)
	// Read is an object whole, its checksum compared; content is nil unless it is asked for.
	Read(at Place, withContent bool) (meta, content []byte, err error)
	// Check reads an object's content and compares its checksum.
	Check(at Place) error
	// Open gives the file in which an object's content is. Its Release must be called.
	Open(at Place) (InFile, error)
	// Stats are the disk's figures.
	Stats() DiskStats
	// Close writes what is queued, and ends: what comes later is not taken. It may
	// be called more than once.
	Close() error
}

// InFile is content in a file, until Release is called, which must be done once.
// The zero InFile is nowhere.
type InFile struct {
	File   *os.File // whose own position must be left alone
	Offset int64    // where the content begins, in bytes

	// Pages, if not nil, are a mapping of just the content. They are for the system
	// to send: to read those of a file on a disk may end the process, where the disk
	// fails.
	Pages   []byte
	Release func()
}

// DiskObject is an object on its way to the disk. Its methods are called from
// the disk's goroutine, in the order in which they stand here.
type DiskObject interface {
	Size() int64                             // of the content, in bytes
	Wanted() (tag Tag, meta []byte, ok bool) // false: it need not be written any more
	Content() []byte                         // good until Written is called
	Written(at Place, ok bool)               // it lies there; or it was not written. Always called in the end
}

// DiskOwner is who knows what on the disk is still of use.
type DiskOwner interface {
	// Found tells of an object, Noted of a note, while the disk starts.
	Found(tag Tag, at Place)
	Noted(Note)
	// Leaving asks whether an object, whose segment is about to be removed, is
	// worth a copy; with keep the tag is what is true of it now. Without it, it is
	// gone when Leaving returns.
	Leaving(key uint64, at Place) (tag Tag, keep bool)
	// Moved tells where the copy is, or that there is none.
	Moved(key uint64, from, to Place, ok bool)
	// Lost tells that the disk has emptied itself.
	Lost()
}

// DiskStats counts since the disk was opened; Segments and Bytes are current.
type DiskStats struct {
	Segments int64
	Bytes    int64 // files, with records and indexes
	Written  int64 // objects
	Dropped  int64 // objects for which there was no room in the queue
	Moved    int64 // objects copied when their segment was reclaimed
	Reads    int64 // objects read or opened
	Bad      int64 // objects and records whose checksum was wrong
	Errors   int64 // of the file system
}
