package objectstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gocloud.dev/blob"

	"meridian/world"
)

// Store is one region's object store. Its methods may be called by any number
// of goroutines and of processes.
type Store struct {
	bucket *blob.Bucket
	dir    *directory // nil for a store whose driver makes writes durable itself
	s3     *remote    // nil for a store that is on this machine
}

// Over is a Store on a bucket whose writes are atomic, and durable once closed.
// The Store closes the bucket.
func Over(bucket *blob.Bucket) *Store {
	return &Store{bucket: bucket}
}

// Close gives the store back. Nothing waits to be written: what was
// acknowledged is already durable.
func (s *Store) Close() error {
	err := s.bucket.Close()
	if s.dir != nil {
		err = errors.Join(err, s.dir.close())
	}
	return world.Wrap("objectstore.close", err)
}

// Info describes an object.
type Info struct {
	Key       string
	Size      int64     // bytes
	Modified  time.Time // when it was stored, UTC; some stores tell it to the second
	SHA256    string    // hexadecimal, for originals, by their key; a strong validator in every region. "" for others
	MediaType string    // for variants, by their key; "" for others: the manifest knows an original's
}

func describe(key string, size int64, modified time.Time) Info {
	return Info{Key: key, Size: size, Modified: modified.UTC(), SHA256: contentID(key), MediaType: mediaType(key)}
}

// PutOptions are what the caller knows of an object before it is read.
type PutOptions struct {
	SHA256    string // lower-case hexadecimal; "" if not known. An original's key says it already
	MaxBytes  int64  // the most that is taken; 0 for no limit
	MediaType string // shown by stores that show one; never read back
	IfAbsent  bool   // conflict, and nothing stored, where the key holds an object
}

// Put stores what r gives under key and returns its size. When it returns nil
// the object is whole, verified and durable; on any error the key still holds
// what it held before. The same key may be put again, at once or later: readers
// see the one object or the other, never a mixture.
//
// Errors are world.Errors:
//   - invalid: the key, or a SHA-256 that contradicts the key
//   - too_large: more than MaxBytes
//   - unprocessed, to be retried: the bytes do not have the SHA-256
//   - conflict: IfAbsent, and there is one
//   - full: no room for it
//   - unavailable, timeout: the store is away, or ctx ended
//   - r's own error, wrapped
func (s *Store) Put(ctx context.Context, key string, r io.Reader, want PutOptions) (int64, error) {
	const op = "objectstore.put"
	if err := checkKey(op, key); err != nil {
		return 0, err
	}
	if id := contentID(key); id != "" && want.SHA256 == "" {
		want.SHA256 = id
	} else if id != "" && want.SHA256 != id {
		return 0, world.E(world.CodeInvalid, op, "The SHA-256 is not the one in the original's key; build the key from it.")
	}
	if want.SHA256 != "" && !isSHA256(want.SHA256) {
		return 0, world.E(world.CodeInvalid, op, "The SHA-256 must be 64 characters 0-9a-f.")
	}
	n, err := s.write(ctx, op, key, r, want)
	if err != nil {
		return 0, err
	}
	if s.dir != nil {
		if err := s.dir.syncFolders(key); err != nil {
			return 0, fault(op, err)
		}
	}
	return n, nil
}

// write copies r into the bucket and commits it only if it is what was wanted.
func (s *Store) write(ctx context.Context, op, key string, r io.Reader, want PutOptions) (int64, error) {
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	var file *os.File // the unfinished file, if the driver has one
	options := &blob.WriterOptions{
		ContentType: want.MediaType, IfNotExist: want.IfAbsent, MaxConcurrency: partsAtOnce,
		BeforeWrite: func(as func(any) bool) error {
			as(&file)
			s.s3.tidy(as)
			return nil
		},
	}
	if options.ContentType == "" {
		options.ContentType = "application/octet-stream"
	}
	w, err := s.bucket.NewWriter(ctx, key, options)
	if err != nil {
		return 0, fault(op, err)
	}
	n, err := copyVerified(op, w, r, want)
	if err == nil && s.dir != nil && file != nil {
		// Before the rename: a name must never point at bytes that a power cut
		// could still take.
		if err = s.dir.sync(file); err != nil {
			err = fault(op, err)
		}
	}
	if err != nil {
		abandon() // a writer whose context is done leaves nothing behind
		_ = w.Close()
		return 0, err
	}
	if s.dir != nil {
		err = s.dir.alone(key, w.Close)
	} else {
		err = w.Close()
	}
	if err != nil {
		return 0, fault(op, err)
	}
	return n, nil
}

func copyVerified(op string, w io.Writer, r io.Reader, want PutOptions) (int64, error) {
	sum := sha256.New()
	limited := r
	if want.MaxBytes > 0 {
		limited = io.LimitReader(r, want.MaxBytes+1)
	}
	source := &reading{r: limited}
	n, err := io.Copy(io.MultiWriter(w, sum), source)
	switch {
	case source.err != nil:
		return 0, world.Wrap(op, source.err)
	case err != nil:
		return 0, fault(op, err)
	case want.MaxBytes > 0 && n > want.MaxBytes:
		return 0, world.E(world.CodeTooLarge, op, fmt.Sprintf("The object has more than the %d bytes that are taken; send a smaller one.", want.MaxBytes))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want.SHA256 != "" && got != want.SHA256 {
		e := world.E(world.CodeUnprocessed, op, fmt.Sprintf("The bytes that arrived have the SHA-256 %s, not %s; send them again.", got, want.SHA256))
		e.Retry = true
		return 0, e
	}
	return n, nil
}

// reading tells a reader's own failure from the store's.
type reading struct {
	r   io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// Stat describes an object; not_found without one.
func (s *Store) Stat(ctx context.Context, key string) (Info, error) {
	const op = "objectstore.stat"
	if err := checkKey(op, key); err != nil {
		return Info{}, err
	}
	a, err := s.bucket.Attributes(ctx, key)
	if err != nil {
		return Info{}, fault(op, err)
	}
	return describe(key, a.Size, a.ModTime), nil
}

// Delete removes an object, for good once it returns. There may be none: a
// delete can be repeated.
func (s *Store) Delete(ctx context.Context, key string) error {
	const op = "objectstore.delete"
	if err := checkKey(op, key); err != nil {
		return err
	}
	err := s.bucket.Delete(ctx, key)
	if err != nil && classify(err) == world.CodeNotFound {
		return nil
	}
	if err != nil {
		return fault(op, err)
	}
	if s.dir != nil {
		return world.Wrap(op, s.dir.syncFolders(key))
	}
	return nil
}
