package prefixes

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"meridian/world"
)

// MaxLine is the longest line of a prefix file, in bytes.
const MaxLine = 4096

// Read reads a prefix file: a line for each prefix, with the name of its place
// behind it, as "203.0.113.0/24 frankfurt". What follows a # is a comment; empty
// lines count for nothing. A bare address is a prefix of its whole length. most
// bounds the entries.
//
// Errors are [world.CodeInvalid], and name the line; [world.CodeTooLarge].
func Read(r io.Reader, most int) ([]Entry[string], error) {
	const op = "prefixes.read"
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, MaxLine), MaxLine)
	var out []Entry[string]
	n := 0
	for lines.Scan() {
		n++
		text, _, _ := strings.Cut(lines.Text(), "#")
		parts := strings.Fields(text)
		if len(parts) == 0 {
			continue
		}
		if len(parts) != 2 {
			return nil, world.E(world.CodeInvalid, op, fmt.Sprintf("Line %d: write a prefix and the name of its place, as \"203.0.113.0/24 frankfurt\".", n))
		}
		p, err := parsePrefix(parts[0])
		if err != nil {
			return nil, world.Because(world.CodeInvalid, op, fmt.Sprintf("Line %d: %q is no prefix; write one as 203.0.113.0/24 or 2001:db8::/32.", n, parts[0]), err)
		}
		if len(out) == most {
			return nil, world.E(world.CodeTooLarge, op, fmt.Sprintf("Line %d: there are more than %d prefixes.", n, most))
		}
		out = append(out, Entry[string]{Prefix: p, Value: parts[1]})
	}
	if err := lines.Err(); err != nil {
		return nil, world.Because(world.CodeInvalid, op, fmt.Sprintf("Line %d cannot be read, or has more than %d bytes.", n+1, MaxLine), err)
	}
	return out, nil
}

// parsePrefix takes no bits behind the prefix's length: they are a slip of who
// wrote it.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is no address", s)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, err
	}
	if p != p.Masked() {
		return p, fmt.Errorf("bits behind the prefix's length: did you mean %v?", p.Masked())
	}
	return p, nil
}
