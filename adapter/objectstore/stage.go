package objectstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Limits of an upload in parts.
const (
	partBytes = 8 << 20 // a part is cut here, so that a crash costs no more
	MaxParts  = 10_000  // of one upload; each Append makes at least one
)

const uploads = "uploads/"

// Stage is how far an upload in parts has come.
type Stage struct {
	Size     int64     // bytes that are durable, in one piece from the first
	Modified time.Time // of its newest part or document

	parts []Info
}

// partKey is where the part that begins at an offset is kept: in order, by its name.
func partKey(id string, offset int64) string { return fmt.Sprintf("%s%s/%016x", uploads, id, offset) }

// partOffset is the offset that a part's key names; false for a document.
func partOffset(key string) (int64, bool) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	n, err := strconv.ParseInt(name, 16, 64)
	return n, err == nil && len(name) == 16
}

func checkUpload(op, id string) error {
	if strings.Contains(id, "/") {
		return world.E(world.CodeInvalid, op, "An upload's id is one name, without slashes.")
	}
	return checkKey(op, partKey(id, 0))
}

// Append adds what r gives to an upload, which ends at offset; the first one
// begins it, at 0. It returns how many bytes it has taken: durable, whatever
// the error. When r fails or ctx ends, what came before is kept, so a client
// that lost its link goes on from there. most is the largest size of the whole.
//
// Errors: conflict when the upload ends elsewhere, or somebody else has gone on
// from the same place; too_large beyond most or [MaxParts]; r's own; else as of
// [Store.Put].
func (s *Store) Append(ctx context.Context, id string, offset int64, r io.Reader, most int64) (int64, error) {
	const op = "objectstore.append"
	if err := checkUpload(op, id); err != nil {
		return 0, err
	}
	stage, err := s.Staged(ctx, id)
	if err != nil && !world.Is(err, world.CodeNotFound) {
		return 0, world.Wrap(op, err)
	}
	if stage.Size != offset {
		return 0, world.E(world.CodeConflict, op, fmt.Sprintf("The upload has %d bytes; go on from there.", stage.Size))
	}
	source := &bytesOf{r: bufio.NewReader(within{ctx, io.LimitReader(r, most-offset+1)})}
	taken, parts := int64(0), len(stage.parts)
	for !source.ended() {
		if parts++; parts > MaxParts {
			return taken, world.E(world.CodeTooLarge, op, fmt.Sprintf("The upload came in more than %d parts; send larger ones.", MaxParts))
		}
		left := most - offset - taken
		if left <= 0 {
			return taken, world.E(world.CodeTooLarge, op, fmt.Sprintf("The upload has more than the %d bytes that are taken; send a smaller one.", most))
		}
		// What has arrived is kept even if who sent it is gone.
		n, err := s.Put(context.WithoutCancel(ctx), partKey(id, offset+taken), io.LimitReader(source, min(left, partBytes)), PutOptions{IfAbsent: true})
		if err != nil {
			return taken, world.Wrap(op, err)
		}
		taken += n
	}
	if source.err != nil {
		return taken, world.Wrap(op, interrupted(source.err))
	}
	return taken, nil
}

// interrupted is why an upload stopped in the middle.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault("objectstore.source", err)
	}
	return err
}

// bytesOf ends where its reader fails, and remembers the failure.
type bytesOf struct {
	r   *bufio.Reader
	err error
}

// Read never fails but with EOF.
func (b *bytesOf) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, io.EOF
	}
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		b.err, err = err, io.EOF
	}
	return n, err
}

// ended reports whether nothing follows: no part is empty.
func (b *bytesOf) ended() bool {
	if b.err != nil {
		return true
	}
	_, err := b.r.Peek(1)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return err != nil
}

