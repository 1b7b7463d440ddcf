package drill

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// session is a browser that keeps cookies: a customer with a cart, or an owner.
type session struct {
	*visitor
	jar http.CookieJar
}

func newSession(v *visitor) *session {
	jar, _ := cookiejar.New(nil) // without options it cannot fail
	return &session{v, jar}
}

// send asks with the session's cookies and keeps those of the answer. Only what
// changes nothing is tried at another address.
func (s *session) send(ctx context.Context, method, path string, form url.Values) (reply, error) {
	u, err := url.Parse(s.url(path))
	if err != nil {
		return reply{}, err
	}
	got, err := s.ask(ctx, method == http.MethodGet, func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		if form == nil {
			r.Body, r.ContentLength = nil, 0
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Accept", "text/html")
		for _, c := range s.jar.Cookies(u) {
			r.AddCookie(c)
		}
		return r, nil
	})
	if err == nil {
		s.jar.SetCookies(u, (&http.Response{Header: got.header}).Cookies())
	}
	return got, err
}

// page is what of a page a drill looks at.
type page struct {
	fields  map[string]string // of its forms, the first of each name
	buttons map[string]string // name → value
	prices  []string          // as printed
	links   []string
	images  []string
}

// readPage reads HTML; what is not HTML gives an empty page.
func readPage(body []byte) page {
	p := page{fields: map[string]string{}, buttons: map[string]string{}}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return p
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		name := attr(n, "name")
		switch n.Data {
		case "input":
			if _, seen := p.fields[name]; !seen {
				p.fields[name] = attr(n, "value")
			}
		case "button":
			p.buttons[name+"="+attr(n, "value")] = attr(n, "value")
		case "a":
			p.links = append(p.links, attr(n, "href"))
		case "img":
			p.images = append(p.images, attr(n, "src"))
		}
		for class := range strings.FieldsSeq(attr(n, "class")) {
			if class == "price" {
				p.prices = append(p.prices, textOf(n))
			}
		}
	}
	return p
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}
