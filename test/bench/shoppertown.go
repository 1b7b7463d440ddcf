package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"meridian/app/localworld"
	"meridian/platform/netaddr"
	"meridian/test/worldtest"
	"meridian/world"
)

// What is asked, as it is counted.
const (
	readList     = "list"
	readCategory = "category"
	readProduct  = "product"
	readSearch   = "search"

	stepCart  = "cart"
	stepForm  = "form"
	stepQuote = "quote"
	stepOrder = "order"

	plainCart  = "cart by 303"  // as a browser has them that runs no script:
	plainOrder = "order by 303" // the form, then the page that it leads to

	wholeCheckout = "checkout" // all its steps together
)

var (
	readings = []string{readList, readCategory, readProduct, readSearch}
	steps    = []string{stepCart, stepForm, stepQuote, stepOrder}
	plain    = []string{plainCart, plainOrder}
)

// town is a city with its customers, and what they have waited for.
type town struct {
	city          world.City
	continent     string
	market        world.Market
	own           bool // the market is their own
	toPoP, toHome time.Duration
	base          string
	way           *http.Transport

	categories, products, sold, words []string

	mu       sync.Mutex
	ms       map[string][]float64 // by kind
	failures map[string]int
}

// newTown looks around in the shop where a city's customers buy.
func newTown(plan *world.World, run localworld.Run, city world.City) (*town, error) {
	t := &town{city: city, ms: map[string][]float64{}, failures: map[string]int{}}
	t.continent = continentOf(plan, city)
	t.chooseMarket(plan)
	pop, access := plan.PoPs[0].ID, time.Duration(city.AccessMS*float64(time.Millisecond))
	t.toPoP = time.Hour
	for _, p := range plan.PoPs {
		if d, ok := plan.RoundTrip(city.Site, p.Site); ok && d < t.toPoP {
			pop, t.toPoP = p.ID, d
		}
	}
	for _, p := range plan.PoPs {
		for _, r := range plan.Regions {
			if p.ID == pop && r.ID == t.market.HomeRegion {
				between, _ := plan.RoundTrip(p.Site, r.Site)
				t.toPoP += access
				t.toHome = t.toPoP + between
			}
		}
	}
	t.base = fmt.Sprintf("http://%s:%d", t.market.Host, run.Port)
	t.way = &http.Transport{
		MaxIdleConnsPerHost: shoppersMost, DisableCompression: true, IdleConnTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return netaddr.Dial(ctx, run.LastMile(city.ID, pop))
		},
	}
	return t, t.lookAround()
}

// chooseMarket has a city's customers buy in the shop whose city is nearest by round
// trip. That is their own where both cities lie on one continent.
func (t *town) chooseMarket(plan *world.World) {
	least := time.Hour
	for _, m := range plan.Markets {
		for _, c := range plan.Cities {
			if c.ID != m.City {
				continue
			}
			d, ok := plan.RoundTrip(c.Site, t.city.Site)
			if ok && d < least {
				t.market, least = m, d
				t.own = t.continent == continentOf(plan, c)
			}
		}
	}
}

func continentOf(plan *world.World, c world.City) string {
	for _, s := range plan.Sites {
		if s.ID == c.Site {
			return s.Continent
		}
	}
	return ""
}

// lookAround finds what the shop has to read, and products that can be bought as
// they are: some take a photo.
func (t *town) lookAround() error {
	c := worldtest.NewClient(t.market, t.base, t.way)
	p, err := c.ReadPage("/")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, a := range p.Find("a") {
		to := worldtest.Attr(a, "href")
		u, err := url.Parse(to)
		if err != nil || u.Host != "" || seen[u.Path] {
			continue
		}
		seen[u.Path] = true
		switch {
		case strings.HasPrefix(u.Path, world.CategoryPrefix):
			t.categories = append(t.categories, u.Path)
		case strings.HasPrefix(u.Path, "/p/"):
			t.products = append(t.products, u.Path)
		}
	}
	for _, name := range p.Texts("h3") {
		if word, _, _ := strings.Cut(name, " "); word != "" {
			t.words = append(t.words, word)
		}
	}
	for _, path := range t.products {
		buyer := worldtest.NewClient(t.market, t.base, t.way)
		p, err := buyer.ReadPage(path)
		if err != nil {
			return err
		}
		slug := p.Value("slug")
		if slug == "" || buyer.Add(slug, 1) != nil {
			continue
		}
		if _, _, err := buyer.ReadForm(worldtest.Address(t.market, "Shopper", "shopper@example.org")); err == nil {
			t.sold = append(t.sold, slug)
		}
	}
	if len(t.categories) == 0 || len(t.products) == 0 || len(t.sold) == 0 || len(t.words) == 0 {
		return fmt.Errorf("the shop %s shows %d categories, %d products, %d that can be bought, %d names", t.market.Host, len(t.categories), len(t.products), len(t.sold), len(t.words))
	}
	return nil
}

