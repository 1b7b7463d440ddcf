package httpcache_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"meridian/engine/httpcache"
)

// policy is what the origin says of a resource, and what that allows.
type policy struct {
	control  string
	life     time.Duration
	swr, sie time.Duration
	private  bool // by the client's name
	language bool // varies by it
	each     bool // every use is validated, or fetched
	tagless  bool // no validator
	secret   bool // tells the client's Authorization
}

var policies = []policy{
	{control: "max-age=10", life: 10 * time.Second},
	{control: "max-age=5, stale-while-revalidate=10", life: 5 * time.Second, swr: 10 * time.Second},
	{control: "max-age=5, stale-if-error=30", life: 5 * time.Second, sie: 30 * time.Second},
	{control: "max-age=5, stale-while-revalidate=5, stale-if-error=20", life: 5 * time.Second, swr: 5 * time.Second, sie: 20 * time.Second},
	{control: "private, max-age=60", private: true, each: true},
	{control: "max-age=20", life: 20 * time.Second, language: true},
	{control: "no-cache", each: true},
	{control: "no-store", each: true},
	{control: "max-age=10, stale-if-error=30", life: 10 * time.Second, sie: 30 * time.Second, tagless: true},
	{control: "s-maxage=5, stale-if-error=60, stale-while-revalidate=60", life: 5 * time.Second},
	{control: "max-age=10, must-revalidate, stale-if-error=60", life: 10 * time.Second},
	{control: "max-age=60", secret: true, life: 60 * time.Second},
}

func policyOf(k int) policy { return policies[k%len(policies)] }
func groupOf(k int) string  { return fmt.Sprint("group-", k%7) }
func pathOf(k int) string   { return fmt.Sprint("/", k) }

// tagOf is a strong validator: other content has another.
func tagOf(k, v int, owner, language string) string {
	p := policyOf(k)
	if !p.private && !p.secret {
		owner = ""
	}
	if !p.language {
		language = ""
	}
	return fmt.Sprintf("%q", fmt.Sprint(k, ".", v, owner, language))
}

func lengthOf(k, v int) int { return (k*389 + v*57) % 3000 }

// keyOfPath is the resource of a path.
func keyOfPath(p string) (k int) { fmt.Sscanf(p, "/%d", &k); return k }

// contentOf is what a resource's version is, for a client and a language.
func contentOf(k, v int, client, language string) []byte {
	p := policyOf(k)
	unit := fmt.Sprintf("key %d version %d", k, v)
	if p.private || p.secret {
		unit += " for " + client
	}
	if p.language {
		unit += " in " + language
	}
	unit += ". "
	return []byte(strings.Repeat(unit, 1+lengthOf(k, v)/len(unit)))
}

// fault is how the origin fails one request.
type fault struct {
	wait   time.Duration
	refuse bool // no answer
	status int  // this one
	dies   int  // after so many bytes, in hundredths of the content; 0: it does not
}

// modelOrigin answers for all resources. It remembers when it said that a
// version is the current one.
type modelOrigin struct {
	mu       sync.Mutex
	versions [modelKeys]int
	said     [modelKeys]map[int]time.Time // by version, the last time
	faults   []fault                      // of the next requests
	reads    int
	waiting  int // requests that are slow to be answered
}

func newModelOrigin() *modelOrigin {
	o := &modelOrigin{}
	for k := range o.said {
		o.versions[k], o.said[k] = 1, map[int]time.Time{}
	}
	return o
}

func (o *modelOrigin) version(k int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.versions[k]
}

func (o *modelOrigin) bump(k int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.versions[k]++
}

func (o *modelOrigin) lastSaid(k, v int) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said[k][v]
}

// arm has the next requests fail; calm has the rest of them not.
func (o *modelOrigin) arm(f ...fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = f
}

func (o *modelOrigin) calm() { o.arm() }

// readsSo is how many requests there were.
func (o *modelOrigin) readsSo() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reads
}

func (o *modelOrigin) slowed(by int) (waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting += by
	return o.waiting
}

func (o *modelOrigin) nextFault() (f fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads++
	if len(o.faults) > 0 {
		f, o.faults = o.faults[0], o.faults[1:]
	}
	return f
}

var errModel = errors.New("connection reset")

// RoundTrip answers from the state at the end of the wait.
func (o *modelOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	f := o.nextFault()
	if f.wait > 0 {
		o.slowed(1)
		time.Sleep(f.wait)
		o.slowed(-1)
	}
	switch {
	case f.refuse:
		return nil, errModel
	case f.status != 0:
		return reply(f.status, http.Header{}, []byte("away"), nil), nil
	}
	k := keyOfPath(r.URL.Path)
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Method == http.MethodPost {
		o.versions[k]++
		return reply(200, http.Header{}, nil, nil), nil
	}
	v, p := o.versions[k], policyOf(k)
	o.said[k][v] = time.Now()
	h := http.Header{
		"Cache-Control": {p.control}, "Surrogate-Key": {groupOf(k)}, "Date": {time.Now().UTC().Format(http.TimeFormat)},
		"X-Version": {fmt.Sprint(v)},
	}
	if p.language {
		h.Set("Vary", "Accept-Language")
	}
	if p.secret && r.Header.Get("Authorization") == "" {
		h.Set("X-Open", "1")
	}
	client := r.Header.Get("X-Client")
	if p.secret {
		client = r.Header.Get("Authorization")
	}
	language := r.Header.Get("Accept-Language")
	content, tag := contentOf(k, v, client, language), tagOf(k, v, client, language)
	status, cut := 200, error(nil)
	if !p.tagless {
		h.Set("Etag", tag)
		var from int
		switch {
		case r.Header.Get("If-None-Match") == tag:
			return reply(304, h, nil, nil), nil
		case r.Header.Get("If-Range") == tag:
			if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 && from < len(content) && strings.HasSuffix(r.Header.Get("Range"), "-") {
				h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
				status, content = 206, content[from:]
			}
		}
	}
	length := len(content)
	switch {
	case r.Method == http.MethodHead:
		content = nil
	case f.dies > 0:
		content, cut = content[:length*f.dies/100], errModel
	}
	res := reply(status, h, content, cut)
	res.ContentLength = int64(length)
	return res, nil
}

// reply is a response whose content ends in cut.
func reply(status int, h http.Header, content []byte, cut error) *http.Response {
	var body io.Reader = bytes.NewReader(content)
	if cut != nil {
		body = io.MultiReader(body, broken{cut})
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body), ContentLength: int64(len(content))}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// link is the way to the next tier.
type link struct{ to *tier }

// RoundTrip asks the next tier; a response that it aborts breaks off.
func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	aborted := serve(l.to.Cache, w, in)
	length := int64(-1)
	if field := w.Header().Get("Content-Length"); field != "" {
		fmt.Sscan(field, &length)
	}
	var cut error
	if aborted {
		cut = io.ErrUnexpectedEOF
	}
	res := reply(w.Code, w.Header(), w.Body.Bytes(), cut)
	if length >= 0 {
		res.ContentLength = length
	}
	return res, nil
}

// serve says whether the response was aborted.
func serve(c *httpcache.Cache, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler {
				panic(p)
			}
			aborted = true
		}
	}()
	c.ServeHTTP(w, r)
	return false
}