// Staged is how far an upload has come; not_found when nothing is kept of it.
func (s *Store) Staged(ctx context.Context, id string) (Stage, error) {
	const op = "objectstore.staged"
	if err := checkUpload(op, id); err != nil {
		return Stage{}, err
	}
	var stage Stage
	for info, err := range s.List(ctx, uploads+id+"/", "") {
		if err != nil {
			return Stage{}, world.Wrap(op, err)
		}
		if info.Modified.After(stage.Modified) {
			stage.Modified = info.Modified
		}
		if offset, ok := partOffset(info.Key); ok && offset == stage.Size {
			stage.Size += info.Size
			stage.parts = append(stage.parts, info)
		}
	}
	if stage.Modified.IsZero() {
		return Stage{}, world.E(world.CodeNotFound, op, "There is no such upload: it was finished, or given up too long ago. Begin again.")
	}
	return stage, nil
}

// ReadStaged opens what has come of an upload, from its first byte, and tells
// how many bytes that are. The caller closes the reader.
func (s *Store) ReadStaged(ctx context.Context, id string) (io.ReadCloser, int64, error) {
	stage, err := s.Staged(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	return &joined{store: s, ctx: ctx, parts: stage.parts}, stage.Size, nil
}

// joined reads parts one behind the other, with one of them open at a time.
type joined struct {
	store *Store
	ctx   context.Context // of ReadStaged
	parts []Info
	open  io.ReadCloser
}

// Read reads on, into the next part where one ends.
func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.open == nil && len(j.parts) == 0 {
			return 0, io.EOF
		}
		if j.open == nil {
			r, _, err := j.store.Get(j.ctx, j.parts[0].Key)
			if err != nil {
				return 0, err
			}
			j.open, j.parts = r, j.parts[1:]
		}
		n, err := j.open.Read(p)
		if err == io.EOF {
			err = j.Close()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Close closes the part that is open.
func (j *joined) Close() error {
	if j.open == nil {
		return nil
	}
	r := j.open
	j.open = nil
	return r.Close()
}

// DropStaged removes all that is kept of an upload. There may be nothing.
func (s *Store) DropStaged(ctx context.Context, id string) error {
	const op = "objectstore.drop"
	if err := checkUpload(op, id); err != nil {
		return err
	}
	var all []string
	for info, err := range s.List(ctx, uploads+id+"/", "") {
		if err != nil {
			return world.Wrap(op, err)
		}
		all = append(all, info.Key)
	}
	// The last first: what a crash leaves is still a beginning.
	for _, key := range slices.Backward(all) {
		if err := s.Delete(ctx, key); err != nil {
			return world.Wrap(op, err)
		}
	}
	if s.dir != nil {
		s.dir.prune(uploads + id)
	}
	return nil
}

// Sweep removes uploads in which nothing has moved since before, and what
// writers that died have left elsewhere. It returns how many of both it removed.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	const op = "objectstore.sweep"
	swept := 0
	for id, err := range s.staleUploads(ctx, before) {
		if err == nil {
			err = s.DropStaged(ctx, id)
		}
		if err != nil {
			return swept, world.Wrap(op, err)
		}
		swept++
	}
	var rest int
	var err error
	switch {
	case s.dir != nil:
		rest, err = s.dir.sweep(ctx, before)
	case s.s3 != nil:
		rest, err = s.s3.sweep(ctx, before)
	}
	if err != nil {
		err = fault(op, err)
	}
	return swept + rest, err
}

// staleUploads are the ids of uploads whose newest object is older than before.
func (s *Store) staleUploads(ctx context.Context, before time.Time) func(yield func(string, error) bool) {
	return func(yield func(string, error) bool) {
		id, stale := "", false
		for info, err := range s.List(ctx, uploads, "") {
			if err != nil {
				yield("", err)
				return
			}
			this, _, _ := strings.Cut(strings.TrimPrefix(info.Key, uploads), "/")
			if this != id {
				if stale && !yield(id, nil) {
					return
				}
				id, stale = this, true
			}
			stale = stale && info.Modified.Before(before)
		}
		if stale {
			yield(id, nil)
		}
	}
}
