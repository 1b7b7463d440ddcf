package postgres

import (
	"strings"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// The queues beside replicateQueue.
const (
	prepareQueue = "prepare"
	judgeQueue   = "judge"
	removeQueue  = "remove"
)

// judgeAttempts is how often a verdict is asked for: with [JobLimits.RetryMost]
// of half a minute for an hour. After that a person has to decide.
const judgeAttempts = 120

// JudgeJob asks for a verdict about a version that is pending.
type JudgeJob struct {
	App     string
	MediaID string
	Version int
}

// JudgeArgs is a [JudgeJob] as the queue stores it, at most one unfinished for a
// version.
type JudgeArgs struct {
	MediaID string `json:"media_id" river:"unique"`
	Version int    `json:"version" river:"unique"`
	App     string `json:"app"`
}

// Kind names the job in the queue's table; never reused for another meaning.
func (JudgeArgs) Kind() string { return "judge_version" }

// InsertOpts are the queue's rules for the job.
func (a JudgeArgs) InsertOpts() river.InsertOpts {
	return onceUnfinished(queueOf(judgeQueue, a.App), judgeAttempts)
}

// RemoveJob asks for a deleted asset's bytes to be removed from one region.
type RemoveJob struct {
	App     string
	MediaID string
	Target  string // the region that they shall be gone from
	Last    bool   // after this attempt nobody tries again by itself
}

// RemoveArgs is a [RemoveJob] as the queue stores it, at most one unfinished for
// an asset and a region.
type RemoveArgs struct {
	MediaID string `json:"media_id" river:"unique"`
	Target  string `json:"target" river:"unique"`
	App     string `json:"app"`
}

// Kind names the job in the queue's table; never reused for another meaning.
func (RemoveArgs) Kind() string { return "remove_asset" }

// InsertOpts are the queue's rules for the job.
func (a RemoveArgs) InsertOpts() river.InsertOpts {
	return onceUnfinished(queueOf(removeQueue, a.App), maxAttempts)
}

// onceUnfinished lets a queue hold one unfinished job for the same arguments.
func onceUnfinished(queue string, attempts int) river.InsertOpts {
	return river.InsertOpts{
		Queue: queue, MaxAttempts: attempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
			rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	}
}

// queueOf is an app's own queue. A queue's name has no two hyphens in a row and
// none at its end, as an app's may; two apps that come to share one so are worked
// in turn.
func queueOf(queue, app string) string { return queue + "-" + strings.ReplaceAll(app, "-", "0") }

// prepareAttempts is how often a version's pictures are tried to be made: longer
// than a rush lasts, in which such work finds no time.
const prepareAttempts = 200

// PrepareJob asks for what is made of a version before anybody asks for it.
type PrepareJob struct {
	MediaID  string `json:"media_id" river:"unique"`
	Version  int    `json:"version" river:"unique"`
	Thorough bool   `json:"thorough" river:"unique"` // what is there already, in fewer bytes
	Cell     string `json:"cell" river:"unique"`     // of it that one variant alone, as "webp/640x0"; "" for all that are made beforehand
	App      string `json:"app"`
}

// PrepareArgs is a [PrepareJob] as the queue stores it, at most one unfinished.
type PrepareArgs PrepareJob

// Kind names the job in the queue's table; never reused for another meaning.
func (PrepareArgs) Kind() string { return "prepare_version" }

// InsertOpts are the queue's rules for the job. What only saves bytes comes last.
func (a PrepareArgs) InsertOpts() river.InsertOpts {
	o := onceUnfinished(queueOf(prepareQueue, a.App), prepareAttempts)
	if a.Thorough {
		o.Priority = river.PriorityDefault + 2
	}
	return o
}
