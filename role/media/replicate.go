package media

import (
	"bytes"
	"context"
	"io"
	"strings"

	"meridian/world"
)

// maxReplicaError is how many bytes of an error a replica's row remembers.
const maxReplicaError = 500

// Replicate copies an original to a job's target and records it. An error
// means that the job is to be tried again; the last attempt's leaves the
// replica failed, an earlier one's pending with its reason.
func (m *Media) Replicate(ctx context.Context, job Job) error {
	const op = "media.replicate"
	pushErr := m.push(ctx, job)
	r := world.Replica{Region: job.Target, State: world.ReplicaCopied, At: m.now().UTC()}
	if pushErr != nil {
		r.Error = clip(pushErr.Error())
		if r.State = world.ReplicaPending; job.Last {
			r.State = world.ReplicaFailed
		}
		// The job's time may be what has run out.
		ctx = context.WithoutCancel(ctx)
	}
	markErr := m.manifests.MarkReplica(ctx, job.SHA256, r)
	if pushErr != nil {
		return world.Wrap(op, pushErr)
	}
	return world.Wrap(op, markErr)
}

func (m *Media) push(ctx context.Context, job Job) error {
	manifest, err := m.manifests.Manifest(ctx, job.App, job.MediaID)
	if err != nil {
		return err
	}
	v, ok := manifest.VersionNumber(job.Version)
	if !ok || v.SHA256 != job.SHA256 {
		return world.E(world.CodeUnprocessed, "media.push", "The job and the manifest name different originals.")
	}
	send := m.peers.PushOriginal
	var data []byte
	if manifest.Audience == world.Private {
		data, err = m.stored(ctx, manifest, v)
		send = func(ctx context.Context, _, _ string, body io.Reader, size int64) error {
			return m.pushResident(ctx, job, body, size)
		}
	} else {
		data, err = m.original(ctx, manifest, v)
	}
	if err == nil {
		err = send(ctx, job.Target, job.SHA256, bytes.NewReader(data), int64(len(data)))
	}
	if err == nil {
		m.metrics.bytes.WithLabelValues("pushed").Add(float64(len(data)))
	}
	return err
}

// clip makes an error fit for a row: short, and text that a database takes.
func clip(s string) string {
	s = strings.ReplaceAll(s[:min(len(s), maxReplicaError)], "\x00", "")
	return strings.ToValidUTF8(s, "")
}
