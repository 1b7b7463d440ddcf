package upstream

import (
	"context"
	"errors"
	"net/http"
	"time"

	"meridian/world"
)

// Prompt is an [http.RoundTripper] whose answers begin within a limit: what a cut
// link swallows is not waited for as long as its asker has. It is safe for
// concurrent use.
type Prompt struct {
	next  http.RoundTripper
	limit time.Duration
}

// NewPrompt bounds the time from a request, with all its content, to the header of
// its answer; a content may take as long as it does. Beyond it the request is
// cancelled, and its error has code timeout.
func NewPrompt(next http.RoundTripper, limit time.Duration) *Prompt { return &Prompt{next, limit} }

var errNotPrompt = errors.New("no answer has begun within the limit")

// RoundTrip sends a request and waits for the header of its answer.
func (p *Prompt) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	late := time.AfterFunc(p.limit, func() { cancel(errNotPrompt) })
	res, err := p.next.RoundTrip(r.WithContext(ctx))
	late.Stop()
	if errors.Is(context.Cause(ctx), errNotPrompt) {
		if err == nil {
			res.Body.Close() // it came with the limit, and its content is cut off already
		}
		return nil, world.Because(world.CodeTimeout, "upstream.prompt", "", errNotPrompt)
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	res.Body = &bounded{res.Body, func() { cancel(nil) }}
	return res, nil
}
