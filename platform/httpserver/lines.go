package httpserver

import (
	"net/http"
	"time"
)

// Lines is an answer without an end, of lines of JSON, each sent as it comes.
type Lines struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	now      func() time.Time
	patience time.Duration
	begun    bool
}

// NewLines begins nothing yet: until the first line the handler may answer with an
// error. The server's own limit on a whole answer gives way to patience, how long
// the other side may take for each line. The request should be [Endless].
func NewLines(w http.ResponseWriter, now func() time.Time, patience time.Duration) *Lines {
	return &Lines{w: w, control: http.NewResponseController(w), now: now, patience: patience}
}

// Begun is whether a line has been sent.
func (l *Lines) Begun() bool { return l.begun }

// Send sends lines, each without its end. Its error means that nobody reads them.
func (l *Lines) Send(lines ...[]byte) error {
	if !l.begun {
		h := l.w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Cache-Control", "no-store")
		_ = l.control.SetReadDeadline(time.Time{}) // without a deadline of the server there is none to lift
	}
	var text []byte
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	_ = l.control.SetWriteDeadline(l.now().Add(l.patience))
	if _, err := l.w.Write(text); err != nil {
		return err
	}
	if err := l.control.Flush(); err != nil {
		return err
	}
	l.begun = true
	return nil
}
