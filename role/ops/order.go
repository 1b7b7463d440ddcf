package ops

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// order is the body of POST /purges.
type order struct {
	URLs   []string `json:"urls"`
	Groups []string `json:"groups"`
	App    string   `json:"app"`
	All    bool     `json:"all"`
	Soft   bool     `json:"soft"`
	Wait   string   `json:"wait"` // a duration such as 10s; "": do not wait
}

// readOrder reads what is to be purged, and how long the asker waits.
func (o *Ops) readOrder(w http.ResponseWriter, r *http.Request) (world.Purge, time.Duration, error) {
	var in order
	if err := o.readJSON(w, r, &in); err != nil {
		return world.Purge{}, 0, err
	}
	return o.purgeOf(in)
}

func (o *Ops) readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, o.cfg.MaxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.Decode(new(json.RawMessage)) != io.EOF {
		err = errors.New("more than one document")
	}
	var most *http.MaxBytesError
	switch {
	case errors.As(err, &most):
		return world.E(world.CodeTooLarge, "ops.body", fmt.Sprintf("The request has more than %d bytes: ask for less at once.", most.Limit))
	case err != nil:
		return world.Because(world.CodeInvalid, "ops.body", "The request is no JSON object of urls, groups, app, all, soft and wait: "+err.Error(), err)
	}
	return nil
}

// purgeOf checks an order. Errors: invalid, too_large.
func (o *Ops) purgeOf(in order) (world.Purge, time.Duration, error) {
	bad := func(format string, args ...any) (world.Purge, time.Duration, error) {
		return world.Purge{}, 0, world.E(world.CodeInvalid, "ops.order", fmt.Sprintf(format, args...))
	}
	p := world.Purge{Groups: slices.Clone(in.Groups), URLs: in.URLs, All: in.All, Soft: in.Soft}
	if in.App != "" {
		if !world.ValidName(in.App) {
			return bad("app: %q is no app's name.", in.App)
		}
		p.Groups = append(p.Groups, world.GroupApp(in.App))
	}
	n := len(p.Groups) + len(p.URLs)
	switch {
	case p.Empty():
		return bad("Name what to purge: urls, groups, app or all.")
	case p.All && n > 0:
		return bad("all is everything: leave the rest out, or all.")
	case n > o.cfg.MaxNames:
		return world.Purge{}, 0, world.E(world.CodeTooLarge, "ops.order", fmt.Sprintf("%d URLs and groups are named; name at most %d at once.", n, o.cfg.MaxNames))
	}
	for _, g := range p.Groups {
		if !world.Printable(g, world.MaxGroup) {
			return bad("groups: %q is no group; one has 1 to %d visible ASCII characters.", cut(g), world.MaxGroup)
		}
	}
	for _, u := range p.URLs {
		if _, err := o.homeOfURL(u); err != nil {
			return world.Purge{}, 0, err
		}
	}
	wait, err := o.waitOf(in.Wait)
	return p, wait, err
}

// cut keeps a message short.
func cut(s string) string { return s[:min(len(s), 80)] }

func (o *Ops) waitOf(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > o.cfg.MaxWait {
		return 0, world.E(world.CodeInvalid, "ops.wait", fmt.Sprintf("wait is a time such as 10s, at most %s.", o.cfg.MaxWait))
	}
	return d, nil
}

// place says which region's feed takes which part of a purge. What no region
// can be named for is in every part.
func (o *Ops) place(p world.Purge) map[string]world.Purge {
	parts := map[string]world.Purge{}
	to := func(region string, add func(*world.Purge)) {
		for _, r := range o.deps.World.Regions {
			if region == "" || region == r.ID {
				part := parts[r.ID]
				part.ID, part.Soft = p.ID, p.Soft
				add(&part)
				parts[r.ID] = part
			}
		}
	}
	if p.All {
		to("", func(q *world.Purge) { q.All = true })
	}
	for _, g := range p.Groups {
		to(o.homeOfGroup(g), func(q *world.Purge) { q.Groups = append(q.Groups, g) })
	}
	for _, u := range p.URLs {
		home, _ := o.homeOfURL(u) // it was checked
		to(home, func(q *world.Purge) { q.URLs = append(q.URLs, u) })
	}
	return parts
}

// marketOfGroup is the market that a group is of; false where it is of none.
func (o *Ops) marketOfGroup(group string) (string, bool) {
	first, _, _ := strings.Cut(group, "/")
	m, ok := o.deps.World.MarketByID(first)
	return m.ID, ok
}

// marketOfURL is the market whose page a URL shows; false for what is shown in all.
func (o *Ops) marketOfURL(text string) (string, bool) {
	u, err := world.ParsePurgeURL(text)
	if err != nil || world.RouteOf(http.MethodGet, u.Path) != world.RoutePage {
		return "", false
	}
	m, ok := o.deps.World.MarketByHost(u.Host)
	return m.ID, ok
}

// homeOfGroup is the region whose data a group is of; "": none can be named.
func (o *Ops) homeOfGroup(group string) string {
	first, rest, _ := strings.Cut(group, "/")
	if m, ok := o.deps.World.MarketByID(first); ok {
		return m.HomeRegion
	}
	if first == "media" {
		_, id, _ := strings.Cut(rest, "/")
		return o.writeRegion(id)
	}
	return ""
}

// homeOfURL is the region whose data a URL shows; "": none can be named.
// invalid for a URL that nothing is kept under.
func (o *Ops) homeOfURL(text string) (string, error) {
	u, err := world.ParsePurgeURL(text)
	if err != nil {
		return "", err
	}
	bad := func(why string) error {
		return world.E(world.CodeInvalid, "ops.url", fmt.Sprintf("%s: %s", cut(text), why))
	}
	switch world.RouteOf(http.MethodGet, u.Path) {
	case world.RouteImage, world.RoutePrivate:
		img, err := imagegrid.Parse(u.Path)
		if err != nil {
			return "", err
		}
		return o.writeRegion(img.MediaID), nil
	case world.RouteManifest:
		parts := strings.Split(u.Path, "/") // "", media, app, id, manifest
		if len(parts) != 5 {
			return "", bad("a manifest's path is /media/{app}/{media_id}/manifest.")
		}
		return o.writeRegion(parts[3]), nil
	case world.RoutePage:
		m, ok := o.deps.World.MarketByHost(u.Host)
		if !ok {
			return "", bad("no shop has this host.")
		}
		return m.HomeRegion, nil
	}
	return "", bad("this is never cached.")
}

// writeRegion is the region that made a media id; "": none can be named.
func (o *Ops) writeRegion(mediaID string) string {
	r, _ := o.deps.World.RegionOfMedia(mediaID)
	return r.ID
}
