package edge

import "sync"

// memo keeps the latest results of a pure function by key: at least most of them,
// at most twice as many. Who fills it with keys of his own cannot push out what
// is asked for all the time, but for a moment.
type memo[V any] struct {
	most       int
	mu         sync.RWMutex
	young, old map[string]V
}

func newMemo[V any](most int) *memo[V] { return &memo[V]{most: most, young: map[string]V{}} }

// get allocates nothing.
func (m *memo[V]) get(key []byte) (V, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.young[string(key)]
	if !ok {
		v, ok = m.old[string(key)]
	}
	return v, ok
}

func (m *memo[V]) put(key []byte, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= m.most {
		m.young, m.old = make(map[string]V, m.most), m.young
	}
	m.young[string(key)] = v
}
