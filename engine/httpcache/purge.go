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

// purgeVerdict is what purges have to say of a response whose fill began
// before them. The greater is the stronger.
type purgeVerdict uint8

const (
	untouched purgeVerdict = iota
	softened               // it may be stored, as stale
	removed                // it may not be stored
)

// purgeMemory remembers the purges that a running fill may have missed: a
// generation counter, and the last generation in which each name was purged.
type purgeMemory struct {
	limit int    // names held; one more and everything older is refused
	gen   uint64 // purges so far
	hard  purgedNames
	soft  purgedNames
}

// purgedNames holds the generations of one kind of purge. A fill begun before
// generation floor is concerned whatever it holds.
type purgedNames struct {
	floor  uint64
	keys   map[string]uint64
	groups map[string]uint64
}

func newPurgeMemory(limit int) purgeMemory {
	names := func() purgedNames { return purgedNames{keys: map[string]uint64{}, groups: map[string]uint64{}} }
	return purgeMemory{limit: limit, hard: names(), soft: names()}
}

// record counts a purge, and keeps its names if there is a fill to compare them with.
func (m *purgeMemory) record(p Purge, filling bool) {
	m.gen++
	if !filling {
		return
	}
	names := &m.hard
	if p.Soft {
		names = &m.soft
	}
	if p.All {
		names.floor = m.gen
		names.forget()
		return
	}
	for _, k := range p.Keys {
		names.keys[k] = m.gen
	}
	for _, g := range p.Groups {
		names.groups[g] = m.gen
	}
	if m.names() > m.limit { // every fill that runs is refused, which makes the names needless
		m.hard.floor = m.gen
		m.forget()
	}
}

// names is how many are held.
func (m *purgeMemory) names() int { return m.hard.len() + m.soft.len() }

// forget drops the names; right once no fill runs that could have missed them.
func (m *purgeMemory) forget() {
	m.hard.forget()
	m.soft.forget()
}

// hit says what has been purged, since generation start, of a response with
// this key and these groups.
func (m *purgeMemory) hit(start uint64, key string, groups []string) purgeVerdict {
	switch {
	case m.gen == start:
		return untouched
	case m.hard.hit(start, key, groups):
		return removed
	case m.soft.hit(start, key, groups):
		return softened
	}
	return untouched
}

func (n *purgedNames) len() int { return len(n.keys) + len(n.groups) }

func (n *purgedNames) forget() {
	clear(n.keys)
	clear(n.groups)
}

func (n *purgedNames) hit(start uint64, key string, groups []string) bool {
	if n.floor > start || n.keys[key] > start {
		return true
	}
	for _, g := range groups {
		if n.groups[g] > start {
			return true
		}
	}
	return false
}
