package front

import "bytes"

// head1 is a request's head as the strict parser has read it (RFC 9112 §2 to
// §6). The parser takes one way of writing each thing: what two recipients may
// read differently is refused, so that nothing can be smuggled between them.
type head1 struct {
	Request
	size   int   // bytes of the head, with its empty line
	length int64 // bytes of content that follow
	minor  byte  // of the version: '0' or '1'

	chunked bool // content follows whose end only its reader finds
	special bool // the connection is to be closed, changed, or something of that kind
	odd     bool // the target has bytes that RFC 3986 does not allow there

	hosts, lengths, codings int
}

// parse reads a head at the start of b. done is false where b does not hold all
// of it; no says why it is refused. Names are put into lower case in b itself.
func (h *head1) parse(b []byte, l *Limits) (done bool, no *refusal) {
	fields := h.Fields[:0]
	*h = head1{Request: Request{Fields: fields, TLS: h.TLS, Remote: h.Remote}}
	line, n, no := cutLine(b)
	if n == 0 || no != nil {
		return false, no
	}
	if no := h.requestLine(line, l); no != nil {
		return false, no
	}
	for at := n; ; at += n {
		if line, n, no = cutLine(b[at:]); n == 0 || no != nil {
			return false, no
		}
		if len(line) == 0 {
			h.size = at + n
			break
		}
		if no := h.field(line, l); no != nil {
			return false, no
		}
	}
	if h.size > l.Head {
		return false, headTooLarge
	}
	return true, h.agrees()
}

// cutLine is the line at the start of b without its CRLF, and its length with
// it; 0 where b has no end of a line. A lone LF ends no line (RFC 9112 §2.2).
func cutLine(b []byte) (line []byte, n int, no *refusal) {
	i := bytes.IndexByte(b, '\n')
	switch {
	case i < 0:
		return nil, 0, nil
	case i == 0 || b[i-1] != '\r':
		return nil, 0, badLine
	}
	return b[:i-1], i + 1, nil
}

// requestLine reads RFC 9112 §3: method SP request-target SP HTTP-version.
func (h *head1) requestLine(line []byte, l *Limits) *refusal {
	i := bytes.IndexByte(line, ' ')
	if i < 1 || !all(line[:i], tokenByte) {
		return badRequestLine
	}
	method, rest := line[:i], line[i+1:]
	i = bytes.IndexByte(rest, ' ')
	if i < 1 {
		return badRequestLine
	}
	target, version := rest[:i], rest[i+1:]
	switch string(version) {
	case "HTTP/1.1", "HTTP/1.0":
		h.minor = version[7]
	default:
		if len(version) == 8 && bytes.HasPrefix(version, []byte("HTTP/")) && isDigit(version[5]) && version[6] == '.' && isDigit(version[7]) {
			return badVersion
		}
		return badRequestLine
	}
	switch string(method) {
	case "GET":
		h.Method = "GET" // a constant: nothing is allocated
	case "HEAD":
		h.Method = "HEAD"
	case "CONNECT":
		return noTunnel
	}
	if len(target) > l.Target {
		return targetTooLong
	}
	h.Target = target
	return h.target(method)
}

// target reads RFC 9112 §3.2. The absolute form is for the standard server to
// take apart; of the asterisk form likewise.
func (h *head1) target(method []byte) *refusal {
	for i, c := range h.Target {
		switch k := class[c]; {
		case k&targetByte != 0:
		case c <= ' ' || c == 0x7f || c == '#':
			return badTarget
		case c == '%' && i+2 < len(h.Target) && isHex(h.Target[i+1]) && isHex(h.Target[i+2]):
		default:
			h.odd = true
		}
	}
	switch {
	case h.Target[0] == '/':
		return nil
	case hasFoldedPrefix(h.Target, "http://"), hasFoldedPrefix(h.Target, "https://"):
		return nil
	case string(h.Target) == "*" && string(method) == "OPTIONS":
		return nil
	}
	return badTarget
}

// field reads one field line (RFC 9112 §5).
func (h *head1) field(line []byte, l *Limits) *refusal {
	i := bytes.IndexByte(line, ':')
	if i < 1 {
		return badField
	}
	name := line[:i]
	for j, c := range name {
		if class[c]&tokenByte == 0 { // §5.1: no space before the colon; §5.2: no folded line
			return badField
		}
		if c >= 'A' && c <= 'Z' {
			name[j] = c | 0x20
		}
	}
	value := trimSpace(line[i+1:])
	if !all(value, valueByte) {
		return badField
	}
	kept, no := h.framing(name, value)
	if no != nil || !kept {
		return no
	}
	if len(h.Fields) == l.Fields {
		return headTooLarge
	}
	h.Fields = append(h.Fields, Field{Name: name, Value: value})
	return nil
}

// framing reads the fields by which a message is delimited and routed; kept says
// that it is none of them, nor one of the connection's.
func (h *head1) framing(name, value []byte) (kept bool, no *refusal) {
	switch string(name) {
	case "host": // §3.2
		if h.hosts++; h.hosts > 1 || !all(value, hostByte) {
			return false, badHost
		}
		h.Host = value
	case "content-length": // §6.2, §6.3
		if h.lengths++; h.lengths > 1 {
			return false, badFraming
		}
		n, ok := parseLength(value)
		if !ok {
			return false, badFraming
		}
		h.length, h.special = n, true
	case "transfer-encoding": // §6.1
		if h.codings++; h.codings > 1 || h.minor == '0' {
			return false, badFraming
		}
		if !equalFold(value, "chunked") {
			return false, unknownCoding
		}
		h.chunked = true
	case "connection":
		h.special = h.special || !equalFold(value, "keep-alive")
	case "upgrade", "expect", "te", "trailer", "http2-settings":
		h.special = true
	case "keep-alive", "proxy-connection":
	default:
		return true, nil
	}
	return false, nil
}

// agrees checks what the fields say together.
func (h *head1) agrees() *refusal {
	switch {
	case h.lengths > 0 && h.codings > 0: // §6.1: it ought to be handled as an error
		return badFraming
	case h.hosts == 0 && h.minor == '1': // §3.2
		return badHost
	}
	return nil
}

// forHits reports whether the answer may be a hit.
func (h *head1) forHits() bool {
	return h.minor == '1' && !h.special && !h.chunked && !h.odd && h.plain()
}

// maxLengthDigits keeps a length within 63 bits.
const maxLengthDigits = 18

// parseLength reads 1*DIGIT (RFC 9110 §8.6): no sign, no list, no space.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > maxLengthDigits {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
