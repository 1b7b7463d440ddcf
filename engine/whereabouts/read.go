package whereabouts

import (
	"cmp"
	"slices"

	"meridian/engine/georoute"
	"meridian/engine/prefixes"
	"meridian/world"
)

// prefixes reads the operator's file.
func (r Readers) prefixes(w *world.World, s Sources) ([]prefixes.Entry[Place], error) {
	f, err := r.Open(s.Prefixes)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "location.prefixes", "The file of prefixes cannot be read: "+s.Prefixes, err)
	}
	defer f.Close()
	lines, err := prefixes.Read(f, s.MaxPrefixes)
	if err != nil {
		return nil, err
	}
	out := make([]prefixes.Entry[Place], len(lines))
	for i, l := range lines {
		site, ok := w.SiteByID(l.Value)
		if !ok {
			return nil, bad("prefixes: %v: the world has no site %q", l.Prefix, l.Value)
		}
		out[i] = prefixes.Entry[Place]{Prefix: l.Prefix, Value: Place{Site: site.ID, Continent: site.Continent}}
	}
	return out, nil
}

// Nearest is the world's site that is nearest to a place; "" where the world has
// none.
func Nearest(w *world.World, at world.Site) string {
	if len(w.Sites) == 0 {
		return ""
	}
	return slices.MinFunc(w.Sites, func(a, b world.Site) int {
		return cmp.Or(cmp.Compare(georoute.Kilometres(at, a), georoute.Kilometres(at, b)), cmp.Compare(a.ID, b.ID))
	}).ID
}
