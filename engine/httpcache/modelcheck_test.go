package httpcache_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// ask is one request of a visitor.
type ask struct {
	key              int
	method           string
	client, language string
	secret           string // Authorization
	from, to         int    // Range, where to is above from
	known            int    // version named by If-None-Match; 0: none
}

// owner is who a response that is not for all is for.
func (q ask) owner() string {
	if policyOf(q.key).secret {
		return q.secret
	}
	return q.client
}

// answer is what came of it, and what held when it was sent.
type answer struct {
	ask
	status  int
	header  http.Header
	body    []byte
	aborted bool

	began    time.Time
	current  int  // version
	floor    int  // below it was purged at the edge
	softly   int  // below it was made stale at the edge
	unsure   bool // so was the edge
	next     int  // below it was purged at the shield
	original bool // the shield was sure, too
}

func (m *model) anyAsk() ask {
	a := ask{
		key: min(m.rng.IntN(modelKeys), m.rng.IntN(modelKeys)), method: "GET",
		client: fmt.Sprint("client-", m.rng.IntN(3)), language: []string{"de", "en", "ja"}[m.rng.IntN(3)],
	}
	if policyOf(a.key).secret || m.rng.IntN(10) == 0 {
		a.secret = "of " + a.client
	}
	switch m.rng.IntN(10) {
	case 0:
		a.method = "HEAD"
	case 1:
		a.from = m.rng.IntN(2000)
		a.to = a.from + 1 + m.rng.IntN(500)
	case 2:
		a.known = max(1, m.origin.version(a.key)-m.rng.IntN(3))
	}
	return a
}

func (m *model) send(edge *tier, q ask) answer {
	a := answer{
		ask: q, began: time.Now(), current: m.origin.version(q.key), floor: edge.floor[q.key], softly: edge.softly[q.key],
		unsure: edge.unsure(), next: m.shield.floor[q.key], original: !m.shield.unsure(),
	}
	// A server is what makes a proxy abort a response that breaks off.
	ctx := context.WithValue(context.Background(), http.ServerContextKey, &http.Server{})
	r := httptest.NewRequestWithContext(ctx, q.method, "http://shop.test"+pathOf(q.key), nil)
	r.Header.Set("X-Client", q.client)
	r.Header.Set("Accept-Language", q.language)
	if q.secret != "" {
		r.Header.Set("Authorization", q.secret)
	}
	if q.to > q.from {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", q.from, q.to-1))
	}
	if q.known > 0 {
		r.Header.Set("If-None-Match", tagOf(q.key, q.known, q.owner(), q.language))
	}
	w := httptest.NewRecorder()
	a.aborted = serve(edge.Cache, w, r)
	a.status, a.header, a.body = w.Code, w.Header(), w.Body.Bytes()
	return a
}

// request is one visitor's, while the origin may be in trouble.
func (m *model) request() {
	faulty := m.rng.IntN(8) == 0
	if faulty {
		m.origin.arm(m.anyFault(), m.anyFault())
	}
	m.check(m.send(m.edges[m.rng.IntN(2)], m.anyAsk()), faulty)
}

func (m *model) anyFault() fault {
	switch m.rng.IntN(5) {
	case 0:
		return fault{refuse: true}
	case 1:
		return fault{status: []int{500, 502, 503, 504}[m.rng.IntN(4)]}
	case 2:
		return fault{wait: time.Duration(m.rng.IntN(3000)) * time.Millisecond}
	case 3:
		return fault{}
	}
	return fault{dies: 1 + m.rng.IntN(99)}
}

// crowd is many visitors at once, over both edges, at times with a purge among
// them.
func (m *model) crowd() {
	m.count.Crowds++
	for m.origin.slowed(0) > 0 { // a validation in the background, which would be counted
		time.Sleep(time.Second)
		synctest.Wait()
	}
	q := m.anyAsk()
	q.method, q.to, q.known, q.secret = "GET", 0, 0, ""
	shared := !policyOf(q.key).each && !policyOf(q.key).secret
	purged, dies := m.rng.IntN(3) == 0, m.rng.IntN(3) == 0
	f := fault{wait: time.Second}
	if dies && !policyOf(q.key).tagless {
		f.dies = 1 + m.rng.IntN(99)
	}
	slow := []fault{f}
	for range 40 {
		slow = append(slow, fault{wait: time.Second}) // so that all are there at once
	}
	m.origin.arm(slow...)
	before := m.origin.readsSo()
	var mu sync.Mutex
	var answers []answer
	var wg sync.WaitGroup
	enter := func(n int) {
		for i := range n {
			wg.Go(func() {
				a := m.send(m.edges[i%2], q)
				mu.Lock()
				answers = append(answers, a)
				mu.Unlock()
			})
		}
	}
	first, late := 2+m.rng.IntN(12), m.rng.IntN(6)
	enter(first)
	synctest.Wait()
	if purged {
		for _, l := range m.tiers() {
			for !l.cut && int(l.taken.Load()) < len(m.events) {
				m.take(l)
			}
		}
	}
	enter(late)
	wg.Wait()
	synctest.Wait()
	reads := m.origin.readsSo() - before
	for _, a := range answers {
		m.check(a, f.dies > 0 && !shared)
	}
	most := 1
	if f.dies > 0 {
		most++ // another read carries on the one that died
	}
	if purged || m.anyUnsure() {
		most *= 4 // who comes after a purge, and who is unsure, shares with his like
	}
	if shared && reads > most {
		var told []string
		for _, a := range answers {
			told = append(told, fmt.Sprintf("%d %s", a.version(), a.header.Get("Cache-Status")))
		}
		m.failf("%d reads of the origin for a crowd of %d on %+v, want at most %d\n%s",
			reads, first+late, policyOf(q.key), most, strings.Join(told, "\n"))
	}
}

