package monitor

import (
	"bytes"
	"maps"
	"net/http"
	"slices"

	"meridian/platform/httpserver"
	"meridian/world"
)

// feed streams the issues: the newest at once, then each as it comes.
func (m *Monitor) feed(w http.ResponseWriter, r *http.Request) error {
	return m.stream(w, r, func() (map[string][]byte, <-chan struct{}) { return map[string][]byte{"": m.line}, m.issued })
}

// viewsFeed streams every monitor's newest view to another monitor.
func (m *Monitor) viewsFeed(w http.ResponseWriter, r *http.Request) error {
	return m.stream(w, r, func() (map[string][]byte, <-chan struct{}) { return maps.Clone(m.views), m.said })
}

// stream sends those lines of what there is now that this follower has not been
// sent, and again when the channel beside them is closed. The lock is held around
// now.
func (m *Monitor) stream(w http.ResponseWriter, r *http.Request, now func() (map[string][]byte, <-chan struct{})) error {
	if err := httpserver.CheckBearer(r, m.cfg.WireKey); err != nil {
		return err
	}
	select {
	case m.seats <- struct{}{}:
		defer func() { <-m.seats }()
	default:
		return world.E(world.CodeBusy, "monitor.feed", "As many follow this monitor as may. Follow another region's.")
	}
	r, done := httpserver.Endless(r)
	defer done()
	lines := httpserver.NewLines(w, m.deps.Now, m.cfg.FeedWrite)
	var sent map[string][]byte
	for {
		m.mu.Lock()
		is, next := now()
		m.mu.Unlock()
		var out [][]byte
		for _, name := range m.ownLast(is) {
			if !bytes.Equal(is[name], sent[name]) {
				out = append(out, is[name])
			}
		}
		sent = is
		if len(out) > 0 && lines.Send(out...) != nil {
			return nil // the follower has gone
		}
		select {
		case <-next:
		case <-r.Context().Done():
			return nil
		}
	}
}

// ownLast are the names of lines in order, the own one last: who hears a view, and
// the version in it, has then heard all that it was made of, and does not contradict
// it until the rest has come.
func (m *Monitor) ownLast(lines map[string][]byte) []string {
	names := slices.Sorted(maps.Keys(lines))
	if i := slices.Index(names, m.cfg.Region); i >= 0 {
		names = append(slices.Delete(names, i, i+1), m.cfg.Region)
	}
	return names
}
