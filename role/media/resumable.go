package media

import (
	"context"
	"fmt"
	"io"

	"meridian/world"
)

// Resumable are the resumable uploads that one request may reach. See package
// tus of the adapters for what each method is asked.
type Resumable interface {
	Begin(ctx context.Context, size int64, metadata map[string]string) (id string, fields map[string]string, err error)
	Stand(ctx context.Context, id string) (offset, size int64, metadata map[string]string, err error)
	Append(ctx context.Context, id string, offset int64, r io.Reader) (int64, error)
	Finish(ctx context.Context, id string) (fields map[string]string, err error)
	Drop(ctx context.Context, id string) error
}

// resumable are the uploads that a right is good for.
type resumable struct {
	m  *Media
	by right
}

// The metadata of an upload that is read; the rest is not kept.
const (
	metaName   = "filename"
	metaSHA256 = "sha256" // of the whole, in hexadecimal: it is refused if it has another
)

// Begin checks a new upload and keeps its document. Its id is that of the asset
// which it will be, so its first character names this region. With a key it is
// the upload of before, be it under way or an asset.
func (u resumable) Begin(ctx context.Context, size int64, metadata map[string]string) (string, map[string]string, error) {
	const op = "media.tus.begin"
	doc, err := u.document(size, metadata)
	if err != nil {
		return "", nil, err
	}
	if u.by.key != "" {
		found, err := u.m.before(ctx, u.by.App, u.by.key)
		if err == nil {
			return found.MediaID, uploadedFields(found, world.Position{}), doc.became(found)
		}
		if !world.Is(err, world.CodeNotFound) {
			return "", nil, world.Wrap(op, err)
		}
	}
	id, err := u.m.newID(u.by.App, u.by.key)
	if err == nil {
		err = u.m.newStage(ctx, u.by.App, id, doc)
	}
	return id, nil, world.Wrap(op, err)
}

func (u resumable) document(size int64, metadata map[string]string) (staged, error) {
	const op = "media.tus.begin"
	if size < 1 {
		return staged{}, world.E(world.CodeInvalid, op, "Upload-Length must be at least 1.")
	}
	if size > u.by.MaxBytes {
		return staged{}, tooLarge(u.by.MaxBytes)
	}
	sha := metadata[metaSHA256]
	if sha != "" && !world.ValidSHA256(sha) {
		return staged{}, world.E(world.CodeInvalid, op, "The metadata sha256 must be 64 characters 0-9a-f.")
	}
	name, err := u.m.cleanName(metadata[metaName])
	return staged{Grant: u.by.Grant, Key: u.by.key, Name: name, Size: size, SHA256: sha}, err
}

// Stand is how far an upload has come.
func (u resumable) Stand(ctx context.Context, id string) (offset, size int64, metadata map[string]string, err error) {
	s, err := u.m.stage(ctx, u.by.App, id)
	if err != nil {
		return 0, 0, nil, err
	}
	metadata = map[string]string{metaName: s.doc.Name}
	if s.doc.SHA256 != "" {
		metadata[metaSHA256] = s.doc.SHA256
	}
	return s.size, s.doc.Size, metadata, nil
}

// Append keeps what comes, durably, before it tells how much it was.
func (u resumable) Append(ctx context.Context, id string, offset int64, r io.Reader) (int64, error) {
	s, err := u.m.stage(ctx, u.by.App, id)
	if err != nil {
		return 0, err
	}
	n, err := u.m.resident.Append(ctx, stageID(u.by.App, id), offset, r, s.doc.Size)
	u.m.metrics.bytes.WithLabelValues("staged").Add(float64(n))
	return n, world.Wrap("media.tus.append", err)
}

// Finish makes the asset.
func (u resumable) Finish(ctx context.Context, id string) (map[string]string, error) {
	made, pos, err := u.m.finish(ctx, u.by.App, id)
	if err != nil {
		return nil, err
	}
	return uploadedFields(made, pos), nil
}

// Drop gives an upload up.
func (u resumable) Drop(ctx context.Context, id string) error {
	return world.Wrap("media.tus.drop", u.m.resident.DropStaged(ctx, stageID(u.by.App, id)))
}

// sameAs refuses an upload that is not of the picture that its key has named.
func (d staged) sameAs(size int64, sha string) error {
	if d.Size != size || d.SHA256 != "" && sha != "" && d.SHA256 != sha {
		return otherPicture("media.tus.begin")
	}
	return nil
}

// became is sameAs for the asset that the key has made.
func (d staged) became(made world.Manifest) error {
	sha := made.Versions[0].SHA256
	if made.Audience == world.Private {
		sha = "" // that of what is stored, which is not the picture alone
	}
	return d.sameAs(made.Versions[0].Bytes, sha)
}

// wrongSHA256 is an upload whose bytes are not those that were announced.
func wrongSHA256(got, want string) error {
	return world.E(world.CodeUnprocessed, "media.tus.finish", fmt.Sprintf("What arrived has the SHA-256 %s, not %s: begin again.", got, want))
}
