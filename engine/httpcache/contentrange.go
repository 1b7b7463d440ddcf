package httpcache

import "strings"

// parseContentRange reads the Content-Range of a single part (RFC 9110 §14.4):
// the piece, and the length of the whole, -1 where that is "*".
func parseContentRange(field []string) (piece span, total int64, ok bool) {
	if len(field) != 1 {
		return span{}, 0, false
	}
	unit, rest, _ := strings.Cut(field[0], " ")
	positions, length, slash := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(positions, "-")
	from, fromOK := parseOffset(first)
	end, endOK := parseOffset(last)
	if !strings.EqualFold(unit, "bytes") || !slash || !dash || !fromOK || !endOK || end < from {
		return span{}, 0, false
	}
	total = -1
	if length != "*" {
		if total, ok = parseOffset(length); !ok || total <= end {
			return span{}, 0, false
		}
	}
	return span{from, end + 1}, total, true
}
