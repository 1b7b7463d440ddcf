package httpcache

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Found is a stored response that may be sent as it is: fresh, and whole.
type Found struct {
	e   *entry
	age time.Duration
	ttl time.Duration
	c   *Cache

	file *fileContent // where the content is in a file
}

// Find is the short way to a hit, for who has a key and no [http.Request] yet.
// It counts as a hit. False: go the long way, by [Cache.ServeHTTP]. So it is for
// what is not stored or not fresh. Of what varies by fields of the request r has
// the say, and where that is nil it is not found. The caller sees to conditions
// ([Found.NotModified]), ranges, directives of the request, and to what
// [Config.Behind] and [Config.Unsure] would say.
func (c *Cache) Find(key []byte, r Asked) (Found, bool) {
	now := c.cfg.Now()
	s, _ := shardOf(c, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	sl := s.slots[string(key)]
	if sl == nil {
		return Found{}, false
	}
	e := sl.pickFor(r)
	if e == nil || !e.fresh(now) {
		return Found{}, false
	}
	f := Found{e: e, age: e.age(now), ttl: e.ttl(now), c: c}
	if e.body.room != nil {
		f.file = &e.body.again().room.fileContent
	} else if e.inFile() {
		file, err := c.openFile(e.at)
		if err != nil {
			return Found{}, false
		}
		f.file = file
	}
	s.use(e)
	return f, true
}

// Status is the response's status code.
func (f Found) Status() int { return f.e.status }

// Fields are all fields of the answer, as [Cache.ServeHTTP] would give them. The
// map is the caller's, its values are shared.
func (f Found) Fields() http.Header {
	out := http.Header{}
	f.c.describe(out, f.e.slot.key, f.e.head, f.verdict(), f.age, f.c.cfg.StripGroups)
	return out
}

// Changing are the values of Age and Cache-Status: the fields of [Found.Fields]
// that are others a second later, while the rest stays as long as [Found.Memo].
func (f Found) Changing() (age, cacheStatus string) {
	out := http.Header{}
	f.c.addStatus(out, f.e.header, f.e.slot.key, f.verdict())
	return strconv.FormatInt(f.Age(), 10), out["Cache-Status"][0]
}

// NotModified reports whether the answer to r is a 304: its condition holds, by
// the rules of [Cache.ServeHTTP]. usual is false where only that can tell.
func (f Found) NotModified(r Asked) (yes, usual bool) {
	c, usual, room := condition[[]byte]{}, false, [maxAsked]byte{}
	if c.tags, c.hasTags, usual = joined(r, "If-None-Match", room[:0]); !usual || !r.Settled("If-Modified-Since") {
		return false, false
	}
	since, next := r.Line("If-Modified-Since", 0)
	if next > 0 {
		_, again := r.Line("If-Modified-Since", next)
		c.since, c.hasSince = since, again == 0
	}
	return c.holdsFor(f.e.head), true
}

// FieldsNotModified are all fields of the 304 in place of the answer; see [Found.Fields].
func (f Found) FieldsNotModified() http.Header {
	out := f.Fields()
	keepNotModifiedFields(out)
	return out
}

func (f Found) verdict() verdict {
	return verdict{hit: true, ttl: f.ttl, hasTTL: true, detail: f.c.hitDetail(f.e.head)}
}

// TTL is what is left of the freshness lifetime, in whole seconds.
func (f Found) TTL() int64 { return int64(f.ttl / time.Second) }

// Age is the response's age in whole seconds (RFC 9111 §4.2.3).
func (f Found) Age() int64 { return int64(f.age / time.Second) }

// Length is the content's length in bytes.
func (f Found) Length() int64 { return f.e.length }

// Body is the content, never changed by anybody, for as long as Release of
// [Found.File] has not been called; nil where it is in a file on the disk.
func (f Found) Body() []byte { return f.e.body.bytes }

// File is where the content is if it is in a file, on the disk or in memory. Its
// Release must be called where it is not nil. The zero InFile: [Found.Body] alone
// has it.
func (f Found) File() InFile {
	if f.file == nil {
		return InFile{}
	}
	in := f.file.InFile
	if f.e.length < int64(len(in.Pages)) {
		in.Pages = in.Pages[:f.e.length]
	}
	return in
}

// Memo keeps what a caller has made of the response, for as long as it is
// stored as it is. The caller minds that [Found.Age] and [Found.TTL] change.
func (f Found) Memo() *atomic.Value { return &f.e.memo }
