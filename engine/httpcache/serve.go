package httpcache

import (
	"cmp"
	"net/http"
	"time"

	"meridian/world"
)

// maxLooks bounds how often a request looks at the disk: what it finds there may
// be gone from RAM again when its turn comes.
const maxLooks = 3

// maxRejoins bounds how often a request waits for the fill of another in vain
// before it goes upstream for itself.
const maxRejoins = 4

// want is what a request may be given.
type want struct {
	requestDirectives
	behind bool // nothing that is stored
	whole  bool // no fill of a part
	unsure bool // nothing that is stored, unless it is validated now or upstream has failed
	alone  bool // no fill of another
	looked int  // how often the disk was looked at
}

// decision is what the store says to a request: exactly one of hit, read, fill and
// pass is set, or none for only-if-cached.
type decision struct {
	hit     *entry
	body    content   // of the hit
	release func()    // where not nil: to be called when body has been used
	read    *diskRead // it may be on the disk: wait for it and decide again
	lead    bool      // and read it
	head    *head     // of a hit by stored parts
	parts   pieces    // … and what is stored
	refresh *fill     // beside a stale hit: a validation to start in the background
	reader  *reader
	pass    bool
	fwd     string // of a pass: why; empty is bypass
	detail  string // of a stale hit or a pass: why
}

// serve answers a GET or HEAD that has a key.
func (c *Cache) serve(w http.ResponseWriter, r *http.Request, key string) {
	ask := want{requestDirectives: parseRequest(r.Header, c.cfg.HonourRequest)}
	ask.behind = c.cfg.Behind != nil && c.cfg.Behind(r)
	ask.unsure = c.cfg.Unsure != nil && c.cfg.Unsure(r)
	ask.alone = ask.noCache
	waited := false
	for tries := 0; ; tries++ {
		ask.alone = ask.alone || tries == maxRejoins
		d := c.decide(key, r, ask)
		switch {
		case d.hit != nil:
			c.serveHit(w, r, d)
			return
		case d.head != nil:
			c.deliver(w, r, key, d.head, d.parts, verdict{hit: true})
			return
		case d.read != nil:
			ask.looked++
			tries--
			if c.readDisk(r.Context(), key, d) != nil {
				breakOff()
			}
			continue
		case d.pass:
			c.pass(w, r, verdict{fwd: cmp.Or(d.fwd, "bypass"), detail: d.detail})
			return
		case d.reader == nil:
			c.fail(w, r, key, verdict{detail: "only-if-cached"},
				world.E(world.CodeTimeout, "httpcache", "Nothing usable is stored, and only-if-cached forbids to fetch it."))
			return
		}
		again, alone := c.follow(w, r, d.reader, &ask, waited)
		if !again {
			return
		}
		waited = true
		ask.alone = ask.alone || alone
	}
}

