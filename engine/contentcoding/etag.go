package contentcoding

import (
	"net/http"
	"strings"
)

// A coded response is another representation of the resource and needs an
// entity-tag of its own (RFC 9110 §8.8.3.3). It is a weak one: two encoders, or
// one encoder that had to flush at other moments, write other bytes for the same
// text, so ranges of two coded responses may not be put together (§8.8.1).

// codedTag turns the entity-tag of a representation into that of its coded form:
// "v1" into W/"v1~br". One that is not well-formed becomes none.
func codedTag(tag string, c Class) string {
	opaque := strings.TrimPrefix(tag, "W/")
	if len(opaque) < 2 || opaque[0] != '"' || opaque[len(opaque)-1] != '"' {
		return ""
	}
	return "W/" + opaque[:len(opaque)-1] + "~" + c.String() + `"`
}

// plainTags turns the entity-tags of coded forms in a list back (W/"v1~br" into
// "v1" and W/"v1", as some servers compare them letter by letter) and leaves the
// others as they are. any tells whether there was one.
func plainTags(list string, c Class) (plain string, any bool) {
	ending := "~" + c.String() + `"`
	var b strings.Builder
	for rest := list; rest != ""; {
		start := strings.IndexByte(rest, '"')
		if start < 0 {
			b.WriteString(rest)
			break
		}
		end := strings.IndexByte(rest[start+1:], '"')
		if end < 0 {
			b.WriteString(rest)
			break
		}
		tag := rest[start : start+end+2]
		before, weak := strings.CutSuffix(rest[:start], "W/")
		if opaque, ok := strings.CutSuffix(tag, ending); ok && weak {
			any = true
			b.WriteString(before + opaque + `", W/` + opaque + `"`)
		} else {
			b.WriteString(rest[:start] + tag)
		}
		rest = rest[start+end+2:]
	}
	return b.String(), any
}

// askPlain makes a request ask for the representation without coding. coded
// reports that it validates a coded one: a 304 then speaks of that.
func askPlain(h http.Header, c Class) (coded bool) {
	Demand(h, Identity)
	if c == Identity {
		return false
	}
	for i, list := range h["If-None-Match"] {
		plain, any := plainTags(list, c)
		if any {
			coded = true
			values := append([]string(nil), h["If-None-Match"]...)
			values[i] = plain
			h["If-None-Match"] = values
		}
	}
	// A part is always of the plain representation: it must not be joined to what
	// there is of a coded one (RFC 9110 §13.1.5).
	if tag := h.Get("If-Range"); tag != "" {
		if _, any := plainTags(tag, c); any {
			delete(h, "If-Range")
			delete(h, "Range")
		}
	}
	return coded
}
