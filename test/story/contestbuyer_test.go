package story

import (
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"meridian/test/worldtest"
)

// Cards of the provider (app/testpay/README.md), and how many of a hundred buyers
// have each. Whoever has none pays on collection.
var contestCards = []struct {
	number string
	share  int
}{
	{"4242424242424242", 22}, // pays
	{"4000000000003220", 14}, // 3-D Secure
	{"4000000000000002", 8},  // declined
	{"4000000000009995", 4},  // too little money
	{"4000000000006207", 4},  // the answer comes late
	{"4000000000006215", 4},  // the answer never comes
	{"4000000000006223", 6},  // webhooks late
	{"4000000000006231", 6},  // doubled
	{"4000000000006249", 4},  // reordered
	{"4000000000006256", 6},  // lost
	{"4000000000006264", 4},  // the first capture fails
	{"4000000000006272", 4},  // its answer never comes
	{"4000000000006280", 2},  // the bank does not give the money after all
}

const goodCard = "4242424242424242"

// Patience of a contender: at first little, so that what is sent is sent again.
const (
	contestPatience = 15 * time.Second // of the later tries
	contestInsists  = 10 * time.Minute // until a form without an answer is given up
	contestTries    = 12               // of each step of paying
	contestRest     = 150 * time.Millisecond
)

// hand is a browser's connections, which some contenders share by turns.
type hand struct {
	client *worldtest.Client
	seats  chan struct{}
}

// contender is one who wants a piece.
type contender struct {
	hand   *hand
	client *worldtest.Client
	rng    *rand.Rand
	form   url.Values
	card   string        // "": on collection
	placed *atomic.Int64 // counts the orders that anybody was led to

	mu      sync.Mutex
	orders  []string // that it was led to, each once
	refused atomic.Bool
	unheard atomic.Int64
}

// newContender draws who it is.
func newContender(h *hand, placed *atomic.Int64, rng *rand.Rand) *contender {
	c := &contender{hand: h, client: h.client.Another(), rng: rng, placed: placed}
	n := rng.IntN(100)
	for _, card := range contestCards {
		if n -= card.share; n < 0 {
			c.card = card.number
			break
		}
	}
	return c
}

// prepare fills the cart and the form until only the last button is to be pressed.
func (c *contender) prepare(slug, name string) (err error) {
	address := worldtest.Address(c.client.Market, name, "contest@example.org")
	if c.card != "" {
		address.Set("method", "card")
	}
	c.sit(func() {
		if err = c.client.Add(slug, 1); err == nil {
			c.form, _, err = c.client.ReadForm(address)
		}
	})
	return err
}

// sit does something while one of the hand's connections is free for it.
func (c *contender) sit(do func()) {
	c.hand.seats <- struct{}{}
	defer func() { <-c.hand.seats }()
	do()
}

// compete presses the button, in one window or two, and pays.
func (c *contender) compete() {
	windows := 1
	if c.rng.IntN(4) == 0 {
		windows = 2
	}
	var wg sync.WaitGroup
	for range windows {
		first, second := time.Duration(50+c.rng.IntN(500))*time.Millisecond, time.Duration(200+c.rng.IntN(2000))*time.Millisecond
		wg.Go(func() { c.place(first, second) })
	}
	wg.Wait()
	for _, order := range c.told() {
		if c.card != "" {
			c.pay(order)
		}
	}
}

// place sends the form until it has an answer.
func (c *contender) place(patience ...time.Duration) {
	var began time.Time // when it was sent first
	for ; began.IsZero() || time.Since(began) < contestInsists; time.Sleep(contestRest) {
		wait := contestPatience
		if len(patience) > 0 {
			wait, patience = patience[0], patience[1:]
		}
		var a worldtest.Answer
		var err error
		c.sit(func() {
			if began.IsZero() {
				began = time.Now()
			}
			a, err = c.client.Within(wait).PostForm("/checkout", c.form)
		})
		to := a.Header.Get("Location")
		switch {
		case err != nil || a.Status >= 500 || a.Status == http.StatusTooManyRequests:
			c.unheard.Add(1)
			continue
		case a.Status == http.StatusSeeOther && strings.Contains(to, "/orders/"):
			c.tell(to)
		default:
			c.refused.Store(true)
		}
		return
	}
}

// tell notes an order that an answer leads to.
func (c *contender) tell(path string) {
	_, id, _ := strings.Cut(path, "/orders/")
	id, _, _ = strings.Cut(id, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.orders {
		if known == id {
			return
		}
	}
	c.orders = append(c.orders, id)
	c.placed.Add(1)
}

func (c *contender) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.orders...)
}

// pay is what its buyer does of an order's payment; some leave in the middle.
// Nothing of it is asked after: what became of the money the books tell.
func (c *contender) pay(order string) {
	page := c.step(http.MethodGet, "/orders/"+order+"/pay", nil)
	if page == "" || !strings.Contains(page, "/pay/") || c.rng.IntN(12) == 0 {
		return // paid or over, or the buyer has thought better of it
	}
	to := c.step(http.MethodPost, page, url.Values{"number": {c.card}})
	if back := samePage(to, page); back && c.card == "4000000000003220" {
		answer := "yes"
		if c.rng.IntN(4) == 0 {
			answer = "no"
		}
		to = c.step(http.MethodPost, page+"/bank", url.Values{"answer": {answer}})
	}
	if samePage(to, page) && c.rng.IntN(2) == 0 {
		to = c.step(http.MethodPost, page, url.Values{"number": {goodCard}})
	}
	if strings.HasSuffix(to, "/paid") && c.rng.IntN(3) > 0 {
		c.step(http.MethodGet, to, nil)
	}
}

func samePage(to, page string) bool {
	u, err := url.Parse(to)
	return to != "" && err == nil && strings.HasSuffix(page, u.Path)
}

// step does one step of paying, again without an answer, and says where it leads;
// "" for nowhere.
func (c *contender) step(method, path string, form url.Values) (to string) {
	for range contestTries {
		var a worldtest.Answer
		var err error
		c.sit(func() {
			if method == http.MethodGet {
				a, err = c.client.Within(contestPatience/3).Do(method, path, nil)
			} else {
				a, err = c.client.Within(contestPatience/3).PostForm(path, form)
			}
		})
		if err == nil && a.Status < 500 {
			return a.Header.Get("Location")
		}
		c.unheard.Add(1)
		time.Sleep(contestRest)
	}
	return ""
}
