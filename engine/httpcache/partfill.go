package httpcache

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// plan is what a fill asks upstream for, where that is not the whole.
type plan struct {
	field   string // Range as sent upstream; empty: the whole
	ifRange string // the strong validator of what is stored, if anything is
	base    *head  // of what is stored
	parts   pieces // what is stored

	completes bool // what lacks is asked for, to have the whole
	lacks     span // … and it is this
}

func (p *plan) asksPart() bool { return p.field != "" && !p.completes }

// planFor says what to ask upstream for where no whole response is stored that
// the request selects. The caller holds the shard.
func (c *Cache) planFor(sl *slot, r *http.Request, ask *want) plan {
	var p *partial
	large := false
	if sl != nil {
		p = sl.matchPart(r.Header)
		large = sl.pass != nil && sl.pass.large || p != nil && p.head.length > c.cfg.MaxObjectBytes
	}
	usable := p != nil && isStrong(p.head.etag)
	spec, ranged := oneRange(r)
	if ranged && !ask.whole && (c.cfg.Ranges == RangesAsked || c.cfg.Ranges == RangesOfLarge && large) {
		if usable {
			return c.rangePlan(p, spec)
		}
		if first, last, ok := spec.aligned(c.cfg.BlockBytes); ok {
			return plan{field: rangeField(first, last)}
		}
		return plan{}
	}
	if !usable || large {
		return plan{}
	}
	gap := p.gap(span{0, p.head.length})
	last := gap.to - 1
	if gap.to == p.head.length {
		last = -1
	}
	return plan{
		field: rangeField(gap.from, last), ifRange: p.head.etag,
		base: p.head, parts: slices.Clone(pieces(p.parts)), completes: true, lacks: gap,
	}
}

// rangePlan asks for what lacks of a range in the parts that are stored. Where
// nothing does, they are stale and asked for again.
func (c *Cache) rangePlan(p *partial, spec rangeSpec) plan {
	piece, kind := parseRange(spec.field(), p.head.length)
	if kind != partOfContent {
		return plan{}
	}
	if block := c.cfg.BlockBytes; block > 0 {
		piece.from -= piece.from % block
		piece.to = min(p.head.length, (piece.to+block-1)/block*block)
	}
	if gap := p.gap(piece); gap.len() > 0 {
		piece = gap
	}
	return plan{
		field: rangeField(piece.from, piece.to-1), ifRange: p.head.etag,
		base: p.head, parts: slices.Clone(pieces(p.parts)),
	}
}

// rangeSpec is one range of an unknown content (RFC 9110 §14.1.2); last is -1
// where it is open, first where it is a suffix.
type rangeSpec struct{ first, last int64 }

// oneRange reads the Range of a request that asks for one range.
func oneRange(r *http.Request) (rangeSpec, bool) {
	field := r.Header["Range"]
	if r.Method != http.MethodGet || len(field) != 1 {
		return rangeSpec{}, false
	}
	unit, spec, _ := strings.Cut(field[0], "=")
	first, last, dash := strings.Cut(strings.Trim(spec, " \t"), "-")
	if !strings.EqualFold(strings.TrimSpace(unit), "bytes") || !dash {
		return rangeSpec{}, false
	}
	s := rangeSpec{-1, -1}
	ok := true
	if first != "" {
		s.first, ok = parseOffset(first)
	}
	if ok && last != "" {
		s.last, ok = parseOffset(last)
	}
	return s, ok && (first != "" || last != "") && (first == "" || last == "" || s.first <= s.last)
}

func (s rangeSpec) field() string { return rangeField(s.first, s.last) }

// aligned widens a range to whole blocks. Not ok where it cannot be asked for:
// numbers that no content reaches.
func (s rangeSpec) aligned(block int64) (first, last int64, ok bool) {
	if s.first >= huge || s.last >= huge {
		return 0, 0, false
	}
	if block <= 0 || s.first < 0 {
		return s.first, s.last, true
	}
	first, last = s.first-s.first%block, s.last
	if last >= 0 {
		last += block - 1 - last%block
	}
	return first, last, true
}

// rangeField writes a Range; a negative number is left out.
func rangeField(first, last int64) string {
	b := []byte("bytes=")
	if first >= 0 {
		b = strconv.AppendInt(b, first, 10)
	}
	b = append(b, '-')
	if last >= 0 {
		b = strconv.AppendInt(b, last, 10)
	}
	return string(b)
}

// apply puts the plan into an upstream request.
func (p *plan) apply(out *http.Request) {
	if p.field == "" {
		return
	}
	out.Header["Range"] = []string{p.field}
	if p.ifRange != "" {
		out.Header["If-Range"] = []string{p.ifRange}
	}
}

// combine reads the answer to a request by plan. A part is described as the whole
// that it belongs to; with what is stored it may be that whole (RFC 9111 §3.4). An
// answer that is of no use is followed by a request for the whole.
func (c *Cache) combine(f *fill, x exchange, out *http.Request) (exchange, error) {
	p := &f.plan
	if x.response.StatusCode != http.StatusPartialContent {
		if p.completes && x.response.StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return c.askAgain(f, x, out)
		}
		return x, nil
	}
	piece, total, ok := parseContentRange(x.response.Header["Content-Range"])
	length := x.response.ContentLength
	if !ok || total < 0 || length >= 0 && length != piece.len() {
		return c.askAgain(f, x, out)
	}
	same := p.base != nil && validETag(x.response.Header.Get("Etag")) == p.ifRange && total == p.base.length
	if p.completes && (!same || piece != p.lacks) {
		return c.askAgain(f, x, out)
	}
	header := x.response.Header.Clone()
	if same {
		header = updated(p.base.header, header)
	} else {
		p.parts = nil
	}
	delete(header, "Content-Range")
	whole := &http.Response{StatusCode: http.StatusOK, Header: header, ContentLength: total, Body: x.response.Body}
	if p.completes {
		whole.Body = p.whole(x.response.Body)
	} else {
		f.piece = piece
	}
	x.response = whole
	return x, nil
}

