package owner

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"meridian/engine/imagegrid"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Limits of media's answers, in bytes.
const (
	maxManifest = 1 << 20
	maxList     = 8 << 20
)

// library is the app's pictures, kept by the region's media role.
type library struct {
	media      http.RoundTripper
	app, token string
}

// listed is a page of the library, newest first, as media tells it.
type listed struct {
	Assets  []world.Manifest `json:"assets"`
	Next    string           `json:"next"`
	Missing []string         `json:"missing_regions"`
}

func (l library) list(ctx context.Context, before string, limit int) (listed, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if before != "" {
		q.Set("before", before)
	}
	var page listed
	err := l.ask(ctx, http.MethodGet, "?"+q.Encode(), nil, maxList, &page)
	return page, err
}

func (l library) manifest(ctx context.Context, id string) (world.Manifest, error) {
	var m world.Manifest
	err := l.ask(ctx, http.MethodGet, "/"+id+"/manifest", nil, maxManifest, &m)
	return m, err
}

// put takes a picture in. The body is read here, not behind the transport's
// back: when put returns nobody reads it any more, also when media has
// answered before the end of it.
func (l library) put(ctx context.Context, name string, body io.Reader) (world.Manifest, error) {
	var answer struct {
		Manifest world.Manifest `json:"manifest"`
	}
	from, to := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := l.ask(ctx, http.MethodPut, "?name="+url.QueryEscape(name), from, maxManifest, &answer)
		from.CloseWithError(io.ErrClosedPipe)
		done <- err
	}()
	_, err := io.Copy(to, body)
	to.CloseWithError(err) // nil ends it well
	err = <-done
	return answer.Manifest, err
}

// ask sends a request to media and reads its answer, at most most bytes. The
// error of media is given as it was.
func (l library) ask(ctx context.Context, method, rest string, body io.Reader, most int64, into any) error {
	const op = "owner.media"
	r, err := http.NewRequestWithContext(ctx, method, "http://media/media/"+l.app+rest, body)
	if err != nil {
		return world.Wrap(op, err)
	}
	r.Header.Set("Authorization", "Bearer "+l.token)
	if id := httpserver.RequestID(ctx); id != "" {
		r.Header.Set(httpserver.HeaderRequestID, id)
	}
	res, err := l.media.RoundTrip(r)
	if err != nil {
		return httpserver.UpstreamError(op, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, most))
	if err != nil {
		return httpserver.UpstreamError(op, err)
	}
	if res.StatusCode >= 300 {
		return refusal(op, httpserver.ReadProblem(res.StatusCode, answer))
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return world.Because(world.CodeBadUpstream, op, "", err)
	}
	return nil
}

// refusal is why media did not do it. That it does not know our token is
// nothing that an owner could mend.
func refusal(op string, err error) error {
	if world.Is(err, world.CodeUnsigned) {
		return world.Because(world.CodeBadUpstream, op, "", err)
	}
	return world.Wrap(op, err)
}

// usable refuses a picture that a product cannot have.
func (o *Owner) usable(ctx context.Context, id string) error {
	if imagegrid.CheckMediaID(id) != nil {
		return world.E(world.CodeInvalid, "owner.picture", "Choose one of the pictures.")
	}
	ctx, cancel := context.WithTimeout(ctx, o.cfg.MediaWait)
	defer cancel()
	m, err := o.library.manifest(ctx, id)
	switch {
	case world.Is(err, world.CodeNotFound), err == nil && !showable(m):
		return world.E(world.CodeNotFound, "owner.picture", "There is no such picture any more. Choose another.")
	case err != nil:
		return err
	}
	return nil
}

func showable(m world.Manifest) bool {
	return m.Visibility == world.Public && len(m.Versions) > 0
}

// capped reads at most most bytes and then fails with too_large, where a plain
// limit would make a cut picture of a large one.
type capped struct {
	from io.Reader
	left int64
	err  error // of the last read that failed; nil at the end
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.from.Read(p)
	c.left -= int64(n)
	if c.left < 0 {
		n, err = 0, world.E(world.CodeTooLarge, "owner.upload", "")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
