package app

import (
	"bytes"
	"context"
	"io"
	"time"

	"meridian/adapter/objectstore"
	"meridian/role/media"
	"meridian/world"
)

// stores opens the region's object stores: the one that other regions may know
// the copies of, and the one of private pictures.
func (m *machine) stores(ctx context.Context, s *Media) (public, resident *objectstore.Store, closeBoth func(), err error) {
	if err := s.Objects.Validate(); err != nil {
		return nil, nil, nil, world.Wrap("config: objects", err)
	}
	if err := s.Resident.Validate(); err != nil {
		return nil, nil, nil, world.Wrap("config: resident_objects", err)
	}
	if err := objectstore.Apart(s.Objects, s.Resident); err != nil {
		return nil, nil, nil, world.Wrap("config", err)
	}
	closing := func(store *objectstore.Store) {
		if err := store.Close(); err != nil {
			m.tel.Log.Error("an object store did not close", "err", err)
		}
	}
	if public, err = objectstore.Open(ctx, s.Objects); err != nil {
		return nil, nil, nil, world.Wrap("objects", err)
	}
	if resident, err = objectstore.Open(ctx, s.Resident); err != nil {
		closing(public)
		return nil, nil, nil, world.Wrap("resident_objects", err)
	}
	return public, resident, func() { closing(public); closing(resident) }, nil
}

// objects hands the role an object store in its own words.
type objects struct {
	store   *objectstore.Store
	trouble *trouble
}

func object(i objectstore.Info) media.Object {
	return media.Object{Key: i.Key, Size: i.Size, Modified: i.Modified}
}

// Put is durable when it returns.
func (o objects) Put(ctx context.Context, key string, data []byte) error {
	if err := o.trouble.full("objects.put"); err != nil {
		return err
	}
	_, err := o.store.Put(ctx, key, bytes.NewReader(data), objectstore.PutOptions{})
	return err
}

// Get is the whole object, or too_large when it has more than most bytes.
func (o objects) Get(ctx context.Context, key string, most int64) ([]byte, error) {
	r, info, err := o.store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if info.Size > most {
		return nil, world.E(world.CodeTooLarge, "objects.get", "The stored object is larger than is read here.")
	}
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	return data, world.Wrap("objects.get", err)
}

// PutFrom is Put of a stream.
func (o objects) PutFrom(ctx context.Context, key string, r io.Reader, most int64) (int64, error) {
	if err := o.trouble.full("objects.put"); err != nil {
		return 0, err
	}
	return o.store.Put(ctx, key, r, objectstore.PutOptions{MaxBytes: most})
}

// Open opens an object for reading from any place in it.
func (o objects) Open(ctx context.Context, key string) (io.ReadSeekCloser, media.Object, error) {
	r, info, err := o.store.Get(ctx, key)
	return r, object(info), err
}

// Stat describes an object.
func (o objects) Stat(ctx context.Context, key string) (media.Object, error) {
	info, err := o.store.Stat(ctx, key)
	return object(info), err
}

// Delete removes an object.
func (o objects) Delete(ctx context.Context, key string) error { return o.store.Delete(ctx, key) }

// List is one page of keys.
func (o objects) List(ctx context.Context, prefix, after string, limit int) (page []media.Object, next string, err error) {
	for info, err := range o.store.List(ctx, prefix, after) {
		if err != nil {
			return nil, "", err
		}
		if len(page) == limit {
			return page, page[limit-1].Key, nil
		}
		page = append(page, object(info))
	}
	return page, "", nil
}

// Verify reads an original again.
func (o objects) Verify(ctx context.Context, key string) error { return o.store.Verify(ctx, key) }

// Append adds to an upload.
func (o objects) Append(ctx context.Context, id string, offset int64, r io.Reader, most int64) (int64, error) {
	if err := o.trouble.full("objects.append"); err != nil {
		return 0, err
	}
	return o.store.Append(ctx, id, offset, r, most)
}

// Staged is how many bytes of an upload are durable, and since when.
func (o objects) Staged(ctx context.Context, id string) (int64, time.Time, error) {
	stage, err := o.store.Staged(ctx, id)
	return stage.Size, stage.Modified, err
}

// ReadStaged opens what has come of an upload.
func (o objects) ReadStaged(ctx context.Context, id string) (io.ReadCloser, int64, error) {
	return o.store.ReadStaged(ctx, id)
}

// DropStaged removes an upload.
func (o objects) DropStaged(ctx context.Context, id string) error {
	return o.store.DropStaged(ctx, id)
}

// Sweep removes uploads that nobody goes on with.
func (o objects) Sweep(ctx context.Context, before time.Time) (int, error) {
	return o.store.Sweep(ctx, before)
}
