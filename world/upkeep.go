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

// CopyCheck is what reading a region's copy of an original again has found.
type CopyCheck struct {
	SHA256 string    `json:"sha256"`
	Good   bool      `json:"good"` // false: damaged or missing, and no region could heal it
	At     time.Time `json:"at"`
}

// Scrub is how far the re-reading of a region's copies has come: a place in the
// pass that runs, kept so that a restart goes on from there.
type Scrub struct {
	Pass  int64     // counted from 1
	Phase string    // what is being read
	After string    // the last one that was
	Began time.Time // when the pass began
}

// The states of a job, as people see them.
const (
	JobWaiting  = "waiting"
	JobRunning  = "running"
	JobRetrying = "retrying" // it has failed, and is tried again at its time
	JobFailed   = "failed"   // nobody tries it again by itself
	JobDone     = "done"     // told of for an hour
)

// Job is a piece of background work, as the queue of a region holds it.
type Job struct {
	Region   string    `json:"region"`
	ID       int64     `json:"id"` // within the region
	Kind     string    `json:"kind"`
	State    string    `json:"state"`
	App      string    `json:"app"`
	MediaID  string    `json:"media_id"`
	Version  int       `json:"version,omitempty"`
	Target   string    `json:"target,omitempty"` // the region that it concerns
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"` // of the last attempt, for operators
	At       time.Time `json:"at"`              // when it is next tried, was begun or ended
}

// JobFilter leaves jobs out of a list; the zero filter those that are done.
type JobFilter struct {
	State   string // only those in it; "" for all but what is done
	MediaID string // only those about that asset; "" for all
}

// JobCount is how many jobs of a kind are in a state, and since when the oldest
// of them waits.
type JobCount struct {
	Kind, State string
	Count       int
	Oldest      time.Time
}
