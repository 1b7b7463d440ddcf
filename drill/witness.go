package drill

import (
	"context"
	"fmt"
	"time"

	"meridian/engine/pause"
)

// witness follows in a drill what readers do not see of it. It is looked at once
// before anything is broken, then again and again.
type witness interface {
	// look asks the world once. Without an answer nothing has changed.
	look(ctx context.Context)
	// settled reports whether nothing more is to come.
	settled() bool
	// checks holds what was seen against what is allowed.
	checks(r *run) []Check
}

// How often a witness looks, and how long after the end it waits for what is still
// to come.
const (
	witnessEvery = 300 * time.Millisecond
	witnessMore  = 45 * time.Second
)

// looksOn has the witness look until ctx ends.
func (r *run) looksOn(ctx context.Context) {
	for pause.For(ctx, witnessEvery) {
		r.witness.look(ctx)
	}
}

// waitWitness lets it look on until it has seen what is still to come.
func (r *run) waitWitness(ctx context.Context) {
	if r.witness == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, witnessMore)
	defer cancel()
	for !r.witness.settled() && pause.For(ctx, witnessEvery) {
		r.witness.look(ctx)
	}
}

// after is a time in seconds from a moment, "not at all" for one that never came,
// and none for one that had come before.
func after(at, from time.Time) string {
	if at.IsZero() {
		return "not at all"
	}
	return fmt.Sprintf("%.1f s", max(0, at.Sub(from).Seconds()))
}
