package app

import (
	"context"
	"net/http"
	"time"

	"meridian/adapter/webhook"
	"meridian/role/media"
)

// judges hands the role a moderation service.
type judges struct{ service *webhook.Service }

// hookTransport reaches a service that is not ours, over the net.
func hookTransport(wait time.Duration) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.ResponseHeaderTimeout = 2, wait
	return t
}

// newJudges is nil where no service is asked.
func newJudges(c media.Moderation) (media.Judges, error) {
	if c.Mode != media.ModerateHook {
		return nil, nil
	}
	s, err := webhook.New(webhook.Options{
		URL: c.Hook.URL, Secret: c.Hook.Secret, Wait: c.Hook.Wait, Transport: hookTransport(c.Hook.Wait), Now: now,
	})
	return judges{s}, err
}

// Ask asks the service for its verdict.
func (j judges) Ask(ctx context.Context, q media.Question) (media.Verdict, string, error) {
	v := q.Version
	a, err := j.service.Ask(ctx, q.ID, webhook.Picture{
		App: q.App, MediaID: q.MediaID, Version: v.Number, Name: q.Name, Owner: q.Owner, SHA256: v.SHA256, MediaType: v.MediaType,
		Bytes: v.Bytes, Width: v.Width, Height: v.Height, Frames: v.Frames, Preview: q.Preview,
	})
	return media.Verdict(a.Verdict), a.Reason, err
}
