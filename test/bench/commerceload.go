package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// commerceHands are how many visitors ask at once, each after its answer again.
const commerceHands = 8

// paysCard is the provider's card that pays at once.
const paysCard = "4242424242424242"

// operation is what one visitor does once.
type operation struct {
	name string
	flat bool // it must not grow with the catalog
	do   func(v *customer) error
}

// operations are what is measured. A list goes on page by page, so that those
// behind the first are measured too.
var operations = []operation{
	{"list", true, (*customer).list},
	{"category", false, (*customer).category},
	{"product", true, (*customer).product},
	{"search", false, (*customer).search},
	{"checkout, on collection", false, func(v *customer) error { return v.checkout("on_collection") }},
	{"checkout, by card", false, func(v *customer) error { return v.checkout("card") }},
}

// stall is a shop of a size.
type stall struct {
	name     string
	products int // of each market
	markets  []world.Market
	way      *http.Transport
}

// newStall is reached at two addresses: by the shops' names, and by the provider's.
func newStall(name string, products int, markets []world.Market, shop, pay string) *stall {
	return &stall{name: name, products: products, markets: markets, way: &http.Transport{
		MaxIdleConnsPerHost: 4 * commerceHands, DisableCompression: true,
		DialContext: func(ctx context.Context, network, host string) (net.Conn, error) {
			at := shop
			if strings.HasPrefix(host, payHost) {
				at = pay
			}
			return new(net.Dialer).DialContext(ctx, network, at)
		},
	}}
}

// customer is one visitor after the other, who go to the markets by turns.
type customer struct {
	stall  *stall
	random *rand.Rand
	turn   int
	next   map[string]string // by market: where its list goes on
}

func (v *customer) visitor() *worldtest.Client {
	m := v.stall.markets[v.turn%len(v.stall.markets)]
	v.turn++
	return worldtest.NewClient(m, "http://"+m.Host, v.stall.way)
}

func (v *customer) slug() string { return fmt.Sprintf("p%d", 1+v.random.IntN(v.stall.products)) }

// readPage reads a page whole, as a cache between would.
func readPage(c *worldtest.Client, path string) (worldtest.Answer, error) {
	a, err := c.Do(http.MethodGet, path, nil, "Accept", "text/html")
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("GET %s: %d", c.URL(path), a.Status)
	}
	return a, err
}

// maxPages is how far a visitor reads on in a list.
const maxPages = 30

// list reads the front page, then the page after it, and so on.
func (v *customer) list() error {
	c := v.visitor()
	path := v.next[c.Market.ID]
	if path == "" {
		path = "/"
	}
	a, err := readPage(c, path)
	if err != nil {
		return err
	}
	v.next[c.Market.ID] = onward(a.Body)
	if v.random.IntN(maxPages) == 0 {
		v.next[c.Market.ID] = ""
	}
	return nil
}

// onward is where a list goes on; "" on its last page.
func onward(body []byte) string {
	text := string(body)
	i := strings.Index(text, world.QueryAfter+"=")
	if i < 0 {
		return ""
	}
	from, to := strings.LastIndexByte(text[:i], '"'), strings.IndexByte(text[i:], '"')
	if from < 0 || to < 0 {
		return ""
	}
	return strings.ReplaceAll(text[from+1:i+to], "&amp;", "&")
}

func (v *customer) category() error {
	_, err := readPage(v.visitor(), fmt.Sprintf("%sk%d", world.CategoryPrefix, v.random.IntN(categories)))
	return err
}

func (v *customer) product() error {
	_, err := readPage(v.visitor(), "/p/"+v.slug())
	return err
}

// search looks for two words, of which a thousandth of the products have both.
func (v *customer) search() error {
	text := fmt.Sprintf("crumble sort%d", v.random.IntN(997))
	_, err := readPage(v.visitor(), world.SearchPath+"?"+url.Values{world.QuerySearch: {text}}.Encode())
	return err
}

// checkout is a whole one: cart, form with its quote, order and, by card, the
// provider's page and the way back.
func (v *customer) checkout(method string) error {
	c := v.visitor()
	if err := c.Add(v.slug(), 1+v.random.IntN(3)); err != nil {
		return err
	}
	address := worldtest.Address(c.Market, "Bench", fmt.Sprintf("bench%d@example.org", v.random.Int64()))
	address.Set("method", method)
	form, _, err := c.ReadForm(address)
	if err != nil {
		return err
	}
	order, err := c.Place(form)
	if err != nil || method != "card" {
		return err
	}
	page, err := follow(c, http.MethodGet, order, nil)
	if err != nil {
		return err
	}
	back, err := follow(c, http.MethodPost, page, url.Values{"number": {paysCard}})
	if err != nil {
		return err
	}
	if _, err = follow(c, http.MethodGet, back, nil); err != nil {
		return err
	}
	return paid(c, order)
}

// Whoever comes back may be sooner than who looks after the payment.
const (
	paidLooks = 400
	paidPoll  = 5 * time.Millisecond
)

// paid looks at an order's page until it does not lead to its payment any more.
func paid(c *worldtest.Client, pay string) error {
	for range paidLooks {
		a, err := readPage(c, strings.TrimSuffix(pay, "/pay"))
		if err != nil || !strings.Contains(string(a.Body), pay) {
			return err
		}
		time.Sleep(paidPoll)
	}
	return fmt.Errorf("%s still asks to be paid", pay)
}

// follow is where an answer leads to.
func follow(c *worldtest.Client, method, path string, form url.Values) (string, error) {
	ask := func() (worldtest.Answer, error) { return c.PostForm(path, form) }
	if method == http.MethodGet {
		ask = func() (worldtest.Answer, error) { return c.Do(method, path, nil) }
	}
	a, err := ask()
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("%s %s leads nowhere: %d", method, path, a.Status)
	}
	return a.Header.Get("Location"), nil
}

// spell is one operation at one stall for a while.
type spell struct {
	done    int
	elapsed time.Duration
	cpu     time.Duration // of shop, provider and database server
	ms      []float64     // sorted
}

func (s spell) perSecond() float64 { return float64(s.done) / s.elapsed.Seconds() }
func (s spell) cpuMS() float64     { return s.cpu.Seconds() * 1000 / float64(s.done) }
func (s spell) at(share float64) float64 {
	return s.ms[min(len(s.ms)-1, int(share*float64(len(s.ms))))]
}

// measureSpell has all hands at it for so long.
func measureSpell(ctx context.Context, st *stall, op operation, length time.Duration, seed uint64, cpu func() (time.Duration, error)) (s spell, err error) {
	before, err := cpu()
	if err != nil {
		return s, err
	}
	began := time.Now()
	var mu sync.Mutex
	var hands sync.WaitGroup
	for i := range commerceHands {
		v := &customer{stall: st, random: rand.New(rand.NewPCG(seed, uint64(i))), turn: i, next: map[string]string{}}
		hands.Go(func() {
			for time.Since(began) < length && ctx.Err() == nil {
				asked := time.Now()
				failure := op.do(v)
				took := time.Since(asked)
				mu.Lock()
				if failure != nil {
					err = failure
					mu.Unlock()
					return
				}
				s.ms = append(s.ms, took.Seconds()*1000)
				mu.Unlock()
			}
		})
	}
	hands.Wait()
	s.elapsed = time.Since(began)
	after, cpuErr := cpu()
	if err = errors.Join(err, cpuErr, ctx.Err()); err == nil && len(s.ms) == 0 {
		err = errors.New("nothing was done")
	}
	slices.Sort(s.ms)
	s.done, s.cpu = len(s.ms), after-before
	return s, err
}
