package httpcache

import (
	"bytes"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// parseVary reads Vary (RFC 9110 §12.5.5) into sorted canonical names; all is
// true for "*", which no later request can match, and for what is no field name:
// nobody knows what such a response varies by.
func parseVary(values []string) (names []string, all bool) {
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = strings.TrimSpace(name)
			if name == "" {
				continue
			}
			if name == "*" || !isToken(name) {
				return nil, true
			}
			names = append(names, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// union joins two sorted lists of names. It gives back a where b adds nothing.
func union(a, b []string) []string {
	for _, name := range b {
		if _, found := slices.BinarySearch(a, name); !found {
			all := slices.Concat(a, b)
			slices.Sort(all)
			return slices.Compact(all)
		}
	}
	return a
}

// variantOf is the secondary key of RFC 9111 §4.1: the request's values of the
// named fields, each in one way of writing. [head.selectedBy] makes the same of a
// request that is not an [http.Request] yet.
func variantOf(vary []string, request http.Header) string {
	if len(vary) == 0 {
		return ""
	}
	var room, lines [256]byte
	b, value := room[:0], lines[:0]
	for _, name := range vary {
		value = value[:0]
		for i, line := range request[name] {
			value = appendLine(value, line, i == 0)
		}
		b = appendVariant(b, name, value, len(request[name]) > 0)
	}
	return string(b)
}

// appendLine adds a field line to those before it (RFC 9110 §5.3).
func appendLine[T string | []byte](b []byte, line T, first bool) []byte {
	if !first {
		b = append(b, ", "...)
	}
	return append(b, line...)
}

// variantMarks is what [appendVariant] writes beside a value, in bytes.
const variantMarks = 2

// appendVariant adds a field to a secondary key. Bytes that a field cannot hold
// keep the fields apart, and an absent field apart from an empty one.
func appendVariant(b []byte, name string, value []byte, present bool) []byte {
	if present {
		b = appendNormal(append(b, 1), name, value)
	}
	return append(b, 0)
}

// appendNormal writes a field's value so that values of the same meaning become
// the same (RFC 9111 §4.1), and none longer than it was. Of a field that it does
// not know it changes nothing. The order of languages is kept: some servers mind
// it (RFC 9110 §12.5.4).
func appendNormal(b []byte, name string, value []byte) []byte {
	switch {
	case bytes.IndexByte(value, '"') >= 0: // a comma in a string parts nothing
		return append(b, value...)
	case name == "Accept":
		return appendMembers(b, value, false, false) // the case of a parameter's value may count
	case name == "Accept-Language", name == "Accept-Charset":
		return appendMembers(b, value, true, false)
	case name == "Accept-Encoding":
		return appendMembers(b, value, true, true)
	}
	return append(b, bytes.Trim(value, " \t")...)
}

// appendMembers writes a comma-separated list without empty members and without
// space; with fold in lower case, with sorted in one order and each once.
func appendMembers(b, list []byte, fold, sorted bool) []byte {
	start := len(b)
	for len(list) > 0 {
		member, rest, _ := bytes.Cut(list, []byte(","))
		list = rest
		if member = bytes.Trim(member, " \t"); len(member) == 0 {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = appendParameters(b, member)
	}
	if fold {
		for i, c := range b[start:] {
			if c >= 'A' && c <= 'Z' {
				b[start+i] = c | 0x20
			}
		}
	}
	if sorted {
		return sortMembers(b, start)
	}
	return b
}

// appendParameters writes a member without the space around its semicolons.
func appendParameters(b, member []byte) []byte {
	for {
		part, rest, more := bytes.Cut(member, []byte(";"))
		b = append(b, bytes.Trim(part, " \t")...)
		if !more {
			return b
		}
		b, member = append(b, ';'), rest
	}
}

// sortMembers puts the list behind start in order, each member once.
func sortMembers(b []byte, start int) []byte {
	var room [8]string
	members, list := room[:0], string(b[start:])
	for more := list != ""; more; {
		var member string
		member, list, more = strings.Cut(list, ",")
		members = append(members, member)
	}
	slices.Sort(members)
	b = b[:start]
	for i, member := range slices.Compact(members) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, member...)
	}
	return b
}
