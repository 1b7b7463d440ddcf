package drill

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"meridian/drill/judge"
	"meridian/engine/pause"
	"meridian/world"
)

// Patience of those who change something: they send the same again.
const (
	insist      = 20 * time.Second
	insistEvery = 700 * time.Millisecond
)

// ledger is what was acknowledged, and has to be there at the end.
type ledger struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	what  string // "order" or "upload"
	where string // the path that shows it
	by    *session
}

func (l *ledger) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

// Acknowledged is how many orders and uploads the system said it had, and those
// that are not there.
type Acknowledged struct {
	Orders  int      `json:"orders"`
	Uploads int      `json:"uploads"`
	Lost    []string `json:"lost"`
	Unseen  bool     `json:"unseen,omitempty"` // nobody looked them up: the drill was interrupted
}

// unseen is how many there are.
func (l *ledger) unseen() Acknowledged {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := Acknowledged{Lost: []string{}, Unseen: true}
	for _, e := range l.entries {
		if e.what == "order" {
			a.Orders++
		} else {
			a.Uploads++
		}
	}
	return a
}

// check looks everything up. What does not answer is asked again for a while: that
// a system is slow to recover is another figure's.
func (l *ledger) check(ctx context.Context) Acknowledged {
	a := l.unseen()
	a.Unseen = false
	l.mu.Lock()
	defer l.mu.Unlock()
	var mu sync.Mutex
	var all sync.WaitGroup
	seats := make(chan struct{}, 8)
	for _, e := range l.entries {
		all.Go(func() {
			seats <- struct{}{}
			defer func() { <-seats }()
			if !e.there(ctx) {
				mu.Lock()
				a.Lost = append(a.Lost, e.what+" "+e.where)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return a
}

func (e entry) there(ctx context.Context) bool {
	ok := false
	again(ctx, func(ctx context.Context) (done bool) {
		got, err := e.by.send(ctx, http.MethodGet, e.where, nil)
		ok = err == nil && got.status == http.StatusOK
		return ok
	})
	return ok
}

// again does something until it says that it is done, for as long as people
// insist; each try has giveUp.
func again(ctx context.Context, try func(context.Context) (done bool)) {
	ctx, cancel := context.WithTimeout(ctx, insist)
	defer cancel()
	for {
		within, done := context.WithTimeout(ctx, giveUp)
		well := try(within)
		done()
		if well || !pause.For(ctx, insistEvery) {
			return
		}
	}
}

// errRefused is an order or upload that was answered with a clear no.
var errRefused = errors.New("refused")

// buy orders one of a product. The form is sent again, with the key that it was
// made with, until it is answered.
func buy(ctx context.Context, v *visitor, slug string, l *ledger) (pop string, err error) {
	s := newSession(v)
	err = errors.New("no answer in time")
	var form url.Values
	again(ctx, func(ctx context.Context) bool {
		if form == nil {
			if form, err = s.fill(ctx, slug); err != nil {
				return errors.Is(err, errRefused)
			}
		}
		var got reply
		if got, err = s.send(ctx, http.MethodPost, "/checkout", form); err != nil {
			return false
		}
		pop = got.pop
		to := got.header.Get("Location")
		switch {
		case got.status == http.StatusSeeOther && strings.Contains(to, "/orders/"):
			if u, parseErr := url.Parse(to); parseErr == nil {
				to = u.Path
			}
			l.add(entry{"order", to, s})
		case got.status >= 500:
			err = fmt.Errorf("the checkout answers %d", got.status)
			return false
		default:
			err = fmt.Errorf("%w: the checkout answers %d", errRefused, got.status)
		}
		return true
	})
	return pop, err
}

// fill puts the product into the cart and fills the checkout's form in.
func (s *session) fill(ctx context.Context, slug string) (url.Values, error) {
	got, err := s.send(ctx, http.MethodPost, "/cart", url.Values{"action": {"add"}, "slug": {slug}, "quantity": {"1"}})
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusSeeOther {
		return nil, fmt.Errorf("the cart answers %d", got.status)
	}
	if got, err = s.send(ctx, http.MethodGet, "/checkout", nil); err != nil {
		return nil, err
	}
	form := address(s.market)
	for range 3 {
		if got.status >= 500 {
			return nil, fmt.Errorf("the checkout answers %d", got.status)
		}
		p := readPage(got.body)
		form.Set("key", p.fields["key"])
		form.Set("quoted", p.fields["quoted"])
		form.Set("step", "review")
		if _, ready := p.buttons["step=place"]; ready {
			form.Set("step", "place")
			return form, nil
		}
		if got, err = s.send(ctx, http.MethodPost, "/checkout", form); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: the checkout does not offer to order (%d)", errRefused, got.status)
}

// address is a contact that the market delivers to.
func address(m world.Market) url.Values {
	v := url.Values{"name": {"Drill"}, "email": {"drill@example.org"}, "line1": {"12 Baker Street"}, "city": {"Springfield"}, "postal_code": {m.Postal.Example}}
	if m.Postal.States {
		v.Set("state", cmp.Or(m.Delivery[0].State(), "Somewhere"))
	}
	return v
}

// put uploads a picture that nobody has, again until it is answered.
func put(ctx context.Context, v *visitor, token string, number uint64, l *ledger) (pop string, err error) {
	data, err := drawing(number)
	if err != nil {
		return "", err
	}
	s := newSession(v)
	path := fmt.Sprintf("/media/%s?name=drill-%d.png", v.target.World.App, number)
	err = errors.New("no answer in time")
	again(ctx, func(ctx context.Context) bool {
		var got reply
		got, err = v.ask(ctx, false, func(ctx context.Context) (*http.Request, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodPut, v.url(path), bytes.NewReader(data))
			if err == nil {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			return r, err
		})
		if err != nil {
			return false
		}
		pop = got.pop
		switch {
		case got.status == http.StatusCreated || got.status == http.StatusOK:
			l.add(entry{"upload", got.header.Get("Location"), s})
		case got.status == http.StatusInsufficientStorage:
			err = fmt.Errorf("%w: the store is full (507)", errRefused)
		case got.status >= 500:
			err = fmt.Errorf("the upload is answered with %d", got.status)
			return false
		default:
			err = fmt.Errorf("%w: the upload is answered with %d", errRefused, got.status)
		}
		return true
	})
	return pop, err
}

// drawing is a small picture that is another for each number.
func drawing(number uint64) ([]byte, error) {
	m := image.NewRGBA(image.Rect(0, 0, 32, 24))
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], number)
	for x := range 32 {
		for y := range 24 {
			m.Set(x, y, color.RGBA{b[x%8], b[(x+y)%8], uint8(x * y), 255})
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, m)
	return out.Bytes(), err
}

// changed is the outcome of an order or an upload. A clear no is no failure of the
// system's to answer; it is counted apart.
func changed(k judge.Kind, v *visitor, due time.Time, pop string, err error) judge.Outcome {
	o := judge.Outcome{Due: due, Took: time.Since(due), Kind: k, Class: v.class, City: v.city.ID, PoP: pop}
	if err != nil {
		o.Failed, o.Why = true, why(err)
	}
	return o
}
