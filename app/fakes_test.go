package app

import (
	"bytes"
	"strings"
	"sync"
)

// watched is a log that tells when so many parts are ready.
type watched struct {
	up chan struct{}

	mu   sync.Mutex
	left int
	text bytes.Buffer
}

func newWatched(parts int) *watched { return &watched{up: make(chan struct{}), left: parts} }

// Write keeps a log line.
func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.Contains(string(b), "part ready") {
		if w.left--; w.left == 0 {
			close(w.up)
		}
	}
	return w.text.Write(b)
}
