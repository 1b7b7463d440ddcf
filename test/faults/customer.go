package faults

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"sync"
	"time"

	"meridian/test/worldtest"
)

// customer orders again and again, each time as another visitor who comes in by
// another PoP.
type customer struct {
	run    *run
	stall  *stall
	client int
	random *rand.Rand
}

// Chances of what a customer does, in so many.
const (
	twoProducts = 4 // one in so many orders is of both products
	twice       = 5 // is sent twice at the same time, by two PoPs
	givesUp     = 5 // is given up at its first lost answer
	changes     = 4 // most times that a changed price is accepted
)

func (c *customer) shop() {
	for !c.run.ended() {
		c.order()
		c.run.rest(c.random, customerRest)
	}
}

func (c *customer) anywhere() *worldtest.Client {
	return c.stall.ways[c.stall.edges[c.random.IntN(len(c.stall.edges))]]
}

// order fills a cart, goes to the checkout and sends the form until it has an
// outcome. What fails before that is begun anew: nothing was asked for yet.
func (c *customer) order() {
	visitor := c.anywhere().Another()
	lines := []Line{{c.stall.shelf[0], 1 + c.random.IntN(2)}}
	if c.random.IntN(twoProducts) == 0 {
		lines = append(lines, Line{c.stall.shelf[1], 1})
	}
	for _, l := range lines {
		if visitor.Add(l.Slug, l.Quantity) != nil {
			c.run.count("cart failed")
			return
		}
	}
	form, _, err := visitor.ReadForm(worldtest.Address(c.stall.market, "Fault Schedule", "faults@example.org"))
	if err != nil {
		c.run.count("checkout failed")
		return
	}
	cart := visitor.Cookie("cart")
	if c.random.IntN(twice) == 0 {
		var both sync.WaitGroup
		twin := c.anywhere().As(visitor)
		both.Go(func() { c.send(twin, cart, lines, form) })
		defer both.Wait()
	}
	faithful := c.random.IntN(givesUp) > 0
	for changed := 0; changed < changes; {
		outcome, order, page := c.send(c.anywhere().As(visitor), cart, lines, form)
		switch {
		case outcome == Placed:
			c.look(visitor, cart, order)
			return
		case outcome == Unknown && (!faithful || c.run.hopeless()):
			return
		case outcome == Unknown:
			time.Sleep(50*time.Millisecond + time.Duration(c.random.IntN(200))*time.Millisecond) // as people wait before they try again
		case outcome == Short:
			return
		default:
			changed++
			again := url.Values{}
			for k, v := range form {
				again[k] = v
			}
			key := form.Get("key")
			if page == nil || !page.FillQuote(again) || again.Get("key") != key {
				return
			}
			form = again
		}
	}
}

// send sends the form once and writes down what came of it.
func (c *customer) send(by *worldtest.Client, cart string, lines []Line, form url.Values) (outcome Outcome, order string, page *worldtest.Page) {
	a := Attempt{Client: c.client, Cart: cart, Key: form.Get("key"), Lines: lines, Outcome: Unknown, Call: c.run.now(), Return: Forever}
	if answer, err := by.PostForm("/checkout", form); err == nil {
		a.Outcome, a.Order, page = judge(answer)
	}
	if a.Outcome != Unknown {
		a.Return = c.run.now()
	}
	c.run.count("order " + string(a.Outcome))
	c.stall.mu.Lock()
	defer c.stall.mu.Unlock()
	c.stall.history.Attempts = append(c.stall.history.Attempts, a)
	return a.Outcome, a.Order, page
}

// judge says what an answer to the checkout's form means.
func judge(a worldtest.Answer) (outcome Outcome, order string, page *worldtest.Page) {
	switch to := a.Header.Get("Location"); {
	case a.Status == http.StatusSeeOther && path.Base(path.Dir(to)) == "orders":
		return Placed, path.Base(to), nil
	case a.Status == http.StatusSeeOther:
		return Refused, "", nil // to the cart, which is not what it was
	case a.Status != http.StatusConflict && a.Status != http.StatusUnprocessableEntity:
		return Unknown, "", nil
	}
	page, err := a.ReadPage()
	switch {
	case err != nil:
		return Unknown, "", nil
	case page.Button("step", "trim"):
		return Short, "", page
	}
	return Refused, "", page
}

// look reads the order's page and the list, each by another PoP.
func (c *customer) look(visitor *worldtest.Client, cart, order string) {
	r := Reading{Client: c.client, Cart: cart, Order: order, Call: c.run.now()}
	a, err := c.anywhere().As(visitor).Do(http.MethodGet, "/orders/"+order, nil, "Accept", "text/html")
	if r.Return = c.run.now(); err == nil && (a.Status == http.StatusOK || a.Status == http.StatusNotFound) {
		r.Found = a.Status == http.StatusOK
		c.note("order page", r)
	}
	l := Reading{Client: c.client, Cart: cart, IsList: true, Call: c.run.now()}
	page, err := c.anywhere().As(visitor).ReadPage("/orders")
	if l.Return = c.run.now(); err == nil {
		for _, n := range page.Find(".number") {
			l.List = append(l.List, path.Base(worldtest.Attr(n, "href")))
		}
		c.note("order list", l)
	}
}

func (c *customer) note(what string, r Reading) {
	c.run.count(what)
	c.stall.mu.Lock()
	defer c.stall.mu.Unlock()
	c.stall.history.Readings = append(c.stall.history.Readings, r)
}

// wanted is more of a product than any shelf has, so that the cart tells how many
// are left.
const wanted = 40

var digits = regexp.MustCompile(`[0-9]+`)

// watch looks at the stock, by a cart that wants more than there is.
func (r *run) watch(st *stall, client int, random *rand.Rand) {
	var visitor *worldtest.Client
	for !r.ended() {
		way := st.ways[st.edges[random.IntN(len(st.edges))]]
		if visitor == nil {
			v := way.Another()
			if v.Add(st.shelf[0], wanted) == nil {
				visitor = v
			}
			continue
		}
		l := Look{Client: client, Slug: st.shelf[0], Call: r.now()}
		page, err := way.As(visitor).ReadPage("/cart")
		l.Return = r.now()
		if err == nil {
			if left := page.Texts(".left"); len(left) == 1 {
				l.Left, _ = strconv.Atoi(digits.FindString(left[0])) // sold out has no digits: none
				r.count("stock look")
				st.mu.Lock()
				st.history.Looks = append(st.history.Looks, l)
				st.mu.Unlock()
			}
		}
		r.rest(random, watcherRest)
	}
}
