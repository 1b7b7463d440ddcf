package world

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// MaxAreas is how many delivery areas a market may have.
const MaxAreas = 500

// delivery checks what a market delivers to.
func (c *checker) delivery(path string, m Market) {
	path += ".delivery"
	switch {
	case len(m.Delivery) == 0:
		c.bad(path, "the list is empty", "write at least one area, such as {name: %s, tax: %s}", m.Name, m.Country)
	case len(m.Delivery) > MaxAreas:
		c.bad(path, "there are too many areas", "keep at most %d; one can have many postal patterns", MaxAreas)
	}
	for i, a := range m.Delivery {
		at := fmt.Sprintf("%s[%d]", path, i)
		if strings.TrimSpace(a.Name) == "" {
			c.bad(at+".name", "it is missing", "write what people call the area")
		} else if slices.ContainsFunc(m.Delivery[:i], func(b Area) bool { return b.Name == a.Name }) {
			c.bad(at+".name", fmt.Sprintf("%q is there twice", a.Name), "give each area its own name")
		}
		c.form(at+".tax", a.Tax, jurisdiction, "write the place whose tax is owed there, such as DE or US-NY-NYC")
		if country, _, _ := strings.Cut(a.Tax, "-"); country != m.Country {
			c.bad(at+".tax", fmt.Sprintf("%q is not in %s", a.Tax, m.Country), "deliver within the market's country")
		}
		if len(a.Postal) == 0 && i < len(m.Delivery)-1 {
			c.bad(at+".postal", "the list is empty, so that no area after it is ever reached", "write its postal codes, or put it last")
		}
		if has := c.postal(at, a, m.Postal.Example); i == 0 && !has {
			c.bad(at+".postal", fmt.Sprintf("it does not have %q, the market's postal.example", m.Postal.Example), "put the area of the example first")
		}
	}
}

// postal checks an area's patterns, and reports whether a code is in it.
func (c *checker) postal(path string, a Area, code string) (has bool) {
	for j, p := range a.Postal {
		re, err := regexp.Compile(`^(?:` + p + `)$`)
		if err != nil || p == "" {
			c.bad(fmt.Sprintf("%s.postal[%d]", path, j), "it is not a regular expression", "write one in RE2's syntax, such as '101[0-9]{2}'")
			continue
		}
		has = has || re.MatchString(code)
	}
	return has || len(a.Postal) == 0
}
