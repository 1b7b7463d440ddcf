package worldtest

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"
)

// Another is another visitor who comes the same way: it uses the client's
// connections and has no cookies yet.
func (c *Client) Another() *Client {
	jar, _ := cookiejar.New(nil) // fails for options only, and has none
	return c.with(func(h *http.Client) { h.Jar = jar })
}

// Within is the same visitor, who waits no longer than so long for an answer.
func (c *Client) Within(limit time.Duration) *Client {
	return c.with(func(h *http.Client) { h.Timeout = limit })
}

// As is the other visitor, cookies and all, coming by this client's way.
func (c *Client) As(other *Client) *Client {
	return c.with(func(h *http.Client) { h.Jar = other.http.Jar })
}

func (c *Client) with(change func(*http.Client)) *Client {
	h := *c.http
	change(&h)
	return &Client{Market: c.Market, base: c.base, http: &h}
}

// Cookie is the value of the visitor's cookie of a name, "" without one.
func (c *Client) Cookie(name string) string {
	u, err := url.Parse(c.base)
	if err != nil {
		return ""
	}
	for _, k := range c.http.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// Stream sends a body and calls each with every line of the answer as it comes.
// It fails for an answer of another status than 200, when the answer breaks off,
// and when ctx ends.
func (c *Client) Stream(ctx context.Context, method, path string, body []byte, each func(line []byte), fields ...string) error {
	r, err := c.request(method, path, body, fields...)
	if err != nil {
		return err
	}
	res, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		each(lines.Bytes())
	}
	return lines.Err()
}
