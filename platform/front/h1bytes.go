package front

import "strings"

// Kinds of bytes in a head.
const (
	tokenByte  = 1 << iota // tchar (RFC 9110 §5.6.2)
	valueByte              // what a field's value may hold (§5.5)
	targetByte             // what path and query may hold, but for % (RFC 3986 §3.3, §3.4)
	hostByte               // what Host may hold (RFC 9110 §7.2, RFC 3986 §3.2.2)
)

// class is the kinds that each byte belongs to.
var class = classes()

func classes() (k [256]uint8) {
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for c := range 256 {
		b := byte(c)
		if strings.IndexByte(alnum+"!#$%&'*+-.^_`|~", b) >= 0 {
			k[c] |= tokenByte
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			k[c] |= valueByte
		}
		if strings.IndexByte(alnum+"-._~!$&'()*+,;=:@/?", b) >= 0 {
			k[c] |= targetByte
		}
		if strings.IndexByte(alnum+"-._~!$&'()*+,;=:[]%", b) >= 0 {
			k[c] |= hostByte
		}
	}
	return k
}

// all reports whether every byte of b is of that kind.
func all(b []byte, kind uint8) bool {
	for _, c := range b {
		if class[c]&kind == 0 {
			return false
		}
	}
	return true
}

// trimSpace takes off the space around a value (OWS, RFC 9110 §5.6.3).
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// equalFold compares with a text in lower case; only letters may differ in case.
func equalFold(b []byte, lower string) bool {
	return len(b) == len(lower) && hasFoldedPrefix(b, lower)
}

func hasFoldedPrefix(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
