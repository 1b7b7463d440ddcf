package media

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"meridian/platform/httpserver"
	"meridian/world"
)

// RemoveJob asks for a deleted asset's bytes to be removed from a region.
type RemoveJob struct {
	App     string
	MediaID string
	Target  string // the region that they shall be gone from
	Last    bool   // nobody tries again by itself
}

// Remove removes a deleted asset's bytes from a job's target and records what
// that was. busy before the time that a deletion waits; another error means that
// the job is to be tried again.
func (m *Media) Remove(ctx context.Context, job RemoveJob) error {
	const op = "media.remove"
	receipt, err := m.manifests.Deletion(ctx, job.App, job.MediaID)
	if err != nil {
		return world.Wrap(op, err)
	}
	if early := receipt.At.Add(m.cfg.Care.DeleteAfter).Sub(m.now()); early > 0 {
		return world.E(world.CodeBusy, op, fmt.Sprintf("The deletion waits for %v more, for what is under way to end.", early))
	}
	removed, err := m.removeFrom(ctx, job)
	r := world.Removal{Region: job.Target, State: world.RemovalRemoved, At: m.now().UTC(), Amount: removed}
	if err != nil {
		if r.State, r.Error = world.RemovalPending, clip(err.Error(), maxReplicaError); job.Last {
			r.State = world.RemovalFailed
		}
		ctx = context.WithoutCancel(ctx)
	}
	markErr := m.upkeep.MarkRemoval(ctx, job.MediaID, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	return world.Wrap(op, markErr)
}

func (m *Media) removeFrom(ctx context.Context, job RemoveJob) (removed world.Amount, err error) {
	manifest, err := m.manifests.Manifest(ctx, job.App, job.MediaID)
	if err != nil {
		return removed, err
	}
	originals := map[string]bool{}
	for _, v := range manifest.Versions {
		originals[v.SHA256] = true
	}
	if job.Target == m.region.ID {
		return m.removeHere(ctx, job.App, job.MediaID, originals)
	}
	query := url.Values{}
	for sha := range originals {
		query.Add("sha256", sha)
	}
	answer, err := m.peers.Order(ctx, job.Target, job.App+"/"+job.MediaID+"/remove", query)
	if err == nil {
		err = json.Unmarshal(answer, &removed)
	}
	return removed, err
}

// removeHere removes what is made of an asset, and those of its originals that
// no other asset refers to, from both stores. It may be done again. busy as long
// as the catalogs here do not tell of the deletion: so long something may still be
// made of the asset, and its originals count as referred to.
func (m *Media) removeHere(ctx context.Context, app, mediaID string, originals map[string]bool) (removed world.Amount, err error) {
	if deleted, err := m.isDeleted(ctx, app, mediaID); err != nil || !deleted {
		if err == nil || world.Is(err, world.CodeNotFound) {
			err = world.E(world.CodeBusy, "media.remove", "The region has not heard of the deletion yet.")
		}
		return removed, err
	}
	for _, store := range []Objects{m.objects, m.resident} {
		for _, prefix := range []string{variants, mezzanines} {
			if err := removeAll(ctx, store, prefix+app+"/"+mediaID+"/", &removed); err != nil {
				return removed, err
			}
		}
	}
	for sha := range originals {
		_, err := m.upkeep.Unreferenced(ctx, sha, func(ctx context.Context) error {
			for _, store := range []Objects{m.objects, m.resident} {
				for _, key := range []string{originalKey(sha), quarantine + sha} {
					if err := removeOne(ctx, store, key, &removed); err != nil {
						return err
					}
				}
				if err := removeAll(ctx, store, "uploads/"+copyStage(sha)+"/", &removed); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// isDeleted reports whether the catalogs here tell of an asset's deletion;
// not_found when they tell nothing of the asset.
func (m *Media) isDeleted(ctx context.Context, app, mediaID string) (bool, error) {
	found, err := m.manifests.Manifest(ctx, app, mediaID)
	return err == nil && !found.DeletedAt.IsZero(), err
}

// removePage is how many objects are listed at once.
const removePage = 500

func removeAll(ctx context.Context, store Objects, prefix string, removed *world.Amount) error {
	after := ""
	for {
		page, next, err := store.List(ctx, prefix, after, removePage)
		if err != nil {
			return err
		}
		for _, o := range page {
			if err := store.Delete(ctx, o.Key); err != nil {
				return err
			}
			removed.Objects, removed.Bytes = removed.Objects+1, removed.Bytes+o.Size
		}
		if after = next; next == "" {
			return nil
		}
	}
}

func removeOne(ctx context.Context, store Objects, key string, removed *world.Amount) error {
	o, err := store.Stat(ctx, key)
	if world.Is(err, world.CodeNotFound) {
		return nil
	}
	if err == nil {
		err = store.Delete(ctx, key)
	}
	if err == nil {
		removed.Objects, removed.Bytes = removed.Objects+1, removed.Bytes+o.Size
	}
	return err
}

// removeOrdered is removeHere for another region, the asset's own.
func (m *Media) removeOrdered(w http.ResponseWriter, r *http.Request) error {
	const op = "media.remove"
	originals := map[string]bool{}
	for _, sha := range r.URL.Query()["sha256"] {
		if !world.ValidSHA256(sha) {
			return world.E(world.CodeInvalid, op, "sha256 names an original.")
		}
		originals[sha] = true
	}
	removed, err := m.removeHere(r.Context(), r.PathValue("app"), r.PathValue("id"), originals)
	if err != nil {
		return world.Wrap(op, err)
	}
	return writeJSON(w, http.StatusOK, removed)
}

// receipt is a deletion's receipt with whether all of it is done.
type receipt struct {
	world.Deletion
	Done bool `json:"done"`
}

func receiptOf(d world.Deletion) receipt { return receipt{d, d.Done()} }

// showReceipt tells what a deletion has removed, where and when.
func (m *Media) showReceipt(w http.ResponseWriter, r *http.Request) error {
	if err := httpserver.CheckBearer(r, m.cfg.UploadToken); err != nil {
		return err
	}
	d, err := m.manifests.Deletion(r.Context(), r.PathValue("app"), r.PathValue("id"))
	if err != nil {
		return world.Wrap("media.receipt", err)
	}
	return writeJSON(w, http.StatusOK, receiptOf(d))
}
