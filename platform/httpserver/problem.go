package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"meridian/world"
)

// HeaderRequestID ties a request to its log lines across tiers.
const HeaderRequestID = "X-Request-Id"

// Problem is the document of an error (RFC 9457), with our code and id.
type Problem struct {
	Type   string     `json:"type" doc:"always about:blank"`
	Title  string     `json:"title" doc:"the status in words" example:"Conflict"`
	Status int        `json:"status" example:"409"`
	Detail string     `json:"detail" doc:"says what to do" example:"This has changed meanwhile. Load it again and repeat."`
	Code   world.Code `json:"code" doc:"the kind of failure, for programs" example:"conflict"`
	ID     string     `json:"id,omitempty" doc:"ties the answer to our log; name it when you ask about it" example:"k3v9q2m7d1f8"`
	Retry  bool       `json:"retry" doc:"whether the same request may succeed later"`
}

var plain = map[world.Code]string{
	world.CodeInvalid:       "The request is not understood. Check it and send it again.",
	world.CodeUnsigned:      "Sign in, or send a valid credential.",
	world.CodeForbidden:     "This credential may not do that.",
	world.CodeNotFound:      "There is nothing here. Check the address.",
	world.CodeMethod:        "This address does not take that method.",
	world.CodeConflict:      "This has changed meanwhile. Load it again and repeat.",
	world.CodePrecondition:  "This has changed since the version that If-Match names. Read it again and repeat with its ETag.",
	world.CodeUnconditional: "Send If-Match with the ETag of what you have read, so that nobody's change is lost.",
	world.CodeTooLarge:      "This is larger than is taken here.",
	world.CodeUnsupported:   "This format is not taken here.",
	world.CodeMisdirected:   "Another region answers for this.",
	world.CodeUnprocessed:   "This cannot be carried out as sent.",
	world.CodeBusy:          "Too many requests at once. Try again shortly.",
	world.CodeInternal:      "Something went wrong on our side. Try again; if it stays, tell us the id.",
	world.CodeBadUpstream:   "A part of the system did not answer. Try again shortly.",
	world.CodeUnavailable:   "This is not available just now. Try again shortly.",
	world.CodeFull:          "There is no room to keep this just now. Try again later.",
	world.CodeTimeout:       "A part of the system was too slow. Try again shortly.",
}

// ProblemOf is what an outsider may know of err: code, message and id.
func ProblemOf(err error, id string) Problem {
	code := world.CodeOf(err)
	p := Problem{Type: "about:blank", Title: http.StatusText(code.Status()), Status: code.Status(), Code: code, ID: id}
	var e *world.Error
	if errors.As(err, &e) {
		p.Detail, p.Retry = e.Message, e.Retry
		if e.ID != "" {
			p.ID = e.ID
		}
	}
	if p.Detail == "" {
		p.Detail = plain[code]
	}
	return p
}

// ReadProblem turns a problem document from another role back into the error
// it was made of. A body that is none gives an error by the status alone.
func ReadProblem(status int, body []byte) error {
	var p Problem
	if json.Unmarshal(body, &p) == nil && p.Code != "" && p.Code.Status() == status {
		return &world.Error{Code: p.Code, Message: p.Detail, Retry: p.Retry, ID: p.ID}
	}
	return world.E(world.CodeForStatus(status), "", "")
}

// WriteError answers with the problem document of err and logs it: errors of
// ours with their cause at error level, the caller's at debug level. Whatever
// comes of content that breaks off is the caller's.
func WriteError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	id := RequestID(r.Context())
	if brokeOff(r.Context(), err) && world.CodeOf(err).Status() >= 500 {
		err = world.Because(world.CodeInvalid, "content", "The request's content did not arrive whole. Send it again.", err)
	}
	LogError(r.Context(), log, r, err)
	w.Header().Set("Cache-Control", "no-store")
	SendProblem(w, r, ProblemOf(err, id))
}

// SendProblem answers with a problem document. Whether it may be kept, the header
// says already.
func SendProblem(w http.ResponseWriter, r *http.Request, p Problem) {
	b, _ := json.Marshal(p)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Length")
	if p.Code != world.CodePrecondition { // which tells the present one
		h.Del("ETag")
	}
	if p.Retry && h.Get("Retry-After") == "" { // who knows better has said so
		h.Set("Retry-After", "2")
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		w.Write(append(b, '\n'))
	}
}

// LogError writes the log line of a failed request. It is for handlers that
// answer with a page of their own in place of [WriteError].
func LogError(ctx context.Context, log *slog.Logger, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone: nobody to tell, nothing broken
	}
	level := slog.LevelDebug
	if status := world.CodeOf(err).Status(); status >= 500 && !askedFor(r, status) && !brokeOff(r.Context(), err) {
		level = slog.LevelError
	}
	log.Log(ctx, level, "request failed", "id", RequestID(ctx), "method", r.Method, "path", r.URL.Path, "code", world.CodeOf(err), "err", err)
}

// askedFor reports whether the request itself demanded the failure: 504 is the
// answer to only-if-cached where nothing is stored (RFC 9111 §5.2.1.7), and must
// not let a visitor fill the log.
func askedFor(r *http.Request, status int) bool {
	return status == http.StatusGatewayTimeout && strings.Contains(strings.ToLower(strings.Join(r.Header["Cache-Control"], ",")), "only-if-cached")
}

// UpstreamError gives the failure of a request to another part its code:
// too_large for a body over a limit of ours, timeout, or bad_upstream.
// An error of ours stays what it is.
func UpstreamError(op string, err error) error {
	var e *world.Error
	var tooLarge *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &e):
		return err
	case errors.As(err, &tooLarge):
		return world.Because(world.CodeTooLarge, op, "The request is larger than is taken here.", err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return world.Because(world.CodeTimeout, op, "", err)
	}
	return world.Because(world.CodeBadUpstream, op, "", err)
}
