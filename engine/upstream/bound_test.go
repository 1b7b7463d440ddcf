package upstream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// So many are under way at once and not one more; who waits gets in when there is
// room, or is told when its time is over. An answer counts until it is closed.
func TestTheBoundAtItsEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBound(says(200, 0, "x"), 2, 3*time.Second)
		ask := func() (*http.Response, error) { return b.RoundTrip(request("GET", "")) }
		one, err1 := ask()
		two, err2 := ask()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		began := time.Now()
		if _, err := ask(); !world.Is(err, world.CodeUnavailable) || time.Since(began) != 3*time.Second {
			t.Errorf("the third: %v after %v", err, time.Since(began))
		}
		began = time.Now()
		go func() { time.Sleep(3*time.Second - 1); one.Body.Close(); one.Body.Close() }() // twice is once
		three, err := ask()
		if err != nil || time.Since(began) != 3*time.Second-1 {
			t.Errorf("one that waits: %v after %v", err, time.Since(began))
		}
		if _, err := ask(); err == nil {
			t.Error("there are two under way again")
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancel() }()
		began = time.Now()
		if _, err := b.RoundTrip(request("GET", "").WithContext(ctx)); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("one that leaves: %v after %v", err, time.Since(began))
		}
		two.Body.Close()
		three.Body.Close()
		for range 2 {
			if res, err := ask(); err != nil {
				t.Error(err)
			} else {
				defer res.Body.Close()
			}
		}
		if len(b.slots) != 2 {
			t.Errorf("%d under way", len(b.slots))
		}
	})
}

// What fails, and what changes its protocol, makes room at once.
func TestWhatMakesRoomAtOnce(t *testing.T) {
	for name, next := range map[string]trip{
		"a failure": refuses,
		"an upgrade": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, Body: io.NopCloser(strings.NewReader(""))}, nil
		},
	} {
		b := NewBound(next, 1, time.Hour)
		for range 3 {
			_, _ = b.RoundTrip(request("GET", ""))
		}
		if len(b.slots) != 0 {
			t.Errorf("%s: %d under way", name, len(b.slots))
		}
	}
}
