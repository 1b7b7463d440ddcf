package postgres

import (
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// The queues beside replicateQueue.
const (
	judgeQueue  = "judge"
	removeQueue = "remove"
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
func (JudgeArgs) InsertOpts() river.InsertOpts { return onceUnfinished(judgeQueue, judgeAttempts) }

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
func (RemoveArgs) InsertOpts() river.InsertOpts { return onceUnfinished(removeQueue, maxAttempts) }

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