// whole is what is stored around what comes.
func (p *plan) whole(lacking io.ReadCloser) io.ReadCloser {
	var readers []io.Reader
	at := int64(0)
	add := func(to int64) {
		for _, e := range p.parts {
			if e.part.from <= at && at < min(e.part.to, to) {
				end := min(e.part.to, to)
				readers = append(readers, bytes.NewReader(e.body.bytes[at-e.part.from:end-e.part.from]))
				at = end
			}
		}
	}
	add(p.lacks.from)
	readers = append(readers, exactly(lacking, p.lacks.len()))
	at = p.lacks.to
	add(p.base.length)
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(readers...), lacking}
}

// exactly is n bytes of from: fewer are an error, more are not read.
func exactly(from io.Reader, n int64) io.Reader { return &exact{from, n} }

type exact struct {
	from io.Reader
	left int64
}

func (e *exact) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.from.Read(b[:min(int64(len(b)), e.left)])
	if e.left -= int64(n); e.left == 0 {
		return n, nil
	}
	if err == io.EOF {
		err = errTooShort
	}
	return n, err
}

// fetchedPart deals with a part of a response, which is described as the whole.
func (c *Cache) fetchedPart(ctx context.Context, f *fill, x exchange) {
	h, why := newHead(x)
	if why == "" && f.piece.len() > c.cfg.MaxObjectBytes {
		why = "too-large"
	}
	if why != "" {
		c.handOver(f, x, h, why)
		return
	}
	defer f.stop()
	defer x.response.Body.Close()
	f.shard.mu.Lock()
	purged := f.shard.purges.hit(f.start, f.key, h.groups)
	f.settle(func() {
		f.outcome, f.head, f.fwdStatus, f.exclusive = shared, h, http.StatusPartialContent, h.noCache
		f.base, f.spoiled, f.storing = f.piece.from, purged != untouched, purged == untouched
	})
	f.shard.mu.Unlock()
	f.finish(c.receivePart(f, h, exactly(x.response.Body, f.piece.len())))
}

// receivePart reads a part, publishes it as it arrives and stores it, or as much
// of it as came.
func (c *Cache) receivePart(f *fill, h *head, body io.Reader) error {
	buf := make([]byte, 0, f.piece.len())
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) == cap(buf) {
			err = io.EOF
		}
		if err != nil {
			c.storePart(f, h, span{f.piece.from, f.piece.from + int64(len(buf))}, buf[:len(buf):len(buf)])
			f.publish(buf)
			return endOf(err)
		}
		f.publish(buf)
	}
}

// storePart keeps a piece of a response, unless a purge has named it since the
// fill began. Without a strong validator only a whole answer is of use.
func (c *Cache) storePart(f *fill, h *head, piece span, body []byte) {
	if len(body) == 0 || piece != f.piece && !isStrong(h.etag) {
		return
	}
	s := f.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	h = h.shareable()
	if s.purges.hit(f.start, f.key, h.groups) == untouched {
		s.putPart(f.key, f.hash, h, piece, body)
	}
	s.close(f)
}

// keepIncomplete stores what has come of a response that broke off, if the rest
// can be asked for later (RFC 9111 §3.3).
func (c *Cache) keepIncomplete(f *fill, why error) {
	f.mu.Lock()
	buf, h, spoiled := f.buf, f.head, f.boundless || f.base > 0
	lent := len(f.holds) > 0 // what came may lie in a room, which ends with the fill
	f.mu.Unlock()
	if spoiled || why == errDiffers || h.status != http.StatusOK || int64(len(buf)) >= h.length {
		return
	}
	if lent {
		buf = slices.Clone(buf)
	}
	c.storePart(f, h, span{0, int64(len(buf))}, trimmed(buf))
}

// serves reports whether a fill that fetches a part has what r asks for, with
// what was stored. It is settled.
func (f *fill) serves(r *http.Request, maxRanges int) bool {
	if f.piece == (span{}) || f.head.status != http.StatusOK {
		return true
	}
	has := func(want span) bool {
		lacks := (&partial{parts: f.plan.parts}).gap(want)
		return lacks.len() == 0 || f.piece.holds(lacks)
	}
	piece, parts, kind := requestedSpan(r, f.head, maxRanges)
	switch kind {
	case noSuchPart:
		return true
	case severalParts:
		return !slices.ContainsFunc(parts, func(q span) bool { return !has(q) })
	}
	return has(piece)
}

// around is content of which one piece comes from a fill, and the rest from parts
// that were stored when it began.
type around struct {
	stored pieces
	piece  span
	coming content
}

func (a around) copyTo(ctx context.Context, w http.ResponseWriter, want span) error {
	for want.len() > 0 {
		from, end := content(a.stored), want.to
		switch {
		case want.from < a.piece.from:
			end = min(end, a.piece.from)
		case want.from < a.piece.to:
			from, end = a.coming, min(end, a.piece.to)
		}
		if err := from.copyTo(ctx, w, span{want.from, end}); err != nil {
			return err
		}
		want.from = end
	}
	return nil
}

// contentOf is what a fill brings, by way of coming, as a piece of the whole.
func (f *fill) contentOf(coming content) content {
	if f.piece == (span{}) {
		return coming
	}
	return around{f.plan.parts, f.piece, coming}
}
