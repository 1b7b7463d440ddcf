package media

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// jobList is an app's background work, newest first.
type jobList struct {
	Jobs    []world.Job `json:"jobs"`
	Missing []string    `json:"missing_regions,omitempty"` // whose queue could not be read
}

// listJobs shows an app's background work in every region.
func (m *Media) listJobs(w http.ResponseWriter, r *http.Request) error {
	const op = "media.jobs"
	app, q := r.PathValue("app"), r.URL.Query()
	if err := m.mayKeep(r, app); err != nil {
		return err
	}
	filter, err := jobFilter(q)
	if err != nil {
		return err
	}
	limit, err := m.pageLimit(q.Get("limit"))
	if err != nil {
		return err
	}
	page, missing, err := m.upkeep.Jobs(r.Context(), app, filter, limit)
	if err != nil {
		return world.Wrap(op, err)
	}
	if page == nil {
		page = []world.Job{}
	}
	return writeJSON(w, http.StatusOK, jobList{page, missing})
}

// jobFilter is which jobs a query asks for.
func jobFilter(q url.Values) (world.JobFilter, error) {
	const op = "media.jobs"
	f := world.JobFilter{State: q.Get("state"), MediaID: q.Get("media_id")}
	states := []string{"", world.JobWaiting, world.JobRunning, world.JobRetrying, world.JobFailed, world.JobDone}
	if !slices.Contains(states, f.State) {
		return f, world.E(world.CodeInvalid, op, "state is waiting, running, retrying, failed or done.")
	}
	if f.MediaID == "" {
		return f, nil
	}
	return f, imagegrid.CheckMediaID(f.MediaID)
}

// retried is a job that is tried again.
type retried struct {
	Region string `json:"region"`
	ID     int64  `json:"id"`
}

// retryJob has a job of this region that has failed tried again.
func (m *Media) retryJob(ctx context.Context, app, number string) (retried, error) {
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 1 {
		return retried{}, world.E(world.CodeInvalid, "media.retry", "id is a job's number, as the list of jobs gives it.")
	}
	return retried{m.region.ID, id}, m.upkeep.RetryJob(ctx, app, id)
}
