package httpcache

import "slices"

// maxAsked is the longest value of a request's field, in one line, that the
// short way to a hit reads, and the longest secondary key that it makes, in bytes.
const maxAsked = 1024

// Asked is a request as who has read it from the wire knows it, before there is
// an [http.Request]. See [Cache.Find].
type Asked interface {
	// Line is the value of the first field line of that name, whatever its case,
	// from the at-th line on, and the line to go on from; next is 0 where there is
	// none. The cache does not change the value, and keeps nothing of it.
	Line(name string, at int) (value []byte, next int)
	// Settled reports whether the field says here what it would say in the
	// [http.Request] that the cache were given: false for what is changed, added or
	// dropped on the way there.
	Settled(name string) bool
}

// joined is a request's field in one line (RFC 9110 §5.3), in room if it has
// several. usual is false where the long way is to read it: it is changed there, a
// connection's own field is dropped (see [endToEnd]), or there is too much of it.
// Cookie is joined by each protocol in its own way
// (RFC 9113 §8.2.3).
func joined(r Asked, name string, room []byte) (value []byte, present, usual bool) {
	if !r.Settled(name) || slices.Contains(hopByHop, name) {
		return nil, false, false
	}
	value, next := r.Line(name, 0)
	if next == 0 || len(value) > cap(room) {
		return nil, false, next == 0
	}
	line, next := r.Line(name, next)
	if next == 0 {
		return value, true, true
	}
	room = appendLine(room, value, true)
	for ; next > 0; line, next = r.Line(name, next) {
		if len(room)+len(", ")+len(line) > cap(room) || name == "Cookie" {
			return nil, false, false
		}
		room = appendLine(room, line, false)
	}
	return room, true, true
}

// pickFor is [slot.match] for a request that is not an [http.Request] yet; nil
// too where only the long way can tell.
func (sl *slot) pickFor(r Asked) *entry {
	if len(sl.vary) == 0 && len(sl.entries) > 0 {
		return sl.entries[0] // as slot.pick has it, without a call
	}
	if r == nil {
		return nil
	}
	usual := true
	e := sl.pick(func(h *head) bool {
		selected, ok := h.selectedBy(r)
		usual = usual && ok
		return selected
	})
	if !usual {
		return nil
	}
	return e
}

// selectedBy reports whether a request selects h, as [variantOf] has it.
func (h *head) selectedBy(r Asked) (selected, usual bool) {
	var room, lines [maxAsked]byte
	b := room[:0]
	for _, name := range h.vary {
		value, present, ok := joined(r, name, lines[:0])
		if !ok || len(b)+len(value)+variantMarks > cap(b) {
			return false, false
		}
		b = appendVariant(b, name, value, present)
	}
	return string(b) == h.variant, true
}
