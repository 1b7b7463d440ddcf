package tus

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/exp/slog"

	"meridian/world"
)

// silent is a log for the library, which writes several lines a request: ours
// has one for each that failed.
func silent() *slog.Logger {
	return slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 1}))
}

// answer holds back the library's errors, which are texts of its own.
type answer struct {
	http.ResponseWriter
	base    string // of a new upload's address
	options bool
	failed  bool
	status  int
	text    strings.Builder
}

// WriteHeader lets through what succeeds, and a version that is not spoken here:
// for that tus has a status of its own.
func (a *answer) WriteHeader(status int) {
	h := a.Header()
	if status >= 400 && status != http.StatusPreconditionFailed {
		a.failed, a.status = true, status
		h.Del("Content-Length") // of the library's text
		return
	}
	if status == http.StatusPreconditionFailed {
		h.Set("Tus-Version", Version)
	}
	if a.options {
		h.Set("Tus-Extension", Extensions)
		h.Set(headerAlgorithms, algorithms)
	}
	if url := h.Get("Location"); url != "" {
		h.Set("Location", a.path(url))
	}
	h.Set("Cache-Control", "no-store")
	a.ResponseWriter.WriteHeader(status)
}

// Write keeps the text of an error.
func (a *answer) Write(b []byte) (int, error) {
	if a.failed {
		if a.text.Len() < 200 {
			a.text.Write(b)
		}
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// problems are the library's errors that need saying better.
var problems = map[string]*world.Error{
	"ERR_MISMATCHED_OFFSET":  world.E(world.CodeConflict, "", "The upload does not stand at that offset: ask with HEAD, and go on from there."),
	"ERR_UPLOAD_INTERRUPTED": world.E(world.CodeConflict, "", "Another request has gone on with this upload."),
	"ERR_UNEXPECTED_EOF":     world.E(world.CodeInvalid, "", brokeOff),
	"ERR_CONNECTION_RESET":   world.E(world.CodeInvalid, "", brokeOff),
	"ERR_READ_TIMEOUT":       world.E(world.CodeInvalid, "", brokeOff),
	"ERR_NOT_IMPLEMENTED":    world.E(world.CodeInvalid, "", "The length must be told at the beginning: send Upload-Length."),
	"ERR_UPLOAD_LOCKED":      world.E(world.CodeBusy, "", "The upload is still busy with what came before; try again in a moment."),
	"ERR_LOCK_TIMEOUT":       world.E(world.CodeBusy, "", "The upload is still busy with what came before; try again in a moment."),
}

const brokeOff = "The content ended early: ask with HEAD how far it came, and go on from there."

// problem is the library's error as one of ours.
func (a *answer) problem() error {
	code, message, _ := strings.Cut(strings.TrimSpace(a.text.String()), ": ")
	if known := problems[code]; known != nil {
		return world.Wrap("tus", known)
	}
	err := world.E(world.CodeForStatus(a.status), "tus", "")
	if a.status < 500 && message != "" {
		err.Message = fmt.Sprintf("The upload cannot go on like this: %s.", message)
	}
	return err
}
