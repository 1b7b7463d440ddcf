package owner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"meridian/platform/httpserver"
	"meridian/world"
)

// pictureField is the field of the form that holds the pictures.
const pictureField = "picture"

// maxFiles is how many pictures one form may bring.
const maxFiles = 20

// upload hands the pictures of the form on to media as they arrive. What was
// taken before one is refused stays.
func (o *Owner) upload(v *visit) error {
	ctx, cancel := context.WithTimeout(v.r.Context(), o.cfg.UploadWait)
	defer cancel()
	taken, err := o.takeIn(ctx, v)
	if err != nil {
		o.logFailure(v, err)
		return o.picturesPage(v, world.CodeOf(err).Status(), refusedText(taken, err))
	}
	seeOther(v, picturesPath+"?added="+url.QueryEscape(strings.Join(taken, ".")))
	return nil
}

func refusedText(taken []string, err error) string {
	if len(taken) == 0 {
		return "The picture was not taken: " + messageOf(err)
	}
	return "Only the pictures before it were taken: " + messageOf(err)
}

func (o *Owner) takeIn(ctx context.Context, v *visit) (taken []string, err error) {
	files, err := o.files(v)
	if err != nil {
		return nil, err
	}
	for {
		f, err := files.next()
		if errors.Is(err, io.EOF) {
			return taken, nil
		}
		if err != nil {
			return taken, err
		}
		m, err := f.deliver(func() (world.Manifest, error) { return o.library.put(ctx, f.name, f.from) })
		if err != nil {
			return taken, err
		}
		taken = append(taken, m.MediaID)
	}
}

// formFiles are the pictures of a form, one after another.
type formFiles struct {
	o     *Owner
	form  *multipart.Reader
	found int
}

// files reads the form of a visit.
func (o *Owner) files(v *visit) (*formFiles, error) {
	// The form around the pictures may be as large as any other form.
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxFiles*o.cfg.UploadBytes+o.cfg.MaxForm)
	form, err := v.r.MultipartReader()
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "owner.upload", "Send it with the form on this page.", err)
	}
	return &formFiles{o: o, form: form}, nil
}

// formFile is a picture of a form.
type formFile struct {
	o    *Owner
	name string
	from *capped
}

// next is the next picture; io.EOF behind the last. A form without any is
// invalid.
func (f *formFiles) next() (*formFile, error) {
	const op = "owner.upload"
	for {
		part, err := f.form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && f.found > 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, world.E(world.CodeInvalid, op, "Choose a picture first.")
		case err != nil:
			return nil, f.o.uploadError(err)
		case part.FormName() != pictureField:
			continue
		}
		body := bufio.NewReader(part)
		if _, err := body.Peek(1); errors.Is(err, io.EOF) && part.FileName() == "" {
			continue // a field that was left empty
		} else if errors.Is(err, io.EOF) {
			return nil, world.E(world.CodeInvalid, op, "The file "+part.FileName()+" is empty. Choose another.")
		}
		if f.found++; f.found > maxFiles {
			return nil, world.E(world.CodeTooLarge, op, "These are too many pictures at once. Send the rest in another go.")
		}
		return &formFile{f.o, part.FileName(), &capped{from: body, left: f.o.cfg.UploadBytes}}, nil
	}
}

// deliver does what reads the picture, and gives the cause of whatever was made
// of content that broke off.
func (f *formFile) deliver(read func() (world.Manifest, error)) (world.Manifest, error) {
	m, err := read()
	if f.from.err != nil {
		return world.Manifest{}, f.o.uploadError(f.from.err)
	}
	return m, err
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

// giveGrant gives the page's script the right to send one picture to media by
// itself, in parts, so that an upload that breaks off goes on where it was.
func (o *Owner) giveGrant(v *visit) error {
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	g, err := o.library.grant(ctx, o.cfg.UploadBytes)
	if err != nil {
		httpserver.WriteError(v.w, v.r, o.deps.Log, err)
		return nil
	}
	body, err := json.Marshal(g)
	if err != nil {
		return world.Wrap("owner.grant", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(http.StatusCreated)
	_, _ = io.Copy(v.w, bytes.NewReader(body)) // the owner has gone: nobody to tell
	return nil
}

// messageOf is what an owner may know of an error.
func messageOf(err error) string { return httpserver.ProblemOf(err, "").Detail }

// logFailure writes the log line of a failure that the page itself tells.
func (o *Owner) logFailure(v *visit, err error) {
	httpserver.LogError(v.r.Context(), o.deps.Log, v.r, err)
}
