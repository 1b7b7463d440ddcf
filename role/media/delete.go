package media

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"meridian/world"
)

// byOwner is named as who deleted a picture when nobody else is.
const byOwner = "owner"

// remove deletes an asset: from then on it is shown to nobody by anybody, and
// every region is told to remove its bytes. The answer is the receipt. To delete
// it again gives the same receipt.
func (m *Media) remove(w http.ResponseWriter, r *http.Request) error {
	const op = "media.delete"
	by := cmp.Or(r.URL.Query().Get("by"), byOwner)
	if !fits(by, world.MaxModeratedBy) {
		return world.E(world.CodeInvalid, op, "by is the name of who deletes, in at most 64 bytes.")
	}
	app, id := r.PathValue("app"), r.PathValue("id")
	pos, err := m.delete(r.Context(), app, id, by)
	if err != nil {
		return world.Wrap(op, err)
	}
	d, err := m.manifests.Deletion(r.Context(), app, id)
	if err != nil {
		return world.Wrap(op, err)
	}
	if !pos.Zero() {
		w.Header().Set(HeaderPosition, pos.String())
	}
	w.Header().Set("Location", "/media/"+app+"/"+id+"/deletion")
	return writeJSON(w, http.StatusAccepted, receiptOf(d))
}

func (m *Media) delete(ctx context.Context, app, id, by string) (world.Position, error) {
	receipt, err := m.newID("", "")
	if err != nil {
		return world.Position{}, err
	}
	now := m.now().UTC().Truncate(time.Microsecond) // what the database keeps
	_, pos, err := m.manifests.Change(ctx, app, id, func(to *world.Manifest) (world.AssetChange, error) {
		if !to.DeletedAt.IsZero() {
			return world.AssetChange{}, nil
		}
		to.DeletedAt, to.Name, to.Owner = now, "", ""
		for i := range to.Versions { // what the rows told of its content goes at once
			v := &to.Versions[i]
			v.Color, v.Thumbhash, v.Focal = noColor, "", nil
		}
		d := world.Deletion{Receipt: receipt, App: app, MediaID: id, By: by, At: now}
		for _, r := range m.world.Regions {
			d.Removals = append(d.Removals, world.Removal{Region: r.ID, State: world.RemovalPending, At: now})
		}
		return world.AssetChange{Deletion: &d, Purge: allOf(to)}, nil
	})
	return pos, err
}

// showDeletion gives the receipt and how far the regions have come.
func (m *Media) showDeletion(w http.ResponseWriter, r *http.Request) error {
	d, err := m.manifests.Deletion(r.Context(), r.PathValue("app"), r.PathValue("id"))
	if err != nil {
		return world.Wrap("media.deletion", err)
	}
	return writeJSON(w, http.StatusOK, receiptOf(d))
}
