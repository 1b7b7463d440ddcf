package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"meridian/world"
)

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says answers after a while, unless its asker leaves.
func says(status int, after time.Duration, body string) trip {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(after):
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

var errRefused = errors.New("refused")

func refuses(*http.Request) (*http.Response, error) { return nil, errRefused }

func newPool(t *testing.T, change func(*Config), hops ...trip) *Pool {
	t.Helper()
	cfg := Config{Now: time.Now}
	for i, h := range hops {
		cfg.Hops = append(cfg.Hops, Hop{Name: string(rune('a' + i)), Transport: h})
	}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request(method, content string) *http.Request {
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
	}
	r, err := http.NewRequest(method, "http://upstream/x", body)
	if err != nil {
		panic(err)
	}
	return r
}

// ask sends a request and reads the answer: status, content, error.
func (p *Pool) ask(r *http.Request) (int, string, error) {
	res, err := p.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func (p *Pool) hop(i int) HopStats { return p.Stats().Hops[i] }

func TestNewRefuses(t *testing.T) {
	way := Hop{Name: "a", Transport: trip(refuses)}
	for name, cfg := range map[string]Config{
		"no hops":  {Now: time.Now},
		"no clock": {Hops: []Hop{way}},
		"no way":   {Hops: []Hop{way, {Name: "b"}}, Now: time.Now},
	} {
		if _, err := New(cfg); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is idempotent is tried again (RFC 9110 §9.2.2), what is not is not.
func TestWhatIsTriedAgain(t *testing.T) {
	upgrade := request("GET", "")
	upgrade.Header.Set("Upgrade", "websocket")
	stream := request("PUT", "x")
	stream.GetBody = nil
	for name, c := range map[string]struct {
		r     *http.Request
		again bool
	}{
		"GET": {request("GET", ""), true}, "HEAD": {request("HEAD", ""), true}, "OPTIONS": {request("OPTIONS", ""), true},
		"DELETE": {request("DELETE", ""), true}, "PUT": {request("PUT", "x"), true}, "a PUT that streams": {stream, false},
		"POST": {request("POST", ""), false}, "PATCH": {request("PATCH", "x"), false}, "an upgrade": {upgrade, false},
	} {
		var got string
		p := newPool(t, nil, refuses, func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				b, _ := io.ReadAll(r.Body)
				got = string(b)
			}
			return says(200, 0, "b")(r)
		})
		_, body, err := p.ask(c.r)
		if c.again && (body != "b" || err != nil) || !c.again && !errors.Is(err, errRefused) {
			t.Errorf("%s: %q, %v", name, body, err)
		}
		if c.again && c.r.Body != nil && got != "x" {
			t.Errorf("%s: the second was sent %q", name, got)
		}
	}
}

// Two that change something must not run at once.
func TestOnlyWhatIsSafeIsHedged(t *testing.T) {
	for method, hedges := range map[string]int64{"GET": 1, "HEAD": 1, "DELETE": 0, "PUT": 0} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, func(c *Config) {
				c.Patience = func(*http.Request) Patience { return Patience{Most: time.Second} }
			}, says(200, 3*time.Second, "a"), says(200, 0, "b"))
			if _, _, err := p.ask(request(method, "")); err != nil || p.hop(1).Hedged != hedges {
				t.Errorf("%s: %v, %+v", method, err, p.Stats())
			}
		})
	}
}

func TestTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		works := false
		p := newPool(t, nil, func(r *http.Request) (*http.Response, error) {
			if works {
				return says(200, 0, "a")(r)
			}
			return nil, errRefused
		}, says(200, 0, "b"))
		ask := func(want string, state State) {
			t.Helper()
			if _, got, err := p.ask(request("GET", "")); got != want || err != nil || p.hop(0).State != state {
				t.Errorf("%q, %v, then %s; want %q, then %s", got, err, p.hop(0).State, want, state)
			}
		}
		if s := p.hop(0).State; s != Closed {
			t.Errorf("it begins %s", s)
		}
		ask("b", Open)
		ask("b", Open)
		if n := p.hop(0).Asked; n != 1 {
			t.Errorf("asked %d times, once while it rested", n)
		}
		for _, rest := range []time.Duration{2, 4, 8, 16, 32, 32} { // doubles up to sixteen-fold
			time.Sleep(rest*time.Second - 1)
			ask("b", Open)
			time.Sleep(time.Nanosecond)
			if s := p.hop(0).State; s != HalfOpen {
				t.Errorf("after a rest of %v s it is %s", rest, s)
			}
			before := p.hop(0).Asked
			ask("b", Open)
			if n := p.hop(0).Asked - before; n != 1 {
				t.Errorf("half-open it was tried %d times", n)
			}
		}
		works = true
		time.Sleep(32 * time.Second)
		ask("a", Closed)
	})
}

