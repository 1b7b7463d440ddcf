package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxDelta is what a delta-seconds too large to hold counts as (RFC 9111 §1.2.2).
const maxDelta = (1 << 31) * time.Second

// absent stands for a delta-seconds directive that was not sent.
const absent = time.Duration(-1)

// directives is what the response's Cache-Control, or the targeted field that
// stands in for it, asks of a shared cache (RFC 9111 §5.2.2, RFC 5861).
type directives struct {
	noStore, private, noCache, public bool
	mustRevalidate, proxyRevalidate   bool
	mustUnderstand, immutable         bool

	withheld []string // fields that private or no-cache name: not for who did not fetch them

	maxAge, sMaxAge, swr, sie time.Duration // absent where not sent

	targeted bool // from a targeted field: Cache-Control and Expires do not count
}

// The fields that speak to caches such as this one alone.
const (
	fieldTargeted  = "Cdn-Cache-Control" // RFC 9213 §3.1
	fieldSurrogate = "Surrogate-Control" // of the Edge Architecture Specification (W3C note, 2001)
)

// responseDirectives reads the directives that bind this cache: those of the
// first targeted field that is a valid, non-empty Dictionary (RFC 9213 §2.1, §2.2),
// else those of Cache-Control.
func responseDirectives(h http.Header, targeted []string) directives {
	for _, name := range targeted {
		field := h.Values(name)
		if len(field) == 0 {
			continue
		}
		if strings.EqualFold(name, fieldSurrogate) {
			if d, ok := surrogateDirectives(field); ok {
				return d
			}
			continue
		}
		if dict, err := parseDictionary(strings.Join(field, ", ")); err == nil && len(dict) > 0 {
			return targetedDirectives(dict)
		}
	}
	return parseCacheControl(h.Values("Cache-Control"))
}

// surrogateDirectives reads Surrogate-Control: directives as in Cache-Control,
// but that one with a parameter is for the surrogate which that names, so not for
// this one, and max-age may be a sum whose second part is how long a stale
// response may be used. False where nothing in it is for this cache.
func surrogateDirectives(values []string) (d directives, ok bool) {
	d = noDirectives()
	d.targeted = true
	for _, v := range values {
		for member := range strings.SplitSeq(v, ",") {
			if strings.Contains(member, ";") {
				continue
			}
			eachDirective(member, func(name, value string, hasValue bool) {
				if name == "no-store-remote" { // for caches far from the origin, as this one may be
					name = "no-store"
				}
				ok = ok || name == "no-store" || name == "max-age"
				if fresh, stale, summed := strings.Cut(value, "+"); summed && name == "max-age" {
					d.set("stale-while-revalidate", stale, true)
					d.set("stale-if-error", stale, true)
					value = fresh
				}
				d.set(name, value, hasValue)
			})
		}
	}
	return d, ok
}

func targetedDirectives(dict map[string]item) directives {
	d := noDirectives()
	d.targeted = true
	for name, it := range dict {
		switch it.kind {
		case kindBoolean:
			if it.flag {
				d.set(name, "", false)
			}
		case kindString: // field names of no-cache and private; a delta must be an Integer
			if name == "no-cache" || name == "private" {
				d.set(name, it.text, true)
			}
		case kindInteger:
			d.set(name, strconv.FormatInt(it.num, 10), true)
		}
	}
	return d
}

// parseCacheControl reads Cache-Control (RFC 9111 §5.2). What cannot be read is
// skipped, and the first of two deltas of one name counts (§4.2.1).
func parseCacheControl(values []string) directives {
	d := noDirectives()
	for _, v := range values {
		eachDirective(v, d.set)
	}
	return d
}

func noDirectives() directives {
	return directives{maxAge: absent, sMaxAge: absent, swr: absent, sie: absent}
}

func (d *directives) set(name, value string, hasValue bool) {
	switch name {
	case "no-store":
		d.noStore = true
	case "private":
		d.private = !d.withhold(value) || d.private
	case "no-cache":
		d.noCache = !d.withhold(value) || d.noCache
	case "public":
		d.public = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "proxy-revalidate":
		d.proxyRevalidate = true
	case "must-understand":
		d.mustUnderstand = true
	case "immutable":
		d.immutable = true
	case "max-age":
		setDelta(&d.maxAge, value, hasValue)
	case "s-maxage":
		setDelta(&d.sMaxAge, value, hasValue)
	case "stale-while-revalidate":
		setDelta(&d.swr, value, hasValue)
	case "stale-if-error":
		setDelta(&d.sie, value, hasValue)
	}
}

// setDelta keeps the first value; one that is not a number counts as zero, so
// that the response is stale rather than for ever fresh (RFC 9111 §4.2.1).
func setDelta(to *time.Duration, value string, hasValue bool) {
	if *to != absent {
		return
	}
	*to = 0
	if hasValue {
		*to, _ = parseDelta(value)
	}
}

// parseDelta reads delta-seconds (RFC 9111 §1.2.2).
func parseDelta(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(maxDelta/time.Second) {
		return maxDelta, true
	}
	return time.Duration(n) * time.Second, true
}

// eachDirective calls use for every `token [ "=" ( token / quoted-string ) ]` of
// a comma-separated list, names in lower case (RFC 9111 §5.2). The grammar has no
// space around "=": with one, the name counts and its value is missing.
func eachDirective(in string, use func(name, value string, hasValue bool)) {
	for in != "" {
		in = strings.TrimLeft(in, " \t,")
		n := 0
		for n < len(in) && isTokenByte(in[n]) {
			n++
		}
		name := strings.ToLower(in[:n])
		in = in[n:]
		value, hasValue := "", false
		if strings.HasPrefix(in, "=") {
			hasValue = true
			value, in = directiveValue(in[1:])
		}
		if name != "" {
			use(name, value, hasValue)
		}
		// What stands before the next comma is not a directive.
		next := strings.IndexByte(in, ',')
		if next < 0 {
			return
		}
		in = in[next+1:]
	}
}

// directiveValue cuts a token or a quoted-string off the front. A string that
// is never closed is none: it must not hide a no-store behind it.
func directiveValue(in string) (value, rest string) {
	if strings.HasPrefix(in, `"`) {
		if value, rest, ok := cutString(in); ok {
			return value, rest
		}
	}
	end := strings.IndexAny(in, ", \t")
	if end < 0 {
		end = len(in)
	}
	return in[:end], in[end:]
}

// cutString cuts a quoted-string (RFC 9110 §5.6.4) off the front.
func cutString(in string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(in); i++ {
		switch in[i] {
		case '"':
			return b.String(), in[i+1:], true
		case '\\':
			if i++; i == len(in) {
				return "", in, false
			}
		}
		b.WriteByte(in[i])
	}
	return "", in, false
}
