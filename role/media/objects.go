package media

import (
	"context"
	"io"
	"time"
)

// Object is what a store knows of an object.
type Object struct {
	Key      string
	Size     int64     // bytes
	Modified time.Time // when it was stored; some stores tell it to the second
}

// Objects is one of the region's object stores. An original's key holds its
// SHA-256, and nothing else can be put there. Errors beside those that are
// named: full without room, unavailable and timeout when the store is away.
type Objects interface {
	// Put keeps bytes under a key, whole or not at all. When it returns nil
	// they survive a loss of power.
	Put(ctx context.Context, key string, data []byte) error
	// Get is the object of a key, not_found when there is none, too_large
	// when it has more than most bytes.
	Get(ctx context.Context, key string, most int64) ([]byte, error)

	// PutFrom is Put of what r gives, of at most most bytes: too_large beyond,
	// unprocessed when an original's bytes are not what its key says, r's own
	// error when r fails. It returns how many bytes there were.
	PutFrom(ctx context.Context, key string, r io.Reader, most int64) (int64, error)
	// Open opens an object for reading from any place in it; not_found without
	// one. The caller closes it. One that is replaced meanwhile is read as it
	// was, or fails with conflict.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, Object, error)
	// Stat describes an object; not_found without one.
	Stat(ctx context.Context, key string) (Object, error)
	// Delete removes an object. There may be none.
	Delete(ctx context.Context, key string) error
	// List is at most limit objects whose keys begin with prefix, in the byte
	// order of keys, behind the key after. next is the after to go on with, at
	// any later time; "" at the end.
	List(ctx context.Context, prefix, after string, limit int) (page []Object, next string, err error)
	// Verify reads an original again: unprocessed when its bytes are not what
	// its key says, not_found without it.
	Verify(ctx context.Context, key string) error

	Stages
}

// Stages are uploads that come in parts. They are kept under "uploads/{id}/",
// beside documents of the caller's own there, such as "uploads/{id}/info".
type Stages interface {
	// Append adds to an upload, which ends at offset; the first begins it at 0.
	// It returns how many bytes it has taken: durable, whatever the error. What
	// came before r failed or ctx ended is kept. conflict when the upload ends
	// elsewhere, too_large when the whole would have more than most bytes.
	Append(ctx context.Context, id string, offset int64, r io.Reader, most int64) (int64, error)
	// Staged is how many bytes of an upload are durable, and when something of it
	// was kept last; not_found when nothing is kept of it, nor a document.
	Staged(ctx context.Context, id string) (size int64, modified time.Time, err error)
	// ReadStaged opens what has come of an upload, and tells its size.
	ReadStaged(ctx context.Context, id string) (io.ReadCloser, int64, error)
	// DropStaged removes an upload with its documents. There may be none.
	DropStaged(ctx context.Context, id string) error
	// Sweep removes uploads in which nothing has moved since before, and what
	// writers that died have left. It returns how many of both.
	Sweep(ctx context.Context, before time.Time) (int, error)
}

// sweep clears both stores of uploads that nobody goes on with.
func (m *Media) sweep(ctx context.Context) {
	before := m.now().Add(-m.cfg.Limits.StageAge)
	for name, store := range map[string]Objects{"objects": m.objects, "resident_objects": m.resident} {
		swept, err := store.Sweep(ctx, before)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			m.log.WarnContext(ctx, "the object store cannot be swept", "store", name, "swept", swept, "err", err)
		case swept > 0:
			m.log.InfoContext(ctx, "unfinished uploads were removed", "store", name, "swept", swept)
		}
	}
}
