package httpcache

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

// errGap says that a piece was asked of parts that do not hold it.
var errGap = errors.New("httpcache: a part that is not stored")

// RangePolicy says what a request for a range asks upstream for, where what is
// stored does not answer it.
type RangePolicy uint8

const (
	// RangesOfLarge asks for the range where an earlier answer has shown that the
	// whole is larger than MaxObjectBytes; else for the whole.
	RangesOfLarge RangePolicy = iota
	// RangesWhole always asks for the whole, and cuts the range from it.
	RangesWhole
	// RangesAsked always asks for the range.
	RangesAsked
)

// partial is what is stored of a response that is not there as a whole (RFC 9111
// §3.3, §3.4): parts with the same strong validator, or one alone.
type partial struct {
	head  *head    // of the whole, with the fields of the newest part (RFC 9110 §15.3.7.3)
	parts []*entry // in ascending order, none overlapping
}

// len is the number of bytes of a piece.
func (p span) len() int64 { return p.to - p.from }

// holds reports whether q lies in p.
func (p span) holds(q span) bool { return p.from <= q.from && q.to <= p.to }

// combines reports whether parts with this head go together with those of p: the
// same strong validator and length (RFC 9110 §15.3.7.3), and the same groups, so
// that a purge finds all of them or none.
func (p *partial) combines(h *head) bool {
	return isStrong(h.etag) && h.etag == p.head.etag && h.length == p.head.length && slices.Equal(h.groups, p.head.groups)
}

// gap is the smallest piece that holds all that lacks in want; empty if nothing does.
func (p *partial) gap(want span) span {
	for _, e := range p.parts {
		if e.part.from <= want.from && want.from < e.part.to {
			want.from = min(e.part.to, want.to)
		}
	}
	for _, e := range slices.Backward(p.parts) {
		if e.part.from < want.to && want.to <= e.part.to {
			want.to = max(e.part.from, want.from)
		}
	}
	return want
}

// answers reports whether r asks for parts that are all here, or for what the
// whole has not (RFC 9111 §3.3).
func (p *partial) answers(r *http.Request, maxRanges int) bool {
	piece, parts, kind := requestedSpan(r, p.head, maxRanges)
	switch kind {
	case noSuchPart:
		return true
	case partOfContent:
		return p.gap(piece).len() == 0
	case severalParts:
		return !slices.ContainsFunc(parts, func(q span) bool { return p.gap(q).len() > 0 })
	}
	return false
}

// pieces is content of which parts are stored, in ascending order.
type pieces []*entry

func (ps pieces) copyTo(_ context.Context, w http.ResponseWriter, piece span) error {
	for _, e := range ps {
		if piece.len() == 0 {
			return nil
		}
		if e.part.from > piece.from || piece.from >= e.part.to {
			continue
		}
		end := min(piece.to, e.part.to)
		if _, err := w.Write(e.body.bytes[piece.from-e.part.from : end-e.part.from]); err != nil {
			return errWrite
		}
		piece.from = end
	}
	if piece.len() > 0 {
		return errGap
	}
	return nil
}

// matchPart is what is stored in part of the response that the request selects,
// nil if nothing is.
func (sl *slot) matchPart(request http.Header) *partial {
	var newest *partial
	for _, p := range sl.partials {
		if variantOf(p.head.vary, request) == p.head.variant && (newest == nil || p.head.date.After(newest.head.date)) {
			newest = p
		}
	}
	return newest
}

// readVary finds again which fields the slot's responses vary by.
func (sl *slot) readVary() {
	sl.vary = nil
	for _, e := range sl.entries {
		sl.vary = union(sl.vary, e.vary)
	}
	for _, p := range sl.partials {
		sl.vary = union(sl.vary, p.head.vary)
	}
}

