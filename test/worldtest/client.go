package worldtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/platform/httpserver"
	"meridian/world"
)

// requestWithin bounds one request: more than any tier waits for another.
const requestWithin = 40 * time.Second

// travellerCookie is how the gate remembers where a visitor stands.
const travellerCookie = "traveller"

// Client is a browser of one visitor: it keeps cookies, and follows no redirect.
type Client struct {
	Market world.Market
	base   string
	http   *http.Client
}

// Visitor stands in a city and comes in by the gate. An empty city is the
// market's own.
func (w *World) Visitor(t testing.TB, market, city string) *Client {
	t.Helper()
	c := w.client(t, market, w.Port)
	if city != "" {
		u, err := url.Parse(c.base)
		if err != nil {
			t.Fatal(err)
		}
		c.http.Jar.SetCookies(u, []*http.Cookie{{Name: travellerCookie, Value: city}})
	}
	return c
}

// AtPoP asks a PoP itself, as its neighbours do.
func (w *World) AtPoP(t testing.TB, market, pop string) *Client {
	t.Helper()
	for i, p := range w.Plan.PoPs {
		if p.ID == pop {
			return w.client(t, market, w.Port+1+i)
		}
	}
	t.Fatalf("the world has no PoP %q", pop)
	return nil
}

// Admin asks the world itself, as an operator does.
func (w *World) Admin(t testing.TB) *Client {
	t.Helper()
	return w.dialling(t, fmt.Sprintf("http://localhost:%d", w.Port), w.Port)
}

// Provider asks the payment provider for trying out, as a shop does.
func (w *World) Provider(t testing.TB) *Client {
	t.Helper()
	return w.dialling(t, fmt.Sprintf("http://pay.localhost:%d", w.Port), w.Port)
}

func (w *World) client(t testing.TB, market string, port int) *Client {
	t.Helper()
	m := w.Market(t, market)
	c := w.dialling(t, fmt.Sprintf("http://%s:%d", m.Host, w.Port), port)
	c.Market = m
	return c
}

// dialling makes a client whose every request goes to one port of this
// machine: whether names under localhost can be looked up is not our question.
func (w *World) dialling(t testing.TB, base string, port int) *Client {
	t.Helper()
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
		DisableCompression: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return NewClient(world.Market{}, base, tr)
}

// NewClient is a visitor of a market's shop, at the address that begins its URLs,
// who comes by a way of its own.
func NewClient(m world.Market, base string, way http.RoundTripper) *Client {
	jar, _ := cookiejar.New(nil) // fails for options only, and has none
	return &Client{Market: m, base: base, http: &http.Client{
		Transport: way, Jar: jar, Timeout: requestWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close ends the client's connections that wait for a request. It may be used
// again, and is closed at its test's end in any case.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Answer is a response, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Asked  time.Time // when the request was sent
	Came   time.Time // when the answer was there
}

// Problem is the answer as an error with its code; nil when it is none.
func (a Answer) Problem() error {
	if a.Status < 400 {
		return nil
	}
	return httpserver.ReadProblem(a.Status, a.Body)
}

// URL is the whole URL of a path.
func (c *Client) URL(path string) string {
	if strings.HasPrefix(path, "http://") {
		return path
	}
	return c.base + path
}

// Do carries out a request. Fields are header names and values by turns; a
// Host among them is the one that the request names.
func (c *Client) Do(method, path string, body []byte, fields ...string) (Answer, error) {
	r, err := c.request(method, path, body, fields...)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Asked: time.Now()}
	res, err := c.http.Do(r)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	a.Status, a.Header = res.StatusCode, res.Header
	a.Body, err = io.ReadAll(res.Body)
	a.Came = time.Now()
	return a, err
}

func (c *Client) request(method, path string, body []byte, fields ...string) (*http.Request, error) {
	r, err := http.NewRequest(method, c.URL(path), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body == nil {
		r.Body = nil
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "Host" {
			r.Host = fields[i+1]
		} else {
			r.Header.Set(fields[i], fields[i+1])
		}
	}
	return r, nil
}

// Get fetches a path; the test fails when there is no answer.
func (c *Client) Get(t testing.TB, path string, fields ...string) Answer {
	t.Helper()
	return c.must(t, http.MethodGet, path, nil, fields...)
}

// Send sends a body; the test fails when there is no answer.
func (c *Client) Send(t testing.TB, method, path string, body []byte, fields ...string) Answer {
	t.Helper()
	return c.must(t, method, path, body, fields...)
}

func (c *Client) must(t testing.TB, method, path string, body []byte, fields ...string) Answer {
	t.Helper()
	a, err := c.Do(method, path, body, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// PostForm sends a form as a browser does.
func (c *Client) PostForm(path string, form url.Values) (Answer, error) {
	return c.Do(http.MethodPost, path, []byte(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

// ReadPage fetches a page. It fails when there is none, or no answer.
func (c *Client) ReadPage(path string) (*Page, error) {
	a, err := c.Do(http.MethodGet, path, nil, "Accept", "text/html")
	if err != nil {
		return nil, err
	}
	if a.Status != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %d\n%s", c.URL(path), a.Status, tail(string(a.Body), 1500))
	}
	return a.ReadPage()
}

// Page is ReadPage for a page that must be there.
func (c *Client) Page(t testing.TB, path string) *Page {
	t.Helper()
	p, err := c.ReadPage(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Role asks a role where it listens itself, past all that stands before it; m
// is the market whose host requests name.
func (w *World) Role(t testing.TB, role, place, market string) *Client {
	t.Helper()
	m := w.Market(t, market)
	c := overSocket(filepath.Join(w.socketDir(), role+"-"+place+".sock"), "http://"+m.Host)
	c.Market = m
	t.Cleanup(c.Close)
	return c
}
