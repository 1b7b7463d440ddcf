package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"meridian/world"
)

// How often what is wrong with a job, and not with the time, may happen until the
// job is parked: nobody tries it again by itself then, and its error is shown.
const (
	maxTimeouts = 5 // its time was up
	maxPanics   = 3
	maxDeaths   = 5 // its worker died with it: a kill now and then is no fault of the job
)

// noted is how many failures of a job are kept with it. One that fails on because
// somebody is away, it may be for days, is tried on without another note: each is
// a part of the row, which is written, and copied to every region, with each try.
const noted = 20

// fault is what a failure means for the queue.
func (l JobLimits) fault(job *rivertype.JobRow, err error) error {
	switch code := world.CodeOf(err); {
	case err == nil:
		return nil
	case code == world.CodeBusy: // it came too early, or found everybody at work: no attempt
		return river.JobSnooze(l.RetryMost)
	case away(code) && len(job.Errors) >= noted:
		return river.JobSnooze(l.RetryMost)
	}
	return err
}

func away(code world.Code) bool { return code == world.CodeUnavailable || code == world.CodeTimeout }

// poison is fault for work on a picture, which can be what is wrong: it is parked
// when it would fail as often as it is tried.
func (l JobLimits) poison(job *rivertype.JobRow, err error) error {
	switch world.CodeOf(err) {
	case world.CodeUnprocessed, world.CodeUnsupported, world.CodeTooLarge, world.CodeInvalid:
		if err != nil {
			return river.JobCancel(err)
		}
	case world.CodeTimeout:
		if times(job, ": "+string(world.CodeTimeout)) >= maxTimeouts-1 {
			return river.JobCancel(err)
		}
	}
	return l.fault(job, err)
}

// deadly is the error of a job that has ended its worker again and again, such as
// by a picture that brings a decoder down; nil for another.
func deadly(job *rivertype.JobRow) error {
	if n := times(job, rescued); n >= maxDeaths {
		return river.JobCancel(world.E(world.CodeUnprocessed, "postgres.jobs", fmt.Sprintf("Its worker died %d times while it worked on this.", n)))
	}
	return nil
}

// rescued is the error that the queue gives a job whose worker died.
const rescued = "Stuck job rescued"

// times is how many of a job's failures have a text in their error.
func times(job *rivertype.JobRow, text string) (n int) {
	for _, e := range job.Errors {
		if strings.Contains(e.Error, text) {
			n++
		}
	}
	return n
}

// jobErrors tells of failed jobs without repeating itself: an hour of a cut
// link is two lines an original, not one an attempt.
type jobErrors struct{ log *slog.Logger }

func (h jobErrors) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	switch job.Attempt {
	case 1:
		h.log.WarnContext(ctx, "a job failed and will be tried again", "job", job.ID, "args", string(job.EncodedArgs), "err", err)
	case job.MaxAttempts:
		h.log.ErrorContext(ctx, "a job failed for the last time", "job", job.ID, "args", string(job.EncodedArgs), "attempts", job.Attempt, "err", err)
	}
	return nil
}

func (h jobErrors) HandlePanic(ctx context.Context, job *rivertype.JobRow, panicked any, trace string) *river.ErrorHandlerResult {
	h.log.ErrorContext(ctx, "a job panicked", "job", job.ID, "args", string(job.EncodedArgs), "panic", panicked, "trace", trace)
	traces := 0
	for _, e := range job.Errors {
		if e.Trace != "" {
			traces++
		}
	}
	return &river.ErrorHandlerResult{SetCancelled: traces >= maxPanics-1}
}
