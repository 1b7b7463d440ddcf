package media

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"meridian/world"
)

// Bounds of what is told at once about copies that were read again, and of what
// is kept for a write region that cannot be reached: the rest is told of after
// the next pass.
const (
	maxChecks   = 500
	maxFindings = 20_000
	checkBytes  = 160 // of one as JSON, at most
)

// findings are what reading copies of originals again has found here, until the
// write regions of their assets have heard it.
type findings struct {
	mu  sync.Mutex
	all map[string]map[string]world.CopyCheck // by write region and SHA-256
	mum map[string]bool                       // regions that did not hear the last ones
}

// add keeps a finding; a newer one of the same copy takes its place.
func (f *findings) add(region string, c world.CopyCheck) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of := f.all[region]
	if of == nil {
		of = map[string]world.CopyCheck{}
		if f.all == nil {
			f.all, f.mum = map[string]map[string]world.CopyCheck{}, map[string]bool{}
		}
		f.all[region] = of
	}
	old, known := of[c.SHA256]
	if known && old.At.After(c.At) || !known && len(of) >= maxFindings {
		return
	}
	of[c.SHA256] = c
}

// take gives some findings of each region, and no longer keeps them.
func (f *findings) take() map[string][]world.CopyCheck {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]world.CopyCheck{}
	for region, of := range f.all {
		for sha, c := range of {
			if len(out[region]) == maxChecks {
				break
			}
			out[region] = append(out[region], c)
			delete(of, sha)
		}
	}
	return out
}

// heard notes whether a region has heard, and tells whether that is new.
func (f *findings) heard(region string, ok bool) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed = f.mum[region] == ok
	f.mum[region] = !ok
	return changed
}

// found keeps what reading an original's copy here again has found, for the
// catalog of its asset's write region.
func (m *Media) found(o world.Original, outcome string) {
	write, _ := m.writeRegion(o.MediaID)
	if write == "" || outcome == scrubSkipped {
		return
	}
	m.findings.add(write, world.CopyCheck{SHA256: o.SHA256, Good: outcome != scrubLost, At: m.now().UTC()})
}

// tellFindings has the write regions record what was found. One that cannot be
// reached is told later.
func (m *Media) tellFindings(ctx context.Context) {
	for region, checks := range m.findings.take() {
		err := m.tellChecks(ctx, region, checks)
		if err != nil {
			for _, c := range checks {
				m.findings.add(region, c)
			}
		}
		if m.findings.heard(region, err == nil) && err != nil && ctx.Err() == nil {
			m.log.WarnContext(ctx, "a region cannot be told how good its copies here are; it will be", "region", region, "err", err)
		}
	}
}

func (m *Media) tellChecks(ctx context.Context, region string, checks []world.CopyCheck) error {
	if region == m.region.ID {
		return m.upkeep.Checked(ctx, m.region.ID, checks)
	}
	return m.peers.Checked(ctx, region, m.region.ID, checks)
}

// receiveChecks records what another region has found of its copies of this
// region's originals.
func (m *Media) receiveChecks(w http.ResponseWriter, r *http.Request) error {
	const op = "media.checked"
	region := r.PathValue("region")
	if _, ok := m.world.RegionByID(region); !ok || region == m.region.ID {
		return world.E(world.CodeInvalid, op, "Copies are told of by another region of the world, which the path names.")
	}
	checks, err := readChecks(http.MaxBytesReader(w, r.Body, maxChecks*checkBytes))
	if err != nil {
		return err
	}
	if err := m.upkeep.Checked(r.Context(), region, checks); err != nil {
		return world.Wrap(op, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readChecks reads a list of findings; invalid for anything else.
func readChecks(body io.Reader) ([]world.CopyCheck, error) {
	bad := func(cause error) error {
		return world.Because(world.CodeInvalid, "media.checked", "Send a JSON list of at most 500 checks, each with sha256, good and at.", cause)
	}
	var checks []world.CopyCheck
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&checks); err != nil {
		return nil, bad(err)
	}
	if d.More() || len(checks) > maxChecks {
		return nil, bad(errors.New("more than is taken"))
	}
	for _, c := range checks {
		if !world.ValidSHA256(c.SHA256) || c.At.IsZero() {
			return nil, bad(errors.New("a check without its original or time"))
		}
	}
	return checks, nil
}
