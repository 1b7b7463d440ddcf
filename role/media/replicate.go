package media

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"

	"meridian/engine/placement"
	"meridian/world"
)

// maxReplicaError is how many bytes of an error a replica's row remembers.
const maxReplicaError = 500

// Replicate copies an original to a job's target and records it. An error
// means that the job is to be tried again; the last attempt's leaves the
// replica failed, an earlier one's pending with its reason.
func (m *Media) Replicate(ctx context.Context, job Job) error {
	const op = "media.replicate"
	manifest, err := m.manifests.Manifest(ctx, job.App, job.MediaID)
	if err == nil && !manifest.DeletedAt.IsZero() {
		return nil
	}
	if err == nil {
		err = m.copyTo(ctx, manifest, job)
	}
	now := m.now().UTC()
	r := world.Replica{Region: job.Target, State: world.ReplicaCopied, At: now, VerifiedAt: now}
	if err != nil {
		r = world.Replica{Region: job.Target, State: world.ReplicaPending, At: now, Error: clip(err.Error(), maxReplicaError)}
		if job.Last {
			r.State = world.ReplicaFailed
		}
		// The job's time may be what has run out.
		ctx = context.WithoutCancel(ctx)
	}
	markErr := m.manifests.MarkReplica(ctx, job.SHA256, r)
	if err != nil {
		return world.Wrap(op, err)
	}
	return world.Wrap(op, markErr)
}

// copyTo gives a job's target the original, or where the store does that by itself
// sees that it has come.
func (m *Media) copyTo(ctx context.Context, manifest world.Manifest, job Job) error {
	v, ok := manifest.VersionNumber(job.Version)
	switch {
	case !ok || v.SHA256 != job.SHA256:
		return world.E(world.CodeUnprocessed, "media.push", "The job and the manifest name different originals.")
	case m.cfg.Care.Replicated && manifest.Audience == world.Public:
		return m.peers.VerifyOriginal(ctx, job.Target, job.SHA256)
	}
	err := m.push(ctx, manifest, v, job.Target)
	if world.Is(err, world.CodeNotFound) || world.Is(err, world.CodeUnprocessed) {
		// It is our copy that is missing, or damaged.
		if mendErr := m.mend(ctx, manifest, v); mendErr != nil {
			return mendErr
		}
		err = m.push(ctx, manifest, v, job.Target)
	}
	return err
}

// push gives another region an original, which that takes only if its bytes are
// those of its SHA-256. A large one goes on from what has arrived there before.
func (m *Media) push(ctx context.Context, manifest world.Manifest, v world.Version, target string) error {
	private, err := m.privateTo(manifest, target)
	if err != nil {
		return err
	}
	body, o, err := m.storeOf(manifest).Open(ctx, originalKey(v.SHA256))
	if err != nil {
		return err
	}
	defer body.Close()
	from := int64(fromWhole)
	if o.Size >= m.cfg.Limits.ResumeFrom {
		arrived, held, err := m.peers.Arrived(ctx, target, private, v.SHA256)
		if err != nil || held {
			return err
		}
		if from, err = body.Seek(min(arrived, o.Size), io.SeekStart); err != nil {
			return err
		}
	}
	sent := &counted{r: body}
	err = m.peers.PushOriginal(ctx, target, private, v.SHA256, sent, from, o.Size)
	m.metrics.bytes.WithLabelValues("pushed").Add(float64(sent.n.Load()))
	return err
}

// counted counts what is read. The transport may read on for a moment after it
// has failed.
type counted struct {
	r io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// privateTo is the media id by which a private original is given to another
// region of its zone, to none else; "" for a public one.
func (m *Media) privateTo(manifest world.Manifest, target string) (string, error) {
	if manifest.Audience != world.Private {
		return "", nil
	}
	to, ok := m.world.RegionByID(target)
	if !ok || to.Zone != m.region.Zone {
		return "", world.E(world.CodeUnprocessed, "media.resident", "A private original must not leave its zone; this target lies outside.")
	}
	return manifest.MediaID, nil
}

// resend gives an original that is held here to a region that has lost it: 204
// once it is durable there.
func (m *Media) resend(w http.ResponseWriter, r *http.Request) error {
	const op = "media.resend"
	found, err := m.local(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	n, err := strconv.Atoi(q.Get("version"))
	v, ok := found.VersionNumber(n)
	if err != nil || !ok || !m.isPlacedAt(found, v, q.Get("target")) {
		return world.E(world.CodeInvalid, op, "version must be one of the picture's, and target a region that shall hold it.")
	}
	if err := m.push(r.Context(), found, v, q.Get("target")); err != nil {
		return world.Wrap(op, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// isPlacedAt reports whether a region is meant to hold a version's original.
func (m *Media) isPlacedAt(manifest world.Manifest, v world.Version, region string) bool {
	for _, place := range m.placesOf(manifest, v) {
		if place == region {
			return true
		}
	}
	return false
}

// placesOf are the regions that shall hold a version's original; none for what is
// deleted or cannot be placed.
func (m *Media) placesOf(manifest world.Manifest, v world.Version) []string {
	if !manifest.DeletedAt.IsZero() {
		return nil
	}
	asset := m.assetOf(manifest)
	if v.Moderation != world.ModerationApproved {
		asset.Visibility = world.Withheld
	}
	decisions, err := placement.Regions(m.cfg.Placement.rule(), asset, m.world.Regions)
	if err != nil {
		return nil
	}
	var out []string
	for _, d := range decisions {
		if d.Hold {
			out = append(out, d.Region)
		}
	}
	return out
}

// clip makes a text fit for a row: short, on one line, and what a database takes.
func clip(s string, most int) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), most)], ""))
}
