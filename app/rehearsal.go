package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"meridian/platform/httpserver"
	"meridian/platform/telemetry"
	"meridian/world"
)

// Trouble is what a rehearsal does to the roles at one place from within. The
// zero value is none.
type Trouble struct {
	// SkewMS is how far the roles' clock is ahead of the machine's, in
	// milliseconds, below 0 behind. Intervals that span its change count it in, as
	// they do where a clock is stepped; databases go by the machine's clock.
	SkewMS float64 `json:"skew_ms"`
	// Full has the object stores take nothing more, as a full disk does.
	Full bool `json:"full"`
	// Frozen has the monitor's feed hang: its connections stay, nothing comes.
	Frozen bool `json:"frozen"`
	// Isolated has the monitor hear nobody and be heard by nobody: what it asks
	// hangs, and so does its feed.
	Isolated bool `json:"isolated"`
	// NoUDP has the name servers drop what comes over UDP.
	NoUDP bool `json:"no_udp"`
}

// MaxSkew is the most that a rehearsal sets a clock wrong.
const MaxSkew = 24 * time.Hour

// Rehearsal is the troubles of a process, by place. Roles look at it as they go.
type Rehearsal struct {
	mu     sync.Mutex
	places map[string]*trouble
}

// trouble is a place's own, that roles hold.
type trouble struct{ now atomic.Pointer[Trouble] }

// NewRehearsal is one without troubles.
func NewRehearsal() *Rehearsal { return &Rehearsal{places: map[string]*trouble{}} }

// Set gives a place a trouble in place of the one it had.
func (r *Rehearsal) Set(place string, t Trouble) { r.at(place).now.Store(&t) }

func (r *Rehearsal) at(place string) *trouble {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places[place] == nil {
		r.places[place] = new(trouble)
	}
	return r.places[place]
}

// is the trouble of now; none where nothing is rehearsed.
func (t *trouble) is() Trouble {
	if t == nil {
		return Trouble{}
	}
	if now := t.now.Load(); now != nil {
		return *now
	}
	return Trouble{}
}

// now is the clock that the roles of a machine are handed.
func (m *machine) now() time.Time {
	t := now()
	if skew := m.trouble.is().SkewMS; skew != 0 {
		t = t.Add(time.Duration(skew * float64(time.Millisecond)))
	}
	return t
}

// full is the error of a store that takes nothing more, where that is rehearsed.
func (t *trouble) full(op string) error {
	if !t.is().Full {
		return nil
	}
	return world.Because(world.CodeFull, op, "The object store is full; nothing was stored. Make room, then try again.", syscall.ENOSPC)
}

// rehearse puts PUT /rehearsal before a handler, where troubles are rehearsed.
func (p *Process) rehearse(place string) func(http.Handler) http.Handler {
	if p.Rehearsal == nil {
		return nil
	}
	return func(next http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("PUT /rehearsal", p.Rehearsal.handler(place, p.Root))
		mux.Handle("/", next)
		return mux
	}
}

// handler sets the trouble of one place: PUT /rehearsal with a [Trouble].
func (r *Rehearsal) handler(place string, root *telemetry.Root) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		t, err := ReadTrouble(http.MaxBytesReader(w, req.Body, maxTrouble))
		if err != nil {
			httpserver.WriteError(w, req, root.Log, err)
			return
		}
		r.Set(place, t)
		w.WriteHeader(http.StatusNoContent)
	})
}

const maxTrouble = 4 << 10 // bytes of a Trouble

// ReadTrouble reads one in JSON; what it does not name is none. CodeInvalid for
// anything else.
func ReadTrouble(body io.Reader) (Trouble, error) {
	var t Trouble
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return Trouble{}, world.Because(world.CodeInvalid, "rehearsal", "Send a JSON object with skew_ms, full, frozen, isolated, no_udp.", err)
	}
	if most := float64(MaxSkew.Milliseconds()); t.SkewMS < -most || t.SkewMS > most {
		return Trouble{}, world.E(world.CodeInvalid, "rehearsal", fmt.Sprintf("skew_ms must be between -%.0f and %.0f.", most, most))
	}
	return t, nil
}
