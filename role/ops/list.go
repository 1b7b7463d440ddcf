package ops

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"meridian/world"
)

// listed is one page of the list of purges.
type listed struct {
	Purges  []world.PurgeAsked `json:"purges"`
	Next    string             `json:"next,omitempty"`            // give it as before= for the next page
	Missing []string           `json:"missing_regions,omitempty"` // whose purges could not be read
}

// defaultPage is how many purges a list shows unless it is told.
const defaultPage = 20

// list answers GET /purges.
func (o *Ops) list(w http.ResponseWriter, r *http.Request) error {
	token, err := o.authorize(w, r)
	if err != nil {
		return err
	}
	limit, before := min(defaultPage, o.cfg.ListPage), time.Time{}
	if s := r.URL.Query().Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > o.cfg.ListPage {
			return world.E(world.CodeInvalid, "ops.list", fmt.Sprintf("limit is a number from 1 to %d.", o.cfg.ListPage))
		}
	}
	if s := r.URL.Query().Get("before"); s != "" {
		if before, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return world.E(world.CodeInvalid, "ops.list", "before is what the page before gave as next.")
		}
	}
	page, missing, err := o.deps.Ledger.List(r.Context(), token.sees(), before, limit)
	if err != nil {
		return world.Wrap("ops.list", err)
	}
	out := listed{Purges: []world.PurgeAsked{}, Missing: missing}
	states := o.states(r.Context())
	for _, p := range page {
		if run := o.runOf(p.ID); run != nil {
			p = run.soFar(o.deps.Now())
		}
		out.Purges = append(out.Purges, since(p, states))
	}
	if len(page) == limit {
		out.Next = page[len(page)-1].At.Format(time.RFC3339Nano)
	}
	return writeJSON(w, http.StatusOK, out)
}

// sees is whose purges a token is shown: its own, or with log everybody's ("").
func (t *Token) sees() string {
	if t.Log {
		return ""
	}
	return t.Name
}

// show answers GET /purges/{id}.
func (o *Ops) show(w http.ResponseWriter, r *http.Request) error {
	token, err := o.authorize(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("id")
	if _, ok := world.MediaIDRegion(id); !ok {
		return world.E(world.CodeNotFound, "ops.show", "There is no purge of this id.")
	}
	var asked world.PurgeAsked
	if run := o.runOf(id); run != nil {
		asked = run.soFar(o.deps.Now())
	} else if asked, err = o.deps.Ledger.Asked(r.Context(), id); err != nil {
		return world.Wrap("ops.show", err)
	}
	if who := token.sees(); who != "" && who != asked.Token {
		return world.E(world.CodeNotFound, "ops.show", "There is no purge of this id.")
	}
	return writeJSON(w, http.StatusOK, since(asked, o.states(r.Context())))
}
