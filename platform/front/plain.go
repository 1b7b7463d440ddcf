package front

// plain reports whether r, already checked, is one that [Hits.Hit] may answer:
// a GET or HEAD that asks for the response as it is stored, or to be told that it
// has not changed, which sets [Request.Conditional]. Whatever wants another answer
// because of a field, or a stored response to be left alone, is the handler's.
func (r *Request) plain() bool {
	if r.Method != "GET" && r.Method != "HEAD" || len(r.Target) == 0 || r.Target[0] != '/' || len(r.Host) == 0 {
		return false
	}
	r.Conditional = false
	for i := range r.Fields {
		switch kindOf(r.Fields[i].Name) {
		case special:
			return false
		case condition:
			r.Conditional = true
		}
	}
	return true
}

// kind is what a field does to a request.
type kind uint8

const (
	harmless  kind = iota
	condition      // the client has a copy (RFC 9110 §13.1.2, §13.1.3)
	special        // the request is the handler's
)

// kindOf is what a field of that name (in lower case) does. Special are
// credentials (RFC 9111 §3.5), directives (§5.2.1, §5.4), the other conditions
// and ranges (RFC 9110 §13.1, §14.2), expectations (§10.1.1), another protocol
// (§7.8), content (§8.6).
func kindOf(name []byte) kind {
	switch string(name) {
	case "if-none-match", "if-modified-since":
		return condition
	case "authorization", "cache-control", "pragma", "if-match", "if-unmodified-since", "if-range", "range",
		"expect", "upgrade", "content-length", "transfer-encoding":
		return special
	}
	return harmless
}
