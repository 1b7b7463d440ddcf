package drill

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"meridian/app/localworld"
	"meridian/drill/judge"
	"meridian/engine/money"
	"meridian/world"
)

// history is what a product's price was, and when: what a reader may see of it.
type history struct {
	mu       sync.Mutex
	versions []priced
}

// priced is one price. It may be seen from the moment at which its change was
// asked for, and has been replaced once that of a later one is acknowledged.
type priced struct {
	text     string
	asked    time.Time
	replaced time.Time // zero: not yet, as far as anybody was told
}

// ask notes that a price is being set.
func (h *history) ask(text string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions = append(h.versions, priced{text: text, asked: at})
}

// acknowledge notes that the last price that was asked for holds.
func (h *history) acknowledge(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.versions[:len(h.versions)-1] {
		if h.versions[i].replaced.IsZero() {
			h.versions[i].replaced = at
		}
	}
}

// judge says whether a page that was asked for at due may show a price: stale
// when it was replaced more than bound before, unknown when it was never set.
func (h *history) judge(text string, due time.Time, bound time.Duration) (stale, unknown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	unknown, stale = true, true
	for _, v := range h.versions {
		if v.text != text {
			continue
		}
		unknown = false
		if v.replaced.IsZero() || !v.replaced.Before(due.Add(-bound)) {
			stale = false
		}
	}
	return stale && !unknown, unknown
}

// seller is a market's owner, who changes the price of one product now and then.
type seller struct {
	session  *session
	slug     string
	first    int64 // as it was found, and is left
	steps    int64
	password string
	history  *history
}

func newSeller(v *visitor, slug, password string) *seller {
	return &seller{session: newSession(v), slug: slug, password: password, history: &history{}}
}

func (s *seller) path() string { return "/owner/products/" + s.slug }

func (s *seller) text(minor int64) string {
	m := s.session.market
	return money.Amount{Minor: minor, Currency: m.Currency}.Format(m.Locales[0])
}

// open signs in and reads the price as it is.
func (s *seller) open(ctx context.Context) error {
	got, err := s.session.send(ctx, http.MethodPost, "/owner/sign-in", url.Values{"email": {localworld.OwnerEmail(s.session.market.ID)}, "password": {s.password}})
	if err != nil {
		return err
	}
	if got.status != http.StatusSeeOther {
		return fmt.Errorf("the owner was not let in: %d", got.status)
	}
	p, err := s.form(ctx)
	if err != nil {
		return err
	}
	form := money.PriceForm{Currency: s.session.market.Currency, Locale: s.session.market.Locales[0]}
	price, err := form.Parse(p.fields["price"])
	if err != nil {
		return err
	}
	s.first = price.Minor
	s.history.ask(s.text(s.first), time.Now())
	return nil
}

func (s *seller) form(ctx context.Context) (page, error) {
	got, err := s.session.send(ctx, http.MethodGet, s.path(), nil)
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("the owner's page: %d", got.status)
	}
	return readPage(got.body), err
}

// change sets the next price. One that got no answer may hold or not.
func (s *seller) change(ctx context.Context) (pop string, err error) {
	s.steps++
	return s.set(ctx, s.first+s.steps)
}

// restore sets the price that was found.
func (s *seller) restore(ctx context.Context) error {
	_, err := s.set(ctx, s.first)
	return err
}

func (s *seller) set(ctx context.Context, minor int64) (string, error) {
	p, err := s.form(ctx)
	if err != nil {
		return "", err
	}
	s.history.ask(s.text(minor), time.Now())
	price := money.Amount{Minor: minor, Currency: s.session.market.Currency}.Decimal()
	got, err := s.session.send(ctx, http.MethodPost, s.path(), url.Values{"version": {p.fields["version"]}, "price": {price}})
	if err == nil && got.status != http.StatusSeeOther {
		err = fmt.Errorf("the price was not saved: %d", got.status)
	}
	if err == nil {
		s.history.acknowledge(time.Now())
	}
	return got.pop, err
}

// run changes the price every so often until ctx ends.
func (s *seller) run(ctx context.Context, every time.Duration, j *judge.Judge) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case due := <-tick.C:
			within, cancel := context.WithTimeout(ctx, giveUp)
			pop, err := s.change(within)
			cancel()
			if ctx.Err() != nil {
				return
			}
			o := judge.Outcome{Due: due, Took: time.Since(due), Kind: judge.Price, Class: s.session.class, City: s.session.city.ID, PoP: pop, Failed: err != nil}
			if err != nil {
				o.Why = why(err)
			}
			j.Take(o)
		}
	}
}

// productOf finds a product to watch on a shop's front page, and all that are there.
func productsOf(ctx context.Context, v *visitor) (slugs, pictures []string, err error) {
	got, err := v.get(ctx, "/", "text/html")
	if err != nil {
		return nil, nil, err
	}
	p := readPage(got.body)
	for _, to := range p.links {
		if _, slug, ok := strings.Cut(to, "/p/"); ok && world.ValidName(slug) {
			slugs = append(slugs, slug)
		}
	}
	for _, src := range p.images {
		if strings.HasPrefix(src, "/img/") {
			pictures = append(pictures, src)
		}
	}
	if got.status != http.StatusOK || len(slugs) == 0 || len(pictures) == 0 {
		return nil, nil, errors.Join(fmt.Errorf("the front page of %s shows %d products and %d pictures (status %d)", v.market.Host, len(slugs), len(pictures), got.status))
	}
	return slugs, pictures, nil
}
