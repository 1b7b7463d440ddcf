package localworld

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"meridian/adapter/pgcluster"
	"meridian/platform/httpserver"
	"meridian/world"
)

// partLimit bounds a kill or a start that somebody asks for.
const partLimit = 90 * time.Second

// Kinds of parts.
const (
	kindRole     = "role"
	kindDatabase = "database"
)

// Part is a part of the running world that can be killed and started again.
type Part struct {
	Name      string     `json:"name"` // edge@fra, catalog-us-east, catalog-us-east@eu-central
	Kind      string     `json:"kind"` // role or database
	Role      string     `json:"role,omitempty"`
	Place     string     `json:"place"`
	State     string     `json:"state"` // up, killed, starting or stopped
	Since     *time.Time `json:"since,omitempty"`
	PID       int        `json:"pid,omitempty"` // of the process that is its own; 0: it has none
	StandbyOf string     `json:"standby_of,omitempty"`
	Restarts  int        `json:"restarts,omitempty"` // unasked, of a database
}

// parts lists everything that can be killed, by name.
func (u *up) parts() []Part {
	var out []Part
	for _, v := range u.units {
		out = append(out, v.part())
	}
	running := u.sup.Running() // once: what comes or goes meanwhile is listed once, as it was
	for _, st := range running {
		out = append(out, u.plan.databasePart(st))
	}
	out = append(out, u.takenOver(running)...)
	slices.SortFunc(out, func(a, b Part) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (u *unit) part() Part {
	u.mu.Lock()
	defer u.mu.Unlock()
	role, place, _ := strings.Cut(u.name, "@")
	since := u.since
	p := Part{Name: u.name, Kind: kindRole, Role: role, Place: place, State: u.state, Since: &since}
	if c, ok := u.run.(*child); ok {
		p.PID = c.cmd.Process.Pid
	}
	return p
}

func (p *plan) databasePart(st pgcluster.Status) Part {
	out := Part{Name: st.Name, Kind: kindDatabase, Place: p.placeOfServer(st.Name), PID: st.PID, Restarts: st.Restarts, State: partStarting}
	switch st.State {
	case pgcluster.StateReady:
		out.State = partUp
	case pgcluster.StateKilled:
		out.State = partKilled
	case pgcluster.StateStopping:
		out.State = partStopped
	}
	out.StandbyOf = st.Follows
	return out
}

// placeOfServer is the region that a database server stands in.
func (p *plan) placeOfServer(name string) string {
	if _, at, ok := strings.Cut(name, "@"); ok {
		return at
	}
	for _, r := range p.w.Regions {
		for _, cluster := range []string{world.CatalogCluster(r.ID), world.ResidentCluster(r.ID)} {
			if rest, ok := strings.CutPrefix(name, cluster); ok && (rest == "" || rest == syncSuffix) {
				return r.ID
			}
		}
	}
	return ""
}

func (u *up) findPart(name string) (Part, error) {
	var names []string
	for _, p := range u.parts() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Part{}, world.E(world.CodeNotFound, "parts", fmt.Sprintf("There is no part %.80q. There are: %s.", name, strings.Join(names, ", ")))
}

func (u *up) unit(name string) *unit {
	for _, v := range u.units {
		if v.name == name {
			return v
		}
	}
	return nil
}

// killPart ends a part as a power cut does.
func (u *up) killPart(ctx context.Context, name string) error {
	if v := u.unit(name); v != nil {
		return v.kill()
	}
	return u.sup.Kill(ctx, name)
}

// startPart starts a part that was killed, and returns when it is ready.
func (u *up) startPart(ctx context.Context, name string) error {
	if v := u.unit(name); v != nil {
		return v.start(ctx)
	}
	if slices.ContainsFunc(u.takenOver(u.sup.Running()), func(p Part) bool { return p.Name == name }) {
		return u.comeBack(ctx, name)
	}
	return u.sup.Revive(ctx, name)
}

// partsHandler is the API of the parts: GET /parts, GET /parts/{name}, POST
// /parts/{name}/kill and /start.
func (u *up) partsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /parts", u.answer(func(*http.Request) (any, error) { return map[string]any{"parts": u.parts()}, nil }))
	mux.Handle("GET /parts/{name}", u.answer(func(r *http.Request) (any, error) { return u.findPart(r.PathValue("name")) }))
	for path, act := range map[string]func(context.Context, string) error{"kill": u.killPart, "start": u.startPart} {
		mux.Handle("POST /parts/{name}/"+path, u.answer(func(r *http.Request) (any, error) {
			name := r.PathValue("name")
			if _, err := u.findPart(name); err != nil {
				return nil, err
			}
			ctx, cancel := lasting(r)
			defer cancel()
			if err := act(ctx, name); err != nil {
				return nil, err
			}
			return u.findPart(name)
		}))
	}
	return mux
}

// answer serves what f gives as JSON, and its error as a problem.
func (u *up) answer(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			httpserver.WriteError(w, r, u.root.Log, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			u.root.Log.Debug("an answer was not sent whole", "err", err)
		}
	})
}
