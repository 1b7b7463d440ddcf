package svgclean

import (
	"strings"

	"meridian/world"
)

// checkRepeats refuses references that go round in circles, and counts what "use"
// repeats: ten in ten in ten is a thousand for whoever draws it.
func checkRepeats(root *node, limits Limits) error {
	c := counter{byID: map[string]*node{}, size: map[*node]int{}, busy: map[*node]bool{}, most: limits.MaxElements}
	c.index(root)
	_, err := c.count(root)
	return err
}

type counter struct {
	byID map[string]*node
	size map[*node]int // elements that a node draws
	busy map[*node]bool
	most int
}

func (c *counter) index(n *node) {
	if id := n.attr("id"); id != "" && c.byID[id] == nil {
		c.byID[id] = n
	}
	for _, child := range n.children {
		c.index(child)
	}
}

// count is how many elements a node stands for, those that it refers to included.
// The depth of what was read bounds how deep it goes, and no element is counted
// twice, because its number is kept.
func (c *counter) count(n *node) (int, error) {
	if size, ok := c.size[n]; ok {
		return size, nil
	}
	if c.busy[n] {
		return 0, world.E(world.CodeUnprocessed, op, "A part of the drawing refers to itself; take that reference out.")
	}
	c.busy[n] = true
	defer delete(c.busy, n)
	sum := 1
	parts := append([]*node(nil), n.children...)
	for _, id := range n.references() {
		if target := c.byID[id]; target != nil {
			parts = append(parts, target)
		}
	}
	for _, part := range parts {
		size, err := c.count(part)
		if err != nil {
			return 0, err
		}
		if sum += size; sum > c.most {
			return 0, tooLarge("The drawing stands for more than %d elements, with those that it repeats; simplify it.", c.most)
		}
	}
	c.size[n] = sum
	return sum, nil
}

// references are the ids that an element's attributes name.
func (n *node) references() []string {
	var ids []string
	for _, a := range n.attrs {
		if a.name == "href" {
			ids = append(ids, strings.TrimPrefix(a.value, "#"))
			continue
		}
		for rest := a.value; ; {
			_, after, ok := strings.Cut(rest, "#")
			if !ok {
				break
			}
			id, _, closed := strings.Cut(after, ")")
			if closed {
				ids = append(ids, strings.Trim(id, " \t\r\n\f'\""))
			}
			rest = after
		}
	}
	return ids
}
