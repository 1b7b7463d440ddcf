// Package faults tests the world under random faults: processes die, links are
// cut and slow, while customers order, owners change prices and pictures come
// in; then the history of what everybody was told is held against models that
// say what may be true. A schedule of faults comes from its seed alone, so one
// that failed can be played again.
package faults
