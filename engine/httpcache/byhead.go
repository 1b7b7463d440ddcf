package httpcache

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// headRead is a HEAD on its way upstream, and the stored response that a GET in
// its place would select.
type headRead struct {
	f     *fill // it has no readers: purges are compared with it
	e     *entry
	asked time.Time
}

// beginHead looks at what is stored before a HEAD goes upstream; nil if its
// answer can say nothing of that.
func (c *Cache) beginHead(r *http.Request) *headRead {
	if r.Method != http.MethodHead {
		return nil
	}
	key, ok := c.cfg.KeyOf(asGet(r))
	if !ok {
		return nil
	}
	s, hash := shardOf(c, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[key]
	if sl == nil {
		return nil
	}
	e := sl.match(r.Header)
	if e == nil {
		return nil
	}
	f := newFill(s, key, hash, r.Header)
	f.origin = c.originOf(r)
	s.began(f)
	return &headRead{f: f, e: e, asked: c.cfg.Now()}
}

func (c *Cache) endHead(h *headRead) {
	if h != nil {
		c.end(h.f)
	}
}

// freshen uses a 200 to a HEAD (RFC 9111 §4.3.5): the stored response takes its
// fields if it speaks of the same content, and is stale from now on if not.
func (c *Cache) freshen(h *headRead, response *http.Response) {
	if h == nil || response.StatusCode != http.StatusOK {
		return
	}
	now := c.cfg.Now()
	e, s := h.e, h.f.shard
	merged := &http.Response{StatusCode: e.status, Header: updated(e.header, response.Header), ContentLength: e.length}
	updatedHead, why := newHead(exchange{
		policy: &c.cfg, origin: h.f.origin, request: h.f.request, response: merged, asked: h.asked, answered: now,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !slices.Contains(e.slot.entries, e):
		return // purged, replaced or let go of meanwhile
	case s.purges.hit(h.f.start, h.f.key, updatedHead.groups) != untouched:
	case why != "":
		s.remove(e)
	case e.status != http.StatusOK || !e.isDescribedBy(response):
		if e.onDisk { // the copy there would come back as fresh
			s.remove(e)
		} else {
			s.soften(e, now)
		}
	case !e.inFile():
		s.put(h.f.key, h.f.hash, updatedHead.shareable(), e.body.again())
	case !s.freshen(e, updatedHead.shareable()):
		s.remove(e)
	}
}

// isDescribedBy reports whether a response to HEAD speaks of the stored content:
// what it says of validators and length is the same (RFC 9111 §4.3.5).
func (h *head) isDescribedBy(response *http.Response) bool {
	for _, name := range []string{"Etag", "Last-Modified"} {
		if field := response.Header.Get(name); field != "" && field != h.header.Get(name) {
			return false
		}
	}
	field := response.Header.Get("Content-Length")
	return field == "" || field == strconv.FormatInt(h.length, 10)
}
