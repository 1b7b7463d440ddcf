package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"meridian/world"
)

// replicateQueue keeps copies between regions apart from other work to come.
const replicateQueue = "replicate"

// maxAttempts of a copy or a removal, but for those that fail because a region is
// away: such a one is tried until the region is back. After that the replica or
// the removal is failed, and each start of the queue takes failed ones up again.
const maxAttempts = 1000

// failedAge is how long jobs that nobody tries again are shown with their error.
const failedAge = 90 * 24 * time.Hour

// JobLimits bound what the queue does at once and how long it waits.
type JobLimits struct {
	Apps       []string      // whose work is done: each has queues of its own for what grows with its pictures, so that none waits behind another's
	Workers    int           // jobs of a queue under way at once
	Run        time.Duration // one attempt
	Rescue     time.Duration // a job whose worker died is tried again after this; longer than Run
	RetryFirst time.Duration // wait after the first failure; twice as long each time
	RetryMost  time.Duration // longest wait between two attempts
	Poll       time.Duration // look for jobs although no notice came; an early retry waits for this
	Cooldown   time.Duration // least time between two looks
	Stop       time.Duration // running jobs may go on for this at a stop
}

// DefaultJobLimits start a job within milliseconds of its commit (the queue
// listens for a notice) and cost next to nothing while idle.
func DefaultJobLimits() JobLimits {
	return JobLimits{
		Workers: 4, Run: 40 * time.Second, Rescue: time.Minute,
		RetryFirst: time.Second, RetryMost: 30 * time.Second,
		Poll: 5 * time.Second, Cooldown: 20 * time.Millisecond, Stop: 2 * time.Second,
	}
}

// RetryAfter is the wait after the n-th failure in a row, counted from 1.
func (l JobLimits) RetryAfter(failures int) time.Duration {
	d := l.RetryFirst
	for range failures - 1 {
		if d *= 2; d >= l.RetryMost {
			return l.RetryMost
		}
	}
	return d
}

// ReplicateJob asks for one original to be copied to one region.
type ReplicateJob struct {
	SHA256  string // of the original
	App     string // of an asset that it belongs to
	MediaID string
	Version int
	Target  string // the region that shall hold the copy
	Attempt int    // from 1
	Last    bool   // after this attempt nobody tries again by itself
}

// ReplicateArgs is a ReplicateJob as the queue stores it. There is at most
// one unfinished job for an original and a target.
type ReplicateArgs struct {
	SHA256  string `json:"sha256" river:"unique"`
	Target  string `json:"target" river:"unique"`
	App     string `json:"app"`
	MediaID string `json:"media_id"`
	Version int    `json:"version"`
}

// Kind names the job in the queue's table; never reused for another meaning.
func (ReplicateArgs) Kind() string { return "replicate_original" }

// InsertOpts are the queue's rules for the job.
func (a ReplicateArgs) InsertOpts() river.InsertOpts {
	return onceUnfinished(queueOf(replicateQueue, a.App), maxAttempts)
}

// MigrateJobs makes the queue's tables in a catalog primary and lets
// meridian_media use them. It runs after [Migrate], as the schema's owner.
// Running it again changes nothing.
func MigrateJobs(ctx context.Context, pool *pgxpool.Pool) error {
	const op = "postgres.migrate jobs"
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return world.Wrap(op, err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return mapError(op, err)
	}
	_, err = pool.Exec(ctx, jobRights)
	return mapError(op, err)
}

// jobRights gives every table of the queue its data class and its one user.
const jobRights = `do $$
declare t text;
begin
    for t in select relname from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace and relname like 'river\_%' loop
        execute format('comment on table %I is %L', t, 'class: public; the job queue: names of originals and regions');
        execute format('grant select, insert, update, delete on %I to meridian_media', t);
    end loop;
    for t in select relname from pg_class where relkind = 'S' and relnamespace = current_schema()::regnamespace and relname like 'river\_%' loop
        execute format('grant usage on sequence %I to meridian_media', t);
    end loop;
end
$$`

// newJobInserter is a client that only puts jobs in.
func newJobInserter(pool *pgxpool.Pool) (*river.Client[pgx.Tx], error) {
	c, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: slog.New(slog.DiscardHandler)})
	return c, world.Wrap("postgres.jobs", err)
}

// Jobs is a running queue worker.
type Jobs struct{ client *river.Client[pgx.Tx] }

// JobWork is what is done for each kind of job. One that is nil leaves its jobs
// in the queue for whoever does them.
type JobWork struct {
	Replicate func(context.Context, ReplicateJob) error
	Prepare   func(context.Context, PrepareJob) error
	Judge     func(context.Context, JudgeJob) error
	Remove    func(context.Context, RemoveJob) error
}

