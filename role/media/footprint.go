package media

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"meridian/platform/httpserver"
	"meridian/world"
)

// footprint is what an app's pictures take up in a region.
type footprint struct {
	Region     string       `json:"region"`
	Originals  world.Amount `json:"originals"`
	Variants   world.Amount `json:"variants"`
	Mezzanines world.Amount `json:"mezzanines"`
}

func (m *Media) footprint(ctx context.Context, app string) (f footprint, err error) {
	f.Region = m.region.ID
	if f.Originals, err = m.upkeep.HeldBytes(ctx, m.region.ID, app); err != nil {
		return f, err
	}
	if f.Variants, err = m.amount(ctx, variants+app+"/"); err != nil {
		return f, err
	}
	f.Mezzanines, err = m.amount(ctx, mezzanines+app+"/")
	return f, err
}

// amount is what lies under a prefix in both stores.
func (m *Media) amount(ctx context.Context, prefix string) (a world.Amount, err error) {
	for _, store := range []Objects{m.objects, m.resident} {
		for after := ""; ; {
			page, next, err := store.List(ctx, prefix, after, removePage)
			if err != nil {
				return a, err
			}
			for _, o := range page {
				a.Objects, a.Bytes = a.Objects+1, a.Bytes+o.Size
			}
			if after = next; next == "" {
				break
			}
		}
	}
	return a, nil
}

// verified is what reading a page of originals again has found.
type verified struct {
	Region   string         `json:"region"`
	Regions  []string       `json:"regions"` // all that there are: each is asked in its turn
	Outcomes map[string]int `json:"outcomes"`
	Bytes    int64          `json:"bytes"`
	Next     string         `json:"next,omitempty"` // give it as after= to go on
}

// regions are the names of the world's regions.
func (m *Media) regions() []string {
	out := make([]string, len(m.world.Regions))
	for i, r := range m.world.Regions {
		out[i] = r.ID
	}
	return out
}

// verifyBytes is how much is read for one request, so that it is answered in time
// however large the originals are.
const verifyBytes = 256 << 20

// verifyPage reads a page of an app's originals again, and heals them.
func (m *Media) verifyPage(ctx context.Context, app, after string) (verified, error) {
	defer m.tellFindings(ctx)
	out := verified{Region: m.region.ID, Regions: m.regions(), Outcomes: map[string]int{}}
	page, err := m.upkeep.Held(ctx, m.region.ID, after, scrubPage)
	if err != nil {
		return out, err
	}
	for _, o := range page {
		out.Next = o.SHA256
		if o.App != app {
			continue
		}
		outcome, size, err := m.scrubOriginal(ctx, o)
		if err != nil {
			return out, err
		}
		m.metrics.scrubbed.WithLabelValues("original", outcome).Inc()
		m.found(o, outcome)
		out.Outcomes[outcome]++
		if out.Bytes += size; out.Bytes >= verifyBytes {
			return out, nil
		}
	}
	if len(page) < scrubPage {
		out.Next = ""
	}
	return out, nil
}

// isOrder reports whether a path's last part is one of the upkeep's. None is the
// form of a media id.
func isOrder(what string) bool {
	return slices.Contains([]string{"footprint", "collect", "verify", "retry", "jobs"}, what)
}

// orders is what can be done with such a path.
func (m *Media) orders(internal bool, what string) map[string]action {
	switch {
	case internal && what != "jobs":
		return map[string]action{http.MethodPost: m.ordered(what)}
	case internal:
		return nil
	case what == "jobs":
		return map[string]action{http.MethodGet: m.listJobs}
	case what == "footprint":
		return map[string]action{http.MethodGet: m.showFootprint}
	}
	return map[string]action{http.MethodPost: m.order(what)}
}

// upkeepOf does what an operator has asked for in this region.
func (m *Media) upkeepOf(ctx context.Context, app, what string, q url.Values) (any, error) {
	switch what {
	case "footprint":
		return m.footprint(ctx, app)
	case "collect":
		dry, err := parseDryRun(q.Get("dry_run"))
		if err != nil {
			return nil, err
		}
		return m.collect(ctx, app, q.Get("after"), dry)
	case "retry":
		return m.retryJob(ctx, app, q.Get("id"))
	}
	return m.verifyPage(ctx, app, q.Get("after"))
}

// ordered carries out what another region's operator has asked for.
func (m *Media) ordered(what string) action {
	return m.wire(func(w http.ResponseWriter, r *http.Request) error {
		app := r.PathValue("app")
		if err := m.knownApp(app); err != nil {
			return err
		}
		done, err := m.upkeepOf(r.Context(), app, what, r.URL.Query())
		if err != nil {
			return world.Wrap("media."+what, err)
		}
		return writeJSON(w, http.StatusOK, done)
	})
}

// order has the region that is named in the request do something, and gives its
// answer; this one if none is.
func (m *Media) order(what string) action {
	return func(w http.ResponseWriter, r *http.Request) error {
		app, q := r.PathValue("app"), r.URL.Query()
		if err := m.mayKeep(r, app); err != nil {
			return err
		}
		answer, err := m.orderIn(r.Context(), q.Get("region"), app, what, q)
		if err != nil {
			return world.Wrap("media."+what, err)
		}
		return writeJSON(w, http.StatusOK, answer)
	}
}

func (m *Media) mayKeep(r *http.Request, app string) error {
	if err := httpserver.CheckBearer(r, m.cfg.UploadToken); err != nil {
		return err
	}
	return m.knownApp(app)
}

func (m *Media) orderIn(ctx context.Context, region, app, what string, q url.Values) (any, error) {
	if region == "" || region == m.region.ID {
		return m.upkeepOf(ctx, app, what, q)
	}
	if _, ok := m.world.RegionByID(region); !ok {
		return nil, world.E(world.CodeInvalid, "media.order", "region is one of the world's.")
	}
	b, err := m.peers.Order(ctx, region, app+"/"+what, q)
	return json.RawMessage(b), err
}

// showFootprint tells what an app's pictures take up in every region.
func (m *Media) showFootprint(w http.ResponseWriter, r *http.Request) error {
	app := r.PathValue("app")
	if err := m.mayKeep(r, app); err != nil {
		return err
	}
	var out struct {
		Regions []any    `json:"regions"`
		Missing []string `json:"missing_regions,omitempty"`
	}
	for _, region := range m.world.Regions {
		f, err := m.orderIn(r.Context(), region.ID, app, "footprint", nil)
		if err != nil {
			m.log.WarnContext(r.Context(), "a region does not tell what its pictures take up", "region", region.ID, "err", err)
			out.Missing = append(out.Missing, region.ID)
			continue
		}
		out.Regions = append(out.Regions, f)
	}
	return writeJSON(w, http.StatusOK, out)
}
