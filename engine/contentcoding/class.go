// Package contentcoding is content negotiation by coding: it reduces
// Accept-Encoding to a small class that a cache key can hold, and codes the
// text that comes from upstream, once for each class. See README.md.
package contentcoding

import "net/http"

// Class is the content coding that suits a client best: what is left of
// Accept-Encoding (RFC 9110 §12.5.3) once it has been reduced for a cache key.
// The zero value is Identity.
type Class uint8

// The classes, in the order of preference from the last to the first.
const (
	Identity Class = iota // no coding
	Gzip                  // RFC 1952
	Zstd                  // RFC 8878, with a window of 8 MB at the most (RFC 9659)
	Brotli                // RFC 7932
	classes
)

var tokens = [classes]string{"identity", "gzip", "zstd", "br"}

// String is the coding's registered name (RFC 9110 §16.6.1).
func (c Class) String() string {
	if c < classes {
		return tokens[c]
	}
	return tokens[Identity]
}

// Classes are all that there are: a cache has up to so many responses for one
// resource.
func Classes() []Class { return []Class{Identity, Gzip, Zstd, Brotli} }

// MaxAcceptEncoding is how much of a field line is looked at, in bytes. What
// comes behind counts for nothing; browsers send 25.
const MaxAcceptEncoding = 512

// Preference gathers the lines of Accept-Encoding. The zero value is that of a
// request without the field. It allocates nothing.
type Preference struct {
	q     [classes]int16 // in thousandths, plus one: zero is not named
	other int16          // of "*", likewise
}

// Of is the class of a request with these field lines.
func Of(lines []string) Class {
	var p Preference
	for _, line := range lines {
		Add(&p, line)
	}
	return p.Class()
}

// Demand makes the fields ask for a class and nothing else, as one tier tells
// it to the next.
func Demand(h http.Header, c Class) { h["Accept-Encoding"] = []string{c.String()} }

// Add reads one field line. Members that cannot be read are passed over; of a
// coding that is named twice the last one counts.
func Add[T string | []byte](p *Preference, line T) {
	if len(line) > MaxAcceptEncoding {
		line = line[:MaxAcceptEncoding]
	}
	for from := 0; from < len(line); {
		to := from
		for to < len(line) && line[to] != ',' {
			to++
		}
		addMember(p, line[from:to])
		from = to + 1
	}
}

// Class is the coding with the highest weight that is not nought; among equals
// Brotli, then zstd, then gzip, as each is the smaller. Identity is for who
// names it with a higher weight than any of them, or accepts none of them.
func (p *Preference) Class() Class {
	best, bestQ := Identity, int16(1)
	for c := Brotli; c > Identity; c-- {
		q := p.q[c]
		if q == 0 {
			q = p.other
		}
		if q > bestQ {
			best, bestQ = c, q
		}
	}
	if p.q[Identity] > bestQ {
		return Identity
	}
	return best
}

func addMember[T string | []byte](p *Preference, member T) {
	member = trim(member)
	end := 0
	for end < len(member) && member[end] != ';' {
		end++
	}
	q := int16(1000)
	if end < len(member) {
		var ok bool
		if q, ok = weight(trim(member[end+1:])); !ok {
			return
		}
	}
	name := trim(member[:end])
	switch {
	case len(name) == 1 && name[0] == '*':
		p.other = q + 1
	case equalFold(name, "x-gzip"): // RFC 9110 §8.4.1.3
		p.q[Gzip] = q + 1
	default:
		for c, token := range tokens {
			if equalFold(name, token) {
				p.q[c] = q + 1
			}
		}
	}
}

// weight reads "q=0.8" in thousandths (RFC 9110 §12.4.2).
func weight[T string | []byte](s T) (int16, bool) {
	if len(s) < 3 || len(s) > 7 || s[0]|0x20 != 'q' || s[1] != '=' || s[2] != '0' && s[2] != '1' {
		return 0, false
	}
	q := int16(s[2]-'0') * 1000
	if len(s) == 3 {
		return q, true
	}
	if s[3] != '.' {
		return 0, false
	}
	unit := int16(100)
	for i := 4; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		q += int16(s[i]-'0') * unit
		unit /= 10
	}
	return q, q <= 1000
}

func trim[T string | []byte](s T) T {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold compares with a token in lower case (RFC 9110 §8.4.1).
func equalFold[T string | []byte](s T, token string) bool {
	if len(s) != len(token) {
		return false
	}
	for i := range len(token) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != token[i] {
			return false
		}
	}
	return true
}