// queues registers the work and gives each kind a queue of its own for each app,
// so that none waits behind another.
func (w JobWork) queues(l JobLimits) (workers *river.Workers, queues map[string]river.QueueConfig, err error) {
	workers, queues = river.NewWorkers(), map[string]river.QueueConfig{}
	if w.Replicate != nil {
		l.addQueues(queues, replicateQueue, true)
		err = addWork(workers, l.fault, func(ctx context.Context, j *river.Job[ReplicateArgs]) error {
			a := j.Args
			return w.Replicate(ctx, ReplicateJob{
				SHA256: a.SHA256, App: a.App, MediaID: a.MediaID, Version: a.Version, Target: a.Target,
				Attempt: j.Attempt, Last: j.Attempt >= j.MaxAttempts,
			})
		})
	}
	if w.Prepare != nil && err == nil {
		l.addQueues(queues, prepareQueue, false)
		err = addWork(workers, l.poison, func(ctx context.Context, j *river.Job[PrepareArgs]) error {
			if err := deadly(j.JobRow); err != nil {
				return err
			}
			return w.Prepare(ctx, PrepareJob(j.Args))
		})
	}
	if w.Judge != nil && err == nil {
		l.addQueues(queues, judgeQueue, true)
		counted := func(_ *rivertype.JobRow, err error) error { return err } // a person decides in the end
		err = addWork(workers, counted, func(ctx context.Context, j *river.Job[JudgeArgs]) error {
			return w.Judge(ctx, JudgeJob{App: j.Args.App, MediaID: j.Args.MediaID, Version: j.Args.Version})
		})
	}
	if w.Remove != nil && err == nil {
		l.addQueues(queues, removeQueue, true)
		err = addWork(workers, l.fault, func(ctx context.Context, j *river.Job[RemoveArgs]) error {
			return w.Remove(ctx, RemoveJob{App: j.Args.App, MediaID: j.Args.MediaID, Target: j.Args.Target, Last: j.Attempt >= j.MaxAttempts})
		})
	}
	return workers, queues, err
}

// addQueues gives each app a queue for a kind of work, and works the one that all
// shared before, where there was one.
func (l JobLimits) addQueues(queues map[string]river.QueueConfig, kind string, shared bool) {
	of := river.QueueConfig{MaxWorkers: l.Workers}
	if shared {
		queues[kind] = of
	}
	for _, app := range l.Apps {
		queues[queueOf(kind, app)] = of
	}
}

// addWork registers what is done for a kind of job, and what its failures mean.
func addWork[A river.JobArgs](to *river.Workers, fault func(*rivertype.JobRow, error) error, do func(context.Context, *river.Job[A]) error) error {
	return river.AddWorkerSafely(to, river.WorkFunc(func(ctx context.Context, j *river.Job[A]) error {
		return fault(j.JobRow, do(ctx, j))
	}))
}

// StartJobs works the queues of a catalog primary until [Jobs.Stop]; ctx is for
// the start only. A job whose work fails is tried again later. Replicas that are
// not copied and removals that are not done get a job first, if they have none. A
// failed job's first and last error are logged.
func StartJobs(ctx context.Context, pool *pgxpool.Pool, l JobLimits, log *slog.Logger, work JobWork) (*Jobs, error) {
	workers, queues, err := work.queues(l)
	if err != nil {
		return nil, world.Wrap("postgres.jobs", err)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:                      queues,
		Workers:                     workers,
		Logger:                      slog.New(slog.DiscardHandler),
		ErrorHandler:                jobErrors{log},
		RetryPolicy:                 l,
		JobTimeout:                  l.Run,
		RescueStuckJobsAfter:        l.Rescue,
		FetchPollInterval:           l.Poll,
		FetchCooldown:               l.Cooldown,
		SoftStopTimeout:             l.Stop,
		CompletedJobRetentionPeriod: time.Hour,
		CancelledJobRetentionPeriod: failedAge,
		DiscardedJobRetentionPeriod: failedAge,
	})
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "postgres.jobs", fmt.Sprintf("The queue's limits do not fit: %v.", err), err)
	}
	if err := requeue(ctx, pool); err != nil {
		return nil, err
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, mapError("postgres.jobs", err)
	}
	return &Jobs{client}, nil
}

// NextRetry is when a failed job is tried again.
func (l JobLimits) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(l.RetryAfter(len(job.Errors) + 1))
}

// Stop takes no new job and returns when running ones have ended; those that
// outlast [JobLimits.Stop] are told to end, and are tried again later.
func (j *Jobs) Stop(ctx context.Context) error {
	return world.Wrap("postgres.jobs", j.client.Stop(ctx))
}
