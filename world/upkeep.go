package world

import "time"

// Original names an asset's original by its bytes and by a version that has it.
type Original struct {
	SHA256  string // 64 hexadecimal digits
	App     string
	MediaID string
	Version int
}

// Placing is an original that a region shall hold.
type Placing struct {
	Original
	Region string
}

// Scrub is how far the re-reading of a region's copies has come: a place in the
// pass that runs, kept so that a restart goes on from there.
type Scrub struct {
	Pass  int64     // counted from 1
	Phase string    // what is being read
	After string    // the last one that was
	Began time.Time // when the pass began
}
