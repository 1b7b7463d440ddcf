package httpcache

import (
	"cmp"
	"context"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// partOverhead is about what one more part costs on the wire: ranges with a gap
// smaller than that are sent as one (RFC 9110 §15.3.7.2).
const partOverhead = 80

// parseRanges reads a Range of several byte ranges against a content of length
// bytes (RFC 9110 §14.1.2, §14.2). What remains is in ascending order, without
// overlap, and may be a single one. More ranges than limit, or one that is
// malformed, ask for the whole.
func parseRanges(field string, length int64, limit int) ([]span, rangeVerdict) {
	unit, set, _ := strings.Cut(field, "=")
	if strings.Count(set, ",") >= limit {
		return nil, wholeContent
	}
	var parts []span
	unsatisfied := false
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue // RFC 9110 §5.6.1
		}
		piece, kind := parseRange(unit+"="+spec, length)
		switch kind {
		case wholeContent:
			return nil, wholeContent
		case noSuchPart:
			unsatisfied = true
		default:
			parts = append(parts, piece)
		}
	}
	parts = coalesced(parts)
	switch {
	case len(parts) > 1:
		return parts, severalParts
	case len(parts) == 1:
		return parts, partOfContent
	case unsatisfied:
		return nil, noSuchPart
	}
	return nil, wholeContent
}

// coalesced sorts ranges and joins those that overlap or almost touch.
func coalesced(parts []span) []span {
	slices.SortFunc(parts, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, p := range parts {
		if n := len(out); n > 0 && p.from-out[n-1].to < partOverhead {
			out[n-1].to = max(out[n-1].to, p.to)
			continue
		}
		out = append(out, p)
	}
	return out
}

// byteRanges is content cut into parts: the multipart/byteranges of RFC 9110 §14.6.
type byteRanges struct {
	of       content
	parts    []span
	heads    []string // what stands before each part
	boundary string
}

func newByteRanges(of content, parts []span, h *head, key string) byteRanges {
	m := byteRanges{of: of, parts: parts, boundary: boundary(h, key)}
	before := "--"
	for _, p := range parts {
		head := before + m.boundary + "\r\n"
		if kind := h.header.Get("Content-Type"); kind != "" {
			head += "Content-Type: " + kind + "\r\n"
		}
		m.heads = append(m.heads, head+"Content-Range: "+contentRange(p, h.length)+"\r\n\r\n")
		before = "\r\n--"
	}
	return m
}

// boundary parts the parts. It has to be one that the content does not hold: a
// hash of what nobody who writes content knows beforehand, its dates among it.
func boundary(h *head, key string) string {
	sum := fnv.New128a()
	_, _ = sum.Write([]byte(key + "\x00" + h.etag + "\x00" + h.variant + "\x00" + strconv.FormatInt(h.born.UnixNano(), 10)))
	const digits = "0123456789abcdef"
	var b strings.Builder
	for _, c := range sum.Sum(nil) {
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func (m byteRanges) tail() string { return "\r\n--" + m.boundary + "--\r\n" }

// size is the length of the whole message body in bytes.
func (m byteRanges) size() int64 {
	n := int64(len(m.tail()))
	for i, p := range m.parts {
		n += int64(len(m.heads[i])) + p.to - p.from
	}
	return n
}

// describe puts the fields of this content in place of those of the whole; each
// part says its own Content-Range (RFC 9110 §15.3.7.2).
func (m byteRanges) describe(out http.Header) {
	out["Content-Type"] = []string{"multipart/byteranges; boundary=" + m.boundary}
	out["Content-Length"] = []string{strconv.FormatInt(m.size(), 10)}
}

func (m byteRanges) copyTo(ctx context.Context, w http.ResponseWriter, _ span) error {
	for i, p := range m.parts {
		if _, err := w.Write([]byte(m.heads[i])); err != nil {
			return errWrite
		}
		if err := m.of.copyTo(ctx, w, p); err != nil {
			return err
		}
	}
	if _, err := w.Write([]byte(m.tail())); err != nil {
		return errWrite
	}
	return nil
}
