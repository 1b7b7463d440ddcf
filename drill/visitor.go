package drill

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"meridian/drill/judge"
	"meridian/world"
)

// Bounds of a reader's patience.
const (
	giveUp   = 5 * time.Second // a request that is not answered by then has failed
	maxBody  = 8 << 20         // bytes read of an answer
	keepIdle = 60 * time.Second
)

// visitor is a client in a city, with connections of its own.
type visitor struct {
	target *Target
	dns    *resolvers
	class  judge.Class
	city   world.City
	market world.Market

	mu       sync.Mutex
	ways     map[string]*http.Transport // by PoP
	answer   []string
	resolved time.Time
	until    time.Time
	asking   sync.Mutex // one question to DNS at a time
}

func newVisitor(t *Target, dns *resolvers, class judge.Class, city world.City) *visitor {
	return &visitor{target: t, dns: dns, class: class, city: city, market: t.market(city), ways: map[string]*http.Transport{}}
}

// addresses are the PoPs to try, and when they were asked for.
func (v *visitor) addresses(ctx context.Context) ([]string, time.Time, error) {
	v.asking.Lock()
	defer v.asking.Unlock()
	v.mu.Lock()
	answer, resolved, until := v.answer, v.resolved, v.until
	v.mu.Unlock()
	if answer != nil && (v.class == judge.Pinned || time.Now().Before(until)) {
		return answer, resolved, nil
	}
	asked := time.Now()
	fresh, ttl, err := v.dns.resolve(ctx, v.city, v.market.Host)
	if err != nil || len(fresh) == 0 {
		// A stub that gets no answer fails; what it had is over.
		return nil, asked, errors.Join(errors.New("DNS gave no address"), err)
	}
	if v.class != judge.Browser {
		fresh = fresh[:1]
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answer, v.resolved, v.until = fresh, asked, asked.Add(ttl)
	return fresh, asked, nil
}

func (v *visitor) way(pop string) *http.Transport {
	v.mu.Lock()
	defer v.mu.Unlock()
	if t := v.ways[pop]; t != nil {
		return t
	}
	t := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return v.target.dial(ctx, v.city.ID, pop) },
		DisableCompression: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: keepIdle,
	}
	v.ways[pop] = t
	return t
}

// close ends the visitor's connections.
func (v *visitor) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, t := range v.ways {
		t.CloseIdleConnections()
	}
}

// reply is an answer, whole.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	pop      string
	resolved time.Time
}

// forget has it ask DNS for the next request; one that is pinned never does.
func (v *visitor) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.until = time.Time{}
}

// ask sends a request to the PoP that DNS names, by the manners of the visitor's
// class. make builds it anew for each try; safe says that a try without an answer
// may be followed by another elsewhere.
func (v *visitor) ask(ctx context.Context, safe bool, build func(context.Context) (*http.Request, error)) (reply, error) {
	pops, resolved, err := v.addresses(ctx)
	if err != nil {
		return reply{resolved: resolved}, err
	}
	if !safe || v.class != judge.Browser {
		pops = pops[:1]
	}
	var got reply
	for i, pop := range pops[:min(2, len(pops))] {
		got, err = v.once(ctx, pop, build)
		got.pop, got.resolved = pop, resolved
		if err == nil || got.status != 0 || ctx.Err() != nil {
			break
		}
		if i == 0 && len(pops) > 1 {
			v.prefer(pop, pops)
		}
	}
	return got, err
}

// prefer puts an address that no connection could be made to behind the others,
// for as long as the answer is kept.
func (v *visitor) prefer(bad string, of []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !slices.Equal(v.answer, of) {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(of), func(p string) bool { return p == bad })
	v.answer = append(rest, bad)
}

func (v *visitor) once(ctx context.Context, pop string, build func(context.Context) (*http.Request, error)) (reply, error) {
	r, err := build(ctx)
	if err != nil {
		return reply{}, err
	}
	res, err := v.way(pop).RoundTrip(r)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	got := reply{status: res.StatusCode, header: res.Header}
	got.body, err = io.ReadAll(io.LimitReader(res.Body, maxBody))
	return got, err
}

// url is a path at the visitor's shop.
func (v *visitor) url(path string) string { return "http://" + v.market.Host + v.target.Port + path }

// get reads a path.
func (v *visitor) get(ctx context.Context, path, accept string) (reply, error) {
	return v.ask(ctx, true, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url(path), nil)
		if err == nil {
			r.Header.Set("Accept", accept)
		}
		return r, err
	})
}

// why says in a few words why a request failed, so that like failures are counted
// together.
func why(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return "connection " + op.Op + " failed"
	}
	return err.Error()
}
