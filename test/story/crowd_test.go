package story

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/test/worldtest"
)

// crowdSize is how many ask for one cold picture at once, over all PoPs.
const crowdSize = 10_000

// crowdWithin bounds a crowd's requests on a machine that does much else.
const crowdWithin = 3 * time.Minute

// asker is one of the crowd: a connection of its own to a PoP, open before it asks.
type asker struct {
	conn   net.Conn
	in     *bufio.Reader
	host   string
	come   atomic.Int64 // bytes of the content that have
	length atomic.Int64 // that it will have, once its head is here
	over   atomic.Bool  // no more comes
}

// Write counts what comes of the content.
func (a *asker) Write(p []byte) (int, error) {
	a.come.Add(int64(len(p)))
	return len(p), nil
}

// begun reports whether a part of the content has come, and most is still to come.
func (a *asker) begun() bool {
	return a.come.Load() > 0 && a.come.Load() < a.length.Load()/2 && !a.over.Load()
}

// get asks and says what it was given, and how the tiers came by it.
func (a *asker) get(path string) (given, status string, length int64) {
	defer a.over.Store(true)
	if _, err := fmt.Fprintf(a.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, a.host); err != nil {
		return err.Error(), "", 0
	}
	res, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return err.Error(), "", 0
	}
	defer res.Body.Close()
	a.length.Store(res.ContentLength)
	if res.StatusCode != http.StatusOK { // each has an id of its own: told by its code, they are alike
		problem, err := io.ReadAll(res.Body)
		return fmt.Sprintf("%d, %s, %v", res.StatusCode, codeField.Find(problem), err), res.Header.Get("Cache-Status"), int64(len(problem))
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, a), res.Body)
	return fmt.Sprintf("%d, %d bytes %.12x, %v", res.StatusCode, n, h.Sum(nil), err), res.Header.Get("Cache-Status"), n
}

var codeField = regexp.MustCompile(`"code":"[a-z_]+"`)

// crowd is as many people at each PoP as at any other.
type crowd struct {
	size   int
	askers []*asker
	asking sync.WaitGroup
	began  time.Time

	mu       sync.Mutex
	length   int            // of what was given, in bytes
	outcomes map[string]int // by what they were given
	statuses map[string]int // by Cache-Status without lifetimes
}

// gather opens a crowd's connections. The i-th is to the i-th PoP, round and round.
func gather(t *testing.T, w *worldtest.World) *crowd {
	t.Helper()
	host := w.Market(t, "de").Host
	c := &crowd{size: crowdSize, askers: make([]*asker, crowdSize), outcomes: map[string]int{}, statuses: map[string]int{}}
	var wg sync.WaitGroup
	seats := make(chan struct{}, 64)
	for i := range c.askers {
		seats <- struct{}{}
		wg.Go(func() {
			defer func() { <-seats }()
			conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.Port+1+i%len(w.Plan.PoPs)))
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(crowdWithin))
			c.askers[i] = &asker{conn: conn, in: bufio.NewReaderSize(conn, 4096), host: host}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return c
}

var lifetime = regexp.MustCompile(`; ttl=-?\d+`)

// oneAt has one of those at the i-th PoP ask, before the others.
func (c *crowd) oneAt(i int, path string) *asker {
	one := c.askers[i]
	c.askers = append(c.askers[:i:i], c.askers[i+1:]...)
	c.ask(path, one)
	return one
}

// leave ends the connections, once who has asked is answered.
func (c *crowd) leave() {
	c.asking.Wait()
	for _, a := range c.askers {
		a.conn.Close()
	}
}

// answered is how many have been.
func (c *crowd) answered() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.outcomes {
		n += k
	}
	return n
}

// all has everybody ask at once who has not yet.
func (c *crowd) all(path string) {
	c.began = time.Now()
	c.ask(path, c.askers...)
}

func (c *crowd) ask(path string, who ...*asker) {
	start := make(chan struct{})
	for _, a := range who {
		c.asking.Go(func() {
			<-start
			given, status, length := a.get(path)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.length = int(length)
			c.outcomes[given]++
			c.statuses[lifetime.ReplaceAllString(status, "")]++
		})
	}
	close(start)
}

