package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"meridian/platform/httpserver"
	"meridian/world"
)

// maxProblem is how much of a problem document is read.
const maxProblem = 16 << 10

// caller sends requests over one transport with the wire key; without one, where
// that is empty.
type caller struct {
	transport http.RoundTripper
	host      string
	key       string
}

func (c caller) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := url.URL{Scheme: "http", Host: c.host, Path: path, RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if id := httpserver.RequestID(ctx); id != "" {
		r.Header.Set(httpserver.HeaderRequestID, id)
	}
	return r, nil
}

// send answers with a response of the wanted status, whose body the caller
// closes. Any other status is the [world.Error] that the far side sent.
func (c caller) send(r *http.Request, want int) (*http.Response, error) {
	res, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, transportError(r.Context(), err)
	}
	if res.StatusCode == want {
		return res, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxProblem)) // a cut document still has its status
	if res.StatusCode < 400 {
		return nil, world.E(world.CodeBadUpstream, "wire", "The other side gave an answer that is not of this protocol.")
	}
	return nil, httpserver.ReadProblem(res.StatusCode, body)
}

// transportError is what a broken exchange means: our own deadline is timeout,
// our own stop stays context.Canceled, the rest is unavailable.
func transportError(ctx context.Context, err error) error {
	var e *world.Error
	switch {
	case errors.As(err, &e):
		return world.Wrap("wire", err)
	case errors.Is(ctx.Err(), context.Canceled):
		return world.Because(world.CodeUnavailable, "wire", "", errors.Join(context.Canceled, err))
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return world.Because(world.CodeTimeout, "wire", "", err)
	}
	return world.Because(world.CodeUnavailable, "wire", "", err)
}
