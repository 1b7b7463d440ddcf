package httpcache

// Purge names what is to be removed: every response that is in one of the
// groups, or under one of the keys, or all of them.
type Purge struct {
	Groups []string
	Keys   []string
	All    bool

	// Soft makes what is named stale at once instead of removing it: it may still
	// be served while it is validated, or after an error, as its own
	// stale-while-revalidate and stale-if-error allow.
	Soft bool
}

// purgeMemory remembers the purges that a running fill may have missed: a
// generation counter, and the last generation in which each name was purged.
type purgeMemory struct {
	limit  int    // names held; one more and everything older is refused
	gen    uint64 // purges so far
	floor  uint64 // a fill begun before this generation is refused whatever it holds
	keys   map[string]uint64
	groups map[string]uint64
}

func newPurgeMemory(limit int) purgeMemory {
	return purgeMemory{limit: limit, keys: map[string]uint64{}, groups: map[string]uint64{}}
}

// record counts a purge, and keeps its names if there is a fill to compare them with.
func (m *purgeMemory) record(p Purge, filling bool) {
	m.gen++
	if !filling {
		return
	}
	if p.All {
		m.raise()
		return
	}
	for _, k := range p.Keys {
		m.keys[k] = m.gen
	}
	for _, g := range p.Groups {
		m.groups[g] = m.gen
	}
	if len(m.keys)+len(m.groups) > m.limit {
		m.raise()
	}
}

// raise refuses every fill that runs now, which makes the names needless.
func (m *purgeMemory) raise() {
	m.floor = m.gen
	m.forget()
}

// forget drops the names; right once no fill runs that could have missed them.
func (m *purgeMemory) forget() {
	clear(m.keys)
	clear(m.groups)
}

// hit reports whether a response with this key and these groups, whose fill
// began at generation start, has been purged since.
func (m *purgeMemory) hit(start uint64, key string, groups []string) bool {
	if m.gen == start {
		return false
	}
	if m.floor > start || m.keys[key] > start {
		return true
	}
	for _, g := range groups {
		if m.groups[g] > start {
			return true
		}
	}
	return false
}
