package media

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"meridian/engine/imagegrid"
	"meridian/platform/httpserver"
	"meridian/world"
)

// atHome guards an action that needs the asset's write region, where alone it can
// be changed and all of it lies: by the token, then by handing the request on to
// that region where this is another one.
func (m *Media) atHome(token string, do action) action {
	return m.atHomeFor(func(r *http.Request) error { return httpserver.CheckBearer(r, token) }, do)
}

// atHomeFor is atHome with another check of who asks.
func (m *Media) atHomeFor(may func(*http.Request) error, do action) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := may(r); err != nil {
			return err
		}
		app, id := r.PathValue("app"), r.PathValue("id")
		if err := m.knownApp(app); err != nil {
			return err
		}
		if err := imagegrid.CheckMediaID(id); err != nil {
			return err
		}
		write, elsewhere := m.writeRegion(id)
		if !elsewhere {
			return do(w, r)
		}
		way := m.way(write)
		if way == nil {
			return world.E(world.CodeUnavailable, "media.home", fmt.Sprintf("This picture is kept by the region %s, which cannot be reached from here.", write))
		}
		if err := m.reachable("media.home", write); err != nil {
			return err
		}
		return httpserver.Forward(w, r, way, m.region.ID, write, r.URL.Path)
	}
}

// own is an asset of this region that is not deleted.
func (m *Media) own(ctx context.Context, r *http.Request) (world.Manifest, error) {
	found, err := m.manifests.Manifest(ctx, r.PathValue("app"), r.PathValue("id"))
	if err == nil {
		err = notDeleted(&found)
	}
	return found, world.Wrap("media.own", err)
}

func notDeleted(found *world.Manifest) error {
	if found.DeletedAt.IsZero() {
		return nil
	}
	return world.E(world.CodeNotFound, "media.deleted", "This picture was deleted.")
}

// errHidden marks a picture that is there and may not be shown: no cache may
// remember that, for it can be approved any moment.
var errHidden = errors.New("it may not be shown")

// shown finds an asset that may be seen by whom the visibility names, with a
// version (0: the current one) that may be seen too, and gives both. What is
// known here is made as new as the request demands.
func (m *Media) shown(r *http.Request, to world.Visibility, app, id string, version int) (world.Manifest, world.Version, error) {
	if err := m.knownApp(app); app != "" && err != nil {
		return world.Manifest{}, world.Version{}, err
	}
	found, err := m.lookup(r.Context(), app, id, version, r.Header.Get(world.HeaderMinPosition))
	if err != nil {
		return world.Manifest{}, world.Version{}, err
	}
	v := found.CurrentVersion()
	if version != 0 {
		v, _ = found.VersionNumber(version) // lookup has found it
	}
	if found.Visibility != to || v.Moderation != world.ModerationApproved {
		return found, v, world.Because(world.CodeNotFound, "media.visibility", "", errHidden)
	}
	return found, v, m.knownApp(found.App)
}

// lookup finds an asset that has a version (0: any): in the local replicas, if
// they are as new as demanded, else at the region that took it in. not_found
// only when that one says so.
func (m *Media) lookup(ctx context.Context, app, id string, version int, demanded string) (world.Manifest, error) {
	const op = "media.lookup"
	positions, err := world.ParsePositions(demanded)
	if err != nil {
		return world.Manifest{}, world.Wrap(op, err)
	}
	write, elsewhere := m.writeRegion(id)
	ready, err := m.manifests.WaitFor(ctx, id, positions, m.cfg.Limits.Wait)
	var found world.Manifest
	if err == nil && ready {
		found, err = m.manifests.Manifest(ctx, app, id)
	}
	if elsewhere && (err != nil || !ready || !hasVersion(found, version)) {
		// What is asked for now answers nobody who demands more.
		found, err = m.ask(ctx, write, app, id, demanded)
	} else if err == nil && !ready {
		err = world.E(world.CodeUnavailable, op, "") // our own primary, which was restored from an older copy
	}
	if err != nil {
		return world.Manifest{}, world.Wrap(op, err)
	}
	if !hasVersion(found, version) {
		return world.Manifest{}, world.E(world.CodeNotFound, op, "This picture has no such version.")
	}
	return found, nil
}

func hasVersion(m world.Manifest, n int) bool {
	_, ok := m.VersionNumber(n)
	return ok || n == 0
}
