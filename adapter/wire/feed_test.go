package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// stream is a transport whose answers are written by the test, line by line.
type stream struct {
	asked chan *http.Request
	write chan *io.PipeWriter
}

func newStream() *stream {
	return &stream{asked: make(chan *http.Request, 100), write: make(chan *io.PipeWriter, 100)}
}

func (s *stream) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	context.AfterFunc(r.Context(), func() { pw.CloseWithError(r.Context().Err()) })
	s.asked <- r
	s.write <- pw
	return &http.Response{StatusCode: 200, Body: pr, Header: http.Header{}}, nil
}

func event(cursor string) string {
	return fmt.Sprintf(`{"kind":"purge","cursor":%q,"groups":["g"],"at":"2026-01-01T00:00:00Z"}`+"\n", cursor)
}

func TestFeedCallsASilentStreamDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream()
		go func() {
			w := <-s.write
			time.Sleep(DefaultQuiet - time.Second) // long, but not too long
			io.WriteString(w, event("1.1"))
		}()
		start := time.Now()
		var got []string
		err := NewFeedClient("eu", s, "k", 0).Follow(t.Context(), "now", func(e world.Event) error {
			got = append(got, e.Cursor)
			time.Sleep(time.Minute) // slow here is not silent there
			return nil
		})
		if world.CodeOf(err) != world.CodeTimeout {
			t.Errorf("error %v, want a timeout", err)
		}
		if !slices.Equal(got, []string{"1.1"}) {
			t.Errorf("events %v", got)
		}
		if d, want := time.Since(start), DefaultQuiet-time.Second+time.Minute+DefaultQuiet; d != want {
			t.Errorf("gave up after %v, want %v", d, want)
		}
	})
}

func TestFeedGivesUpOnATransportThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		start := time.Now()
		err := NewFeedClient("eu", stuck, "k", 3*time.Second).Follow(t.Context(), "now", nil)
		if world.CodeOf(err) != world.CodeTimeout || time.Since(start) != 3*time.Second {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFeedOverHTTP(t *testing.T) {
	long := event("1.1")
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		events  int
		code    world.Code
	}{
		"ends": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != world.FeedPath || r.URL.Query().Get("after") != "7.1" || r.Header.Get("Authorization") != "Bearer key" {
				t.Errorf("asked %s with %q", r.URL, r.Header.Get("Authorization"))
			}
			io.WriteString(w, long+long)
		}, 2, world.CodeUnavailable},
		"not an event": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, long+"oops\n") }, 1, world.CodeBadUpstream},
		"line without end": {func(w http.ResponseWriter, r *http.Request) {
			w.Write(make([]byte, 2*MaxEventLine))
		}, 0, world.CodeBadUpstream},
		"refused": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(401)
			io.WriteString(w, `{"code":"unsigned","detail":"no"}`)
		}, 0, world.CodeUnsigned},
		"redirected": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, 0, world.CodeBadUpstream},
	} {
		t.Run(name, func(t *testing.T) {
			transport, stop := serve(c.handler)
			defer stop()
			n := 0
			err := NewFeedClient("eu", transport, "key", 0).Follow(t.Context(), "7.1", func(world.Event) error { n++; return nil })
			if world.CodeOf(err) != c.code || n != c.events {
				t.Errorf("%d events, then %v; want %d and %s", n, err, c.events, c.code)
			}
		})
	}
}

// serve is a transport to a handler, whatever host is asked for.
func serve(h http.Handler) (http.RoundTripper, func()) {
	s := httptest.NewServer(h)
	address := s.Listener.Addr().String()
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Host, r.URL.Host = r.URL.Host, address
		return s.Client().Transport.RoundTrip(r)
	}), s.Close
}

func TestFeedEndsWithItsContextAndItsReader(t *testing.T) {
	full := errors.New("the reader is full")
	for name, c := range map[string]struct {
		emit func(cancel func()) error
		want error
	}{
		"context": {func(cancel func()) error { cancel(); return nil }, context.Canceled},
		"emit":    {func(func()) error { return full }, full},
	} {
		t.Run(name, func(t *testing.T) {
			transport, stop := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, event("1.1"))
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			defer stop()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err := NewFeedClient("eu", transport, "key", 0).Follow(ctx, "now", func(world.Event) error { return c.emit(cancel) })
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// script is a source whose n-th connection yields the n-th list of cursors.
type script struct {
	asked []string
	at    []time.Time
	runs  [][]string
}

func (s *script) Follow(_ context.Context, after string, emit func(world.Event) error) error {
	s.asked, s.at = append(s.asked, after), append(s.at, time.Now())
	if len(s.runs) > 0 {
		run := s.runs[0]
		s.runs = s.runs[1:]
		for _, c := range run {
			if err := emit(world.Event{Kind: world.EventPurge, Cursor: c}); err != nil {
				return err
			}
		}
	}
	return world.E(world.CodeUnavailable, "script", "")
}

func TestFollowResumesFromTheLastCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: [][]string{{"1.0", "2.1"}, {}, {"", "3.1"}}}
		ctx, cancel := context.WithCancel(t.Context())
		losses := 0
		err := Follow(ctx, s, "now", DefaultBackoff(), func(world.Event) error { return nil }, func(error) {
			if losses++; losses == 4 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if want := []string{"now", "2.1", "2.1", "3.1"}; !slices.Equal(s.asked, want) {
			t.Errorf("asked after %v, want %v", s.asked, want)
		}
	})
}

func TestFollowWaitsLongerEachTimeAndForgetsOnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{runs: [][]string{{}, {}, {}, {}, {}, {}, {}, {"1.1"}, {}}}
		ctx, cancel := context.WithCancel(t.Context())
		losses := 0
		_ = Follow(ctx, s, "now", DefaultBackoff(), func(world.Event) error { return nil }, func(error) {
			if losses++; losses == 10 {
				cancel()
			}
		})
		var waits []time.Duration
		for i := 1; i < len(s.at); i++ {
			waits = append(waits, s.at[i].Sub(s.at[i-1]))
		}
		ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
		want := []time.Duration{ms(100), ms(200), ms(400), ms(800), ms(1600), ms(2000), ms(2000), ms(100), ms(200)}
		if !slices.Equal(waits, want) {
			t.Errorf("waited %v, want %v", waits, want)
		}
	})
}

func TestFollowReturnsTheReadersError(t *testing.T) {
	full := errors.New("full")
	err := Follow(t.Context(), &script{runs: [][]string{{"1.1"}}}, "", DefaultBackoff(),
		func(world.Event) error { return full }, func(error) { t.Error("told of a loss") })
	if err != full {
		t.Errorf("error %v", err)
	}
}
