package world

import (
	"errors"
	"fmt"
	"strings"
)

// Code names a kind of failure. Codes are stable: programs match on them, they
// cross the wire, and they are never reused for another meaning.
type Code string

// The codes. Each carries the HTTP status an outsider is answered with
// (RFC 9110 §15); see [Code.Status].
const (
	CodeInvalid       Code = "invalid"               // the request itself is wrong: 400
	CodeUnsigned      Code = "unsigned"              // no credential, or one that does not hold: 401
	CodeForbidden     Code = "forbidden"             // a good credential without this right: 403
	CodeNotFound      Code = "not_found"             // no such thing, or none that may be shown: 404
	CodeMethod        Code = "method"                // the resource has no such method: 405
	CodeConflict      Code = "conflict"              // the state has moved on: 409
	CodePrecondition  Code = "precondition_failed"   // it is not what the request's condition says (If-Match): 412
	CodeTooLarge      Code = "too_large"             // a limit of size, count or depth: 413
	CodeUnsupported   Code = "unsupported"           // a format that is not taken: 415
	CodeMisdirected   Code = "misdirected"           // another region answers for this: 421
	CodeUnprocessed   Code = "unprocessed"           // well formed, but it cannot be carried out: 422
	CodeUnconditional Code = "precondition_required" // a change without the condition that it needs (RFC 6585 §3): 428
	CodeBusy          Code = "busy"                  // a limit of rate or concurrency: 429
	CodeInternal      Code = "internal"              // our fault: 500
	CodeBadUpstream   Code = "bad_upstream"          // the part behind this one failed: 502
	CodeUnavailable   Code = "unavailable"           // not now; a retry helps: 503
	CodeTimeout       Code = "timeout"               // the part behind this one was too slow: 504
	CodeFull          Code = "full"                  // no room to keep it, until somebody makes some: 507 (RFC 4918 §11.5)
)

var statuses = map[Code]int{
	CodeInvalid: 400, CodeUnsigned: 401, CodeForbidden: 403, CodeNotFound: 404,
	CodeMethod: 405, CodeConflict: 409, CodeTooLarge: 413, CodeUnsupported: 415,
	CodeMisdirected: 421, CodeUnprocessed: 422, CodeBusy: 429, CodeInternal: 500,
	CodeBadUpstream: 502, CodeUnavailable: 503, CodeTimeout: 504,
	CodeFull: 507, CodePrecondition: 412, CodeUnconditional: 428,
}

// Status is the HTTP status for the code; 500 for a code that is not known.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return 500
}

// CodeForStatus is the code that an HTTP status from another role stands for.
func CodeForStatus(status int) Code {
	for c, s := range statuses {
		if s == status {
			return c
		}
	}
	switch {
	case status >= 500:
		return CodeBadUpstream
	case status >= 400:
		return CodeInvalid
	}
	return CodeInternal
}

// ErrAnotherKey is the cause of a conflict where an idempotency key was used for
// something else: the same key never helps, a new one may.
var ErrAnotherKey = errors.New("the idempotency key was used for something else")

// Error is the one error type that Meridian's parts hand one another.
// Op and Err are for operators; Code, Message and ID may be shown to anybody.
type Error struct {
	Code    Code   // what kind of failure
	Op      string // where, for operators: "media.upload"
	Message string // for its reader: says what to do; "" takes a plain one for the code
	Retry   bool   // the same request may succeed later
	ID      string // ties a visitor's page to the log line; set at the outermost handler
	Err     error  // the cause, never shown to an outsider
}

// E makes an Error. message is for the reader and says what to do.
func E(code Code, op, message string) *Error {
	return &Error{Code: code, Op: op, Message: message, Retry: retries(code)}
}

// Wrap makes an Error around a cause. A cause that is an [Error] already keeps
// its code and message, and op is put before its op. Wrap(nil) is nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		c := *e
		c.Op = joinOps(op, e.Op)
		return &c
	}
	return &Error{Code: CodeInternal, Op: op, Err: err}
}

// Because makes an Error of a code around a cause.
func Because(code Code, op, message string, cause error) *Error {
	e := E(code, op, message)
	e.Err = cause
	return e
}

func retries(c Code) bool {
	switch c {
	case CodeUnavailable, CodeTimeout, CodeBusy, CodeBadUpstream, CodeFull:
		return true
	}
	return false
}

func joinOps(outer, inner string) string {
	if inner == "" {
		return outer
	}
	return outer + ": " + inner
}

// Error is the operator's form: op, code, message and cause.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	b.WriteString(string(e.Code))
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of err; CodeInternal for an error that is not ours, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Is reports whether err is an [Error] of the given code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
