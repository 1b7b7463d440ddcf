package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// cdnFake is a provider that writes down what it is asked.
type cdnFake struct {
	mu     sync.Mutex
	limits world.CDNLimits
	asked  []world.Forget
	at     []time.Duration
	fail   func(world.Forget) error
	began  time.Time
}

func newCDN() *cdnFake {
	return &cdnFake{limits: world.CDNLimits{Keys: 3, Bytes: 1000, Burst: 1}, began: time.Now()}
}

func (c *cdnFake) Limits() world.CDNLimits { return c.limits }

func (c *cdnFake) Forget(ctx context.Context, f world.Forget) error {
	c.mu.Lock()
	fail := c.fail
	c.asked, c.at = append(c.asked, f), append(c.at, time.Since(c.began))
	c.mu.Unlock()
	if fail != nil {
		return fail(f)
	}
	return nil
}

func (c *cdnFake) set(fail func(world.Forget) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = fail
}

// take is what it was asked since it was last looked at, as text.
func (c *cdnFake) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for i, f := range c.asked {
		what := strings.Join(f.Keys, " ")
		if f.All {
			what = "everything"
		}
		if f.Soft {
			what += " softly"
		}
		out = append(out, fmt.Sprintf("%s: %s", c.at[i], what))
	}
	c.asked, c.at = nil, nil
	return out
}

// feedFake is the feed of the region east: what is put into it, from where it is
// followed.
type feedFake struct {
	mu     sync.Mutex
	events []world.Event
	reset  bool
	more   chan struct{}
	after  []string
}

func (f *feedFake) put(events ...world.Event) {
	f.mu.Lock()
	f.events = append(f.events, events...)
	close(f.more)
	f.more = make(chan struct{})
	f.mu.Unlock()
}

func (f *feedFake) source(ctx context.Context, after string, emit func(world.Event) error, _ func(error)) error {
	f.mu.Lock()
	f.after = append(f.after, after)
	begin := world.Event{Kind: world.EventHello, Cursor: after, Reset: f.reset}
	sent := len(f.events)
	if at, err := world.ParseCursor(after); err == nil {
		for sent = 0; sent < len(f.events); sent++ {
			if c, _ := world.ParseCursor(f.events[sent].Cursor); at.Less(c) {
				break
			}
		}
	} else {
		begin.Cursor = "1.0"
	}
	f.mu.Unlock()
	if err := emit(begin); err != nil {
		return err
	}
	for {
		f.mu.Lock()
		fresh, more := f.events[sent:], f.more
		f.mu.Unlock()
		for _, e := range fresh {
			if err := emit(e); err != nil {
				return err
			}
		}
		sent += len(fresh)
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// purgeAt is an event that purges groups.
func purgeAt(cursor string, groups ...string) world.Event {
	return world.Event{Kind: world.EventPurge, Cursor: cursor, Groups: groups}
}

// outsideFixture is an ops with providers, that runs until the test is over.
func outsideFixture(t *testing.T, feed *feedFake, ledger *ledgerFake, change func(*Config), ps ...Provider) (f *fixture, end func()) {
	t.Helper()
	if feed.more == nil {
		feed.more = make(chan struct{})
	}
	f = newFixtureWith(t, allAtOnce, ledger, func(d *Deps) { d.Providers, d.Feed = ps, feed.source }, func(c *Config) {
		if change != nil {
			change(c)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); f.Run(ctx) }()
	synctest.Wait()
	return f, func() { cancel(); <-ran }
}

// tiersAt has all of our own tiers take the feed up to a cursor.
func (f *fixture) tiersAt(t *testing.T, cursor string) {
	t.Helper()
	for _, tier := range twoRegions().Tiers() {
		f.ack(t, tier, cursor)
	}
	synctest.Wait()
}

func known(cursor string) *ledgerFake {
	return &ledgerFake{states: []world.ProviderState{{Provider: "fastly:main", Region: "east", Cursor: cursor}}}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, want\n%q", what, got, want)
	}
}

// A provider is told when our own caches have forgotten, and once more later; then
// it has acknowledged.
func TestAProviderIsToldAfterOurOwnTiersAndOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed, ledger := newCDN(), &feedFake{}, known("5.1")
		f, end := outsideFixture(t, feed, ledger, nil, Provider{Name: "fastly:main", CDN: cdn})
		defer end()
		feed.put(purgeAt("6.1", "de/p/brot"))
		time.Sleep(300 * time.Millisecond)
		expect(t, "before our tiers", cdn.take(), nil)
		f.tiersAt(t, "6.1")
		expect(t, "after our tiers", cdn.take(), []string{"300ms: de/p/ de/p/brot"})
		if s := ledger.state("fastly:main"); s.Cursor != "5.1" {
			t.Errorf("kept as done after once: %+v", s)
		}
		time.Sleep(3 * time.Second)
		expect(t, "once more", cdn.take(), []string{"2.3s: de/p/ de/p/brot"})
		if s := ledger.state("fastly:main"); s.Cursor != "6.1" || s.Error != "" {
			t.Errorf("kept %+v", s)
		}
		// With one of ours away it is told soon, and again when that one must have seen
		// that its feed is lost.
		f.ack(t, "edge-iad", "7.1")
		at := time.Since(cdn.began)
		feed.put(purgeAt("7.1", "de/p/brot"))
		time.Sleep(10 * time.Second)
		expect(t, "one of ours is away", cdn.take(), []string{
			fmt.Sprintf("%s: de/p/ de/p/brot", at+time.Second), fmt.Sprintf("%s: de/p/ de/p/brot", at+6*time.Second),
		})
	})
}

