package httpcache

import (
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
// named fields, each in one way of writing. Bytes that a field cannot hold keep
// the fields apart, and an absent field apart from an empty one.
func variantOf(vary []string, request http.Header) string {
	if len(vary) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range vary {
		if values := request[name]; len(values) > 0 {
			b.WriteByte(1)
			writeNormal(&b, name, values)
		}
		b.WriteByte(0)
	}
	return b.String()
}

// writeNormal writes a field's value so that values of the same meaning become
// the same (RFC 9111 §4.1). Of a field that it does not know it only joins the
// lines (RFC 9110 §5.3). The order of languages is kept: some servers mind it
// (RFC 9110 §12.5.4).
func writeNormal(b *strings.Builder, name string, values []string) {
	value := values[0]
	if len(values) > 1 {
		value = strings.Join(values, ", ")
	}
	switch {
	case strings.Contains(value, `"`): // a comma in a string parts nothing
		b.WriteString(value)
	case name == "Accept":
		writeMembers(b, value, false, false) // the case of a parameter's value may count
	case name == "Accept-Language", name == "Accept-Charset":
		writeMembers(b, value, true, false)
	case name == "Accept-Encoding":
		writeMembers(b, value, true, true)
	default:
		b.WriteString(strings.Trim(value, " \t"))
	}
}

// writeMembers writes a comma-separated list without empty members and without
// space; with fold in lower case, with sorted in one order and each once.
func writeMembers(b *strings.Builder, list string, fold, sorted bool) {
	if fold {
		list = strings.ToLower(list) // the same string where it is lower already
	}
	var room [8]string
	members := room[:0]
	for list != "" {
		member, rest, _ := strings.Cut(list, ",")
		list = rest
		if member = strings.Trim(member, " \t"); member == "" {
			continue
		}
		if strings.ContainsAny(member, " \t") {
			member = trimParameters(member)
		}
		members = append(members, member)
	}
	if sorted {
		slices.Sort(members)
		members = slices.Compact(members)
	}
	for i, member := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(member)
	}
}

// trimParameters takes out the space around semicolons.
func trimParameters(member string) string {
	parts := strings.Split(member, ";")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t")
	}
	return strings.Join(parts, ";")
}
