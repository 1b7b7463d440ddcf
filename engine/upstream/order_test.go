package upstream

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// The order may change from request to request; who it does not name comes behind;
// a hop that failed just now comes last whatever it says.
func TestTheOrderMayChangeWhileThePoolRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		down := false
		a := func(r *http.Request) (*http.Response, error) {
			if down {
				return nil, errRefused
			}
			return says(200, 0, "a")(r)
		}
		p := newPool(t, func(c *Config) { c.Order = func(*http.Request) []string { return order } }, a, says(200, 0, "b"), says(200, 0, "c"))
		for i, c := range []struct {
			order  []string
			down   bool
			method string
			want   string
		}{
			{nil, false, "GET", "a"},
			{[]string{"b", "c", "a"}, false, "GET", "b"},
			{[]string{"c"}, false, "GET", "c"},
			{[]string{"c"}, false, "POST", "c"},
			{[]string{"nobody", "b"}, false, "GET", "b"},
			{[]string{"a", "c", "b"}, true, "GET", "c"},  // it fails, and the next answers
			{[]string{"a", "b", "c"}, false, "GET", "b"}, // it rests
			{[]string{"a", "b", "c"}, false, "POST", "b"},
		} {
			order, down = c.order, c.down
			if _, got, err := p.ask(request(c.method, "")); got != c.want || err != nil {
				t.Errorf("step %d: %q, %v; want %q", i, got, err, c.want)
			}
		}
		time.Sleep(DefaultRest)
		if _, got, _ := p.ask(request("GET", "")); got != "a" {
			t.Errorf("after its rest %q answers", got)
		}
	})
}
