package media

import (
	"context"
	"fmt"

	"meridian/world"
)

// Question asks a service whether a picture may be shown.
type Question struct {
	ID      string // the same each time that it is asked
	App     string
	MediaID string
	Name    string
	Owner   string
	Version world.Version
	Preview []byte // JPEG, 640 pixels wide at most
}

// Verdict is the answer.
type Verdict string

// The verdicts.
const (
	VerdictApprove  Verdict = "approve"
	VerdictWithhold Verdict = "withhold"
	VerdictReview   Verdict = "review" // a person has to decide
)

// Judges answers questions. An error means that the question is to be asked again
// later.
type Judges interface {
	Ask(ctx context.Context, q Question) (verdict Verdict, reason string, err error)
}

// JudgeJob asks for a verdict about a version that is pending.
type JudgeJob struct {
	App     string
	MediaID string
	Version int
}

// Judge sees to it that a version which has come in gets its verdict. An error
// means that the job is to be tried again. In the queue mode there is nothing to
// do: it waits for a person; and so does a private picture that the hook may not
// be shown.
func (m *Media) Judge(ctx context.Context, job JudgeJob) error {
	const op = "media.judge"
	found, err := m.manifests.Manifest(ctx, job.App, job.MediaID)
	if err != nil {
		return world.Wrap(op, err)
	}
	v, _ := found.VersionNumber(job.Version)
	if v.Moderation != world.ModerationPending || !found.DeletedAt.IsZero() {
		return nil // somebody was faster
	}
	d := world.Moderation{State: world.ModerationApproved, By: byAutomatic}
	switch m.cfg.Moderation.Mode {
	case ModerateQueue:
		return nil
	case ModerateHook:
		if found.Audience == world.Private && !m.cfg.Moderation.Hook.Private {
			return nil
		}
		if d, err = m.askHook(ctx, found, v); err != nil {
			return world.Wrap(op, err)
		}
	}
	_, _, err = m.judge(ctx, job.App, job.MediaID, job.Version, d, true)
	return world.Wrap(op, err)
}

func (m *Media) askHook(ctx context.Context, found world.Manifest, v world.Version) (world.Moderation, error) {
	preview, err := m.previewOf(ctx, found, v)
	if err != nil {
		return world.Moderation{}, err
	}
	verdict, reason, err := m.judges.Ask(ctx, Question{
		ID:  fmt.Sprintf("%s.v%d", found.MediaID, v.Number),
		App: found.App, MediaID: found.MediaID, Name: found.Name, Owner: found.Owner, Version: v, Preview: preview,
	})
	m.metrics.verdicts.WithLabelValues(verdictLabel(verdict, err)).Inc()
	if err != nil {
		return world.Moderation{}, err
	}
	states := map[Verdict]world.ModerationState{
		VerdictApprove: world.ModerationApproved, VerdictWithhold: world.ModerationWithheld, VerdictReview: world.ModerationPending,
	}
	state, ok := states[verdict]
	if !ok {
		return world.Moderation{}, world.E(world.CodeBadUpstream, "media.hook", fmt.Sprintf("The moderation hook's verdict is %.20q; it must be approve, withhold or review.", verdict))
	}
	return world.Moderation{State: state, By: byHook, Reason: clip(reason, world.MaxModeratedWhy)}, nil
}

// verdictLabel is the verdict, or what went wrong, as a metric names it.
func verdictLabel(v Verdict, err error) string {
	switch v {
	case VerdictApprove, VerdictWithhold, VerdictReview:
		return string(v)
	}
	return outcome(err)
}
