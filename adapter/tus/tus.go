// Package tus speaks tus 1.0, the protocol of resumable uploads over HTTP
// (https://tus.io/protocols/resumable-upload): its core, and the extensions
// creation, expiration, checksum and termination. The protocol is a library's, but
// for the checksum. What an upload is, where its bytes lie and what becomes of it is
// the caller's.
package tus

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"

	"meridian/world"
)

// The protocol's version and the extensions that are offered.
const (
	Version    = "1.0.0"
	Extensions = "creation,expiration,checksum,termination"
)

// Uploads are the uploads that one request may reach. An error of any method
// is what the request is answered with.
type Uploads interface {
	// Begin makes an upload of a size in bytes, with what its sender tells of it;
	// it may give one that is there already. It returns its id, of letters,
	// digits and hyphens, and fields for the answer.
	Begin(ctx context.Context, size int64, metadata map[string]string) (id string, fields map[string]string, err error)
	// Stand is how many bytes of an upload are durable, of how many.
	Stand(ctx context.Context, id string) (offset, size int64, metadata map[string]string, err error)
	// Append adds what r gives behind offset. It returns how many bytes it has
	// taken: durable, whatever the error. r ends where its sender breaks off.
	Append(ctx context.Context, id string, offset int64, r io.Reader) (int64, error)
	// Finish is called with an upload that is whole, before its last part is
	// acknowledged. It returns fields for the answer.
	Finish(ctx context.Context, id string) (fields map[string]string, err error)
	// Drop gives an upload up.
	Drop(ctx context.Context, id string) error
}

// Limits bound what a request may cost.
type Limits struct {
	MaxBytes int64         // of an upload
	Checked  int64         // of content that comes with a checksum, which is held in memory
	Silence  time.Duration // how long content may stay out before a connection is given up
}

// Handler answers requests. It is safe for concurrent use; of two requests that
// go on with one upload the later takes the place of the other, whose connection
// may be long dead.
type Handler struct {
	library http.Handler
	limits  Limits
}

// New is a handler within limits.
func New(l Limits) (*Handler, error) {
	composer := handler.NewStoreComposer()
	composer.UseCore(store{})
	composer.UseTerminater(store{})
	composer.UseLocker(memorylocker.New())
	library, err := handler.NewHandler(handler.Config{
		StoreComposer: composer, BasePath: "/", MaxSize: l.MaxBytes,
		DisableDownload: true, Cors: &handler.CorsConfig{Disable: true}, Logger: silent(),
		NetworkTimeout: l.Silence, AcquireLockTimeout: l.Silence, GracefulRequestCompletionTimeout: l.Silence,
		PreUploadCreateCallback: creating, PreFinishResponseCallback: finishing,
	})
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tus.new", "", err)
	}
	return &Handler{library, l}, nil
}

// Serve answers a request for an upload of that id, or with "" for a new one,
// whose address is base and its id. Of a request for a new one no content is
// read. When it fails it has answered nothing.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, base, id string, u Uploads) error {
	asked := &asked{uploads: u}
	r = r.Clone(context.WithValue(r.Context(), askedKey{}, asked))
	r.URL.Path, r.URL.RawPath = "/"+id, ""
	r.Header.Del("X-HTTP-Method-Override") // the method is the one that the caller has allowed
	if r.Method == http.MethodPost {
		r.Body, r.ContentLength = http.NoBody, 0
		r.Header.Del("Content-Type")
	}
	if r.Method == http.MethodPatch && r.Header.Get(headerChecksum) != "" {
		if ok, err := h.verified(w, r); err != nil {
			return err
		} else if !ok {
			return mismatched(w)
		}
	}
	a := &answer{ResponseWriter: w, base: base, options: r.Method == http.MethodOptions}
	h.library.ServeHTTP(a, r)
	switch {
	case !a.failed:
		return nil
	case asked.err != nil:
		return world.Wrap("tus", asked.err)
	}
	return a.problem()
}

// asked is one request: the uploads that it may reach, and why the library was
// told to fail.
type asked struct {
	uploads Uploads
	err     error
}

type askedKey struct{}

// askedIn is the request that a call of the library belongs to.
func askedIn(ctx context.Context) *asked { return ctx.Value(askedKey{}).(*asked) }

// fail keeps an error for a document of ours: the library would show its text.
func (a *asked) fail(err error) error {
	a.err = err
	return err
}

// path is the library's URL of a new upload without its host, which only the
// way here knows.
func (a *answer) path(url string) string { return a.base + url[strings.LastIndexByte(url, '/')+1:] }
