package accelerator

import (
	"bytes"
	"maps"
	"net/http"
	"slices"

	"meridian/engine/contentcoding"
	"meridian/engine/httpcache"
	"meridian/platform/front"
	"meridian/platform/httpserver"
)

// maxClass is more than a class takes in a key, in bytes.
const maxClass = 16

// maxKey is the longest key that the short way looks for, in bytes.
const maxKey = 1024

// Hit is the answer to a plain request where it is stored and fresh, and varies
// by nothing: what [Accelerator.ServeHTTP] would answer. All else is left to it,
// and so is what a proxy in front says of the scheme.
func (a *Accelerator) Hit(r *front.Request) (front.Answer, bool) {
	if len(a.proxies) > 0 && r.Has("x-forwarded-proto") || r.Has("cdn-loop") || !a.serves(string(r.Host)) {
		return front.Answer{}, false
	}
	var room [maxKey]byte
	key, ok := appendKey(room[:0], r)
	if !ok {
		return front.Answer{}, false
	}
	found, ok := a.cache.Find(key)
	if !ok {
		return front.Answer{}, false
	}
	file, offset, length, release := found.File()
	head := headOf(found, length)
	if head == nil {
		if release != nil {
			release()
		}
		return front.Answer{}, false
	}
	return front.Answer{Head: head, Body: found.Body(), File: file, Offset: offset, Length: length, Release: release}, true
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
	if bytes.HasSuffix(b[at:], []byte(port)) {
		b = b[:len(b)-len(port)]
	}
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

// headAt is a prepared head, good for one second of a stored response's life.
type headAt struct {
	age, ttl int64
	head     *front.Head // nil where only the standard server can tell it
	lasting  *front.Head // the same without Age and Cache-Status: good for as long as it is stored
}

func headOf(found httpcache.Found, inFile int64) *front.Head {
	kept, _ := found.Memo().Load().(*headAt)
	if kept != nil && kept.age == found.Age() && kept.ttl == found.TTL() {
		return kept.head
	}
	made := &headAt{age: found.Age(), ttl: found.TTL()}
	if kept != nil {
		made.lasting = kept.lasting
	} else {
		made.lasting = lastingHead(found, inFile)
	}
	if made.lasting != nil {
		age, status := found.Changing()
		made.head = made.lasting.With(front.HeadField{Name: "Age", Value: age}, front.HeadField{Name: "Cache-Status", Value: status})
	}
	found.Memo().Store(made)
	return made.head
}

// lastingHead is nil where fields lack what the standard server would add.
func lastingHead(found httpcache.Found, inFile int64) *front.Head {
	fields := found.Fields()
	s := found.Status()
	if s < 200 || s == http.StatusNoContent || s == http.StatusNotModified || len(fields["Content-Length"]) != 1 ||
		len(fields["Content-Type"]) == 0 && (len(found.Body()) > 0 || inFile > 0) {
		return nil
	}
	for _, name := range []string{httpserver.HeaderRequestID, "Age", "Cache-Status"} { // the front gives each answer its own id
		fields.Del(name)
	}
	var lines []front.HeadField
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range fields[name] {
			lines = append(lines, front.HeadField{Name: name, Value: v})
		}
	}
	return front.NewHead(s, lines)
}
