package accelerator

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/platform/front"
	"meridian/platform/httpserver"
)

// maxClass is more than a class takes in a key, in bytes.
const maxClass = 16

// maxKey is the longest key that the short way looks for, in bytes.
const maxKey = 1024

// Hit is the answer to a plain request where it is stored and fresh: what
// [Accelerator.ServeHTTP] would answer. All else is left to it, and so is what a
// proxy in front says of the scheme.
func (a *Accelerator) Hit(r *front.Request) (front.Answer, bool) {
	if len(a.proxies) > 0 && r.Has("x-forwarded-proto") || r.Has("cdn-loop") || !a.servesNow(r.Host) {
		return front.Answer{}, false
	}
	key, ok := appendKey(r.Scratch(maxKey), r)
	if !ok {
		return front.Answer{}, false
	}
	found, ok := a.cache.Find(key, asked{r})
	if !ok {
		return front.Answer{}, false
	}
	unmodified, usual := false, true
	if r.Conditional {
		unmodified, usual = found.NotModified(asked{r})
	}
	in := found.File()
	var head *front.Head
	if usual {
		head = headOf(found, unmodified)
	}
	if head != nil && !unmodified {
		return front.Answer{
			Head: head, Body: found.Body(), File: in.File, Offset: in.Offset, Length: found.Length(), Pages: in.Pages, Release: in.Release,
		}, true
	}
	if in.Release != nil {
		in.Release()
	}
	return front.Answer{Head: head}, head != nil
}

// servesNow is [Accelerator.serves]; it allocates where a host has a port or capitals.
func (a *Accelerator) servesNow(host []byte) bool {
	for _, h := range a.cfg.Hosts {
		if h == string(host) {
			return true
		}
	}
	return len(a.cfg.Hosts) == 0 || a.serves(string(host))
}

// asked is a request as the cache sees it: see [Accelerator.forward].
type asked struct{ *front.Request }

// Settled is false for what is set, or set anew, before the cache sees it.
func (asked) Settled(name string) bool {
	return name != loopField && name != httpserver.HeaderRequestID && !slices.Contains(told, name)
}

// appendKey is [keyFor] of a front's request; false for what is not plainly a
// key, which the long way makes of it.
func appendKey(b []byte, r *front.Request) ([]byte, bool) {
	scheme, port := "http://", ":80"
	if r.TLS {
		scheme, port = "https://", ":443"
	}
	if len(scheme)+len(r.Host)+len(r.Target)+maxClass > cap(b) || bytes.IndexByte(r.Target, '#') >= 0 {
		return nil, false
	}
	b = append(b, scheme...)
	at := len(b)
	for _, c := range r.Host {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	b = b[:at+len(bytes.TrimSuffix(bytes.TrimSuffix(b[at:], []byte(":")), []byte(port)))]
	b = append(b, r.Target...)
	var p contentcoding.Preference
	for i := range r.Fields {
		if string(r.Fields[i].Name) == "accept-encoding" {
			contentcoding.Add(&p, r.Fields[i].Value)
		}
	}
	path, _, _ := bytes.Cut(r.Target, []byte("?"))
	if c := contentcoding.ForPath(path, p.Class()); c != contentcoding.Identity {
		b = append(append(b, contentcoding.Mark...), c.String()...)
	}
	return b, true
}

// prepared are the heads of the answers with a stored response: as it is, and of
// the 304 in its place.
type prepared struct{ whole, unmodified atomic.Pointer[headAt] }

// headAt is a prepared head, good for one second of a stored response's life.
type headAt struct {
	age, ttl int64
	head     *front.Head // nil where only the standard server can tell it
	lasting  *front.Head // the same without Age and Cache-Status: good for as long as it is stored
}

func headOf(found httpcache.Found, unmodified bool) *front.Head {
	of, made := found.Memo().Load().(*prepared)
	if !made {
		found.Memo().CompareAndSwap(nil, &prepared{})
		of = found.Memo().Load().(*prepared)
	}
	latest := &of.whole
	if unmodified {
		latest = &of.unmodified
	}
	kept := latest.Load()
	if kept != nil && kept.age == found.Age() && kept.ttl == found.TTL() {
		return kept.head
	}
	next := &headAt{age: found.Age(), ttl: found.TTL()}
	switch {
	case kept != nil:
		next.lasting = kept.lasting
	case unmodified:
		next.lasting = lastingHead(http.StatusNotModified, found.FieldsNotModified())
	default:
		if fields := found.Fields(); complete(found, fields) {
			next.lasting = lastingHead(found.Status(), fields)
		}
	}
	if next.lasting != nil {
		age, status := found.Changing()
		next.head = next.lasting.With(front.HeadField{Name: "Age", Value: age}, front.HeadField{Name: "Cache-Status", Value: status})
	}
	latest.Store(next)
	return next.head
}

// complete reports whether the fields say all that the standard server would.
func complete(found httpcache.Found, fields http.Header) bool {
	s := found.Status()
	if s < 200 || s == http.StatusNoContent || s == http.StatusNotModified || len(fields["Content-Length"]) != 1 {
		return false
	}
	return len(fields["Content-Type"]) > 0 || found.Length() == 0
}

func lastingHead(status int, fields http.Header) *front.Head {
	for _, name := range []string{httpserver.HeaderRequestID, "Age", "Cache-Status"} { // the front gives each answer its own id
		fields.Del(name)
	}
	var lines []front.HeadField
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range fields[name] {
			lines = append(lines, front.HeadField{Name: name, Value: v})
		}
	}
	return front.NewHead(status, lines)
}
