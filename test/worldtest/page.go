package worldtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Page is a page as it can be read.
type Page struct{ root *html.Node }

// ReadPage reads the answer as HTML. It fails for anything else.
func (a Answer) ReadPage() (*Page, error) {
	if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		return nil, fmt.Errorf("this is no page but %q: %s", kind, tail(string(a.Body), 600))
	}
	root, err := html.Parse(bytes.NewReader(a.Body))
	return &Page{root}, err
}

// Page is ReadPage for an answer that must be a page.
func (a Answer) Page(t testing.TB) *Page {
	t.Helper()
	p, err := a.ReadPage()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Find lists the elements with a tag name, or with a class written ".class".
func (p *Page) Find(what string) []*html.Node {
	class, byClass := strings.CutPrefix(what, ".")
	var out []*html.Node
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if byClass && slices.Contains(strings.Fields(Attr(n, "class")), class) || !byClass && n.Data == what {
			out = append(out, n)
		}
	}
	return out
}

// Texts are the texts of what Find finds, spaces joined.
func (p *Page) Texts(what string) []string {
	var out []string
	for _, n := range p.Find(what) {
		out = append(out, Text(n))
	}
	return out
}

// Text is all the text of the page's main part.
func (p *Page) Text() string { return strings.Join(p.Texts("main"), " ") }

// Value is the value of the first field of a name, "" without one.
func (p *Page) Value(name string) string {
	for _, n := range p.Find("input") {
		if Attr(n, "name") == name {
			return Attr(n, "value")
		}
	}
	return ""
}

// Button reports whether a button sends a name with a value.
func (p *Page) Button(name, value string) bool {
	return slices.ContainsFunc(p.Find("button"), func(n *html.Node) bool {
		return Attr(n, "name") == name && Attr(n, "value") == value
	})
}

// Attr is an attribute's value.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is the text in an element. No-break spaces stay what they are.
func Text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}