func (m *model) anyUnsure() bool {
	return m.shield.unsure() || m.edges[0].unsure() || m.edges[1].unsure() ||
		m.shield.taken.Load() < max(m.edges[0].demand.Load(), m.edges[1].demand.Load())
}

func (m *model) failf(format string, args ...any) {
	m.t.Helper()
	m.t.Errorf("seed %d step %d: "+format, append([]any{m.seed, m.step}, args...)...)
}

// check holds an answer against what the model allows.
func (m *model) check(a answer, faulty bool) {
	m.count.Requests++
	status := a.header.Get("Cache-Status")
	fail := func(format string, args ...any) {
		m.failf("%+v\n%d %q aborted %v\n%s", a.ask, a.status, a.header, a.aborted, fmt.Sprintf(format, args...))
	}
	switch {
	case a.aborted || a.status >= 500:
		m.count.Errors++
		if a.aborted {
			m.count.Aborted++
		}
		if !faulty {
			fail("it failed although nothing did")
		}
		if a.aborted {
			m.checkContent(a, fail)
		}
		return
	case a.status == 416:
		if a.to <= a.from {
			fail("no range was asked for")
		}
		return
	case a.status != 200 && a.status != 206 && a.status != 304:
		fail("an odd status")
		return
	}
	m.tally(a, status)
	m.checkContent(a, fail)
	m.checkAge(a, status, fail)
}

func (m *model) tally(a answer, status string) {
	for what, n := range map[string]*int{"; hit": &m.count.Fresh, "detail=stale": &m.count.Stale, "fwd-status=304": &m.count.Validated, "; collapsed": &m.count.Collapsed, "feed-lost": &m.count.Unsure} {
		if strings.Contains(status, what) {
			*n++
		}
	}
	switch a.status {
	case 206:
		m.count.Parts++
	case 304:
		m.count.NotModified++
	}
}

// version is what the answer says that it is of.
func (a answer) version() (v int) {
	fmt.Sscan(a.header.Get("X-Version"), &v)
	return v
}

// checkContent: not torn, and nobody else's.
func (m *model) checkContent(a answer, fail func(string, ...any)) {
	owner := a.owner()
	if a.header.Get("X-Open") != "" {
		owner = "" // what everybody is told may be given to who says his name (RFC 9111 §3.5)
	}
	whole := contentOf(a.key, a.version(), owner, a.language)
	want := whole
	switch {
	case a.status == 304:
		if a.known == 0 || a.header.Get("Etag") != tagOf(a.key, a.known, a.owner(), a.language) {
			fail("not what the visitor has")
		}
		want = nil
	case a.method == http.MethodHead:
		want = nil
	case a.status == 206:
		to := min(a.to, len(whole))
		if a.from >= to {
			fail("no such part")
			return
		}
		want = whole[a.from:to]
		if got := a.header.Get("Content-Range"); got != fmt.Sprintf("bytes %d-%d/%d", a.from, to-1, len(whole)) {
			fail("Content-Range %s", got)
		}
	}
	if a.aborted && bytes.HasPrefix(want, a.body) {
		return
	}
	if !bytes.Equal(a.body, want) {
		fail("the content is %.80q of %d bytes, want %.80q of %d", a.body, len(a.body), want, len(want))
	}
}

// checkAge: no older than the policy, the purges and the feeds allow.
func (m *model) checkAge(a answer, status string, fail func(string, ...any)) {
	p, v := policyOf(a.key), a.version()
	afterError := strings.Contains(status, "detail=stale-if-error")
	meanwhile := strings.Contains(status, "detail=stale-while-revalidate")
	allowed := p.life
	if meanwhile {
		allowed = max(allowed, p.life+p.swr)
	}
	if afterError {
		allowed = max(allowed, p.life+p.sie)
	}
	if age := a.began.Sub(m.origin.lastSaid(a.key, v)); age > allowed {
		fail("version %d was last said %v before, allowed are %v", v, age, allowed)
	}
	switch {
	case v < a.floor:
		fail("version %d, and %d had been purged at the edge", v, a.floor)
	case v < a.softly && !meanwhile && !afterError:
		fail("version %d as fresh, and %d had made it stale at the edge", v, a.softly)
	case p.each && v < a.current:
		fail("version %d, and %d was current", v, a.current)
	case a.unsure && !afterError && a.original && v < a.next:
		fail("version %d while unsure, and the shield had purged below %d", v, a.next)
	}
}
