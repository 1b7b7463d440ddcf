package upstream

import (
	"slices"
	"time"
)

// A pace is a hop's last answers of a class: how long it took to begin each.
type pace struct {
	last [paceSize]time.Duration
	n    int
}

const (
	paceSize = 100
	paceFew  = 20 // fewer say nothing
)

// took notes how long a good answer's header took.
func (h *hop) took(class string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.paces == nil {
		h.paces = map[string]*pace{}
	}
	p := h.paces[class]
	if p == nil {
		p = &pace{}
		h.paces[class] = p
	}
	p.last[p.n%paceSize] = d
	p.n++
}

// usual is how long 95 in 100 answers of the class take to begin, between the
// patience's floor and its most.
func (h *hop) usual(p Patience) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	seen := h.paces[p.Class]
	if seen == nil || seen.n < paceFew {
		return p.Most
	}
	sorted := slices.Clone(seen.last[:min(seen.n, paceSize)])
	slices.Sort(sorted)
	return min(max(sorted[len(sorted)*95/100], p.Floor), p.Most)
}
