package httpcache

import (
	"maps"
	"net/http"
	"net/textproto"
	"strings"
)

// needed are the fields without which a stored response could not be used. To
// withhold one of them is to withhold the response.
var needed = map[string]bool{
	"Cache-Control": true, "Content-Encoding": true, "Content-Length": true, "Content-Range": true,
	"Content-Type": true, "Date": true, "Etag": true, "Expires": true, "Last-Modified": true, "Vary": true,
}

// withhold adds the field names that private or no-cache has as its value
// (RFC 9111 §5.2.2.7, §5.2.2.4). False if it has none or they cannot be
// honoured: then the directive is about the whole response.
func (d *directives) withhold(value string) bool {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
		if !isToken(name) || needed[name] {
			return false
		}
		names = append(names, name)
	}
	d.withheld = append(d.withheld, names...)
	return true
}

// withhold takes the named fields out of those that others see.
func (h *head) withhold(names []string) {
	for _, name := range names {
		values, ok := h.header[name]
		if !ok {
			continue
		}
		if h.withheld == nil {
			h.withheld = http.Header{}
		}
		h.withheld[name] = values
		delete(h.header, name)
	}
}

// complete is h for the client that fetched it.
func (h *head) complete() *head {
	if len(h.withheld) == 0 {
		return h
	}
	c := *h
	c.header, c.withheld = h.header.Clone(), nil
	maps.Copy(c.header, h.withheld)
	return &c
}

// shareable is h for the store.
func (h *head) shareable() *head {
	if len(h.withheld) == 0 {
		return h
	}
	c := *h
	c.withheld = nil
	return &c
}
