package front

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// HeadField is one field line of an answer.
type HeadField struct{ Name, Value string }

// Head is an answer's status and fields as both protocols send them: made once,
// sent many times, by many connections at once.
type Head struct {
	Status int
	h1     []byte // status line, field lines and the empty line
	h2     []byte // a field block that leaves the decoder's dynamic table alone
}

// NewHead prepares a head. The fields must hold what the answer needs, with
// Content-Length where it has content, and none that belong to a connection
// (RFC 9110 §7.6.1). A name or value that a field cannot hold is left out.
func NewHead(status int, fields []HeadField) *Head {
	h := &Head{Status: status}
	h.h1 = append(h.h1, "HTTP/1.1 "...)
	h.h1 = strconv.AppendInt(h.h1, int64(status), 10)
	h.h1 = append(append(append(h.h1, ' '), http.StatusText(status)...), "\r\n"...)
	h.h2 = appendLiteral(h.h2, ":status", strconv.Itoa(status))
	h.add(fields)
	return h
}

// With is a head with more fields at its end: for those that change while the
// rest stays as it is, as Age does.
func (h *Head) With(fields ...HeadField) *Head {
	more := 0
	for _, f := range fields {
		more += len(f.Name) + len(f.Value) + len(": \r\n")
	}
	w := &Head{Status: h.Status, h1: make([]byte, 0, len(h.h1)+more), h2: make([]byte, 0, len(h.h2)+more)}
	w.h1, w.h2 = append(w.h1, h.h1[:len(h.h1)-len("\r\n")]...), append(w.h2, h.h2...)
	w.add(fields)
	return w
}

// add appends field lines and the empty line.
func (h *Head) add(fields []HeadField) {
	for _, f := range fields {
		if !validName(f.Name) || !validValue(f.Value) {
			continue
		}
		h.h1 = append(append(append(append(h.h1, textproto.CanonicalMIMEHeaderKey(f.Name)...), ": "...), f.Value...), "\r\n"...)
		h.h2 = appendLiteral(h.h2, strings.ToLower(f.Name), f.Value)
	}
	h.h1 = append(h.h1, "\r\n"...)
}

// Size is what the head takes of memory, in bytes.
func (h *Head) Size() int { return len(h.h1) + len(h.h2) }

// HTTP1 is the head as HTTP/1.1 sends it.
func (h *Head) HTTP1() string { return string(h.h1) }

// appendLiteral writes a field as a literal without indexing and with a literal
// name (RFC 7541 §6.2.2): no state of a connection goes into it.
func appendLiteral(b []byte, name, value string) []byte {
	return appendString(appendString(append(b, literalField), name), value)
}

// literalField begins a literal without indexing whose name is one too.
const literalField = 0

// appendString writes a string literal in Huffman's code where that is shorter
// (RFC 7541 §5.2).
func appendString(b []byte, s string) []byte {
	if n := hpack.HuffmanEncodeLength(s); n < uint64(len(s)) {
		return hpack.AppendHuffmanString(appendInteger(b, 0x80, n), s)
	}
	return append(appendInteger(b, 0, uint64(len(s))), s...)
}

// appendInteger writes an integer with a prefix of seven bits (RFC 7541 §5.1).
func appendInteger(b []byte, first byte, n uint64) []byte {
	const most = 1<<7 - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|most)
	for n -= most; n >= 1<<7; n >>= 7 {
		b = append(b, byte(n)|1<<7)
	}
	return append(b, byte(n))
}

// validName reports whether s is a token (RFC 9110 §5.6.2).
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// validValue reports whether s may stand in a field line (RFC 9110 §5.5).
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
