package load

import (
	"net/http"
	"strconv"
	"strings"

	"meridian/world"
)

// Teller tells monitors the load of one target.
type Teller struct {
	Meter  *Meter
	Target string     // as monitors name it: "pop/fra"
	Key    string     // what a monitor has to prove that it knows; "": everybody who asks is told
	Also   func() int // another load of the same target, in percent: the higher one is told; nil: there is none
}

// Handler counts what next is asked, but for what roles ask one another, which
// lasts as long as they like; and adds the load to answers to a monitor's probe of
// the target ([world.HeaderProbe]). What somebody behind it tells of another target
// goes through.
func (t Teller) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.asked(r) {
			w = &telling{ResponseWriter: w, load: t.load}
		}
		if !strings.HasPrefix(r.URL.Path, world.InternalPrefix) {
			t.Meter.Begin()
			defer t.Meter.End()
		}
		next.ServeHTTP(w, r)
	})
}

func (t Teller) asked(r *http.Request) bool {
	if r.Header.Get(world.HeaderProbe) != t.Target {
		return false
	}
	return t.Key == "" || world.ProvesProbe(r.Header.Get("Authorization"), t.Key, t.Target)
}

func (t Teller) load() int {
	percent := t.Meter.Percent()
	if t.Also != nil {
		percent = max(percent, t.Also())
	}
	return min(percent, world.MaxLoad)
}

// telling adds the load to the head of an answer.
type telling struct {
	http.ResponseWriter
	load  func() int
	begun bool
}

// WriteHeader adds it in place of what anybody else has said.
func (t *telling) WriteHeader(status int) {
	if status >= 200 && !t.begun {
		t.begun = true
		t.Header().Set(world.HeaderLoad, strconv.Itoa(t.load()))
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write begins the answer where nobody has.
func (t *telling) Write(b []byte) (int, error) {
	if !t.begun {
		t.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (t *telling) Unwrap() http.ResponseWriter { return t.ResponseWriter }
