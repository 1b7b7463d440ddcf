package httpcache

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errStructured says that a field is not a structured field of the type that
// was asked for; RFC 9651 §4.2 has such a field ignored as a whole.
var errStructured = errors.New("httpcache: malformed structured field")

// itemKind tells the types of RFC 9651 §3.3 apart, as far as a cache needs them.
type itemKind uint8

const (
	kindOther itemKind = iota // a type that no directive of ours takes
	kindInteger
	kindString
	kindBoolean
)

// item is one bare item of a structured field; its parameters are not kept.
type item struct {
	kind itemKind
	num  int64
	text string
	flag bool
}

// sfParser reads the structured fields of RFC 9651 §4.2.
type sfParser struct{ in string }

// parseDictionary reads a Dictionary (RFC 9651 §4.2.2). A later member of the
// same name replaces the earlier.
func parseDictionary(in string) (map[string]item, error) {
	p := &sfParser{in: strings.TrimLeft(in, " ")}
	out := map[string]item{}
	err := p.members(func() error {
		key, err := p.key()
		if err != nil {
			return err
		}
		it := item{kind: kindBoolean, flag: true}
		if p.eat('=') {
			if it, err = p.member(); err != nil {
				return err
			}
		}
		out[key] = it
		return p.parameters()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// parseStringList reads a List of Strings (RFC 9651 §4.2.1, as RFC 9875 §2 has
// it); a member of another type is an error.
func parseStringList(in string) ([]string, error) {
	p := &sfParser{in: strings.TrimLeft(in, " ")}
	var out []string
	err := p.members(func() error {
		it, err := p.member()
		if err != nil {
			return err
		}
		if it.kind != kindString {
			return errStructured
		}
		out = append(out, it.text)
		return p.parameters()
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// members calls read for each comma-separated member up to the end of the field.
func (p *sfParser) members(read func() error) error {
	for strings.Trim(p.in, " ") != "" {
		if err := read(); err != nil {
			return err
		}
		p.in = strings.TrimLeft(p.in, " \t")
		if p.in == "" {
			return nil
		}
		if !p.eat(',') {
			return errStructured
		}
		p.in = strings.TrimLeft(p.in, " \t")
		if p.in == "" {
			return errStructured // a trailing comma
		}
	}
	return nil
}

// member reads an item or an inner list, without the parameters behind it.
func (p *sfParser) member() (item, error) {
	if !p.eat('(') {
		return p.bare()
	}
	for {
		p.in = strings.TrimLeft(p.in, " ")
		if p.eat(')') {
			return item{}, nil
		}
		if _, err := p.bare(); err != nil {
			return item{}, err
		}
		if err := p.parameters(); err != nil {
			return item{}, err
		}
		if p.in == "" || (p.in[0] != ' ' && p.in[0] != ')') {
			return item{}, errStructured
		}
	}
}

func (p *sfParser) parameters() error {
	for p.eat(';') {
		p.in = strings.TrimLeft(p.in, " ")
		if _, err := p.key(); err != nil {
			return err
		}
		if p.eat('=') {
			if _, err := p.bare(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *sfParser) eat(c byte) bool {
	if p.in == "" || p.in[0] != c {
		return false
	}
	p.in = p.in[1:]
	return true
}

// take cuts off the longest prefix of bytes that ok accepts.
func (p *sfParser) take(ok func(c byte) bool) string {
	n := 0
	for n < len(p.in) && ok(p.in[n]) {
		n++
	}
	out := p.in[:n]
	p.in = p.in[n:]
	return out
}

func (p *sfParser) key() (string, error) {
	if p.in == "" || (!isLower(p.in[0]) && p.in[0] != '*') {
		return "", errStructured
	}
	return p.take(func(c byte) bool {
		return isLower(c) || isDigit(c) || c == '_' || c == '-' || c == '.' || c == '*'
	}), nil
}

func (p *sfParser) bare() (item, error) {
	if p.in == "" {
		return item{}, errStructured
	}
	switch c := p.in[0]; {
	case c == '-' || isDigit(c):
		return p.number()
	case c == '"':
		text, err := p.str()
		return item{kind: kindString, text: text}, err
	case c == '?':
		return p.boolean()
	case c == ':':
		return item{}, p.byteSequence()
	case c == '%':
		if !strings.HasPrefix(p.in, `%"`) {
			return item{}, errStructured
		}
		return item{}, p.displayString()
	case c == '@':
		p.in = p.in[1:]
		it, err := p.number()
		if err == nil && it.kind != kindInteger {
			err = errStructured
		}
		return item{}, err
	case isAlpha(c) || c == '*':
		p.take(func(c byte) bool { return isTokenByte(c) || c == ':' || c == '/' })
		return item{}, nil
	}
	return item{}, errStructured
}

// byteSequence reads past a Byte Sequence (RFC 9651 §4.2.7). No directive of ours
// takes one; one that is malformed still spoils the field.
func (p *sfParser) byteSequence() error {
	p.in = p.in[1:]
	text := p.take(isBase64)
	if !p.eat(':') {
		return errStructured
	}
	if _, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "=")); err != nil {
		return errStructured
	}
	return nil
}

// displayString reads past a Display String (RFC 9651 §4.2.10): printable ASCII,
// with "%" before two lower-case hexadecimal digits, of valid UTF-8 in the end.
func (p *sfParser) displayString() error {
	p.in = p.in[len(`%"`):]
	text := p.take(func(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' })
	if !p.eat('"') {
		return errStructured
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			continue
		}
		if i+2 >= len(text) || !isLowerHex(text[i+1]) || !isLowerHex(text[i+2]) {
			return errStructured
		}
		i += 2
	}
	decoded, err := url.PathUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return errStructured
	}
	return nil
}

// number reads an Integer of up to 15 digits, or a Decimal (RFC 9651 §4.2.4).
func (p *sfParser) number() (item, error) {
	sign := int64(1)
	if p.eat('-') {
		sign = -1
	}
	whole := p.take(isDigit)
	if whole == "" || len(whole) > 15 {
		return item{}, errStructured
	}
	if p.eat('.') {
		part := p.take(isDigit)
		if len(whole) > 12 || part == "" || len(part) > 3 {
			return item{}, errStructured
		}
		return item{}, nil
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return item{}, errStructured
	}
	return item{kind: kindInteger, num: sign * n}, nil
}

func (p *sfParser) boolean() (item, error) {
	if len(p.in) < 2 || (p.in[1] != '0' && p.in[1] != '1') {
		return item{}, errStructured
	}
	it := item{kind: kindBoolean, flag: p.in[1] == '1'}
	p.in = p.in[2:]
	return it, nil
}

func (p *sfParser) str() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.in = p.in[i+1:]
			return b.String(), nil
		case c == '\\':
			i++
			if i == len(p.in) || (p.in[i] != '"' && p.in[i] != '\\') {
				return "", errStructured
			}
			b.WriteByte(p.in[i])
		case c < 0x20 || c >= 0x7f:
			return "", errStructured
		default:
			b.WriteByte(c)
		}
	}
	return "", errStructured
}

func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLowerHex(c byte) bool { return isDigit(c) || (c >= 'a' && c <= 'f') }
func isLower(c byte) bool    { return c >= 'a' && c <= 'z' }
func isAlpha(c byte) bool    { return isLower(c | 0x20) }
func isBase64(c byte) bool   { return isAlpha(c) || isDigit(c) || c == '+' || c == '/' || c == '=' }

// isToken reports whether s is a token of RFC 9110 §5.6.2: a field name, for one.
func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isTokenByte is tchar of RFC 9110 §5.6.2.
func isTokenByte(c byte) bool {
	return isAlpha(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
