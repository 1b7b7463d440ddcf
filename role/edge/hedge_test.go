package edge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/tier"
	"meridian/engine/upstream"
	"meridian/test/tiertest"
	"meridian/world"
)

// timeline is a run of shields in a bubble's time: each does what its func
// says, and what was asked when is written down.
type timeline struct {
	*Edge
	cfg   Config
	start time.Time

	mu     sync.Mutex
	asked  map[string][]time.Duration // since start
	ended  map[string]int             // requests whose context was cancelled before their answer
	flying int
	most   int
}

type answer func(*http.Request) (*http.Response, error)

func newTimeline(t *testing.T, order []string, shields map[string]answer) *timeline {
	t.Helper()
	l := &timeline{cfg: Default(), start: time.Now(), asked: map[string][]time.Duration{}, ended: map[string]int{}}
	l.cfg.Listen, l.cfg.PoP, l.cfg.FeedKey = "unix:/x", "nrt", "k"
	ways := map[string]http.RoundTripper{}
	for _, region := range order {
		l.cfg.Shields = append(l.cfg.Shields, tier.Shield{Region: region, Address: "unix:/" + region})
		ways[region] = l.way(region, shields[region])
	}
	e, err := New(l.cfg, Deps{
		World:   &world.World{Markets: []world.Market{{ID: "de", Host: "de.localhost", HomeRegion: order[0]}}},
		Shields: ways, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Edge = e
	t.Cleanup(func() { e.Close() })
	return l
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (l *timeline) way(region string, does answer) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		l.mu.Lock()
		l.asked[region] = append(l.asked[region], time.Since(l.start))
		l.flying++
		l.most = max(l.most, l.flying)
		l.mu.Unlock()
		res, err := does(r)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.flying--
		if r.Context().Err() != nil {
			l.ended[region]++
		}
		return res, err
	})
}

// get is a visitor's request, and how long it took.
func (l *timeline) get(method, path string) (*httptest.ResponseRecorder, time.Duration) {
	began := time.Now()
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(method, "http://de.localhost"+path, nil))
	return w, time.Since(began)
}

// silent never answers: it ends when its asker or the transport's patience does.
func silent(r *http.Request) (*http.Response, error) {
	limit := time.NewTimer(Default().UpstreamTimeout)
	defer limit.Stop()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-limit.C:
		return nil, context.DeadlineExceeded
	}
}

// slow answers after a while, and gives up when its asker does.
func slow(d time.Duration, then answer) answer {
	return func(r *http.Request) (*http.Response, error) {
		wait := time.NewTimer(d)
		defer wait.Stop()
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-wait.C:
			return then(r)
		}
	}
}

func TestASilentShieldCostsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": silent, "far": tiertest.Says("far")})
		steps := []struct {
			at, took time.Duration
		}{
			{0, time.Second},                           // hedged
			{2 * time.Second, 0},                       // near rests for 2 s from the first second on
			{3 * time.Second, time.Second},             // its probe is hedged the same
			{4*time.Second + 3999*time.Millisecond, 0}, // and its rest has doubled
			{9 * time.Second, time.Second},
		}
		for i, s := range steps {
			time.Sleep(s.at - time.Since(l.start))
			w, took := l.get("GET", "/p/"+string(rune('a'+i)))
			if w.Body.String() != "far" || took != s.took {
				t.Errorf("at %v: %d %s after %v, want far after %v", s.at, w.Code, w.Body, took, s.took)
			}
		}
		synctest.Wait()
		if len(l.asked["near"]) != 3 || l.ended["near"] != 3 {
			t.Errorf("near was asked at %v, %d ended: each loser is to be cancelled", l.asked["near"], l.ended["near"])
		}
	})
}

// A picture may have to be made first: a second region is not made to do it too.
func TestAPictureIsWaitedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": slow(3*time.Second, tiertest.Says("near")), "far": tiertest.Says("far")})
		if w, took := l.get("GET", picture+"webp/640x0"); w.Body.String() != "near" || took != 3*time.Second || len(l.asked["far"]) != 0 {
			t.Errorf("%s after %v, far asked at %v", w.Body, took, l.asked["far"])
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": silent, "far": tiertest.Says("far")})
		if w, took := l.get("GET", picture+"webp/640x0"); w.Body.String() != "far" || took != l.cfg.HedgeAfterPicture {
			t.Errorf("%s after %v", w.Body, took)
		}
	})
}

// The first asked may still win; who was asked in its stead is cancelled and
// not to blame.
func TestTheFirstMayStillWin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": slow(2500*time.Millisecond, tiertest.Says("near")), "far": silent})
		if w, took := l.get("GET", "/a"); w.Body.String() != "near" || took != 2500*time.Millisecond {
			t.Errorf("%s after %v", w.Body, took)
		}
		synctest.Wait()
		if l.ended["far"] != 1 {
			t.Error("the loser was not cancelled")
		}
		for _, h := range l.nearest.Stats().Hops {
			if h.State != upstream.Closed {
				t.Errorf("%s rests", h.Name)
			}
		}
	})
}

func TestNeverMoreThanTwoAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"a", "b", "c"}, map[string]answer{"a": silent, "b": silent, "c": tiertest.Says("c")})
		w, took := l.get("GET", "/a")
		if w.Body.String() != "c" || took != l.cfg.UpstreamTimeout {
			t.Errorf("%s after %v: the third is asked when the first has failed", w.Body, took)
		}
		if l.most != 2 {
			t.Errorf("%d at once", l.most)
		}
		if w, took := l.get("GET", "/b"); w.Body.String() != "c" || took != 0 {
			t.Errorf("%s after %v: both that were silent rest", w.Body, took)
		}
	})
}

func TestAFailureBesideASilenceAsksTheThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"a", "b", "c"}, map[string]answer{"a": silent, "b": tiertest.Refuses, "c": tiertest.Says("c")})
		if w, took := l.get("GET", "/a"); w.Body.String() != "c" || took != time.Second || l.most != 2 {
			t.Errorf("%s after %v, %d at once", w.Body, took, l.most)
		}
	})
}

func TestNoHedgeWhereThereIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"only"}, map[string]answer{"only": slow(5*time.Second, tiertest.Says("only"))})
		if w, took := l.get("GET", "/a"); w.Body.String() != "only" || took != 5*time.Second || len(l.asked["only"]) != 1 {
			t.Errorf("one shield: %s after %v, asked at %v", w.Body, took, l.asked["only"])
		}
		l = newTimeline(t, []string{"near", "far"}, map[string]answer{"near": slow(5*time.Second, tiertest.Says("near")), "far": tiertest.Says("far")})
		if w, took := l.get("PUT", "/media/sweet-crumbs?name=a"); w.Body.String() != "near" || took != 5*time.Second || len(l.asked["far"]) != 0 {
			t.Errorf("an upload: %s after %v, far asked at %v", w.Body, took, l.asked["far"])
		}
	})
}

// watched is a body that knows whether it was closed.
type watched struct {
	io.Reader
	closed chan struct{}
}

func (b watched) Close() error { close(b.closed); return nil }

// The winner's body goes on after the race; an answer that comes too late, from
// a shield that does not hear its request was cancelled, is closed.
func TestTheWinnerStreamsOnAndALateAnswerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := watched{strings.NewReader("late"), make(chan struct{})}
		body, stream := io.Pipe()
		var winner context.Context
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{
			"near": func(*http.Request) (*http.Response, error) {
				time.Sleep(3 * time.Second)
				return &http.Response{StatusCode: 200, Body: late}, nil
			},
			"far": func(r *http.Request) (*http.Response, error) {
				winner = r.Context()
				return &http.Response{StatusCode: 200, Body: body}, nil
			},
		})
		r := httptest.NewRequest("GET", "http://shield/p/a", nil)
		r.Body = nil
		res, err := l.nearest.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(10 * time.Second); io.WriteString(stream, "far"); stream.Close() }()
		if b, err := io.ReadAll(res.Body); string(b) != "far" || err != nil || winner.Err() != nil {
			t.Errorf("%q, %v; the winner's context: %v", b, err, winner.Err())
		}
		res.Body.Close()
		if winner.Err() == nil {
			t.Error("the winner's context outlives its body")
		}
		<-late.closed // else the bubble ends in a deadlock
	})
}

// The loser ends with the race, not with the asker, who may read for long.
func TestTheLoserEndsWithTheRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": silent, "far": tiertest.Says("far")})
		res, err := l.nearest.RoundTrip(httptest.NewRequest("GET", "http://shield/p/a", nil).WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if l.ended["near"] != 1 || l.ended["far"] != 0 {
			t.Errorf("ended: %v", l.ended)
		}
		res.Body.Close()
	})
}

// When the asker goes, both go; nobody is to blame.
func TestAnAskerWhoLeavesTakesBothAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": silent, "far": silent})
		reason := errors.New("left")
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { leave(reason) })
		r := httptest.NewRequest("GET", "http://shield/p/a", nil).WithContext(ctx)
		if _, err := l.nearest.RoundTrip(r); !errors.Is(err, reason) && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if l.ended["near"] != 1 || l.ended["far"] != 1 || l.nearest.Stats().Hops[0].State != upstream.Closed {
			t.Errorf("ended: %v", l.ended)
		}
	})
}

// Everybody who waits when a shield falls silent finds out at the same time:
// that is one failure, not one each.
func TestThoseWhoWaitTogetherCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": silent, "far": tiertest.Says("far")})
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() { l.get("GET", "/p/"+string(rune('a'+i))) })
		}
		all.Wait()
		state := func() upstream.State { return l.nearest.Stats().Hops[0].State }
		time.Sleep(l.cfg.Rest - 1)
		if s := state(); s != upstream.Open {
			t.Errorf("before its rest has ended it is %s", s)
		}
		time.Sleep(time.Nanosecond)
		if s := state(); s != upstream.HalfOpen {
			t.Errorf("after a single rest it is %s", s)
		}
	})
}

// All answer that they cannot: the last one's words are passed on, the others'
// bodies closed.
func TestARefusalIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bodies := map[string]watched{}
		refuses := func(region string) answer {
			bodies[region] = watched{strings.NewReader(region), make(chan struct{})}
			return func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 503, Body: bodies[region]}, nil
			}
		}
		l := newTimeline(t, []string{"near", "far"}, map[string]answer{"near": refuses("near"), "far": refuses("far")})
		res, err := l.nearest.RoundTrip(httptest.NewRequest("GET", "http://shield/p/a", nil))
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(res.Body); string(b) != "far" || res.StatusCode != 503 {
			t.Errorf("%d %q", res.StatusCode, b)
		}
		<-bodies["near"].closed
		select {
		case <-bodies["far"].closed:
			t.Error("the refusal was closed before it was read")
		default:
		}
		res.Body.Close()
	})
}
