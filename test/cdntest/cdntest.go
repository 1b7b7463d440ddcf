// Package cdntest asks every adapter of an outside CDN the same: whether it meets
// the contract of [world.CDN] against a vendor that is written down, its method,
// path, fields, body, credential, limits and failures.
package cdntest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/world"
)

// Asked is a request that a vendor was made.
type Asked struct {
	Method, Path string
	Header       http.Header
	Body         string
}

// Vendor is a vendor's interface as it is written down.
type Vendor struct {
	// Make makes an adapter that asks a server, by a credential, and waits so long.
	Make func(t *testing.T, server *httptest.Server, secret string, timeout time.Duration) world.CDN
	// Check says what is wrong with a request for f; "" for nothing.
	Check func(a Asked, f world.Forget, secret string) string
	// Done answers that it is purged.
	Done func(w http.ResponseWriter, f world.Forget)
	// NotDone are answers of status 200 that do not say so.
	NotDone []func(w http.ResponseWriter)
}

// secret is what no error may repeat.
const secret = "a-credential-of-this-test-0123456789"

// rig is a server that answers as it is told to, and the adapter that asks it.
type rig struct {
	world.CDN
	server *httptest.Server
	mu     sync.Mutex
	asked  []Asked
	answer http.HandlerFunc
}

func (v Vendor) rig(t *testing.T, timeout time.Duration) *rig {
	t.Helper()
	g := &rig{}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.asked = append(g.asked, Asked{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header, Body: string(body)})
		answer := g.answer
		g.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(g.server.Close)
	g.CDN = v.Make(t, g.server, secret, timeout)
	return g
}

func (g *rig) answers(h http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer, g.asked = h, nil
}

func (g *rig) take(t *testing.T) Asked {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asked) != 1 {
		t.Fatalf("it was asked %d times", len(g.asked))
	}
	return g.asked[0]
}

// Run runs the suite.
func Run(t *testing.T, v Vendor) {
	t.Run("requests", func(t *testing.T) { requests(t, v) })
	t.Run("failures", func(t *testing.T) { failures(t, v) })
	t.Run("silence", func(t *testing.T) { silence(t, v) })
	t.Run("limits", func(t *testing.T) {
		l := v.rig(t, time.Second).Limits()
		if l.Keys < 1 || l.Bytes < 256 || l.Burst < 1 || l.Every < 0 {
			t.Errorf("%+v", l)
		}
	})
}

func requests(t *testing.T, v Vendor) {
	g := v.rig(t, 10*time.Second)
	l := g.Limits()
	full := make([]string, 0, l.Keys)
	for bytes := 0; len(full) < l.Keys && bytes+9 <= l.Bytes; bytes += 9 {
		full = append(full, "k"+strings.Repeat("x", 7))
	}
	for name, f := range map[string]world.Forget{
		"one key": {Keys: []string{"de/p/brot"}}, "softly": {Keys: []string{"a%2Cb", "url:de/p/x"}, Soft: true},
		"everything": {All: true}, "everything softly": {All: true, Soft: true}, "as many as fit": {Keys: full},
	} {
		g.answers(func(w http.ResponseWriter, _ *http.Request) { v.Done(w, f) })
		if err := g.Forget(t.Context(), f); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a := g.take(t)
		if wrong := v.Check(a, f, secret); wrong != "" {
			t.Errorf("%s: %s\n%+v", name, wrong, a)
		}
		if strings.Contains(a.Path, secret) {
			t.Errorf("%s: the credential is in the URL %s", name, a.Path)
		}
	}
	for i, no := range v.NotDone {
		g.answers(func(w http.ResponseWriter, _ *http.Request) { no(w) })
		if err := g.Forget(t.Context(), world.Forget{Keys: []string{"a"}}); !world.Is(err, world.CodeBadUpstream) {
			t.Errorf("an answer that does not say it is done (%d): %v", i, err)
		}
	}
}

func failures(t *testing.T, v Vendor) {
	g := v.rig(t, 10*time.Second)
	date := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		status int
		after  string // Retry-After
		want   world.Code
		retry  bool
		least  time.Duration // of the TryAfter; 0: none
		most   time.Duration
	}{
		{429, "7", world.CodeBusy, true, 7 * time.Second, 7 * time.Second},
		{429, date, world.CodeBusy, true, time.Second, 31 * time.Second},
		{429, "", world.CodeBusy, true, 0, 0},
		{429, "soon", world.CodeBusy, true, 0, 0},
		{429, "99999999", world.CodeBusy, true, time.Hour, time.Hour},
		{503, "3", world.CodeUnavailable, true, 3 * time.Second, 3 * time.Second},
		{500, "", world.CodeBadUpstream, true, 0, 0},
		{502, "", world.CodeBadUpstream, true, 0, 0},
		{401, "", world.CodeUnsigned, false, 0, 0},
		{403, "", world.CodeForbidden, false, 0, 0},
		{404, "", world.CodeNotFound, false, 0, 0},
		{400, "", world.CodeInvalid, false, 0, 0},
		{413, "", world.CodeTooLarge, false, 0, 0},
		{301, "", world.CodeBadUpstream, true, 0, 0},
	} {
		g.answers(func(w http.ResponseWriter, _ *http.Request) {
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			if c.status == http.StatusMovedPermanently {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(c.status)
			io.WriteString(w, `{"msg":"no `+secret+`"}`)
		})
		err := g.Forget(t.Context(), world.Forget{Keys: []string{"a"}})
		g.take(t) // once: who calls it tries again, and no redirect is followed
		var e *world.Error
		if !errors.As(err, &e) || e.Code != c.want || e.Retry != c.retry || e.Message == "" {
			t.Errorf("%d: %v", c.status, err)
			continue
		}
		var after world.TryAfter
		if errors.As(err, &after); time.Duration(after) < c.least || time.Duration(after) > c.most {
			t.Errorf("%d with Retry-After %q: try after %s", c.status, c.after, time.Duration(after))
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%d: the credential is in the error: %v", c.status, err)
		}
	}
	g.answers(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	if err := g.Forget(t.Context(), world.Forget{Keys: []string{"a"}}); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a connection that breaks off: %v", err)
	}
	g.server.Close()
	if err := g.Forget(t.Context(), world.Forget{All: true}); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func silence(t *testing.T, v Vendor) {
	g := v.rig(t, 50*time.Millisecond)
	release := make(chan struct{})
	defer close(release)
	g.answers(func(http.ResponseWriter, *http.Request) { <-release })
	if err := g.Forget(t.Context(), world.Forget{Keys: []string{"a"}}); !world.Is(err, world.CodeTimeout) {
		t.Errorf("silence: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Forget(ctx, world.Forget{Keys: []string{"a"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("who stops it: %v", err)
	}
}
