package objectstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"meridian/world"
)

// Get opens an object for reading from any place in it. The caller closes the
// reader. It gives the object as it was at this moment, even if that is
// replaced or deleted meanwhile; only a store elsewhere may, after a Seek, fail
// with conflict or not_found instead. Without such an object the error is
// not_found. The reader's life is bounded by ctx.
func (s *Store) Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error) {
	const op = "objectstore.get"
	if err := checkKey(op, key); err != nil {
		return nil, Info{}, err
	}
	o := &object{store: s, ctx: ctx, key: key}
	if err := o.open(); err != nil {
		return nil, Info{}, fault(op, err)
	}
	if o.file == nil {
		return o, describe(key, o.size, o.modified), nil
	}
	// Of the open file: the name may have come to mean another in between.
	stat, err := o.file.Stat()
	if err != nil {
		_ = o.Close()
		return nil, Info{}, fault(op, err)
	}
	return local{o.file, o.reader}, describe(key, stat.Size(), stat.ModTime()), nil
}

// local is an open file with the blob reader that has it in its care.
type local struct {
	*os.File
	owner io.Closer
}

// Close gives the file back.
func (l local) Close() error { return l.owner.Close() }

// object reads an object of a bucket. A seek alone asks the store for nothing;
// the next read opens the object again, at the new place, if it is still the same.
type object struct {
	store    *Store
	ctx      context.Context // of Get: a seek has none of its own
	key      string
	size     int64
	modified time.Time
	tag      *string // entity tag; nil where there is none
	file     *os.File

	reader *blob.Reader // nil after a read elsewhere, and when closed
	at     int64        // where reader is
	want   int64        // where the next read begins
}

// open opens at o.want. The first one decides which object it is.
func (o *object) open() error {
	again := !o.modified.IsZero()
	r, err := o.store.bucket.NewRangeReader(o.ctx, o.key, o.want, -1, &blob.ReaderOptions{BeforeRead: func(as func(any) bool) error {
		var in *s3.GetObjectInput
		if as(&in) {
			in.IfMatch = o.tag
		}
		as(&o.file)
		return nil
	}})
	if err != nil {
		return err
	}
	if again && (r.Size() != o.size || !r.ModTime().Equal(o.modified)) {
		_ = r.Close()
		return world.E(world.CodeConflict, "objectstore.read", "The object was replaced while it was read; read it again from its beginning.")
	}
	var answer s3.GetObjectOutput
	if r.As(&answer) {
		o.tag = answer.ETag
	}
	o.reader, o.at, o.size, o.modified = r, o.want, r.Size(), r.ModTime()
	return nil
}

// Read reads on from where the last read or seek has come to.
func (o *object) Read(p []byte) (int, error) {
	const op = "objectstore.read"
	if o.want >= o.size {
		return 0, io.EOF
	}
	if o.reader == nil || o.at != o.want {
		if err := o.Close(); err != nil {
			return 0, fault(op, err)
		}
		if err := o.open(); err != nil {
			return 0, fault(op, err)
		}
	}
	n, err := o.reader.Read(p)
	o.at += int64(n)
	o.want = o.at
	if err != nil && err != io.EOF {
		err = fault(op, err)
	}
	return n, err
}

// Seek sets where the next read begins; invalid before the beginning.
func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.want
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return 0, world.E(world.CodeInvalid, "objectstore.seek", fmt.Sprintf("The offset %d lies before the object's beginning.", offset))
	}
	o.want = offset
	return offset, nil
}

// Close gives the connection back.
func (o *object) Close() error {
	if o.reader == nil {
		return nil
	}
	r := o.reader
	o.reader = nil
	return r.Close()
}

// Verify reads an original again, all of it, and compares its SHA-256 with its
// key. unprocessed: they differ, the copy is damaged. invalid: the key is not an
// original's, so there is nothing to compare with. Else as [Store.Get].
func (s *Store) Verify(ctx context.Context, key string) error {
	const op = "objectstore.verify"
	want := contentID(key)
	if want == "" {
		return world.E(world.CodeInvalid, op, fmt.Sprintf("The key %.80q is not that of an original: nothing says what its bytes should be.", key))
	}
	r, _, err := s.Get(ctx, key)
	if err != nil {
		return world.Wrap(op, err)
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, within{ctx, r}); err != nil {
		return fault(op, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return world.E(world.CodeUnprocessed, op, fmt.Sprintf("The stored bytes have the SHA-256 %s, not %s: fetch the original again from another region.", got, want))
	}
	return nil
}

// within ends reading when ctx ends, which a local file would not.
type within struct {
	ctx context.Context
	r   io.Reader
}

// Read is r's, or ctx's error.
func (w within) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}
