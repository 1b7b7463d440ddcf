package media

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/engine/imagegrid"
	"meridian/platform/httpserver"
	"meridian/world"
)

// manifestAge is how long shared caches may keep a manifest.
const manifestAge = "public, s-maxage=30"

// manifestTiers is the same for our own tiers (RFC 9213), with what s-maxage
// forbids them: to go on with it while no region answers.
const manifestTiers = "max-age=30, stale-if-error=86400"

// defaultPage is how many pictures a list shows unless it is told.
const defaultPage = 50

// writeRegion is the region that an id names, and whether it is another one
// that can be asked.
func (m *Media) writeRegion(id string) (region string, elsewhere bool) {
	number, ok := world.MediaIDRegion(id)
	i := slices.IndexFunc(m.world.Regions, func(r world.Region) bool { return r.Number == number })
	if !ok || i < 0 {
		return "", false
	}
	region = m.world.Regions[i].ID
	return region, region != m.region.ID
}

// ask asks another region for a manifest: once for all who wait, and only so
// many at a time, because ids can be made up. Those who wait together demand the
// same: an answer from before a purge is not for who comes after it.
func (m *Media) ask(ctx context.Context, region, app, id, demanded string) (world.Manifest, error) {
	if err := m.reachable("media.ask", region); err != nil {
		return world.Manifest{}, err
	}
	v, err := m.once(ctx, "manifest "+app+"/"+id+" "+demanded, func(ctx context.Context) (any, error) {
		if !m.asks.TryAcquire(1) {
			return nil, world.E(world.CodeBusy, "media.ask", "Too many unknown pictures are asked for; try again in a moment.")
		}
		defer m.asks.Release(1)
		m.metrics.fetches.WithLabelValues("manifest", region).Inc()
		found, err := m.peers.Manifest(ctx, region, app, id)
		return found, err
	})
	if err != nil {
		return world.Manifest{}, err
	}
	return v.(world.Manifest), nil
}

func (m *Media) showManifest(w http.ResponseWriter, r *http.Request) error {
	app, id := r.PathValue("app"), r.PathValue("id")
	if err := imagegrid.CheckMediaID(id); err != nil {
		return err
	}
	found, _, err := m.shown(r, world.Public, app, id, 0)
	if err != nil {
		return err
	}
	body, err := json.Marshal(found.ForOutsiders())
	if err != nil {
		return world.Wrap("media.manifest", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", manifestAge)
	h.Set("CDN-Cache-Control", manifestTiers)
	h.Set("Surrogate-Key", groups(found, true))
	serve(w, r, append(body, '\n'))
	return nil
}

// groups are an asset's, for the Surrogate-Key of what shows it: how it stands
// now, or one version of it.
func groups(m world.Manifest, now bool) string {
	list := world.GroupMedia(m.App, m.MediaID) + " " + world.GroupApp(m.App)
	if now {
		list += " " + world.GroupAlias(m.App, m.MediaID)
	}
	return list
}

// allOf are the groups of everything that an asset is in: what is cut from it,
// and what shows how it stands.
func allOf(m *world.Manifest) []string {
	return []string{world.GroupMedia(m.App, m.MediaID), world.GroupAlias(m.App, m.MediaID)}
}

// showAsset tells an asset's owner all of it.
func (m *Media) showAsset(w http.ResponseWriter, r *http.Request) error {
	found, err := m.own(r.Context(), r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, found)
}

// askedVersion is the version that a request's query names, or the current one.
func askedVersion(r *http.Request, found world.Manifest) (world.Version, error) {
	s := r.URL.Query().Get("version")
	if s == "" {
		return found.CurrentVersion(), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return world.Version{}, world.E(world.CodeInvalid, "media.version", "version must be a number.")
	}
	v, ok := found.VersionNumber(n)
	if !ok {
		return v, noSuchVersion()
	}
	return v, nil
}

// listed is one page of a list.
type listed struct {
	Assets  []world.Manifest `json:"assets"`
	Next    string           `json:"next,omitempty"`            // give it as before= for the next page
	Missing []string         `json:"missing_regions,omitempty"` // whose assets could not be read
}

func (m *Media) list(w http.ResponseWriter, r *http.Request) error {
	if err := httpserver.CheckBearer(r, m.cfg.UploadToken); err != nil {
		return err
	}
	app := r.PathValue("app")
	if err := m.knownApp(app); err != nil {
		return err
	}
	limit, err := m.pageLimit(r.URL.Query().Get("limit"))
	if err != nil {
		return err
	}
	f, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	page, missing, err := m.manifests.List(r.Context(), app, f, limit)
	if err != nil {
		return world.Wrap("media.list", err)
	}
	out := listed{Assets: page, Missing: missing}
	if out.Assets == nil {
		out.Assets = []world.Manifest{}
	}
	if len(page) == limit {
		last := page[len(page)-1]
		out.Next = strconv.FormatInt(last.CreatedAt.UnixMicro(), 10) + "." + last.MediaID
	}
	return writeJSON(w, http.StatusOK, out)
}

func (m *Media) pageLimit(s string) (int, error) {
	most := m.cfg.Limits.ListPage
	if s == "" {
		return min(defaultPage, most), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, world.E(world.CodeInvalid, "media.list", fmt.Sprintf("limit is a number from 1 to %d.", most))
	}
	return n, nil
}

// parseFilter reads which assets a list is to show.
func parseFilter(q url.Values) (f world.AssetFilter, err error) {
	const op = "media.list"
	f.State, f.Name = world.ModerationState(q.Get("moderation")), q.Get("name")
	switch {
	case f.State != "" && !f.State.Valid():
		return f, world.E(world.CodeInvalid, op, "moderation is pending, approved or withheld.")
	case !fits(f.Name, world.MaxAssetName) || strings.ContainsRune(f.Name, 0):
		return f, world.E(world.CodeInvalid, op, fmt.Sprintf("name is a text of at most %d bytes.", world.MaxAssetName))
	}
	f.Before, f.BeforeID, err = parseBefore(q.Get("before"))
	return f, err
}

// parseBefore reads a list's place: microseconds since 1970, a dot, a media id.
func parseBefore(s string) (time.Time, string, error) {
	if s == "" {
		return time.Time{}, "", nil
	}
	at, id, ok := strings.Cut(s, ".")
	us, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || us < 0 || us > maxMicros || imagegrid.CheckMediaID(id) != nil {
		return time.Time{}, "", world.E(world.CodeInvalid, "media.list", "before is what the page before gave as next.")
	}
	return time.UnixMicro(us).UTC(), id, nil
}

// maxMicros is the end of the year 9999: no clock of ours, and still a date
// that every part behind can read.
const maxMicros = 253402300799_999999