// satisfied waits until everybody has been answered: with 200, and the same bytes.
func (c *crowd) satisfied(t *testing.T) {
	t.Helper()
	c.asking.Wait()
	alike := len(c.outcomes) == 1
	for what, n := range c.outcomes {
		t.Logf("%d requests over all PoPs, answered within %d ms: %s", n, time.Since(c.began).Milliseconds(), what)
		alike = alike && n == c.size && strings.HasPrefix(what, "200, ") && strings.HasSuffix(what, ", <nil>")
	}
	if !alike {
		t.Error("not all were given the same")
	}
}

// tell logs how the tiers came by the answers: all where the test has failed,
// else those with a reason.
func (c *crowd) tell(t *testing.T) {
	t.Helper()
	for status, n := range c.statuses {
		if t.Failed() || strings.Contains(status, "detail=") {
			t.Logf("%5d × %s", n, status)
		}
	}
}

// figures is a counter of a role, by place. before and after are the labels that
// stand around place and role.
func figures(t *testing.T, w *worldtest.World, name, before, role, after string) map[string]int {
	t.Helper()
	return figuresIn(t, w.Figures(t), name, before, role, after)
}

func figuresIn(t *testing.T, metrics, name, before, role, after string) map[string]int {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + name + `\{` + before + `place="([^"]+)",role="` + role + `"` + after + `\} (\S+)`)
	out := map[string]int{}
	for _, m := range line.FindAllStringSubmatch(metrics, -1) {
		n, err := strconv.ParseFloat(m[2], 64) // a large one has an exponent
		if err != nil {
			t.Fatal(err)
		}
		out[m[1]] = int(n)
	}
	return out
}

// given is how many bytes of pictures each region's media has given to be shown.
func given(t *testing.T, w *worldtest.World) map[string]int {
	t.Helper()
	return figures(t, w, "meridian_media_bytes_total", "", "media", `,what="served"`)
}

// arrived is how many requests the PoPs' caches have begun to answer.
func arrived(t *testing.T, w *worldtest.World) (n int) {
	t.Helper()
	now := w.Figures(t)
	for _, name := range []string{"hits", "misses", "collapsed", "passed"} {
		for _, k := range figuresIn(t, now, "meridian_cache_"+name+"_total", "", "edge", "") {
			n += k
		}
	}
	return n
}

// oneReadEach checks what the crowd cost the origin: one read at each region
// that is asked at all. More are right only at a region whose shield had lost a
// feed meanwhile, or heard later than a PoP of some news, and so had to ask again: it
// says so.
func (c *crowd) oneReadEach(t *testing.T, before, after map[string]int) {
	t.Helper()
	for place, n := range after {
		reads := float64(n-before[place]) / float64(c.length)
		t.Logf("%v reads in %s", reads, place)
		if reads > 1 && !c.wasUnsure("shield-"+place) {
			t.Errorf("%v reads in %s", reads, place)
		}
	}
	c.tell(t)
}

// ways are the regions that the crowd's PoPs went to, as the answers tell it: by the
// last of the shields, which is the PoP's own next. The test fails for a PoP whose
// answers name none.
func (c *crowd) ways(t *testing.T, w *worldtest.World) (asked map[string]bool) {
	t.Helper()
	asked = map[string]bool{}
	own := ownRegions(w)
	for _, pop := range pops(w) {
		told := false
		for status := range c.statuses {
			members := strings.Split(status, ", ")
			if !memberOf(members[len(members)-1], "edge-"+pop) {
				continue
			}
			for _, r := range w.Plan.Regions {
				if len(members) > 1 && memberOf(members[len(members)-2], "shield-"+r.ID) {
					told, asked[r.ID] = true, true
					if r.ID != own[pop] {
						t.Logf("%s went to %s: %s", pop, r.ID, status)
					}
				}
			}
		}
		if !told {
			t.Errorf("%s does not say where it has its answers from", pop)
		}
	}
	return asked
}

// memberOf reports whether a member of Cache-Status is of a tier.
func memberOf(member, tier string) bool {
	return member == tier || strings.HasPrefix(member, tier+";")
}

// wasUnsure reports whether a tier has said that it had lost a feed, or was behind what
// a PoP had heard: or that what is good for a year was stale there, which it is for no
// other reason.
func (c *crowd) wasUnsure(tier string) bool {
	for status := range c.statuses {
		for member := range strings.SplitSeq(status, ", ") {
			if memberOf(member, tier) && (strings.Contains(member, "detail=feed-lost") || strings.Contains(member, "detail=behind") || strings.Contains(member, "fwd=stale")) {
				return true
			}
		}
	}
	return false
}
