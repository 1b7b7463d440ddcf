package upstream

// Stats counts since the pool was made.
type Stats struct {
	Hops   []HopStats // in their order
	Denied int64      // second tries that the budget did not allow
	Budget int64      // second tries that it allows at once, now
}

// HopStats is one hop's share.
type HopStats struct {
	Name  string
	State State
	Counts
}

// Counts are a hop's requests.
type Counts struct {
	Asked   int64 // requests sent to it
	Retried int64 // of them, those that another hop had failed
	Hedged  int64 // of them, those that another hop was slow with
	Failed  int64 // no answer, a refusal, or a content that broke off
}

// kind is why a hop is asked.
type kind uint8

const (
	first kind = iota
	retry
	hedged
)

func (h *hop) count(k kind) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts.Asked++
	switch k {
	case retry:
		h.counts.Retried++
	case hedged:
		h.counts.Hedged++
	}
}

// Stats is the pool's figures.
func (p *Pool) Stats() Stats {
	var s Stats
	s.Budget, s.Denied = p.budget.figures()
	now := p.cfg.Now()
	for _, h := range p.hops {
		h.mu.Lock()
		s.Hops = append(s.Hops, HopStats{Name: h.name, State: h.state(now), Counts: h.counts})
		h.mu.Unlock()
	}
	return s
}
