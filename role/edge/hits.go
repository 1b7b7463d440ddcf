package edge

import (
	"bytes"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/engine/imagegrid"
	"meridian/engine/tier"
	"meridian/platform/front"
	"meridian/platform/httpserver"
	"meridian/world"
)

// wanted is what a request asks of the cache, found by the handler's own rules
// from its host, path and negotiated class.
type wanted struct {
	tier.Wanted
	varies bool // the answer has to name Accept

	whole, unmodified atomic.Pointer[prepared] // of a 200, or whatever is stored, and of the 304 in its place
}

// prepared is the head of an answer with a stored response, or of a 304 in its
// place, for one second of its life. It is kept beside the request, of which there is a bound, not with each stored response.
type prepared struct {
	of       *stored
	age, ttl int64
	head     *front.Head // nil where only the standard server can tell what it would be
	lasting  *front.Head // the same without Age and Cache-Status: good for as long as it is stored
}

// stored stands for one stored response: it is another for another one.
type stored struct{ _ byte }

// What is remembered of requests. A plan is up to four kilobytes, with its heads.
const (
	memoPlans   = 8192
	memoAccepts = 256
	memoKey     = 512 // bytes of host and path; longer ones are the handler's
)

// Hit is the answer to a plain request where it is stored and fresh: what
// [Edge.ServeHTTP] would answer, byte for byte. All else is left to it.
func (e *Edge) Hit(r *front.Request) (front.Answer, bool) {
	if e.steering != nil && e.steering.nearer(r.Remote.Addr()) != "" {
		return front.Answer{}, false // the handler tells it of a nearer PoP
	}
	key, class, ok := e.memoKey(r.Scratch(memoKey), r)
	if !ok || e.mayBeProvider(r) {
		return front.Answer{}, false
	}
	w, known := e.plans.get(key)
	if !known {
		if w = e.plan(r, class); w == nil {
			return front.Answer{}, false
		}
	}
	found, ok := e.Tier.Find(&w.Wanted, asked{r})
	if !ok {
		return front.Answer{}, false
	}
	if !known {
		e.plans.put(key, w) // not before: what nobody has stored takes no room
	}
	unmodified, usual := false, true
	if r.Conditional {
		unmodified, usual = found.NotModified(asked{r})
	}
	in := found.File()
	a := front.Answer{Body: found.Body(), File: in.File, Offset: in.Offset, Length: found.Length(), Pages: in.Pages, Release: in.Release}
	if usual {
		a.Head = e.headOf(found, w, unmodified)
	}
	if a.Head != nil && !unmodified {
		return a, true
	}
	if a.Release != nil {
		a.Release()
	}
	return front.Answer{Head: a.Head}, a.Head != nil
}

// mayBeProvider reports whether a request shows a provider's key: such a one is
// answered otherwise.
func (e *Edge) mayBeProvider(r *front.Request) bool {
	return len(e.cfg.Providers) > 0 && slices.ContainsFunc(r.Fields, func(f front.Field) bool { return string(f.Name) == "meridian-provider-key" })
}

// asked is a request as the cache sees it: see [Edge.cachedAs].
type asked struct{ *front.Request }

// Line passes over what does not get to the cache.
func (r asked) Line(name string, at int) ([]byte, int) {
	if slices.Contains(uncached, name) {
		return nil, 0
	}
	return r.Request.Line(name, at)
}

// Settled is false for what is set, or set anew, before the cache sees it.
func (asked) Settled(name string) bool { return !isForeign(name) && name != httpserver.HeaderRequestID }

// class is what is negotiated: a picture's format, or a text's coding.
type class struct {
	format imagegrid.Format
	coding contentcoding.Class
}

// memoKey names the plan of a request: host, path and class. Pages that go by their
// query are the handler's.
func (e *Edge) memoKey(key []byte, r *front.Request) ([]byte, class, bool) {
	path, query, _ := bytes.Cut(r.Target, []byte("?"))
	if len(r.Host)+len(path)+3 > cap(key) || len(query) > 0 && world.TakesQuery(string(path)) {
		return nil, class{}, false
	}
	var c class
	if bytes.HasPrefix(path, []byte("/img/")) {
		if len(e.hotlinks) > 0 && !e.mayShow(r, path) {
			return nil, class{}, false
		}
		if bytes.Contains(path, []byte("/auto/")) {
			p, ok := e.preferred(r)
			if !ok {
				return nil, class{}, false
			}
			app, _, _ := bytes.Cut(path[len("/img/"):], []byte("/"))
			c.format = p.Among(e.pictures.For(string(app)).Formats)
		}
	} else {
		var p contentcoding.Preference
		for i := range r.Fields {
			if string(r.Fields[i].Name) == "accept-encoding" {
				contentcoding.Add(&p, r.Fields[i].Value)
			}
		}
		c.coding = p.Class()
	}
	key = append(append(append(key, r.Host...), 0), path...)
	return append(append(append(key, 0), c.format...), '0'+byte(c.coding)), c, true
}

