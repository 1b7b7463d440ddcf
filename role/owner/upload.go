package owner

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"meridian/platform/httpserver"
	"meridian/world"
)

// pictureField is the field of the form that holds the picture.
const pictureField = "picture"

// upload hands a picture of the form on to media as it arrives.
func (o *Owner) upload(v *visit) error {
	ctx, cancel := context.WithTimeout(v.r.Context(), o.cfg.UploadWait)
	defer cancel()
	m, err := o.takeIn(ctx, v)
	if err != nil {
		o.logFailure(v, err)
		return o.picturesPage(v, world.CodeOf(err).Status(), "The picture was not taken: "+messageOf(err))
	}
	seeOther(v, picturesPath+"?added="+url.QueryEscape(m.MediaID))
	return nil
}

func (o *Owner) takeIn(ctx context.Context, v *visit) (world.Manifest, error) {
	const op = "owner.upload"
	// The form around the picture may be as large as any other form.
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, o.cfg.UploadBytes+o.cfg.MaxForm)
	form, err := v.r.MultipartReader()
	if err != nil {
		return world.Manifest{}, world.Because(world.CodeInvalid, op, "Send it with the form on this page.", err)
	}
	part, err := picturePart(form)
	if err != nil {
		return world.Manifest{}, o.uploadError(err)
	}
	body := bufio.NewReader(part)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return world.Manifest{}, world.E(world.CodeInvalid, op, "Choose a picture first.")
	}
	from := &capped{from: body, left: o.cfg.UploadBytes}
	m, err := o.library.put(ctx, part.FileName(), from)
	if from.err != nil {
		return world.Manifest{}, o.uploadError(from.err) // the cause of whatever media made of it
	}
	return m, err
}

// picturePart finds the picture among the form's parts.
func picturePart(form *multipart.Reader) (*multipart.Part, error) {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, world.E(world.CodeInvalid, "owner.upload", "Choose a picture first.")
		}
		if err != nil || part.FormName() == pictureField {
			return part, err
		}
	}
}

// uploadError says what was wrong with the body of an upload.
func (o *Owner) uploadError(err error) error {
	var most *http.MaxBytesError
	var ours *world.Error
	switch {
	case errors.As(err, &most), world.Is(err, world.CodeTooLarge):
		return world.Because(world.CodeTooLarge, "owner.upload", "It has more than "+sizeText(o.cfg.UploadBytes)+". Send a smaller one.", err)
	case errors.As(err, &ours):
		return err
	}
	return world.Because(world.CodeInvalid, "owner.upload", "It ended early. Send it again.", err)
}

// messageOf is what an owner may know of an error.
func messageOf(err error) string { return httpserver.ProblemOf(err, "").Detail }

// logFailure writes the log line of a failure that the page itself tells.
func (o *Owner) logFailure(v *visit, err error) {
	httpserver.LogError(v.r.Context(), o.deps.Log, v.r, err)
}