// usePart answers with stored parts: those of a response that is fresh.
func (c *Cache) usePart(s *shard, sl *slot, r *http.Request, ask *want, now time.Time) (decision, bool) {
	p := sl.matchPart(r.Header)
	if p == nil || !p.head.fresh(now) || !ask.accepts(p.head, now) || !p.answers(r, c.cfg.MaxRanges) {
		return decision{}, false
	}
	for _, e := range p.parts {
		s.ram.touch(e)
	}
	s.stats.Hits++
	return decision{parts: slices.Clone(pieces(p.parts)), head: p.head}, true
}

// putPart stores a piece of the response that h describes as a whole. It goes
// with the parts of the same strong validator; others of its variant give way, and
// all of them to a whole. False if it was not stored.
func (s *shard) putPart(key string, hash uint64, h *head, piece span, body []byte) bool {
	sl := s.slotFor(key)
	if slices.ContainsFunc(sl.entries, func(e *entry) bool { return e.isVariantOf(h) }) {
		return false
	}
	p := &partial{}
	if i := slices.IndexFunc(sl.partials, func(o *partial) bool { return o.head.isVariantOf(h) }); i >= 0 {
		if p = sl.partials[i]; !p.combines(h) {
			s.removePartial(p)
			p = &partial{}
		}
	}
	p.head = h
	piece, body = s.makeWay(p, piece, body)
	stored := piece.len() > 0 && s.insertPart(sl, p, &entry{
		head: h, body: kept{bytes: body}, slot: sl, hash: hash, of: p, part: piece, size: sizeOf(key, h, int64(len(body))),
	})
	if len(p.parts) == 0 {
		sl.partials = slices.DeleteFunc(sl.partials, func(o *partial) bool { return o == p })
		s.dropIfEmpty(sl)
		return false
	}
	sl.readVary()
	s.complete(key, hash, p)
	return stored
}

// insertPart lists a new part. Making room may let go of others, and of the slot
// if that leaves it empty: it is listed again.
func (s *shard) insertPart(sl *slot, p *partial, e *entry) bool {
	if !s.ram.insert(e) {
		return false
	}
	s.slots[sl.key] = sl
	if !slices.Contains(sl.partials, p) {
		sl.partials = append(sl.partials, p)
	}
	i, _ := slices.BinarySearchFunc(p.parts, e, func(a, b *entry) int { return cmp.Compare(a.part.from, b.part.from) })
	p.parts = slices.Insert(p.parts, i, e)
	s.groups.add(e)
	s.stats.Objects++
	return true
}

// makeWay lets go of the parts that a new piece holds, and cuts off it what
// others hold. It may leave nothing.
func (s *shard) makeWay(p *partial, piece span, body []byte) (span, []byte) {
	rest := p.gap(piece)
	if rest.len() == 0 {
		return span{}, nil
	}
	body = body[rest.from-piece.from : rest.to-piece.from : rest.to-piece.from]
	for _, e := range slices.Clone(p.parts) {
		if rest.holds(e.part) {
			s.remove(e)
		}
	}
	return rest, body
}

// complete puts the whole in place of its parts once all are there (RFC 9111 §3.4).
func (s *shard) complete(key string, hash uint64, p *partial) {
	whole := span{0, p.head.length}
	if p.gap(whole).len() > 0 || whole.len() > s.maxObject || len(p.parts) == 0 {
		return
	}
	body := s.space.make(whole.len())
	for _, e := range p.parts {
		copy(body.bytes[e.part.from:], e.body.bytes)
	}
	h := p.head
	s.removePartial(p)
	s.put(key, hash, h, body)
}

// removePartial lets go of all parts of a response.
func (s *shard) removePartial(p *partial) {
	for len(p.parts) > 0 {
		s.remove(p.parts[len(p.parts)-1])
	}
}

// unlistPart takes a part that is in no queue (any more) out of its response.
func (s *shard) unlistPart(e *entry) {
	p, sl := e.of, e.slot
	i := slices.Index(p.parts, e)
	if i < 0 {
		return
	}
	p.parts = slices.Delete(p.parts, i, i+1)
	s.groups.remove(e)
	s.stats.Objects--
	if len(p.parts) == 0 {
		sl.partials = slices.DeleteFunc(sl.partials, func(o *partial) bool { return o == p })
	}
}
