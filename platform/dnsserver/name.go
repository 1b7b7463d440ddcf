package dnsserver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"meridian/world"
)

// Name is a domain name in canonical wire form: each label behind its length, in
// lower case, with the root's empty one at the end. It is a good key of a map.
// The zero Name is none.
type Name string

// maxName is the longest name, in bytes of its wire form (RFC 1035 §2.3.4).
const maxName = 255

// ParseName reads a name as people write it, as "www.shop.example"; a dot at its
// end changes nothing. Errors are [world.CodeInvalid].
func ParseName(text string) (Name, error) {
	var raw [maxName + 1]byte
	n, err := dns.PackDomainName(dns.Fqdn(text), raw[:], 0, nil, false)
	if text == "" || err != nil || n > maxName {
		return "", world.Because(world.CodeInvalid, "dns.name", fmt.Sprintf("%.80q is no domain name.", text), err)
	}
	lower(raw[:n])
	return Name(raw[:n]), nil
}

// lower puts the letters of a wire form into lower case. Lengths of labels are
// below any letter.
func lower(wire []byte) {
	for len(wire) >= 8 {
		binary.NativeEndian.PutUint64(wire, lowerEight(binary.NativeEndian.Uint64(wire)))
		wire = wire[8:]
	}
	for i, c := range wire {
		if c-'A' <= 'Z'-'A' {
			wire[i] = c + 'a' - 'A'
		}
	}
}

// lowerEight is lower of eight bytes at once: the highest bit of each tells of what
// was added to its lower seven whether it is within the letters.
func lowerEight(w uint64) uint64 {
	const each = 0x0101010101010101
	low := w & (0x7f * each)
	letters := (low + (0x80-'A')*each) &^ (low + (0x7f-'Z')*each) &^ w & (0x80 * each)
	return w | letters>>2 // 0x80 >> 2 is the bit that tells small from capital letters
}

// String is the name as people write it, with the dot at its end.
func (n Name) String() string {
	text, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		return "(no name)"
	}
	return text
}

// Parent is the name without its first label; that of the root is the zero Name.
func (n Name) Parent() Name {
	if len(n) < 2 {
		return ""
	}
	return n[1+n[0]:]
}

// In reports whether a name is a zone's own or lies below it.
func (n Name) In(zone Name) bool { return within([]byte(n), zone) }

func within(name []byte, zone Name) bool {
	for off := 0; off < len(name); off += 1 + int(name[off]) {
		if len(name)-off == len(zone) {
			return string(name[off:]) == string(zone)
		}
	}
	return false
}

// Wild reports whether its first label is an asterisk.
func (n Name) Wild() bool { return strings.HasPrefix(string(n), "\x01*") }

// readName reads a question's name, which is never compressed, into a buffer in
// lower case. ok is false for what is no name.
func readName(from []byte, into *[maxName]byte) (length int, ok bool) {
	most := min(len(from), maxName)
	for length < most {
		label := int(from[length])
		length += 1 + label
		if label == 0 {
			copy(into[:length], from)
			lower(into[:length])
			return length, true
		}
		if label > 63 {
			return 0, false
		}
	}
	return 0, false
}

// skipName is where a name that may be compressed ends; 0: it is none.
func skipName(m []byte, off int) int {
	for off < len(m) {
		switch c := int(m[off]); {
		case c == 0:
			return off + 1
		case c >= 0xc0 && off+2 <= len(m):
			return off + 2
		case c > 63:
			return 0
		default:
			off += 1 + c
		}
	}
	return 0
}

// sharedSuffix is how much of a name, from its start, has to be written before a
// pointer into the question, and where in the question's name that points; at 0
// there is nothing to point at.
func sharedSuffix(name Name, question []byte) (before, at int) {
	for off := 0; off < len(name)-1; off += 1 + int(name[off]) {
		rest := name[off:]
		if at := len(question) - len(rest); at >= 0 && bytes.HasSuffix(question, []byte(rest)) {
			return off, at + headerLen
		}
	}
	return len(name), 0
}
