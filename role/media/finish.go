package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"meridian/world"
)

// finished is what an upload has become.
type finished struct {
	made world.Manifest
	pos  world.Position
}

// finish makes an asset of a resumable upload that has come whole, by the way of
// every upload. It may be tried again: the upload's id is the asset's, so there
// is only ever one. What is refused is given up; what failed waits.
func (m *Media) finish(ctx context.Context, app, id string) (world.Manifest, world.Position, error) {
	v, err := m.once(ctx, "finish "+stageID(app, id), func(ctx context.Context) (any, error) {
		made, pos, err := m.finishOnce(ctx, app, id)
		m.metrics.uploads.WithLabelValues(outcome(err)).Inc()
		return finished{made, pos}, err
	})
	if err != nil {
		return world.Manifest{}, world.Position{}, world.Wrap("media.finish", err)
	}
	f := v.(finished)
	return f.made, f.pos, nil
}

func (m *Media) finishOnce(ctx context.Context, app, id string) (made world.Manifest, pos world.Position, err error) {
	s, err := m.stage(ctx, app, id)
	if world.Is(err, world.CodeNotFound) { // somebody else has finished it
		made, err = m.acknowledged(ctx, app, id)
		return made, pos, err
	}
	if err != nil {
		return made, pos, err
	}
	made, pos, err = m.finishStage(ctx, s, app, id)
	if err != nil && !refused(err) {
		return made, pos, err
	}
	if dropErr := m.resident.DropStaged(context.WithoutCancel(ctx), stageID(app, id)); dropErr != nil {
		m.log.WarnContext(ctx, "an upload that has ended is still staged", "id", id, "err", dropErr) // until it expires
	}
	return made, pos, err
}

func (m *Media) finishStage(ctx context.Context, s stage, app, id string) (made world.Manifest, pos world.Position, err error) {
	if err := m.uploads.Acquire(ctx, 1); err != nil {
		return made, pos, world.Because(world.CodeBusy, "media.finish", "Too many pictures arrive at once; ask again in a moment.", err)
	}
	defer m.uploads.Release(1)
	data, err := m.readStage(ctx, app, id)
	if err != nil {
		return made, pos, err
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); s.doc.SHA256 != "" && s.doc.SHA256 != got {
		return made, pos, wrongSHA256(got, s.doc.SHA256)
	}
	return m.accept(ctx, right{Grant: s.doc.Grant, key: s.doc.Key, id: id}, s.doc.Name, data)
}

func (m *Media) readStage(ctx context.Context, app, id string) ([]byte, error) {
	r, size, err := m.resident.ReadStaged(ctx, stageID(app, id))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, size)
	_, err = io.ReadFull(r, data)
	return data, world.Wrap("media.finish", err)
}

// refused reports whether a picture was not taken, and never will be.
func refused(err error) bool {
	switch world.CodeOf(err) {
	case world.CodeInvalid, world.CodeTooLarge, world.CodeUnsupported, world.CodeUnprocessed:
		return true
	}
	return false
}
