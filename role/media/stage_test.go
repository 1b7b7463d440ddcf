package media

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"meridian/world"
)

// memStage is an upload in memory that comes in parts of so many bytes, as in a
// store: what is cut off leaves whole parts.
type memStage struct {
	data     bytes.Buffer
	modified time.Time
}

const memPart = 8

func (o *memObjects) Append(_ context.Context, id string, offset int64, r io.Reader, most int64) (n int64, err error) {
	for {
		part := make([]byte, memPart)
		got, readErr := io.ReadFull(r, part)
		o.mu.Lock()
		st := o.stages[id]
		if st == nil {
			st = &memStage{}
		}
		switch {
		case o.failPut != nil:
			err = o.failPut
		case int64(st.data.Len()) != offset+n:
			err = world.E(world.CodeConflict, "mem", "")
		case offset+n+int64(got) > most:
			err = world.E(world.CodeTooLarge, "mem", "")
		case o.dies > 0 && offset+n+int64(got) > o.dies:
			err = world.E(world.CodeUnavailable, "mem", "The store is gone.")
		default:
			st.data.Write(part[:got])
			st.modified = o.now()
			o.stages[id] = st
			n += int64(got)
		}
		o.mu.Unlock()
		if err != nil || readErr != nil {
			return n, err
		}
	}
}

// begun notes when an upload's document was kept.
func (o *memObjects) begun(key string) {
	if id, ok := strings.CutSuffix(key, "/info"); ok {
		id = strings.TrimPrefix(id, "uploads/")
		o.stages[id] = &memStage{modified: o.now()}
	}
}

func (o *memObjects) Staged(_ context.Context, id string) (int64, time.Time, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	st := o.stages[id]
	if st == nil {
		return 0, time.Time{}, world.E(world.CodeNotFound, "mem", "")
	}
	return int64(st.data.Len()), st.modified, nil
}

func (o *memObjects) ReadStaged(_ context.Context, id string) (io.ReadCloser, int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	st := o.stages[id]
	if st == nil {
		return nil, 0, world.E(world.CodeNotFound, "mem", "")
	}
	return io.NopCloser(bytes.NewReader(bytes.Clone(st.data.Bytes()))), int64(st.data.Len()), nil
}

func (o *memObjects) DropStaged(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.stages, id)
	delete(o.objects, "uploads/"+id+"/info")
	return nil
}
