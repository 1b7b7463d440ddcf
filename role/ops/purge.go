package ops

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// headerKey is a key of the asker's own, by which the same request is carried
// out once however often it is sent.
const headerKey = "Idempotency-Key"

// maxKey is the most characters of such a key.
const maxKey = 64

// purge answers POST /purges.
func (o *Ops) purge(w http.ResponseWriter, r *http.Request) error {
	began := o.deps.Now()
	token, err := o.authorize(w, r)
	if err != nil {
		return err
	}
	p, wait, err := o.readOrder(w, r)
	if err != nil {
		return err
	}
	if err := token.may(p); err != nil {
		return err
	}
	key := r.Header.Get(headerKey)
	if key != "" && !world.Printable(key, maxKey) {
		return world.E(world.CodeInvalid, "ops.key", "An Idempotency-Key has 1 to 64 visible ASCII characters.")
	}
	if !o.slots.TryAcquire(1) {
		return world.E(world.CodeBusy, "ops.purge", "Too many purges are under way. Ask again in a moment, or for more in one.")
	}
	asked := world.PurgeAsked{Purge: p, Token: token.Name, Key: key, Client: r.Header.Get(world.HeaderClient), At: began}
	run, was, err := o.begin(r.Context(), asked, wait)
	switch {
	case err != nil:
		o.slots.Release(1)
		return err
	case run == nil:
		o.slots.Release(1)
		if run = o.runOf(was.ID); run == nil || wait == 0 {
			return writeJSON(w, http.StatusOK, was)
		}
	case wait == 0:
		return writeJSON(w, http.StatusAccepted, run.soFar(o.deps.Now()))
	}
	return o.stream(w, r, run.follow)
}

// begin makes a purge durable and sends it on its way. run is nil when it was
// asked for before: was is that one. The run gives its slot back.
func (o *Ops) begin(ctx context.Context, asked world.PurgeAsked, wait time.Duration) (r *run, was world.PurgeAsked, err error) {
	if asked.ID, err = o.newID(); err != nil {
		return nil, was, err
	}
	parts := o.place(asked.Purge)
	asked.Regions = slices.Sorted(maps.Keys(parts))
	was, here, existed, err := o.deps.Ledger.Begin(ctx, asked, parts[o.cfg.Region])
	if err != nil {
		return nil, was, world.Wrap("ops.begin", err)
	}
	if existed {
		if !samePurge(was.Purge, asked.Purge) {
			err = world.E(world.CodeConflict, "ops.key", "This Idempotency-Key was used for another purge. Take a new key for each.")
		}
		return nil, was, err
	}
	if wait == 0 {
		wait = o.cfg.Wait
	}
	r = newRun(asked, parts, o.carriers(), asked.At)
	o.start(r, func(ctx context.Context) {
		defer o.slots.Release(1)
		o.carryOut(ctx, r, here, wait)
	})
	return r, was, nil
}

func samePurge(a, b world.Purge) bool {
	return slices.Equal(a.Groups, b.Groups) && slices.Equal(a.URLs, b.URLs) && a.All == b.All && a.Soft == b.Soft
}

// purgeForPeer answers POST /-/purges: another region's purge, or its part that
// is of this region, goes into this region's feed.
func (o *Ops) purgeForPeer(w http.ResponseWriter, r *http.Request) error {
	if err := httpserver.CheckBearer(r, o.cfg.WireKey); err != nil {
		return err
	}
	wait, err := o.waitOf(r.URL.Query().Get("wait"))
	if err != nil {
		return err
	}
	var p world.Purge
	if err := o.readJSON(w, r, &p); err != nil {
		return err
	}
	if p.Empty() {
		return world.E(world.CodeInvalid, "ops.peer", "The purge names nothing.")
	}
	cursor, err := o.deps.Ledger.Place(r.Context(), p)
	if err != nil {
		return world.Wrap("ops.peer", err)
	}
	return o.stream(w, r, func(ctx context.Context, each func(world.PurgeNews) error) error {
		if err := each(world.PurgeNews{Event: world.PurgePlaced, Region: o.cfg.Region, Cursor: cursor.String()}); err != nil || wait == 0 {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		return o.acks.follow(ctx, cursor, func(tier string) error {
			return each(world.PurgeNews{Event: world.PurgeTaken, Tier: tier})
		})
	})
}

// stream answers with news, a line of JSON each, as they come.
func (o *Ops) stream(w http.ResponseWriter, r *http.Request, follow func(context.Context, func(world.PurgeNews) error) error) error {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	err := follow(r.Context(), func(n world.PurgeNews) error {
		line, err := json.Marshal(n)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		return control.Flush()
	})
	if err != nil && r.Context().Err() == nil {
		httpserver.LogError(r.Context(), o.deps.Log, r, world.Wrap("ops.stream", err))
		panic(http.ErrAbortHandler) // whoever reads must not take a broken stream for an ended one
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return world.Wrap("ops.json", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
	return nil
}
