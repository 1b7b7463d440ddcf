package httpcache

import (
	"net/http"
	"testing"
	"time"
)

func TestA304WithAnotherLastModified(t *testing.T) { // RFC 9111 §4.3.4
	const lm = "Last-Modified: Sun, 01 Jun 2025 10:00:00 GMT"
	for field, want := range map[string]bool{
		"X: 1": true, lm: true, "Last-Modified: Sunday, 01-Jun-25 10:00:00 GMT": true,
		"Last-Modified: Sun, 01 Jun 2025 11:00:00 GMT": false, "Last-Modified: lately": false,
	} {
		g := newRig(t, nil)
		g.origin.set(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-Modified-Since") != "" {
				return answer(304, "", field), nil
			}
			return answer(200, "cake", "Cache-Control: max-age=10", lm), nil
		})
		g.get("/a")
		g.pass(20 * time.Second)
		g.get("/a")
		if valid := g.origin.reads() == 2; valid != want {
			t.Errorf("a 304 with %q was used: %v, want %v", field, valid, want)
		}
	}
}

func TestA304WithAnEntityTag(t *testing.T) { // RFC 9111 §4.3.4
	for _, tc := range []struct {
		stored, sent string
		want         bool
	}{
		{`"v1"`, `"v1"`, true},
		{`"v1"`, `"v2"`, false},
		{`W/"v1"`, `W/"v1"`, true},
		{`"v1"`, `W/"v1"`, true},  // weak: compared weakly
		{`W/"v1"`, `"v1"`, false}, // strong: what is stored is not known to be that
		{`"v1"`, `v1`, false},
		{"", `"v1"`, false},
		{`"v1"`, "", true},
	} {
		from := http.Header{"Etag": {tc.sent}}
		if got := stillValid(&head{etag: tc.stored}, from, epoch); got != tc.want {
			t.Errorf("stored %s, 304 with %s: %v, want %v", tc.stored, tc.sent, got, tc.want)
		}
	}
}

func TestIfRangeHasOneValidator(t *testing.T) { // RFC 9110 §13.1.5
	h := &head{etag: `"v1"`}
	if !ifRangeHolds([]string{`"v1"`}, h) || ifRangeHolds([]string{`"v1"`, `"v1"`}, h) {
		t.Error("two lines are not one")
	}
}
