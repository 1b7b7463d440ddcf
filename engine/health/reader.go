package health

import (
	"bytes"
	"crypto/ed25519"
	"sync"

	"meridian/world"
)

// Reader verifies issues as [Verify] does, for all followers of one process: of the
// same line from the same monitor, which comes to each by its own way, only the
// first has to be worked through. What is shared is work, not what was heard. The
// zero value is ready; it is safe for concurrent use.
type Reader struct {
	mu   sync.Mutex
	last map[string]verified // by monitor: no more than have keys
}

// verified is a line whose signature held, by that key.
type verified struct {
	key   ed25519.PublicKey
	line  []byte
	issue world.Health
}

// Verify reads a signed issue; errors as of the function [Verify]. The issue may be
// shared with others: it is not to be changed.
func (r *Reader) Verify(keys map[string]ed25519.PublicKey, line []byte) (world.Health, error) {
	name, _, _ := bytes.Cut(line, []byte{' '})
	key := keys[string(name)]
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.last[string(name)]; ok && v.key.Equal(key) && bytes.Equal(v.line, line) {
		return v.issue, nil
	}
	issue, err := Verify(keys, line)
	if err != nil {
		return world.Health{}, err
	}
	if r.last == nil {
		r.last = map[string]verified{}
	}
	r.last[issue.Monitor] = verified{key, bytes.Clone(line), issue}
	return issue, nil
}
