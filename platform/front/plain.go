package front

// plain reports whether r, already checked, is one that [Hits.Hit] may answer:
// a GET or HEAD that asks for the response as it is stored. Whatever wants
// another answer because of a field, or a stored response to be left alone, is
// the handler's.
func (r *Request) plain() bool {
	if r.Method != "GET" && r.Method != "HEAD" || len(r.Target) == 0 || r.Target[0] != '/' || len(r.Host) == 0 {
		return false
	}
	for i := range r.Fields {
		if special(r.Fields[i].Name) {
			return false
		}
	}
	return true
}

// special reports whether a field of that name (in lower case) makes a request
// unusual: credentials (RFC 9111 §3.5), directives (§5.2.1, §5.4), conditions
// and ranges (RFC 9110 §13.1, §14.2), expectations (§10.1.1), another protocol
// (§7.8), content (§8.6).
func special(name []byte) bool {
	switch string(name) {
	case "authorization", "cache-control", "pragma",
		"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range",
		"expect", "upgrade", "content-length", "transfer-encoding":
		return true
	}
	return false
}