// A hop that is half-open is tried by one request: the others do not wait with it.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := true
		p := newPool(t, nil, func(r *http.Request) (*http.Response, error) {
			if dead {
				return nil, errRefused
			}
			return says(200, 10*time.Second, "a")(r)
		}, says(200, 0, "b"))
		p.ask(request("GET", ""))
		dead = false
		time.Sleep(DefaultRest)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { p.ask(request("GET", "")) })
		}
		all.Wait()
		if a, b := p.hop(0), p.hop(1); a.Asked != 2 || b.Asked != 20 || a.State != Closed {
			t.Errorf("%+v", p.Stats())
		}
	})
}

// A request that is slow for a reason of its own, while it tries the only hop after
// a failure, keeps the others off for a rest and no longer: they find out that the
// hop answers.
func TestASlowProbeKeepsNobodyOffForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := true
		p := newPool(t, nil, func(r *http.Request) (*http.Response, error) {
			switch {
			case dead:
				return nil, errRefused
			case r.Method == http.MethodPut:
				return says(200, 20*time.Second, "slow")(r)
			}
			return says(200, 0, "a")(r)
		})
		p.ask(request("GET", ""))
		dead = false
		began := time.Now()
		go p.ask(request("PUT", ""))
		synctest.Wait()
		for {
			_, _, err := p.ask(request("GET", ""))
			if err == nil {
				break
			}
			if took := time.Since(began); took >= DefaultRest {
				t.Fatalf("after %v: %v", took, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took != DefaultRest || p.hop(0).State != Closed {
			t.Errorf("the others were kept off for %v, then it was %s", took, p.hop(0).State)
		}
		time.Sleep(time.Minute)
		if s := p.hop(0).State; s != Closed {
			t.Errorf("when the slow one has its answer too it is %s", s)
		}
	})
}

// When nothing answers, one request at a time finds out: all others are told at
// once, and can use what they have.
func TestAllAreSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(10 * time.Second):
				return nil, context.DeadlineExceeded
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		p := newPool(t, func(c *Config) {
			c.Patience = func(*http.Request) Patience { return Patience{Most: time.Second} }
		}, silent, silent)
		p.ask(request("GET", ""))
		go p.ask(request("GET", ""))
		synctest.Wait()
		began := time.Now()
		for range 5 {
			go p.ask(request("GET", "")) // the second hop has its one probe, too
		}
		synctest.Wait()
		if _, _, err := p.ask(request("GET", "")); !world.Is(err, world.CodeUnavailable) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, _, err := p.ask(request("POST", "x")); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("a POST: %v", err)
		}
		time.Sleep(time.Minute)
		if n := p.hop(0).Asked + p.hop(1).Asked; n > 6 {
			t.Errorf("%d asked", n)
		}
	})
}

// A hop that says 503 is there: it goes on being asked in need.
func TestARefusalIsNoSilence(t *testing.T) {
	p := newPool(t, nil, says(503, 0, "no"))
	for range 10 {
		if status, body, err := p.ask(request("GET", "")); status != 503 || body != "no" || err != nil {
			t.Fatalf("%d %q, %v", status, body, err)
		}
	}
}

func TestWhatIsLeftOfTheRetryBudget(t *testing.T) {
	p := newPool(t, func(c *Config) { c.RetryPercent, c.RetryBurst = 1, 5 }, says(503, 0, "a"), says(503, 0, "b"))
	for left := range 6 {
		if s := p.Stats(); s.Budget != int64(5-left) || s.Denied != 0 {
			t.Errorf("after %d retries there are %d left, %d denied", left, s.Budget, s.Denied)
		}
		p.ask(request("GET", ""))
	}
	if s := p.Stats(); s.Budget != 0 || s.Denied != 1 {
		t.Errorf("%d left, %d denied", s.Budget, s.Denied)
	}
}

func TestTheRetryBudget(t *testing.T) {
	p := newPool(t, func(c *Config) { c.RetryPercent, c.RetryBurst = 10, 5 }, says(503, 0, "a"), says(503, 0, "b"))
	for range 1000 {
		p.ask(request("GET", ""))
	}
	s := p.Stats()
	if total := s.Hops[0].Asked + s.Hops[1].Asked; total > 1105 || total < 1095 {
		t.Errorf("%d tries for 1000 requests at 10 %% and a burst of 5", total)
	}
	if s.Denied == 0 {
		t.Error("nothing was denied")
	}
}

