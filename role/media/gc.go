package media

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// collected is what a page of the collection has found, or removed.
type collected struct {
	Region  string       `json:"region"`
	Regions []string     `json:"regions"` // all that there are: each is asked in its turn
	Seen    int64        `json:"seen"`
	Cold    world.Amount `json:"cold"`              // variants that nobody has asked for in a while
	Orphans world.Amount `json:"orphans"`           // originals that no asset refers to
	Objects []going      `json:"objects,omitempty"` // each of both, where nothing was removed
	Next    string       `json:"next,omitempty"`    // give it as after= to go on
}

// going is an object that would be removed.
type going struct {
	Key    string    `json:"key"`
	Bytes  int64     `json:"bytes"`
	Stored time.Time `json:"stored_at"`
}

func (c *collected) add(to *world.Amount, o Object, dry bool) {
	to.Objects, to.Bytes = to.Objects+1, to.Bytes+o.Size
	if dry {
		c.Objects = append(c.Objects, going{o.Key, o.Size, o.Modified.UTC()})
	}
}

// collectPage is how many objects are looked at at once.
const collectPage = 500

// collect removes, from a page of what a region stores, what is not needed: of an
// app's variants those that nobody has asked for in a while, of originals those
// that no asset of any app refers to. dry only tells. after is the place in the
// stores, as the page before has given it.
func (m *Media) collect(ctx context.Context, app, after string, dry bool) (collected, error) {
	out := collected{Region: m.region.ID, Regions: m.regions()}
	// Each place is the store, what of it is looked at, and what may go of that.
	places := []struct {
		store  Objects
		prefix string
		sort   func(context.Context, Objects, []Object, bool, *collected) error
	}{
		{m.objects, variants + app + "/", m.collectCold},
		{m.resident, variants + app + "/", m.collectCold},
		{m.objects, originals, m.collectOrphans},
		{m.resident, originals, m.collectOrphans},
	}
	n, key, err := parseCollectPlace(after, len(places))
	if err != nil {
		return out, err
	}
	at := places[n]
	page, next, err := at.store.List(ctx, at.prefix, key, collectPage)
	if err != nil {
		return out, err
	}
	out.Seen = int64(len(page))
	if err := at.sort(ctx, at.store, page, dry, &out); err != nil {
		return out, err
	}
	switch {
	case next != "":
		out.Next = fmt.Sprintf("%d %s", n, next)
	case n+1 < len(places):
		out.Next = fmt.Sprintf("%d ", n+1)
	}
	return out, nil
}

// parseDryRun reads whether nothing is to be removed. What is written otherwise is
// refused: it may have meant that.
func parseDryRun(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, world.E(world.CodeInvalid, "media.collect", "dry_run is true or false.")
}

// parseCollectPlace reads a place of the collection: the number of what is looked
// at, and behind a space the last key that was.
func parseCollectPlace(s string, places int) (n int, key string, err error) {
	if s == "" {
		return 0, "", nil
	}
	number, key, ok := strings.Cut(s, " ")
	n, err = strconv.Atoi(number)
	if !ok || err != nil || n < 0 || n >= places {
		return 0, "", world.E(world.CodeInvalid, "media.collect", "after is what the page before gave as next.")
	}
	return n, key, nil
}

// collectCold removes those of some variants that nobody has asked for in a while:
// they are made again when somebody does. Who asks for private ones is not
// recorded; those go by when they were stored.
func (m *Media) collectCold(ctx context.Context, store Objects, page []Object, dry bool, out *collected) error {
	before := m.now().Add(-m.cfg.Care.ColdAfter)
	var old []Object
	var keys []string
	for _, o := range page {
		if o.Modified.Before(before) {
			old, keys = append(old, o), append(keys, o.Key)
		}
	}
	warm := map[string]bool{}
	if store == m.objects && len(keys) > 0 {
		m.noteAsked(ctx) // what was asked for a moment ago counts, too
		var err error
		if warm, err = m.upkeep.AskedSince(ctx, dayOf(before), keys); err != nil {
			return err
		}
	}
	for _, o := range old {
		if warm[o.Key] {
			continue
		}
		if !dry {
			if err := store.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
		out.add(&out.Cold, o, dry)
	}
	return nil
}

// collectOrphans removes those of some originals to which no asset refers, and
// which have been stored for long: an upload that failed between its bytes and its
// rows leaves one, and so does a copy that came when its asset was just deleted.
func (m *Media) collectOrphans(ctx context.Context, store Objects, page []Object, dry bool, out *collected) error {
	var old []Object
	var shas []string
	for _, o := range page {
		sha := o.Key[strings.LastIndexByte(o.Key, '/')+1:]
		if m.mayBeOrphan(o) && originalKey(sha) == o.Key {
			old, shas = append(old, o), append(shas, sha)
		}
	}
	if len(old) == 0 {
		return nil
	}
	referenced, err := m.upkeep.Referenced(ctx, shas)
	if err != nil {
		return err
	}
	for i, o := range old {
		if referenced[shas[i]] {
			continue
		}
		gone := dry
		if !dry {
			if gone, err = m.removeOrphan(ctx, store, o, shas[i]); err != nil {
				return err
			}
		}
		if gone {
			out.add(&out.Orphans, o, dry)
		}
	}
	return nil
}

func (m *Media) mayBeOrphan(o Object) bool {
	return o.Modified.Before(m.now().Add(-m.cfg.Care.OrphanAfter))
}

// removeOrphan removes an original that nobody refers to, unless somebody has begun
// to, or has stored it again, since it was listed.
func (m *Media) removeOrphan(ctx context.Context, store Objects, o Object, sha string) (gone bool, err error) {
	_, err = m.upkeep.Unreferenced(ctx, sha, func(ctx context.Context) error {
		now, err := store.Stat(ctx, o.Key)
		if world.Is(err, world.CodeNotFound) || err == nil && !m.mayBeOrphan(now) {
			return nil
		}
		if err == nil {
			err = store.Delete(ctx, o.Key)
		}
		gone = err == nil
		return err
	})
	return gone, err
}

// collectAll removes what is not needed of every app.
func (m *Media) collectAll(ctx context.Context) {
	for _, app := range m.cfg.Apps {
		after := ""
		for {
			page, err := m.collect(ctx, app, after, false)
			m.metrics.collected.WithLabelValues("variant").Add(float64(page.Cold.Objects))
			m.metrics.collected.WithLabelValues("original").Add(float64(page.Orphans.Objects))
			if page.Orphans.Objects > 0 {
				m.log.InfoContext(ctx, "originals that no picture has were removed", "originals", page.Orphans.Objects, "bytes", page.Orphans.Bytes)
			}
			if err != nil && ctx.Err() == nil {
				m.log.WarnContext(ctx, "what is not needed cannot be removed", "app", app, "err", err)
			}
			if after = page.Next; err != nil || after == "" {
				break
			}
		}
	}
	if err := m.upkeep.ForgetAsked(ctx, dayOf(m.now().Add(-m.cfg.Care.ColdAfter))); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "old days of variants cannot be forgotten", "err", err)
	}
}