// A provider that fails is asked again, less and less often, and shown; another is
// not delayed; a process that takes over goes on.
func TestAProviderThatFailsIsAskedAgainAndDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down, up := newCDN(), newCDN()
		down.set(func(world.Forget) error { return world.E(world.CodeUnavailable, "x", "Fastly cannot be reached.") })
		feed := &feedFake{}
		ledger := known("5.1")
		ledger.states = append(ledger.states, world.ProviderState{Provider: "varnish:one", Region: "east", Cursor: "5.1"})
		both := []Provider{{Name: "fastly:main", CDN: down}, {Name: "varnish:one", CDN: up}}
		f, end := outsideFixture(t, feed, ledger, nil, both...)
		go func() {
			time.Sleep(10 * time.Millisecond)
			feed.put(purgeAt("101.1", "de/pages"))
			f.tiersAt(t, "101.1")
		}()
		w := f.do("POST", "/purges", "root-token", `{"groups":["de/pages"],"wait":"5s"}`)
		got := news(t, w)
		last := got[len(got)-1]
		if !slices.Equal(last.Missing, []string{"fastly:main"}) || last.Errors["fastly:main"] != "Fastly cannot be reached." {
			t.Errorf("%+v", last)
		}
		if !slices.Contains(got[0].Tiers, "varnish:one") {
			t.Errorf("accepted as %+v", got[0])
		}
		expect(t, "the other", up.take(), []string{"10ms: de/pages", "2.01s: de/pages"})
		expect(t, "the one that fails", down.take(), []string{"10ms: de/pages", "1.01s: de/pages", "3.01s: de/pages"})
		if s := ledger.state("fastly:main"); s.Cursor != "5.1" || s.Error == "" || s.Since.IsZero() {
			t.Errorf("shown as %+v", s)
		}
		time.Sleep(10 * time.Minute)
		if n := len(down.take()); n < 12 || n > 17 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		end() // killed; the next process goes on where it was
		down.set(nil)
		_, end = outsideFixture(t, feed, ledger, nil, both...)
		defer end()
		time.Sleep(10 * time.Second)
		if got := down.take(); len(got) != 2 || !strings.HasSuffix(got[0], ": de/pages") {
			t.Errorf("the next process: %q", got)
		}
		if s := ledger.state("fastly:main"); s.Cursor != "101.1" || s.Error != "" || !s.Since.IsZero() {
			t.Errorf("kept %+v", s)
		}
		if again := up.take(); len(again) > 0 {
			t.Errorf("the other is told again: %q", again)
		}
	})
}

