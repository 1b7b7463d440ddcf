package owner

import (
	"cmp"
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
	judge      string // the token of those who decide what is shown; "" when this role may not
}

// listed is a page of the library, newest first, as media tells it.
type listed struct {
	Assets  []world.Manifest `json:"assets"`
	Next    string           `json:"next"`
	Missing []string         `json:"missing_regions"`
}

// filter is what a list is to show.
type filter struct {
	Before string // the place to begin behind; "" for the newest
	Name   string // what names must contain; "" for all
	State  world.ModerationState
}

func (l library) list(ctx context.Context, f filter, limit int) (listed, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	for name, value := range map[string]string{"before": f.Before, "name": f.Name, "moderation": string(f.State)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var page listed
	err := l.ask(ctx, question{rest: "?" + q.Encode(), most: maxList}, &page)
	return page, err
}

// manifest is what anybody may know of a picture.
func (l library) manifest(ctx context.Context, id string) (world.Manifest, error) {
	var m world.Manifest
	err := l.ask(ctx, question{rest: "/" + id + "/manifest"}, &m)
	return m, err
}

// question is a request to media.
type question struct {
	method      string // "" for GET
	rest        string // of the path, behind the app; with its query
	contentType string
	body        io.Reader
	token       string // "" for the one that uploaders show
	most        int64  // bytes of the answer; 0 for as many as a manifest may have
}

// ask puts a question to media and reads the answer. The error of media is given
// as it was.
func (l library) ask(ctx context.Context, q question, into any) error {
	const op = "owner.media"
	q.most = cmp.Or(q.most, maxManifest)
	res, err := l.send(ctx, q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, q.most))
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

// send puts a question to media. The caller closes the body of the answer.
func (l library) send(ctx context.Context, q question) (*http.Response, error) {
	const op = "owner.media"
	r, err := http.NewRequestWithContext(ctx, q.method, "http://media/media/"+l.app+q.rest, q.body)
	if err != nil {
		return nil, world.Wrap(op, err)
	}
	r.Header.Set("Authorization", "Bearer "+cmp.Or(q.token, l.token))
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if id := httpserver.RequestID(ctx); id != "" {
		r.Header.Set(httpserver.HeaderRequestID, id)
	}
	res, err := l.media.RoundTrip(r)
	if err != nil {
		return nil, httpserver.UpstreamError(op, err)
	}
	return res, nil
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