// preferred is what Accept says of formats; false where it is in several lines.
func (e *Edge) preferred(r *front.Request) (p imagegrid.Preference, ok bool) {
	var accept []byte
	lines := 0
	for i := range r.Fields {
		if string(r.Fields[i].Name) == "accept" {
			accept = r.Fields[i].Value
			lines++
		}
	}
	if lines > 1 {
		return p, false
	}
	p, known := e.accepts.get(accept)
	if !known {
		p = imagegrid.Prefer(string(accept))
		if len(accept) <= imagegrid.MaxAcceptLength {
			e.accepts.put(accept, p)
		}
	}
	return p, true
}

// plan goes the handler's way with a request as far as the cache; nil where it
// does not get there.
func (e *Edge) plan(r *front.Request, c class) *wanted {
	path, _, _ := bytes.Cut(r.Target, []byte("?"))
	u, err := url.ParseRequestURI(string(path))
	if err != nil {
		return nil
	}
	w := &wanted{}
	ask := &http.Request{Method: http.MethodGet, URL: u, Host: string(r.Host), Header: http.Header{}}
	switch world.RouteOf(ask.Method, u.Path) {
	case world.RouteImage:
		img, cell, err := e.servedPicture(u.Path)
		w.varies = img.Format == imagegrid.Auto
		if err != nil || cell != img || w.varies != (c.format != "") {
			return nil
		}
		if w.varies {
			img.Format = c.format
		}
		u.Path, u.RawPath = img.String(), ""
	case world.RoutePage:
		contentcoding.Demand(ask.Header, contentcoding.ForPath(u.Path, c.coding))
	case world.RouteManifest:
		contentcoding.Demand(ask.Header, contentcoding.Identity)
	default:
		return nil
	}
	var ok bool
	if w.Wanted, ok = e.Tier.Want(ask); !ok {
		return nil
	}
	return w
}

// headOf is the head of an answer, nil where there is none to be prepared.
func (e *Edge) headOf(found httpcache.Found, w *wanted, unmodified bool) *front.Head {
	of, marked := found.Memo().Load().(*stored)
	if !marked {
		found.Memo().CompareAndSwap(nil, &stored{})
		of = found.Memo().Load().(*stored)
	}
	latest := &w.whole
	if unmodified {
		latest = &w.unmodified
	}
	last := latest.Load()
	if p := last; p != nil && p.of == of && p.age == found.Age() && p.ttl == found.TTL() {
		return p.head
	}
	p := &prepared{of: of, age: found.Age(), ttl: found.TTL()}
	switch {
	case last != nil && last.of == of:
		p.lasting = last.lasting
	case unmodified:
		p.lasting = e.lastingHead(http.StatusNotModified, found.FieldsNotModified(), w.varies)
	default:
		if fields := found.Fields(); complete(found, fields) {
			p.lasting = e.lastingHead(found.Status(), fields, w.varies)
		}
	}
	if p.lasting != nil {
		age, status := found.Changing()
		p.head = p.lasting.With(front.HeadField{Name: "Age", Value: age}, front.HeadField{Name: "Cache-Status", Value: status})
	}
	latest.Store(p)
	return p.head
}

// lastingHead is a head without the fields that change from second to second.
func (e *Edge) lastingHead(status int, fields http.Header, varies bool) *front.Head {
	if _, foreign := fields[world.HeaderPoP]; !foreign {
		fields.Set(world.HeaderPoP, e.cfg.PoP)
	}
	if varies {
		addVary(fields, "Accept")
	}
	fields.Del(httpserver.HeaderRequestID) // the front gives each answer its own
	fields.Del("Age")
	fields.Del("Cache-Status")
	var lines []front.HeadField
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range fields[name] {
			lines = append(lines, front.HeadField{Name: name, Value: v})
		}
	}
	return front.NewHead(status, lines)
}

// complete reports whether the fields say all that the standard server would:
// it adds a length and a type where there is none, and no content to some statuses.
func complete(found httpcache.Found, fields http.Header) bool {
	s := found.Status()
	if s < 200 || s == http.StatusNoContent || s == http.StatusNotModified || len(fields["Content-Length"]) != 1 {
		return false
	}
	return len(fields["Content-Type"]) > 0 || found.Length() == 0
}