// A list that is read later says that a provider has caught up.
func TestTheListSaysWhoHasCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed, ledger := newCDN(), &feedFake{}, known("5.1")
		cdn.set(func(world.Forget) error { return errors.New("secret text") })
		f, end := outsideFixture(t, feed, ledger, nil, Provider{Name: "fastly:main", CDN: cdn})
		defer end()
		go func() { time.Sleep(time.Millisecond); feed.put(purgeAt("101.1", "de/pages")); f.tiersAt(t, "101.1") }()
		id := news(t, f.do("POST", "/purges", "root-token", `{"groups":["de/pages"],"wait":"3s"}`))[0].ID
		show := func() string { synctest.Wait(); return f.do("GET", "/purges/"+id, "root-token", "").Body.String() }
		if text := show(); !strings.Contains(text, `"missing":["fastly:main"]`) || !strings.Contains(text, `"errors":{"fastly:main":"It failed; the log of ops says why."}`) {
			t.Error(text)
		}
		cdn.set(nil)
		time.Sleep(time.Minute)
		if text := show(); !strings.Contains(text, `"late":["fastly:main"]`) || strings.Contains(text, `"errors"`) {
			t.Error(text)
		}
		all := f.do("GET", "/purges/providers", "root-token", "").Body.String()
		if !strings.Contains(all, `"provider":"fastly:main","region":"east","cursor":"101.1"`) {
			t.Error(all)
		}
		if w := f.do("GET", "/purges/providers", "wrong", ""); w.Code != 401 {
			t.Errorf("without a token: %d", w.Code)
		}
	})
}

// What the provider asks for is waited; what does not pass by itself is tried seldom.
func TestWaitsAreTheProviders(t *testing.T) {
	for name, c := range map[string]struct {
		fail error
		want []string
	}{
		"rate limit":       {world.Because(world.CodeBusy, "x", "", world.TryAfter(90*time.Second)), []string{"0s: a", "1m30s: a"}},
		"bad token":        {world.E(world.CodeUnsigned, "x", ""), []string{"0s: a", "1m0s: a"}},
		"refused as it is": {world.E(world.CodeInvalid, "x", ""), []string{"0s: a", "0s: everything"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cdn, feed := newCDN(), &feedFake{}
				failed := false
				cdn.set(func(world.Forget) error {
					if failed {
						return nil
					}
					failed = true
					return c.fail
				})
				f, end := outsideFixture(t, feed, known("5.1"), func(c *Config) { c.Outside.Again = 0 }, Provider{Name: "fastly:main", CDN: cdn})
				defer end()
				f.tiersAt(t, "6.1")
				feed.put(purgeAt("6.1", "a"))
				time.Sleep(10 * time.Minute)
				expect(t, name, cdn.take(), c.want)
			})
		})
	}
}

// A provider that was away for long is given up, and has to forget everything when
// it is back.
func TestAProviderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed, ledger := newCDN(), &feedFake{}, known("5.1")
		cdn.set(func(world.Forget) error { return world.E(world.CodeUnavailable, "x", "It is away.") })
		f, end := outsideFixture(t, feed, ledger, func(c *Config) { c.Outside.Again = 0 }, Provider{Name: "fastly:main", CDN: cdn})
		defer end()
		f.tiersAt(t, "9.1")
		feed.put(purgeAt("6.1", "a"), purgeAt("6.2", "b"))
		time.Sleep(25 * time.Hour)
		if s := ledger.state("fastly:main"); !s.GivenUp || s.Error != "It is away." || s.Cursor != "5.1" {
			t.Errorf("%+v", s)
		}
		cdn.take()
		time.Sleep(3 * time.Hour)
		if n := len(cdn.take()); n != 3 {
			t.Errorf("asked %d times in three hours", n)
		}
		cdn.set(nil)
		time.Sleep(2 * time.Hour)
		if got := cdn.take(); len(got) != 1 || !strings.HasSuffix(got[0], ": everything") {
			t.Errorf("%q", got)
		}
		if s := ledger.state("fastly:main"); s.GivenUp || s.Error != "" || s.Cursor != "6.2" {
			t.Errorf("%+v", s)
		}
	})
}

