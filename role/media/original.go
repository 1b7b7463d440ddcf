package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"meridian/engine/georoute"
	"meridian/engine/placement"
	"meridian/world"
)

// original is an asset's original, verified: the local one, else another
// holder's, which is then kept here if placement lets it stay.
func (m *Media) original(ctx context.Context, manifest world.Manifest, v world.Version) ([]byte, error) {
	data, err := m.localOriginal(ctx, manifest, v)
	if err == nil {
		return data, nil
	}
	if !world.Is(err, world.CodeNotFound) {
		m.log.WarnContext(ctx, "a local original cannot be used", "sha256", v.SHA256, "err", err)
	}
	fetched, err := m.once(ctx, "original "+v.SHA256, func(ctx context.Context) (any, error) {
		return m.fetchOriginal(ctx, manifest, v)
	})
	if err != nil {
		return nil, err
	}
	return fetched.([]byte), nil
}

// localOriginal is the picture of an original that is held here. Errors:
// not_found, and internal for bytes that are not what their name says.
func (m *Media) localOriginal(ctx context.Context, manifest world.Manifest, v world.Version) ([]byte, error) {
	stored, err := m.stored(ctx, manifest, v)
	if err != nil {
		return nil, err
	}
	return unsealed(manifest.Audience, stored)
}

// stored is an original as the object store holds it, verified.
func (m *Media) stored(ctx context.Context, manifest world.Manifest, v world.Version) ([]byte, error) {
	data, err := m.storeOf(manifest).Get(ctx, originalKey(v.SHA256), m.cfg.Limits.MaxBytes+saltBytes)
	if err != nil {
		return nil, err
	}
	return data, verify(data, v.SHA256, world.CodeInternal)
}

// fetchOriginal asks the regions that hold it, the nearest healthy one first, the
// write region in any case.
func (m *Media) fetchOriginal(ctx context.Context, manifest world.Manifest, v world.Version) ([]byte, error) {
	const op = "media.original"
	missing := world.E(world.CodeUnavailable, op, "The picture's original cannot be reached just now; try again shortly.")
	for _, region := range m.holders(manifest) {
		m.metrics.fetches.WithLabelValues("original", region).Inc()
		data, err := m.peers.Original(ctx, region, manifest.App, manifest.MediaID, v.Number)
		if err == nil {
			err = verify(data, v.SHA256, world.CodeBadUpstream)
		}
		if err != nil && ctx.Err() != nil {
			return nil, world.Because(world.CodeTimeout, op, "The picture's original is a long way off and did not arrive in time; try again.", err)
		}
		if err != nil {
			missing.Err = err // the last one asked is the likeliest to have it
			continue
		}
		m.keep(ctx, manifest, v, data)
		return data, nil
	}
	return nil, missing
}

// keep makes a fetched original a replica, where the region is meant to have one.
func (m *Media) keep(ctx context.Context, manifest world.Manifest, v world.Version, data []byte) {
	decisions, err := placement.Regions(m.cfg.Placement.rule(), m.assetOf(manifest), m.world.Regions)
	here := func(d placement.Decision) bool { return d.Region == m.region.ID && d.Hold }
	if err == nil && slices.ContainsFunc(decisions, here) {
		if err = m.storeOf(manifest).Put(ctx, originalKey(v.SHA256), data); err == nil {
			m.unkeepDeleted(ctx, manifest, v)
		}
	}
	if err != nil {
		m.log.WarnContext(ctx, "a fetched original cannot be kept", "sha256", v.SHA256, "err", err)
	}
}

// unkeepDeleted removes an original that came while its asset was being deleted:
// the removal may have been here before it. What it cannot remove goes as an
// original that no asset has.
func (m *Media) unkeepDeleted(ctx context.Context, manifest world.Manifest, v world.Version) {
	ctx = context.WithoutCancel(ctx)
	deleted, err := m.isDeleted(ctx, manifest.App, manifest.MediaID)
	if deleted {
		_, err = m.upkeep.Unreferenced(ctx, v.SHA256, func(ctx context.Context) error {
			return m.storeOf(manifest).Delete(ctx, originalKey(v.SHA256))
		})
	}
	if err != nil && !world.Is(err, world.CodeNotFound) {
		m.log.WarnContext(ctx, "it cannot be told whether a stored original is still needed", "sha256", v.SHA256, "err", err)
	}
}

// isHolder reports whether this region is known to hold the asset's originals.
func (m *Media) isHolder(manifest world.Manifest) bool {
	return manifest.WriteRegion == m.region.ID || slices.ContainsFunc(manifest.Replicas, func(r world.Replica) bool {
		return r.Region == m.region.ID && r.State == world.ReplicaCopied
	})
}

// holders are the other regions to ask for an original, in order: by what the
// health feed knows of them, then by nearness.
func (m *Media) holders(manifest world.Manifest) []string {
	sites := map[string]world.Site{}
	for _, s := range m.world.Sites {
		sites[s.ID] = s
	}
	view := m.health()
	candidate := func(region string) georoute.Candidate {
		r, _ := m.world.RegionByID(region)
		return georoute.Candidate{Name: region, Site: sites[r.Site], State: m.stateOf(view, region)}
	}
	var holders []georoute.Candidate
	for _, r := range manifest.Replicas {
		if r.State == world.ReplicaCopied {
			holders = append(holders, candidate(r.Region))
		}
	}
	var order []string
	for _, c := range placement.ReadOrder(sites[m.region.Site], holders, candidate(manifest.WriteRegion), m.world.RoundTrip) {
		if c.Name != m.region.ID {
			order = append(order, c.Name)
		}
	}
	return m.inZone(manifest, order)
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// verify fails with the given code unless data is what sha names.
func verify(data []byte, sha string, code world.Code) error {
	if sha256Of(data) != sha {
		return world.E(code, "media.verify", "The bytes are not those that their SHA-256 names.")
	}
	return nil
}
