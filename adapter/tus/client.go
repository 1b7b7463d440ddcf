package tus

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// Client sends uploads, and goes on with them where a link broke.
type Client struct {
	HTTP    *http.Client              // its timeout bounds one request, not an upload
	Prepare func(*http.Request) error // gives a request its credentials
	Limits  ClientLimits
}

// ClientLimits bound one request, and how long a client goes on without success.
type ClientLimits struct {
	Part  int64         // bytes that a request carries at most
	First time.Duration // pause after the first failure; each further one is twice as long
	Most  time.Duration // longest pause
	Tries int           // failures in a row, without a byte more kept, before it is given up
}

// DefaultClientLimits go on for about two minutes without success.
func DefaultClientLimits() ClientLimits {
	return ClientLimits{Part: 16 << 20, First: 500 * time.Millisecond, Most: 30 * time.Second, Tries: 12}
}

// maxProblem is the most bytes that are read of an answer.
const maxProblem = 64 << 10

// Begin makes an upload at a collection's URL, or finds the one that has the key
// already, and gives its URL. A failure that may pass is tried again.
func (c *Client) Begin(ctx context.Context, collection, key string, size int64, metadata map[string]string) (string, error) {
	var location string
	err := c.again(ctx, func() (bool, error) {
		res, err := c.ask(ctx, http.MethodPost, collection, nil, 0, map[string]string{
			"Upload-Length": strconv.FormatInt(size, 10), "Upload-Metadata": encodeMetadata(metadata), "Idempotency-Key": key,
		})
		if err != nil {
			return false, err
		}
		where, err := res.Request.URL.Parse(res.Header.Get("Location"))
		if err != nil || where.Host != res.Request.URL.Host {
			return false, world.Because(world.CodeBadUpstream, "tus.begin", "The answer names no upload of this server.", err)
		}
		location = where.String()
		return true, nil
	})
	return location, err
}

// Send sends what an upload lacks of a file until it is whole, and what becomes
// of it is durable at the other side. progress is told how many bytes are kept
// there. It fails with not_found when there is no such upload any more.
func (c *Client) Send(ctx context.Context, location string, file io.ReaderAt, size int64, progress func(int64)) error {
	kept := int64(-1)
	return c.again(ctx, func() (bool, error) {
		more, err := c.offset(ctx, location)
		for err == nil && more < size {
			progress(more)
			n := min(size-more, c.Limits.Part)
			body := &counted{r: io.NewSectionReader(file, more, n), at: more, tell: progress}
			var res *http.Response
			if res, err = c.ask(ctx, http.MethodPatch, location, body, n, map[string]string{
				"Upload-Offset": strconv.FormatInt(more, 10), "Content-Type": "application/offset+octet-stream",
			}); err == nil {
				more, err = offsetOf(res)
			}
		}
		if err == nil {
			progress(size)
		}
		advanced := more > kept
		kept = max(kept, more)
		return advanced, err
	})
}

// offset is how many bytes of an upload are kept.
func (c *Client) offset(ctx context.Context, location string) (int64, error) {
	res, err := c.ask(ctx, http.MethodHead, location, nil, 0, nil)
	if err != nil {
		return -1, err
	}
	return offsetOf(res)
}

func offsetOf(res *http.Response) (int64, error) {
	n, err := strconv.ParseInt(res.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || n < 0 {
		return -1, world.Because(world.CodeBadUpstream, "tus.offset", "The answer tells no offset.", err)
	}
	return n, nil
}

// ask makes one request. What is not a success is an error of its code.
func (c *Client) ask(ctx context.Context, method, target string, body io.Reader, size int64, fields map[string]string) (*http.Response, error) {
	if body != nil {
		body = io.NopCloser(body) // no transport may send it a second time by itself
	}
	r, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, "tus.ask", "This is no URL.", err)
	}
	r.ContentLength = size
	r.Header.Set("Tus-Resumable", Version)
	for name, value := range fields {
		r.Header.Set(name, value)
	}
	if err := c.Prepare(r); err != nil {
		return nil, err
	}
	res, err := c.HTTP.Do(r)
	if err != nil {
		return nil, world.Because(world.CodeUnavailable, "tus.ask", "The edge does not answer.", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	switch {
	case res.StatusCode >= 300:
		return nil, httpserver.ReadProblem(res.StatusCode, text)
	case err != nil:
		return nil, world.Because(world.CodeBadUpstream, "tus.ask", "The answer broke off.", err)
	}
	return res, nil
}

// again does something until it succeeds, fails for good, or fails too often
// without an advance.
func (c *Client) again(ctx context.Context, do func() (advanced bool, err error)) error {
	pause := c.Limits.First
	for failures := 1; ; failures++ {
		advanced, err := do()
		if err == nil || !passes(err) {
			return err
		}
		if advanced {
			failures, pause = 1, c.Limits.First
		}
		if failures >= c.Limits.Tries {
			return world.Wrap(fmt.Sprintf("tus: after %d tries", failures), err)
		}
		select {
		case <-ctx.Done():
			return world.Because(world.CodeUnavailable, "tus", "The upload was broken off. The same command goes on with it.", ctx.Err())
		case <-time.After(pause/2 + rand.N(pause/2+1)): // not all at the same moment
		}
		pause = min(2*pause, c.Limits.Most)
	}
}

// Retry does something else of an upload as patiently as the upload is sent.
func (c *Client) Retry(ctx context.Context, do func() error) error {
	return c.again(ctx, func() (bool, error) { return false, do() })
}

// passes reports whether the same may succeed later. A conflict is an offset
// that was told before a link broke: the next try asks for it anew; and a part
// that ended early is invalid.
func passes(err error) bool {
	var e *world.Error
	return errors.As(err, &e) && (e.Retry || e.Code == world.CodeConflict || e.Code == world.CodeInternal)
}

// encodeMetadata writes metadata as the field Upload-Metadata.
func encodeMetadata(metadata map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(metadata)) {
		pairs = append(pairs, name+" "+base64.StdEncoding.EncodeToString([]byte(metadata[name])))
	}
	return strings.Join(pairs, ",")
}

// counted tells how far a body has been read.
type counted struct {
	r    io.Reader
	at   int64
	tell func(int64)
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.at += int64(n)
	c.tell(c.at)
	return n, err
}

// Collection is the URL that uploads of an app are begun at.
func Collection(base, app string) string {
	return strings.TrimSuffix(base, "/") + "/media/" + url.PathEscape(app) + "/tus/"
}
