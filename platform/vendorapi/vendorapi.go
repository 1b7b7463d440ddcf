// Package vendorapi makes one request of another company's interface: bounded in
// time and size, never led elsewhere, its failure one of our own errors.
package vendorapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meridian/world"
)

// Limits of what is taken from a vendor.
const (
	MaxAnswer   = 64 << 10  // bytes of an answer that are read
	maxExcerpt  = 200       // bytes of it that a log line shows
	MaxTryAfter = time.Hour // a longer Retry-After is taken for this
)

// Caller asks one vendor. It is safe for concurrent use.
type Caller struct {
	Vendor    string            // as its readers know it, for messages
	Transport http.RoundTripper // with timeouts of its own
	Timeout   time.Duration     // for a whole exchange; above 0
	Now       func() time.Time  // for a Retry-After that names a date
	Secret    string            // never repeated from an answer into a log; "" for none

	Refusals map[int]world.Code // codes for statuses of 4xx by which this vendor says more than the rest of them; nil: none
}

// Answer is what a vendor said with a status of 2xx.
type Answer struct {
	Header http.Header
	Body   []byte
}

// Do makes one attempt of a request that ends with ctx, and no redirect is
// followed: the credential is for one address. Errors: timeout and unavailable
// when no answer came; busy for 429 and unavailable for 503, with a
// [world.TryAfter] where the answer has one (RFC 9110 §10.2.3); bad_upstream for
// another 5xx and what is no answer; unsigned, forbidden, not_found, too_large and
// invalid for 401, 403, 404, 413 and the other 4xx, but what Refusals has goes first.
func (c Caller) Do(ctx context.Context, r *http.Request) (Answer, error) {
	const op = "vendorapi"
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	res, err := c.Transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return Answer{}, c.unreached(ctx, op, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer))
	if err != nil {
		return Answer{}, c.unreached(ctx, op, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return Answer{}, c.refused(op, res, body)
	}
	return Answer{Header: res.Header, Body: body}, nil
}

// unreached is a broken exchange. Who stops us is not a failure of the vendor's.
func (c Caller) unreached(ctx context.Context, op string, err error) error {
	var late net.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil, errors.As(err, &late) && late.Timeout():
		return world.Because(world.CodeTimeout, op, fmt.Sprintf("%s did not answer within %s.", c.Vendor, c.Timeout), err)
	}
	return world.Because(world.CodeUnavailable, op, c.Vendor+" cannot be reached.", err)
}

func (c Caller) refused(op string, res *http.Response, body []byte) error {
	code, say := world.CodeInvalid, "refuses the request"
	switch s := res.StatusCode; {
	case c.Refusals[s] != "":
		code, say = c.Refusals[s], "does not allow it as things are"
	case s == http.StatusTooManyRequests:
		code, say = world.CodeBusy, "has had too many requests"
	case s == http.StatusServiceUnavailable:
		code, say = world.CodeUnavailable, "is not available"
	case s >= 500:
		code, say = world.CodeBadUpstream, "fails"
	case s < 400:
		code, say = world.CodeBadUpstream, "leads elsewhere: set the address of its interface"
	case s == http.StatusUnauthorized:
		code, say = world.CodeUnsigned, "does not know the token: set a good one"
	case s == http.StatusForbidden:
		code, say = world.CodeForbidden, "does not let the token do this: give it that right"
	case s == http.StatusNotFound:
		code, say = world.CodeNotFound, "does not know what is meant: check the ids"
	case s == http.StatusRequestEntityTooLarge:
		code, say = world.CodeTooLarge, "takes no request as large"
	}
	var cause error = errors.New(c.excerpt(body))
	if after, ok := c.tryAfter(res.Header.Get("Retry-After")); ok && (code == world.CodeBusy || code == world.CodeUnavailable) {
		cause = errors.Join(after, cause)
	}
	return world.Because(code, op, fmt.Sprintf("%s %s (%d).", c.Vendor, say, res.StatusCode), cause)
}

// excerpt is the beginning of an answer, for a log: visible signs alone, and
// nothing if it repeats our secret.
func (c Caller) excerpt(body []byte) string {
	text := strings.ToValidUTF8(string(body), "?")
	if c.Secret != "" && strings.Contains(text, c.Secret) {
		return "the answer is not shown: it repeats the token"
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), maxExcerpt)], "")
}

// tryAfter reads Retry-After: seconds, or a date.
func (c Caller) tryAfter(text string) (world.TryAfter, bool) {
	wait := time.Duration(-1)
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = max(at.Sub(c.Now()), 0)
	}
	return world.TryAfter(min(wait, MaxTryAfter)), wait >= 0
}