// decide looks the request up and, where nothing can be served, joins or makes
// a fill. It is one step under the shard's lock: a purge is before or after it.
func (c *Cache) decide(key string, r *http.Request, ask want) decision {
	now := c.cfg.Now()
	s, hash := shardOf(c, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[key]
	var e *entry
	if sl != nil && !ask.behind {
		e = sl.match(r.Header)
	}
	body, release, e := c.open(s, e)
	if e == nil && !ask.behind {
		if e = s.onItsWay(hash, r.Header, now); e != nil {
			body, release, _ = c.contentOf(e)
		}
	}
	if e == nil && !ask.behind && ask.looked < maxLooks {
		if read, lead := s.fromDisk(hash, r.Header); read != nil {
			return decision{read: read, lead: lead}
		}
	}
	sl = s.slots[key] // what could not be opened is gone
	if e != nil && !ask.unsure {
		if d, ok := c.useStored(s, e, r, &ask, now); ok {
			d.body, d.release = body, release
			return d
		}
	}
	if release != nil {
		release()
	}
	if e == nil && sl != nil && !ask.behind && !ask.unsure {
		if d, ok := c.usePart(s, sl, r, &ask, now); ok {
			return d
		}
	}
	switch {
	case ask.onlyIfCached:
		return decision{}
	case ask.noStore:
		return decision{pass: true, detail: "no-store"}
	}
	if sl != nil && sl.pass != nil && !now.Before(sl.pass.until) {
		s.remove(sl.pass)
		sl = s.slots[key]
	}
	var asks plan
	if e == nil && !ask.behind {
		asks = c.planFor(sl, r, &ask)
	}
	passing := sl != nil && sl.pass != nil && !asks.asksPart()
	if passing && (r.Method != http.MethodGet || isConditional(r)) {
		return decision{pass: true, detail: "hit-for-miss"} // as asked: a part, or nothing new, is cheaper than the whole
	}
	if r.Method == http.MethodHead && c.cfg.ForwardHead {
		why := &fill{}
		why.explain(e, ask, false, sl != nil && len(sl.entries) > 0, now)
		return decision{pass: true, fwd: why.fwd, detail: why.detail}
	}
	spare := e != nil && ask.acceptsAfterError(e.head, now) // of use to who asked for that alone
	alone := ask.alone || passing || spare || (e != nil && e.noCache)
	if sl != nil && !alone {
		for _, f := range sl.fills {
			if (!f.plan.asksPart() || f.plan.field == asks.field) && f.welcomes(r.Header, sl.vary, ask) {
				return decision{reader: f.enter(false)}
			}
		}
	}
	f := newFill(s, key, hash, r.Header)
	f.origin = c.originOf(r)
	f.joinable, f.behind, f.unsure, f.spare, f.plan = !alone, ask.behind, ask.unsure, spare, asks
	f.asked = now
	f.explain(e, ask, passing, sl != nil && len(sl.entries) > 0, now)
	s.stats.Misses++
	s.began(f)
	return decision{reader: f.enter(true)}
}

// useStored answers with a stored response where it is fresh, or stale within
// max-stale, or within stale-while-revalidate (RFC 5861 §3); then one validation
// a key is begun.
func (c *Cache) useStored(s *shard, e *entry, r *http.Request, ask *want, now time.Time) (decision, bool) {
	fresh := e.fresh(now)
	refresh := !fresh && e.staleWhileRevalidate(now) && !ask.refusesStale()
	if !ask.accepts(e.head, now) || !fresh && !refresh && !ask.acceptsStale(e.head, now) {
		return decision{}, false
	}
	d := decision{hit: e}
	s.use(e)
	if fresh {
		d.detail = c.hitDetail(e.head)
		return d, true
	}
	s.stats.Stale++
	if !refresh {
		d.detail = "max-stale"
		return d, true
	}
	d.detail = "stale-while-revalidate"
	for _, f := range e.slot.fills {
		if f.stale == e {
			return d, true
		}
	}
	f := newFill(s, e.slot.key, e.hash, r.Header)
	f.origin = c.originOf(r)
	f.joinable, f.leaderless = true, true
	f.asked = now
	f.explain(e, want{}, false, true, now)
	s.stats.Misses++
	s.began(f)
	d.refresh = f
	return d, true
}

// explain sets what the fill validates and why it goes upstream (RFC 9211 §2.2);
// e is what the request selects, others that the key has responses at all.
func (f *fill) explain(e *entry, ask want, passing, others bool, now time.Time) {
	switch {
	case ask.behind:
		f.fwd, f.detail = "bypass", "behind"
	case e != nil && ask.unsure:
		f.fwd, f.stale, f.detail = "stale", e, "feed-lost"
	case e != nil && e.fresh(now):
		f.fwd, f.stale = "request", e // it was not fresh enough for who asks
	case e != nil:
		f.fwd, f.stale = "stale", e
	case passing:
		f.fwd, f.detail = "bypass", "hit-for-miss"
	case f.plan.base != nil:
		f.fwd = "partial"
	case others:
		f.fwd = "vary-miss"
	default:
		f.fwd = "uri-miss"
	}
	if ask.unsure && f.detail == "" {
		f.detail = "feed-lost" // why it did not join an older read
	}
}

func (c *Cache) serveHit(w http.ResponseWriter, r *http.Request, d decision) {
	if d.refresh != nil {
		// A cache that is closing serves what it has; the refusal is the fill's.
		_ = c.begin(d.refresh, r)
	}
	if d.release != nil {
		defer d.release()
	}
	c.deliver(w, r, d.hit.slot.key, d.hit.head, d.body, verdict{hit: true, detail: d.detail})
}

// follow sees one request through a fill. again says that it got nothing and
// must be decided anew, alone that it should not wait for another then.
func (c *Cache) follow(w http.ResponseWriter, r *http.Request, rd *reader, ask *want, waited bool) (again, alone bool) {
	f := rd.f
	defer rd.leave()
	if rd.leader {
		if err := c.begin(f, r); err != nil {
			c.fail(w, r, f.key, verdict{}, err)
			return false, false
		}
	}
	early := c.hintsFor(w, r, rd.leader)
	if !waited {
		early.ofStale(f.stale)
	}
	switch err := rd.await(r.Context(), c.patience(f, ask), early.pass); err {
	case nil:
	case errLate:
		if c.serveStale(w, r, f, verdict{fwd: f.fwd, detail: "stale-if-error"}) {
			return false, false
		}
		return true, true
	default:
		breakOff()
	}
	v := f.verdict(rd, waited)
	switch f.outcome {
	case failed:
		c.serveFailure(w, r, f, ask, v)
	case released:
		if !f.serves(r, c.cfg.MaxRanges) {
			ask.whole = true
			return true, true
		}
		own := rd.takeOwn()
		if own == nil {
			return true, true
		}
		c.serveOwn(w, r, f, own, v)
	default:
		if !rd.leader && f.exclusive {
			return true, true
		}
		if f.isSpoiled(rd) || variantOf(f.head.vary, r.Header) != f.head.variant {
			return true, false
		}
		if !f.serves(r, c.cfg.MaxRanges) {
			ask.whole = true
			return true, false
		}
		h := f.head
		if rd.leader {
			h = h.complete()
		} else {
			f.countCollapsed()
		}
		if f.at == (Place{}) {
			c.deliver(w, r, f.key, h, f.contentOf(rd), v)
			return false, false
		}
		file, err := c.openFile(f.at)
		if err != nil {
			return true, false // its segment has been reclaimed meanwhile
		}
		defer file.Release()
		c.deliver(w, r, f.key, h, file, v)
	}
	return false, false
}

// verdict is what Cache-Status says to one of the fill's readers. The fill is settled.
func (f *fill) verdict(rd *reader, waited bool) verdict {
	v := verdict{fwd: f.fwd, fwdStatus: f.fwdStatus, stored: f.storing, detail: f.detail}
	if v.detail == "" {
		v.detail = f.why
	}
	switch {
	case !rd.leader:
		v.collapsed = "collapsed"
	case waited:
		v.collapsed = "collapsed=?0"
	}
	return v
}

func (f *fill) countCollapsed() {
	f.shard.mu.Lock()
	f.shard.stats.Collapsed++
	f.shard.mu.Unlock()
}