// breaks is a 200 whose content ends in an error.
type breaks struct{ cut <-chan struct{} }

func (b breaks) Read([]byte) (int, error) { <-b.cut; return 0, errRefused }
func (b breaks) Close() error             { return nil }

type stall struct{}

func (stall) Error() string { return "stalled" }
func (stall) Stalled() bool { return true }

func TestContentThatBreaksOff(t *testing.T) {
	for name, c := range map[string]struct {
		cause error // with which the asker cancels; nil: it does not
		want  State
	}{"broken": {nil, Open}, "stalled": {stall{}, Open}, "the asker left": {context.Canceled, Closed}} {
		for _, method := range []string{"GET", "POST"} {
			synctest.Test(t, func(t *testing.T) {
				cut := make(chan struct{})
				p := newPool(t, nil, func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: 200, Body: breaks{cut}}, nil
				})
				ctx, cancel := context.WithCancelCause(t.Context())
				res, err := p.RoundTrip(request(method, "").WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				if c.cause != nil {
					cancel(c.cause)
				}
				close(cut)
				io.ReadAll(res.Body)
				if s := p.hop(0).State; s != c.want {
					t.Errorf("%s, %s: it is %s", name, method, s)
				}
				res.Body.Close()
				cancel(nil)
			})
		}
	}
}

// habitPool has two hops: the first takes as long as slow says, the second no
// time. It waits a second, or by habit 50 ms at least.
func habitPool(t *testing.T, slow *time.Duration) *Pool {
	t.Helper()
	return newPool(t, func(c *Config) {
		c.Patience = func(*http.Request) Patience {
			return Patience{Class: "x", Most: time.Second, Floor: 50 * time.Millisecond}
		}
	}, func(r *http.Request) (*http.Response, error) { return says(200, *slow, "a")(r) }, says(200, 0, "b"))
}

// A hop that is usually quick is hedged sooner, and never later than the patience.
func TestHedgingByHabit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := time.Duration(0)
		p := habitPool(t, &slow)
		took := func() time.Duration {
			began := time.Now()
			p.ask(request("GET", ""))
			return time.Since(began)
		}
		slow = time.Minute
		if d := took(); d != time.Second {
			t.Errorf("nothing is known, and hedged after %v", d)
		}
		time.Sleep(DefaultRest)
		for i := 99; i >= 0; i-- {
			slow = time.Duration(i) * time.Millisecond // 95 in 100 below 95 ms
			took()
		}
		slow = time.Minute
		if d := took(); d != 95*time.Millisecond {
			t.Errorf("hedged after %v", d)
		}
		time.Sleep(time.Hour)
		for range 100 {
			slow = time.Millisecond
			took()
		}
		slow = time.Minute
		if d := took(); d != 50*time.Millisecond {
			t.Errorf("hedged after %v, the floor is 50 ms", d)
		}
	})
}

// One answer in twenty is slower than the habit: that is no failure. A hop that
// answers nothing any more is found out all the same.
func TestSlowerThanItsHabitIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := time.Duration(0)
		p := habitPool(t, &slow)
		ask := func(after time.Duration, want string, state State) {
			t.Helper()
			slow = after
			if _, got, err := p.ask(request("GET", "")); got != want || err != nil || p.hop(0).State != state {
				t.Errorf("%q, %v, then %+v; want %q, then %s", got, err, p.hop(0), want, state)
			}
		}
		for range 100 {
			ask(0, "a", Closed)
		}
		for range 5 {
			ask(time.Minute, "b", Closed)
			ask(time.Minute, "b", Closed)
			ask(0, "a", Closed) // it answers again: what was is forgotten
		}
		ask(time.Minute, "b", Closed)
		ask(time.Minute, "b", Closed)
		ask(time.Minute, "b", Open)
	})
}

// Who sends half of a request, or more than may be sent, says nothing of the hop.
func TestContentThatTheAskerBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, nil, func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return nil, err
				}
			}
			return says(200, 0, "b")(r)
		})
		for _, err := range []error{io.ErrUnexpectedEOF, &http.MaxBytesError{Limit: 1}} {
			r := request("POST", "half")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(err)))
			if _, _, got := p.ask(r); !errors.Is(got, err) {
				t.Errorf("got %v, want %v", got, err)
			}
			if p.hop(0).State != Closed {
				t.Errorf("after %v: %+v", err, p.hop(0))
			}
		}
	})
}