// forget begins the count anew.
func (t *town) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ms, t.failures = map[string][]float64{}, map[string]int{}
}

func (t *town) fail(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures[why]++
}

func (t *town) took(kind string, d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ms[kind] = append(t.ms[kind], d.Seconds()*1000)
}

func one(random *rand.Rand, of []string) string { return of[random.IntN(len(of))] }

// browse reads a page: of sixteen, eight products, four times the front page, three
// categories, and one search.
func (t *town) browse(random *rand.Rand) {
	kind, path := readProduct, one(random, t.products)
	switch n := random.IntN(16); {
	case n < 4:
		kind, path = readList, "/"
	case n < 7:
		kind, path = readCategory, one(random, t.categories)
	case n < 8:
		kind, path = readSearch, world.SearchPath+"?"+url.Values{world.QuerySearch: {one(random, t.words)}}.Encode()
	}
	watch := &timed{way: t.way}
	if _, err := readPage(worldtest.NewClient(t.market, t.base, watch), path); err != nil {
		t.fail(err.Error())
		return
	}
	t.took(kind, watch.total())
}

// buy is a checkout, paid for on collection: how long a bank takes is not the shop's.
// Every other browser runs the pages' script, which has a form answered with the
// page; the others follow the redirect to it.
func (t *town) buy(random *rand.Rand) {
	watch := &timed{way: t.way}
	c := worldtest.NewClient(t.market, t.base, watch)
	cart, order, scripted := plainCart, plainOrder, random.IntN(2) == 0
	if scripted {
		cart, order = stepCart, stepOrder
	}
	err := t.step(watch, cart, func() error {
		return sendForm(c, "/cart", url.Values{"action": {"add"}, "slug": {one(random, t.sold)}, "quantity": {"1"}}, "/cart", scripted)
	})
	if err == nil {
		err = t.buyCart(c, watch, order, scripted, random)
	}
	if err != nil {
		t.fail(err.Error())
		return
	}
	if scripted {
		t.took(wholeCheckout, watch.total())
	}
}

// buyCart orders what is in the cart.
func (t *town) buyCart(c *worldtest.Client, watch *timed, order string, scripted bool, random *rand.Rand) error {
	before := len(watch.spans)
	form, _, err := c.ReadForm(worldtest.Address(t.market, "Shopper", fmt.Sprintf("shopper%d@example.org", random.Int64())))
	if err != nil {
		return err
	}
	for i, d := range watch.spans[before:] {
		t.took([]string{stepForm, stepQuote}[min(i, 1)], d)
	}
	return t.step(watch, order, func() error { return sendForm(c, "/checkout", form, "/orders/", scripted) })
}

// step does something that a customer waits for, redirects included.
func (t *town) step(watch *timed, kind string, do func() error) error {
	before := watch.total()
	err := do()
	if err == nil {
		t.took(kind, watch.total()-before)
	}
	return err
}

// sendForm sends a form and reads the page that it leads to, whose address begins
// with to: as the answer, where the script asks for that, else by its redirect.
func sendForm(c *worldtest.Client, path string, form url.Values, to string, scripted bool) error {
	status, field := http.StatusSeeOther, "Location"
	if scripted {
		form.Set("answer", "page")
		status, field = http.StatusOK, "Content-Location"
	}
	a, err := c.PostForm(path, form)
	if err != nil {
		return err
	}
	at := a.Header.Get(field)
	if a.Status != status || !strings.HasPrefix(at, to) {
		return fmt.Errorf("POST %s: %d at %q", path, a.Status, at)
	}
	if !scripted {
		_, err = c.ReadPage(at)
	}
	return err
}

// timed keeps how long each request of one visitor took, one after the other: from
// when it had a connection, which is when it was sent, to the last byte of the
// answer. What it takes to connect is left out.
type timed struct {
	way   http.RoundTripper
	spans []time.Duration
}

func (w *timed) total() (sum time.Duration) {
	for _, d := range w.spans {
		sum += d
	}
	return sum
}

// RoundTrip is as [http.RoundTripper] has it.
func (w *timed) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	var connected atomic.Int64
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(int64(time.Since(began))) }}
	res, err := w.way.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if err != nil {
		return nil, err
	}
	res.Body = &ending{ReadCloser: res.Body, done: func() {
		w.spans = append(w.spans, time.Since(began)-time.Duration(connected.Load()))
	}}
	return res, nil
}

// ending calls done once, at the end of a content or when it is given up.
type ending struct {
	io.ReadCloser
	once sync.Once
	done func()
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil {
		e.once.Do(e.done)
	}
	return n, err
}

func (e *ending) Close() error {
	e.once.Do(e.done)
	return e.ReadCloser.Close()
}
