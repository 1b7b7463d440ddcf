package svgclean

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"meridian/world"
)

const (
	svgSpace   = "http://www.w3.org/2000/svg"
	xlinkSpace = "http://www.w3.org/1999/xlink"
)

// Clean is the drawing written anew from what is allowed of it: shapes, text,
// gradients, clips, and repeats of parts of the same file. Scripts, events,
// foreign elements, references to other files, embedded pictures, style sheets,
// filters, animation, comments and whatever is unknown are left out. A document
// type, and with it every entity, is refused.
//
// Errors are world.Errors: unprocessed for what is no SVG or not well formed,
// too_large beyond the limits.
func Clean(data []byte, limits Limits) ([]byte, error) {
	root, err := parse(data, limits)
	if err != nil {
		return nil, err
	}
	return root.bytes(), nil
}

// parse is what is allowed of a drawing.
func parse(data []byte, limits Limits) (*node, error) {
	limits = limits.orDefault()
	if len(data) > limits.MaxBytes {
		return nil, tooLarge("The drawing has %d bytes, and at most %d are taken.", len(data), limits.MaxBytes)
	}
	root, err := read(data, limits)
	if err != nil {
		return nil, err
	}
	return root, checkRepeats(root, limits)
}

// node is an allowed element, or text where its name is empty.
type node struct {
	name     string
	text     string
	attrs    []attr
	children []*node
}

type attr struct{ name, value string }

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func (n *node) set(name, value string) {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			n.attrs[i].value = value
			return
		}
	}
	n.attrs = append(n.attrs, attr{name, value})
}

func (n *node) bytes() []byte {
	var out bytes.Buffer
	n.write(&out, true)
	return out.Bytes()
}

// read keeps the allowed parts.
func read(data []byte, limits Limits) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("only UTF-8 is read")
	}
	var root *node
	var open []*node
	count, depth, skipping := 0, 0, 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, damaged(err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, world.E(world.CodeUnprocessed, op, "The drawing declares a document type, which may hold entities; export it as plain SVG without one.")
		case xml.StartElement:
			if count, depth = count+1, depth+1; count > limits.MaxElements {
				return nil, tooLarge("The drawing has more than %d elements; simplify it.", limits.MaxElements)
			}
			if depth > limits.MaxDepth {
				return nil, tooLarge("The drawing's elements stand more than %d deep in one another; simplify it.", limits.MaxDepth)
			}
			if skipping > 0 || t.Name.Space != svgSpace || !elements[t.Name.Local] {
				if root == nil {
					return nil, damaged(nil)
				}
				skipping++
				continue
			}
			n, err := element(t, limits)
			if err != nil {
				return nil, err
			}
			switch {
			case len(open) > 0:
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			case root != nil || n.name != "svg":
				return nil, damaged(nil)
			default:
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			if depth--; skipping > 0 {
				skipping--
			} else {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			if len(t) > limits.MaxValue {
				return nil, tooLarge("A text in the drawing has more than %d bytes.", limits.MaxValue)
			}
			if len(open) > 0 && skipping == 0 && len(bytes.TrimSpace(t)) > 0 {
				parent := open[len(open)-1]
				parent.children = append(parent.children, &node{text: string(t)})
			}
		}
	}
	if root == nil {
		return nil, damaged(nil)
	}
	return root, nil
}

func element(t xml.StartElement, limits Limits) (*node, error) {
	n := &node{name: t.Name.Local}
	for _, a := range t.Attr {
		if len(a.Value) > limits.MaxValue {
			return nil, tooLarge("A value in the drawing has more than %d bytes.", limits.MaxValue)
		}
		name, value := a.Name.Local, a.Value
		switch {
		case name == "href" && (a.Name.Space == "" || a.Name.Space == xlinkSpace):
			if n.attr("href") == "" && strings.HasPrefix(value, "#") {
				n.attrs = append(n.attrs, attr{"href", value})
			}
		case a.Name.Space != "":
		case name == "style":
			if value = style(value); value != "" {
				n.attrs = append(n.attrs, attr{name, value})
			}
		case (attributes[name] || properties[name]) && harmless(value):
			n.attrs = append(n.attrs, attr{name, value})
		}
	}
	return n, nil
}

func (n *node) write(out *bytes.Buffer, root bool) {
	if n.name == "" {
		escape(out, n.text)
		return
	}
	out.WriteString("<" + n.name)
	if root {
		out.WriteString(` xmlns="` + svgSpace + `" xmlns:xlink="` + xlinkSpace + `"`)
	}
	for _, a := range n.attrs {
		name := a.name
		if name == "href" {
			name = "xlink:href" // which older renderers know, and newer ones too
		}
		out.WriteString(" " + name + `="`)
		escape(out, a.value)
		out.WriteByte('"')
	}
	if len(n.children) == 0 {
		out.WriteString("/>")
		return
	}
	out.WriteByte('>')
	for _, c := range n.children {
		c.write(out, false)
	}
	out.WriteString("</" + n.name + ">")
}

func escape(out *bytes.Buffer, s string) {
	_ = xml.EscapeText(out, []byte(s)) // a buffer takes everything
}
