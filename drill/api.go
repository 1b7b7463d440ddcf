package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/app/localworld"
	"meridian/engine/pause"
	"meridian/platform/httpserver"
	"meridian/world"
)

// Times of faults.
const (
	faultTTL   = 15 * time.Second // a fault outlives a drill that was killed by no more
	renewEvery = 5 * time.Second
	apiLimit   = 100 * time.Second // longest wait for a fault to begin or heal: databases start
	maxAnswer  = 4 << 20           // bytes read of an answer of the API
)

// Fault is something that goes wrong, as the world's API takes it.
type Fault struct {
	ID         string  `json:"id,omitempty"`
	Kind       string  `json:"kind"`
	Target     string  `json:"target"`
	Mode       string  `json:"mode,omitempty"`
	DelayMS    float64 `json:"delay_ms,omitempty"`
	Loss       float64 `json:"loss,omitempty"`
	SkewMS     float64 `json:"skew_ms,omitempty"`
	TTLSeconds float64 `json:"ttl_s,omitempty"`
}

// Text says it in a few words.
func (f Fault) Text() string {
	s := f.Kind + " " + f.Target
	if f.Mode != "" {
		s += " (" + f.Mode + ")"
	}
	if f.DelayMS != 0 {
		s += fmt.Sprintf(" +%.0f ms", f.DelayMS)
	}
	if f.Loss != 0 {
		s += fmt.Sprintf(", %.3g %% lost", f.Loss*100)
	}
	if f.SkewMS != 0 {
		s += fmt.Sprintf(" by %v", time.Duration(f.SkewMS)*time.Millisecond)
	}
	return s
}

// Kind is a fault that the world offers.
type Kind struct {
	Kind  string `json:"kind"`
	Lacks string `json:"lacks"` // why it is not offered; "" where it is
}

// Part is a part of the world that can be killed.
type Part struct {
	Name, Kind, Role, Place, State string
	StandbyOf                      string `json:"standby_of"`
}

// API is the world's own, under localhost for the local one.
type API struct {
	base string
	http *http.Client
}

// NewAPI is the API at a URL. Names under localhost are this machine.
func NewAPI(base string) (*API, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, world.E(world.CodeInvalid, "drill.api", fmt.Sprintf("--url %.200q is no URL: write it as http://localhost:8080/.", base))
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	if host := u.Hostname(); host == "localhost" || strings.HasSuffix(host, ".localhost") {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		}
	}
	return &API{base: strings.TrimSuffix(base, "/"), http: &http.Client{Transport: t, Timeout: apiLimit}}, nil
}

// do asks the API and reads its JSON into answer, which may be nil.
func (a *API) do(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return world.Wrap("drill.api", err)
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, content)
	if err != nil {
		return world.Wrap("drill.api", err)
	}
	res, err := a.http.Do(r)
	if err != nil {
		return world.Because(world.CodeUnavailable, "drill.api", "The world's API at "+a.base+" does not answer: start a world with `meridian up`, or name another with --dir or --url.", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return world.Wrap("drill.api", err)
	}
	if res.StatusCode >= 400 {
		return world.Wrap("drill.api "+path, httpserver.ReadProblem(res.StatusCode, text))
	}
	if answer == nil {
		return nil
	}
	return world.Wrap("drill.api "+path, json.Unmarshal(text, answer))
}

// Kinds are the faults that the world offers, by name.
func (a *API) Kinds(ctx context.Context) (map[string]Kind, error) {
	var got struct{ Kinds []Kind }
	if err := a.do(ctx, http.MethodGet, "/faults", nil, &got); err != nil {
		return nil, err
	}
	out := map[string]Kind{}
	for _, k := range got.Kinds {
		out[k.Kind] = k
	}
	return out, nil
}

// Parts are what can be killed.
func (a *API) Parts(ctx context.Context) ([]Part, error) {
	var got struct{ Parts []Part }
	return got.Parts, a.do(ctx, http.MethodGet, "/parts", nil, &got)
}

// Databases are the world's database clusters, and who of each is the primary.
func (a *API) Databases(ctx context.Context) ([]localworld.Database, error) {
	var got struct{ Databases []localworld.Database }
	return got.Databases, a.do(ctx, http.MethodGet, "/databases", nil, &got)
}

// Restock fills the shops' stock up, where the world offers it.
func (a *API) Restock(ctx context.Context) error {
	return a.do(ctx, http.MethodPost, "/restock", nil, nil)
}

// held is a fault that a drill keeps going.
type held struct {
	api  *API
	ids  []string
	stop context.CancelFunc
	done sync.WaitGroup
}

// inject begins faults, side by side, and renews them until they are healed. When
// one cannot begin, those that have are healed. Who is interrupted meanwhile knows
// all the same what has begun: ctx ends nothing here.
func (a *API) inject(ctx context.Context, faults []Fault) (*held, error) {
	h := &held{api: a}
	ctx = context.WithoutCancel(ctx)
	ids, errs := make([]string, len(faults)), make([]error, len(faults))
	var all sync.WaitGroup
	for i, f := range faults {
		all.Go(func() {
			f.TTLSeconds = faultTTL.Seconds()
			var got Fault
			errs[i] = a.do(ctx, http.MethodPost, "/faults", f, &got)
			ids[i] = got.ID
		})
	}
	all.Wait()
	var first error
	for i, id := range ids {
		if errs[i] == nil {
			h.ids = append(h.ids, id)
		} else if first == nil {
			first = errs[i]
		}
	}
	renewing, stop := context.WithCancel(ctx)
	h.stop = stop
	h.done.Go(func() { h.renew(renewing) })
	if first != nil {
		_ = h.heal(ctx) // what does not heal now does when its time is over
		return nil, first
	}
	return h, nil
}

func (h *held) renew(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, id := range h.ids {
			// One that cannot be renewed heals by itself, and the drill shows it.
			_ = h.api.do(ctx, http.MethodPost, "/faults/"+id+"/renew", map[string]float64{"ttl_s": faultTTL.Seconds()}, nil)
		}
	}
}

// How often the heal of a fault is tried, and how soon again.
const (
	healTries = 3
	healAgain = time.Second
)

// heal ends the faults, the last first; ctx may have ended. What does not heal is
// tried again, and by the world itself when its time is over.
func (h *held) heal(ctx context.Context) error {
	h.stop()
	h.done.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiLimit)
	defer cancel()
	var first error
	for _, id := range slices.Backward(h.ids) {
		if err := h.healOne(ctx, id); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (h *held) healOne(ctx context.Context, id string) error {
	for tries := 1; ; tries++ {
		err := h.api.do(ctx, http.MethodDelete, "/faults/"+id, nil, nil)
		if err == nil || world.Is(err, world.CodeNotFound) {
			return nil
		}
		if tries == healTries || !pause.For(ctx, healAgain) {
			return err
		}
	}
}
