package media

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/world"
)

// memManifests keeps a region's assets and reads the others' as their
// replicas would, unless they lag.
type memManifests struct {
	region string
	places map[string]*place

	mu        sync.Mutex
	assets    map[string]world.Manifest
	deletions map[string]world.Deletion
	changes   []world.AssetChange
	lagging   bool   // other regions do not see this one's assets yet
	before    func() // if set: called before a change is made
	fail      error

	confirmed   []string
	unconfirmed error
	jobs        []Job
	uncopied    error
}

func (s *memManifests) Create(_ context.Context, m world.Manifest) (world.Manifest, world.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return world.Manifest{}, world.Position{}, s.fail
	}
	if _, ok := s.places[s.region].storeOf(m).(*withRoom).Objects.(*memObjects).get(originalKey(m.Newest().SHA256)); !ok {
		panic("an asset was made before its original was durable")
	}
	if _, taken := s.assets[m.MediaID]; taken {
		return world.Manifest{}, world.Position{}, world.E(world.CodeConflict, "mem", "")
	}
	s.assets[m.MediaID] = m
	for _, r := range m.Replicas {
		if r.State == world.ReplicaPending {
			s.jobs = append(s.jobs, Job{SHA256: m.Newest().SHA256, App: m.App, MediaID: m.MediaID, Version: 1, Target: r.Region, Attempt: 1})
		}
	}
	return m, world.Position{Cluster: world.CatalogCluster(s.region), Epoch: 1, LSN: uint64(len(s.assets))}, nil
}

func (s *memManifests) Manifest(_ context.Context, app, id string) (world.Manifest, error) {
	if s.fail != nil {
		return world.Manifest{}, s.fail
	}
	known := []*place{s.places[s.region]} // what is known here comes first
	for _, p := range slices.AppendSeq(known, maps.Values(s.places)) {
		p.manifests.mu.Lock()
		m, ok := p.manifests.assets[id]
		ok = ok && (p.id == s.region || !p.manifests.lagging)
		p.manifests.mu.Unlock()
		if ok && (m.App == app || app == "") {
			return m, nil
		}
	}
	return world.Manifest{}, world.E(world.CodeNotFound, "mem", "")
}

func (s *memManifests) Confirm(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirmed = append(s.confirmed, id)
	return s.unconfirmed
}

func (s *memManifests) change(id string, f func(*world.Manifest)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.assets[id]
	m.Replicas, m.Versions = slices.Clone(m.Replicas), slices.Clone(m.Versions)
	f(&m)
	s.assets[id] = m
}

// deleteNow deletes an asset while a change of it begins: the lock is held.
func (s *memManifests) deleteNow(id string, at time.Time) {
	m := s.assets[id]
	m.DeletedAt = at
	s.assets[id] = m
}

func (s *memManifests) WaitFor(_ context.Context, id string, positions []world.Position, _ time.Duration) (bool, error) {
	number, _ := world.MediaIDRegion(id)
	for _, p := range s.places {
		if p.region.Number == number {
			return p.id == s.region || !p.manifests.lagging || len(positions) == 0, s.fail
		}
	}
	return true, s.fail
}

func (s *memManifests) Change(_ context.Context, app, id string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, world.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.before != nil {
		s.before()
	}
	m, ok := s.assets[id]
	if !ok || m.App != app || s.fail != nil {
		return world.Manifest{}, world.Position{}, cmp.Or[error](s.fail, world.E(world.CodeNotFound, "mem", ""))
	}
	m.Versions = slices.Clone(m.Versions)
	c, err := apply(&m)
	if err != nil {
		return world.Manifest{}, world.Position{}, err
	}
	m.Visibility = m.ShownAs()
	if err := m.Validate(); err != nil {
		return world.Manifest{}, world.Position{}, world.Because(world.CodeUnprocessed, "mem", "", err)
	}
	if len(c.Replicas) > 0 {
		m.Replicas = c.Replicas
	}
	if c.Deletion != nil {
		s.deletions[id] = *c.Deletion
	}
	s.assets[id], s.changes = m, append(s.changes, c)
	return m, world.Position{Cluster: world.CatalogCluster(s.region), Epoch: 1, LSN: uint64(100 + len(s.changes))}, nil
}

func (s *memManifests) Deletion(_ context.Context, _, id string) (world.Deletion, error) {
	d, ok := s.deletions[id]
	if !ok {
		return d, world.E(world.CodeNotFound, "mem", "")
	}
	return d, nil
}

func (s *memManifests) List(_ context.Context, app string, f world.AssetFilter, limit int) (page []world.Manifest, missing []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.assets {
		waits := slices.ContainsFunc(m.Versions, func(v world.Version) bool { return v.Moderation == f.State })
		named := strings.Contains(strings.ToLower(m.Name), strings.ToLower(f.Name))
		if !m.DeletedAt.IsZero() || f.State != "" && m.Moderation.State != f.State && !waits || !named {
			continue
		}
		if f.Before.IsZero() || cmp.Or(m.CreatedAt.Compare(f.Before), cmp.Compare(m.MediaID, f.BeforeID)) < 0 {
			page = append(page, m)
		}
	}
	slices.SortFunc(page, func(a, b world.Manifest) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.MediaID, a.MediaID))
	})
	return page[:min(limit, len(page))], []string{"ap-southeast"}, s.fail
}

func (s *memManifests) MarkReplica(_ context.Context, sha string, r world.Replica) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.assets {
		if m.Newest().SHA256 != sha {
			continue
		}
		m.Replicas = slices.Clone(m.Replicas)
		for i := range m.Replicas {
			if m.Replicas[i].Region == r.Region {
				m.Replicas[i] = r
			}
		}
		s.assets[id] = m
	}
	return s.fail
}

func (s *memManifests) Uncopied(_ context.Context, each func(string, world.ReplicaState, int, time.Time)) error {
	if s.uncopied != nil {
		return s.uncopied
	}
	each("eu-central", world.ReplicaPending, 3, noon.Add(-90*time.Second))
	return nil
}

func (s *memManifests) replica(id, region string) world.Replica {
	m := s.assets[id]
	i := slices.IndexFunc(m.Replicas, func(r world.Replica) bool { return r.Region == region })
	return m.Replicas[i]
}
