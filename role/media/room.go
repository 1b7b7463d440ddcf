package media

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"meridian/world"
)

// withRoom is an object store that is watched for whether it has room: it has none
// from a write that failed for want of it until a large one succeeds. Small ones
// may fit into what is left.
type withRoom struct {
	Objects
	full atomic.Bool
}

// trialBytes is how much has to fit into a store that was full, for it to have room
// again; and trialKey where that is tried.
const (
	trialBytes = 1 << 20
	trialKey   = "trial/room"
)

// trialEvery is how often a store that is full is tried. While it has room nothing is.
const trialEvery = 5 * time.Second

func (s *withRoom) note(err error, size int64) {
	switch {
	case world.Is(err, world.CodeFull):
		s.full.Store(true)
	case err == nil && size >= trialBytes:
		s.full.Store(false)
	}
}

// Put is noted.
func (s *withRoom) Put(ctx context.Context, key string, data []byte) error {
	err := s.Objects.Put(ctx, key, data)
	s.note(err, int64(len(data)))
	return err
}

// PutFrom is noted.
func (s *withRoom) PutFrom(ctx context.Context, key string, r io.Reader, most int64) (int64, error) {
	n, err := s.Objects.PutFrom(ctx, key, r, most)
	s.note(err, n)
	return n, err
}

// Append is noted.
func (s *withRoom) Append(ctx context.Context, id string, offset int64, r io.Reader, most int64) (int64, error) {
	n, err := s.Objects.Append(ctx, id, offset, r, most)
	s.note(err, n)
	return n, err
}

// try finds out whether a full store has room again: somebody may have made some,
// and nobody sends what would show it.
func (s *withRoom) try(ctx context.Context) {
	if !s.full.Load() || s.Put(ctx, trialKey, make([]byte, trialBytes)) != nil {
		return
	}
	_ = s.Delete(ctx, trialKey) // one that stays is replaced by the next
}

// tryRoom tries the stores that are full.
func (m *Media) tryRoom(ctx context.Context) {
	m.objects.try(ctx)
	m.resident.try(ctx)
}

// tellRoom tells a monitor that asks after this region's media when a store has no
// room. The answer is as ever: what is there can be read.
func (m *Media) tellRoom(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(world.HeaderProbe) == world.Target(world.TargetMedia, m.region.ID) && (m.objects.full.Load() || m.resident.full.Load()) {
		w.Header().Set(world.HeaderFull, "1")
	}
}
