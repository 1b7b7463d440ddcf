package owner

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"meridian/engine/imagegrid"
	"meridian/world"
)

const workPath = picturesPath + "/work"

// namesAtOnce is how many pictures are asked after at once, for their names.
const namesAtOnce = 8

// worked is the background work of the app's pictures, as media tells it.
type worked struct {
	Jobs    []world.Job `json:"jobs"`
	Missing []string    `json:"missing_regions"`
}

// jobs is the newest work in a state, at most limit.
func (l library) jobs(ctx context.Context, state string, limit int) (worked, error) {
	var w worked
	q := url.Values{"state": {state}, "limit": {strconv.Itoa(limit)}}
	err := l.ask(ctx, question{rest: "/jobs?" + q.Encode(), most: maxList}, &w)
	return w, err
}

// retry has a failed job of a region tried again; not_found when it has not
// failed any more.
func (l library) retry(ctx context.Context, region, id string) error {
	var done struct{}
	q := url.Values{"region": {region}, "id": {id}}
	return l.ask(ctx, question{method: http.MethodPost, rest: "/retry?" + q.Encode()}, &done)
}

// workBody is the work that has failed.
type workBody struct {
	Work  workBox
	Wrong string
}

// workBox are rows of work with a way to have each tried again.
type workBox struct {
	Rows    []workRow
	Action  string
	From    string // the media id of the page that shows them; "" for their own
	Version int    // that is shown there
}

// workRow is a piece of work that has failed.
type workRow struct {
	Region, ID string
	What, Name string
	URL        string // of the picture; "" for one that is not in the library
	State      state
	Error      string
	Attempts   int
	At         moment
}

// troubled are the pieces of work that have failed for good, then those that are
// tried again by themselves.
func (o *Owner) troubled(ctx context.Context, limit int) (worked, error) {
	failed, err := o.library.jobs(ctx, world.JobFailed, limit)
	if err != nil {
		return failed, err
	}
	retrying, err := o.library.jobs(ctx, world.JobRetrying, limit)
	failed.Jobs = append(failed.Jobs, retrying.Jobs...)
	return failed, err
}

// showWork shows what has failed behind the owners' backs.
func (o *Owner) showWork(v *visit) error {
	pg := page{Title: "Work that failed", Section: "pictures"}
	body := workBody{Work: workBox{Action: workPath}}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	found, err := o.troubled(ctx, o.cfg.PageSize)
	switch {
	case err != nil:
		o.logFailure(v, err)
		body.Wrong = "The work cannot be shown just now: " + messageOf(err)
	case len(found.Missing) > 0:
		body.Wrong = "Some work is missing from this list: a part of the system did not answer. Try again shortly."
	}
	names := o.namesOf(ctx, found.Jobs)
	for _, j := range found.Jobs {
		row := workOf(v, j)
		m, ok := names[j.MediaID]
		switch {
		case ok && inLibrary(m):
			row.Name, row.URL = m.Name, picturePath(j.MediaID)
		case ok:
			row.Name = "A picture that is not in the library"
		default:
			row.Name = "Picture " + j.MediaID // deleted, or not to be asked after just now
		}
		body.Work.Rows = append(body.Work.Rows, row)
	}
	if v.r.URL.Query().Get("done") == "retry" {
		pg.Notice = notice{Kind: "good", Title: "It is tried again", Text: "If it fails once more, it comes back to this list."}
	}
	pg.Body = body
	return o.render(v, http.StatusOK, "work", pg)
}

// namesOf are the pictures of jobs, as far as they are there and can be told.
func (o *Owner) namesOf(ctx context.Context, jobs []world.Job) map[string]world.Manifest {
	out := map[string]world.Manifest{}
	for _, j := range jobs {
		if imagegrid.CheckMediaID(j.MediaID) == nil {
			out[j.MediaID] = world.Manifest{}
		}
	}
	type told struct {
		m   world.Manifest
		err error
	}
	answers := make(chan told, len(out))
	var group errgroup.Group
	group.SetLimit(namesAtOnce)
	for id := range out {
		group.Go(func() error {
			m, err := o.library.asset(ctx, id)
			m.MediaID = id
			answers <- told{m, err}
			return nil
		})
	}
	_ = group.Wait() // none fails: a name that is not told is left out
	close(answers)
	for a := range answers {
		if out[a.m.MediaID] = a.m; a.err != nil {
			delete(out, a.m.MediaID)
		}
	}
	return out
}

// workOf is a piece of work as it is shown; the picture is not named.
func workOf(v *visit, j world.Job) workRow {
	row := workRow{Region: j.Region, ID: strconv.FormatInt(j.ID, 10), What: workText(j), Error: j.Error, Attempts: j.Attempts, At: v.at.moment(j.At),
		State: state{"bad", "Failed"}}
	if j.State == world.JobRetrying {
		row.State = state{"wait", "Tried again by itself"}
	}
	return row
}

// workOn is the work that has failed with one picture. That it cannot be told
// leaves the rest of the picture's page as it is.
func (o *Owner) workOn(v *visit, m world.Manifest) workBox {
	box := workBox{Action: workPath, From: m.MediaID, Version: m.CurrentVersion().Number}
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	found, err := o.troubled(ctx, mediaListMost)
	if err != nil {
		o.logFailure(v, err)
	}
	for _, j := range found.Jobs {
		if j.MediaID == m.MediaID {
			box.Rows = append(box.Rows, workOf(v, j))
		}
	}
	return box
}

// retryWork has a piece of work tried again.
func (o *Owner) retryWork(v *visit) error {
	const op = "owner.retry"
	form := v.r.PostForm
	ctx, cancel := o.mediaWait(v)
	defer cancel()
	region, id, _ := strings.Cut(form.Get("job"), ".")
	err := o.library.retry(ctx, region, id)
	if world.Is(err, world.CodeNotFound) || world.Is(err, world.CodeConflict) {
		err = nil // somebody else was faster, or the same work waits already
	}
	if err != nil {
		return world.Wrap(op, err)
	}
	if from := form.Get("from"); imagegrid.CheckMediaID(from) == nil {
		seeOther(v, picturePath(from)+"?done=retry."+form.Get("version"))
		return nil
	}
	seeOther(v, workPath+"?done=retry")
	return nil
}
