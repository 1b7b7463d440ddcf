package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"meridian/platform/httpserver"
	"meridian/platform/lifecycle"
	"meridian/platform/netaddr"
	"meridian/platform/telemetry"
	"meridian/world"
)

// stopTime is how long a process may take to stop.
const stopTime = 20 * time.Second

// Serve runs roles of a config file in this process until ctx ends or one of
// them fails. roles none means all that the file has a section for; probe is
// [Process].Probe.
func Serve(ctx context.Context, f *File, roles []string, logs io.Writer, probe []string) error {
	if len(roles) == 0 {
		roles = f.Roles()
	}
	if err := CheckRoles(f, roles); err != nil {
		return err
	}
	if len(roles) == 0 {
		return world.E(world.CodeInvalid, "serve", "The config file has no role's section. `meridian roles` prints the roles, docs/config.md their settings.")
	}
	level, err := f.Log.Slog()
	if err != nil {
		return err
	}
	w, err := ReadWorld(f.World)
	if err != nil {
		return err
	}
	if err := checkPlace(w, f.Place); err != nil {
		return err
	}
	root := telemetry.NewRoot(logs, f.Log.Format, level)
	p := &Process{World: w, Root: root, Probe: probe}
	if f.Rehearse {
		p.Rehearsal = NewRehearsal()
	}
	var names []string
	for _, r := range roles {
		names = append(names, r+"@"+f.Place)
	}
	components := p.Components(f, roles, names)
	var ready atomic.Bool
	if f.Admin != "" {
		components = append(components, adminComponent(f.Admin, httpserver.DefaultLimits(), root, &ready, p.rehearse(f.Place)))
	}
	group, err := lifecycle.Start(ctx, components, func(name, state string) { root.Log.Info("part "+state, "part", name) })
	if err != nil {
		return err
	}
	ready.Store(true)
	err = group.Wait(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return errors.Join(err, group.Stop(stop))
}

// checkPlace refuses a place that the world does not have.
func checkPlace(w *world.World, place string) error {
	var all []string
	for _, r := range w.Regions {
		all = append(all, r.ID)
	}
	for _, q := range w.PoPs {
		all = append(all, q.ID)
	}
	if slices.Contains(all, place) {
		return nil
	}
	return world.E(world.CodeInvalid, "serve", fmt.Sprintf("place: the world has no region or PoP %q; write one of %s.", place, strings.Join(all, ", ")))
}

// adminComponent serves what operators and supervisors ask: figures, and
// whether the roles are up. It is never on a listener that visitors reach. before,
// where not nil, stands before it.
func adminComponent(addr string, limits httpserver.Limits, root *telemetry.Root, ready *atomic.Bool, before func(http.Handler) http.Handler) lifecycle.Component {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", root.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load() { // asked again and again while a role starts: no error to log
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	var h http.Handler = mux
	if before != nil {
		h = before(mux)
	}
	return lifecycle.Component{Name: "admin", Start: func(ctx context.Context) (lifecycle.Running, error) {
		ln, err := netaddr.Listen(ctx, addr)
		if err != nil {
			return nil, err
		}
		return httpserver.Serve(ln, h, root.Log, limits), nil
	}}
}
