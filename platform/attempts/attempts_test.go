package attempts

import (
	"net/http"
	"testing"
	"time"

	"meridian/world"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestTriesArePacedByKey(t *testing.T) {
	c := New(2, 10)
	for i, want := range []time.Duration{0, 0, 30 * time.Second, 30 * time.Second} {
		if _, wait := c.Try("a", noon); wait != want {
			t.Errorf("try %d waits %v, want %v", i, wait, want)
		}
	}
	if _, wait := c.Try("b", noon); wait != 0 {
		t.Error("another's tries count")
	}
	if _, wait := c.Try("a", noon.Add(30*time.Second)); wait != 0 {
		t.Errorf("after the wait: %v more", wait)
	}
}

func TestCount(t *testing.T) {
	c := New(2, 10)
	for _, want := range []struct {
		limit, retry string
		code         world.Code
	}{{`"network";r=1;t=30`, "", ""}, {`"network";r=0;t=60`, "", ""}, {`"network";r=0;t=60`, "30", world.CodeBusy}} {
		h := http.Header{}
		err := c.Count(h, "network", "a", noon)
		if got := h.Get("RateLimit"); got != want.limit || h.Get("RateLimit-Policy") != `"network";q=2;w=60` || h.Get("Retry-After") != want.retry || world.CodeOf(err) != want.code {
			t.Errorf("%v, %v; want %+v", h, err, want)
		}
	}
}

func TestForgivenTriesDoNotCount(t *testing.T) {
	c := New(2, 10)
	for range 50 {
		forgive, wait := c.Try("a", noon)
		if wait != 0 {
			t.Fatalf("a good try must wait %v", wait)
		}
		forgive()
	}
}

func TestTheQuietAreForgotten(t *testing.T) {
	c := New(2, 2)
	for _, key := range []string{"a", "b"} {
		if _, wait := c.Try(key, noon); wait != 0 {
			t.Errorf("%s must wait", key)
		}
	}
	if _, wait := c.Try("c", noon); wait == 0 || len(c.seen) != 2 {
		t.Errorf("past the most that are counted one came in; %d are counted", len(c.seen))
	}
	if _, wait := c.Try("c", noon.Add(time.Minute)); wait != 0 || len(c.seen) != 1 {
		t.Errorf("the quiet were not forgotten: %d are counted", len(c.seen))
	}
}
