package media

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"meridian/engine/uploadgrant"
	"meridian/world"
)

// staged is the document of an upload that is not whole yet.
type staged struct {
	Grant  uploadgrant.Grant `json:"grant"` // what it was begun by
	Key    string            `json:"key,omitempty"`
	Name   string            `json:"name"`
	Size   int64             `json:"size"`
	SHA256 string            `json:"sha256,omitempty"` // as announced
}

// stage is how far an upload has come.
type stage struct {
	doc      staged
	size     int64
	modified time.Time
}

// stageID is an upload's name among the stages. A media id has always the same
// length, so no two apps share one.
func stageID(app, id string) string { return app + "-" + id }

// maxDocument is the most bytes of an upload's document.
const maxDocument = 16 << 10

func documentKey(app, id string) string { return "uploads/" + stageID(app, id) + "/info" }

// stage is an upload that has not expired. It lies in the resident store: so
// does whatever nobody has judged yet.
func (m *Media) stage(ctx context.Context, app, id string) (stage, error) {
	const op = "media.stage"
	doc, err := m.resident.Get(ctx, documentKey(app, id), maxDocument)
	if err != nil {
		return stage{}, world.Wrap(op, err)
	}
	var s stage
	if err := json.Unmarshal(doc, &s.doc); err != nil {
		return stage{}, world.Wrap(op, err)
	}
	if s.size, s.modified, err = m.resident.Staged(ctx, stageID(app, id)); err != nil {
		return stage{}, world.Wrap(op, err)
	}
	if m.expired(s.modified) {
		return stage{}, noUpload()
	}
	return s, nil
}

func (m *Media) expired(modified time.Time) bool {
	return !m.now().Before(modified.Add(m.cfg.Limits.StageAge))
}

// newStage keeps a new upload; one of the same id that is under way goes on.
func (m *Media) newStage(ctx context.Context, app, id string, doc staged) error {
	const op = "media.stage.new"
	if there, err := m.stage(ctx, app, id); err == nil {
		return doc.sameAs(there.doc.Size, there.doc.SHA256)
	} else if !world.Is(err, world.CodeNotFound) {
		return err
	}
	if err := m.resident.DropStaged(ctx, stageID(app, id)); err != nil { // one that has expired
		return world.Wrap(op, err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return world.Wrap(op, err)
	}
	m.beginning.Lock()
	defer m.beginning.Unlock()
	open, err := m.openUploads(ctx, app)
	if err != nil {
		return world.Wrap(op, err)
	}
	if open >= m.cfg.Limits.OpenUploads {
		return world.E(world.CodeBusy, op, "The app has too many uploads that have not ended; end some, or try again later.")
	}
	return world.Wrap(op, m.resident.Put(ctx, documentKey(app, id), b))
}

// listPage is how many keys of uploads are listed at once.
const listPage = 1000

// openUploads counts an app's uploads that have not ended, up to the limit.
func (m *Media) openUploads(ctx context.Context, app string) (n int, err error) {
	prefix := "uploads/" + stageID(app, "")
	for after, last := "", ""; ; {
		page, next, err := m.resident.List(ctx, prefix, after, listPage)
		if err != nil {
			return 0, err
		}
		for _, o := range page {
			id, _, _ := strings.Cut(o.Key[len(prefix):], "/")
			if id != last && len(id) == world.MediaIDLength {
				last = id
				n++
			}
		}
		if after = next; next == "" || n >= m.cfg.Limits.OpenUploads {
			return n, nil
		}
	}
}
