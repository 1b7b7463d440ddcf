package httpcache

import (
	"net/http"
	"strings"
	"time"
)

// span is a piece of a content of known length: bytes from up to, not including, to.
type span struct{ from, to int64 }

// rangeVerdict says what a Range field asks of a content.
type rangeVerdict uint8

const (
	wholeContent  rangeVerdict = iota // none, or not understood: the 200
	partOfContent                     // one range: the 206
	severalParts                      // several: the 206 in parts
	noSuchPart                        // one that cannot be satisfied: the 416
)

// parseRange reads a Range of one byte range (RFC 9110 §14.1.2, §14.2) against
// a content of length bytes.
func parseRange(field string, length int64) (span, rangeVerdict) {
	unit, spec, ok := strings.Cut(field, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(spec, ",") {
		return span{}, wholeContent
	}
	first, last, ok := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !ok {
		return span{}, wholeContent
	}
	if first == "" {
		return suffixRange(last, length)
	}
	from, ok := parseOffset(first)
	if !ok {
		return span{}, wholeContent
	}
	to := length
	if last != "" {
		end, ok := parseOffset(last)
		if !ok || end < from {
			return span{}, wholeContent
		}
		if end < length {
			to = end + 1
		}
	}
	if from >= length {
		return span{}, noSuchPart
	}
	return span{from, to}, partOfContent
}

// suffixRange is the last n bytes.
func suffixRange(n string, length int64) (span, rangeVerdict) {
	count, ok := parseOffset(n)
	if !ok {
		return span{}, wholeContent
	}
	if count == 0 || length == 0 {
		return span{}, noSuchPart
	}
	return span{max(0, length-count), length}, partOfContent
}

// huge stands for every number too large to hold: no content is as long.
const huge = 1 << 62

// parseOffset reads digits; a number too large to hold is larger than any content.
func parseOffset(s string) (int64, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		if n < huge/10 {
			n = n*10 + int64(s[i]-'0')
		} else {
			n = huge
		}
	}
	return n, true
}

// requestedSpan is the piece of a response that r asks for, or the parts of it
// (RFC 9110 §14.2): a range counts in a GET for a 200 of known length, if If-Range
// holds. More than limit ranges do not count.
func requestedSpan(r *http.Request, h *head, limit int) (piece span, parts []span, kind rangeVerdict) {
	whole := span{0, h.length}
	field := r.Header["Range"]
	if len(field) != 1 || r.Method != http.MethodGet || h.status != http.StatusOK || h.length < 0 ||
		!ifRangeHolds(r.Header["If-Range"], h) {
		return whole, nil, wholeContent
	}
	if strings.Contains(field[0], ",") {
		if parts, kind = parseRanges(field[0], h.length, limit); kind == partOfContent {
			piece = parts[0]
		}
	} else {
		piece, kind = parseRange(field[0], h.length)
	}
	if kind == wholeContent {
		piece = whole
	}
	return piece, parts, kind
}

// ifRangeHolds evaluates If-Range (RFC 9110 §13.1.5): the same strong ETag, or
// exactly the Last-Modified date, where that is a strong validator (§8.8.2.2).
func ifRangeHolds(field []string, h *head) bool {
	if len(field) == 0 {
		return true
	}
	if len(field) > 1 { // it has one validator
		return false
	}
	if tag := validETag(field[0]); tag != "" {
		return tag == h.etag && isStrong(tag)
	}
	since, ok := parseDate(field[0], h.date)
	return ok && since.Equal(h.lastModified) && h.changedLongBefore()
}

// changedLongBefore reports whether Last-Modified is a strong validator: it is
// older than the response by more than it can tell (RFC 9110 §8.8.2.2).
func (h *head) changedLongBefore() bool {
	return !h.lastModified.IsZero() && h.date.Sub(h.lastModified) >= time.Second
}
