package tus

import (
	"context"
	"errors"
	"io"

	"github.com/tus/tusd/v2/pkg/handler"
)

// store is the library's way to the uploads of the request at hand.
type store struct{}

// creating makes the upload: here the caller's metadata is still whole.
func creating(hook handler.HookEvent) (handler.HTTPResponse, handler.FileInfoChanges, error) {
	a := askedIn(hook.Context)
	id, fields, err := a.uploads.Begin(hook.Context, hook.Upload.Size, hook.Upload.MetaData)
	if err != nil {
		return handler.HTTPResponse{}, handler.FileInfoChanges{}, a.fail(err)
	}
	return handler.HTTPResponse{Header: fields}, handler.FileInfoChanges{ID: id}, nil
}

// finishing lets the caller take the whole upload before that is told.
func finishing(hook handler.HookEvent) (handler.HTTPResponse, error) {
	a := askedIn(hook.Context)
	fields, err := a.uploads.Finish(hook.Context, hook.Upload.ID)
	if err != nil {
		return handler.HTTPResponse{}, a.fail(err)
	}
	return handler.HTTPResponse{Header: fields}, nil
}

// NewUpload is the upload that creating has made.
func (store) NewUpload(_ context.Context, info handler.FileInfo) (handler.Upload, error) {
	return upload{info}, nil
}

// GetUpload is an upload as it stands.
func (store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	a := askedIn(ctx)
	offset, size, metadata, err := a.uploads.Stand(ctx, id)
	if err != nil {
		return nil, a.fail(err)
	}
	return upload{handler.FileInfo{ID: id, Size: size, Offset: offset, MetaData: metadata}}, nil
}

// AsTerminatableUpload is an upload that can be given up: each can.
func (store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(upload) }

// upload is one upload, as the library sees it.
type upload struct{ info handler.FileInfo }

// GetInfo is how it stood when it was looked for.
func (u upload) GetInfo(context.Context) (handler.FileInfo, error) { return u.info, nil }

// WriteChunk adds to it.
func (u upload) WriteChunk(ctx context.Context, offset int64, r io.Reader) (int64, error) {
	a := askedIn(ctx)
	n, err := a.uploads.Append(ctx, u.info.ID, offset, r)
	if err != nil {
		return n, a.fail(err)
	}
	return n, nil
}

// FinishUpload has nothing to do: see finishing.
func (upload) FinishUpload(context.Context) error { return nil }

// GetReader is never asked for: uploads are not read by their address.
func (upload) GetReader(context.Context) (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// Terminate gives it up.
func (u upload) Terminate(ctx context.Context) error {
	a := askedIn(ctx)
	if err := a.uploads.Drop(ctx, u.info.ID); err != nil {
		return a.fail(err)
	}
	return nil
}