// Whoever cannot know what a provider holds has it forget everything.
func TestAProviderForgetsEverythingWhenItsFeedBegins(t *testing.T) {
	for name, c := range map[string]struct {
		ledger *ledgerFake
		reset  bool
		want   []string
	}{
		"for the first time":    {&ledgerFake{}, false, []string{"0s: everything", "2s: everything"}},
		"anew":                  {known("5.1"), true, []string{"0s: everything", "2s: everything"}},
		"where it was left off": {known("5.1"), false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cdn, feed := newCDN(), &feedFake{reset: c.reset}
				f, end := outsideFixture(t, feed, c.ledger, func(c *Config) { c.Outside.Soon = 0 }, Provider{Name: "fastly:main", CDN: cdn})
				defer end()
				f.tiersAt(t, "9.1")
				time.Sleep(time.Minute)
				expect(t, name, cdn.take(), c.want)
				if s := c.ledger.state("fastly:main"); s.Cursor == "" || s.Cursor == world.CursorNow {
					t.Errorf("kept %+v", s)
				}
			})
		})
	}
}

// A provider is not told of markets that it does not serve, but of all else.
func TestAProviderIsToldOfItsOwnMarkets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed, ledger := newCDN(), &feedFake{}, known("5.1")
		cdn.limits.Keys = 100
		f, end := outsideFixture(t, feed, ledger, func(c *Config) { c.Outside.Again = 0 }, Provider{Name: "fastly:main", Hosts: []string{"de.example"}, CDN: cdn})
		defer end()
		f.tiersAt(t, "9.1")
		feed.put(purgeAt("6.1", "jp/pages"))
		synctest.Wait()
		if s := ledger.state("fastly:main"); s.Cursor != "6.1" {
			t.Errorf("what it need not do is not done: %+v", s)
		}
		feed.put(purgeAt("6.2", "jp/pages", "de/pages", "app/crumbs"), world.Event{Kind: world.EventPurge, Cursor: "6.3", URLs: []string{"jp.example/p/x", "https://de.example/p/x?y"}})
		synctest.Wait()
		expect(t, "its own", cdn.take(), []string{"0s: app/crumbs de/pages url:de/p/x"})
	})
}

// Everything waits in bounds: past them everything is forgotten.
func TestPastItsLimitsAProviderForgetsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed, ledger := newCDN(), &feedFake{}, known("5.1")
		f, end := outsideFixture(t, feed, ledger, func(c *Config) { c.Outside.Again, c.Outside.MaxKeys, c.Outside.MaxPending = 0, 4, 6 }, Provider{Name: "fastly:main", CDN: cdn})
		defer end()
		f.tiersAt(t, "9.1")
		feed.put(purgeAt("6.1", "a", "b", "c", "d"))
		synctest.Wait()
		expect(t, "as many as may be, in two requests", cdn.take(), []string{"0s: a b c", "0s: d"})
		feed.put(purgeAt("6.2", "a", "b", "c", "d", "e"))
		synctest.Wait()
		expect(t, "one more", cdn.take(), []string{"0s: everything"})
		cdn.set(func(world.Forget) error { return world.E(world.CodeUnavailable, "x", "") })
		feed.put(purgeAt("6.3", "a"))
		synctest.Wait()
		for i := range 9 {
			feed.put(purgeAt(fmt.Sprintf("7.%d", i+1), fmt.Sprintf("group-%d", i)))
		}
		synctest.Wait()
		if n := f.outside[0].queue.keys; n > 6 {
			t.Errorf("%d keys wait", n)
		}
		cdn.take()
		cdn.set(nil)
		time.Sleep(10 * time.Second)
		if got := cdn.take(); len(got) < 1 || !strings.HasSuffix(got[len(got)-1], "everything") {
			t.Errorf("%q", got)
		}
		if s := ledger.state("fastly:main"); s.Cursor != "7.9" {
			t.Errorf("%+v", s)
		}
	})
}

// A provider that may be asked so often is not asked more often.
func TestAProvidersRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cdn, feed := newCDN(), &feedFake{}
		cdn.limits = world.CDNLimits{Keys: 1, Bytes: 100, Every: 12 * time.Second, Burst: 2}
		f, end := outsideFixture(t, feed, known("5.1"), func(c *Config) { c.Outside.Again = 0 }, Provider{Name: "fastly:main", CDN: cdn})
		defer end()
		f.tiersAt(t, "9.1")
		feed.put(purgeAt("6.1", "a", "b", "c", "d"))
		time.Sleep(time.Minute)
		expect(t, "paced", cdn.take(), []string{"0s: a", "0s: b", "12s: c", "24s: d"})
	})
}
