package story

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// purged is what `meridian purge --json` says.
type purged struct {
	ID      string           `json:"id"`
	Tiers   []string         `json:"tiers"`
	Acks    []world.PurgeAck `json:"acks"`
	Missing []string         `json:"missing"`
	MS      int64            `json:"ms"`

	Errors map[string]string `json:"errors"`
}

// purge runs the command against the world, from Frankfurt.
func purge(t *testing.T, w *worldtest.World, args ...string) (worldtest.Command, purged) {
	t.Helper()
	c := w.Run(t, append([]string{"purge", "--dir", w.Dir, "--from", "frankfurt", "--json"}, args...)...)
	var p purged
	if err := json.Unmarshal([]byte(c.Out), &p); err != nil {
		t.Fatalf("purge %v: %d, %v\n%s%s", args, c.Code, err, c.Out, c.Err)
	}
	return c, p
}

// madeAt is when the origin made an answer, which caches do not change (RFC 9110
// §6.6.1), to the second; fresh whether the PoP gave it as good, without asking.
func madeAt(t *testing.T, a worldtest.Answer) (at time.Time, fresh bool) {
	t.Helper()
	at, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		t.Fatalf("Date is %q", a.Header.Get("Date"))
	}
	status := edgeStatus(a)
	return at, strings.Contains(status, "; hit") && !strings.Contains(status, "detail=")
}

// keep has a PoP keep a page.
func keep(t *testing.T, c *worldtest.Client, path string) {
	t.Helper()
	eventually(t, cachedWithin, path+" is kept", func() bool {
		return strings.Contains(edgeStatus(c.Get(t, path, "Accept", "text/html")), "; hit")
	})
}

// TestAPurgeReachesEveryTier purges in each way and sees every PoP ask anew,
// once and no longer for what was not named.
func TestAPurgeReachesEveryTier(t *testing.T) {
	w := theWorld(t)
	slugs := w.AtPoP(t, "de", "fra").Page(t, "/").Slugs()
	named, other := "/p/"+slugs[0], "/p/"+slugs[len(slugs)/2]
	for name, c := range map[string]struct {
		args  []string
		other bool // the other page goes too
	}{
		"URL":         {[]string{"--url", w.Visitor(t, "de", "").URL(named)}, false},
		"group":       {[]string{"--group", world.GroupMarket("de")}, true},
		"group, soft": {[]string{"--group", world.GroupMarket("de"), "--soft"}, true},
		"app":         {[]string{"--app", w.Plan.App}, true},
		"all":         {[]string{"--all", "--yes"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var clients []*worldtest.Client
			for _, pop := range pops(w) {
				at := w.AtPoP(t, "de", pop)
				clients = append(clients, at)
				keep(t, at, named)
				keep(t, at, other)
			}
			got, p := purge(t, w, c.args...)
			if got.Code != 0 || len(p.Acks) != len(pops(w))+len(w.Plan.Regions) || len(p.Acks) != len(p.Tiers) || len(p.Missing) != 0 {
				t.Fatalf("%d %+v %s", got.Code, p, got.Err)
			}
			t.Logf("the last of %d tiers acknowledged after %d ms", len(p.Acks), p.MS)
			for i, at := range clients {
				if a := at.Get(t, named, "Accept", "text/html"); strings.Contains(edgeStatus(a), "; hit") || a.Status != 200 {
					t.Errorf("%s answers with what was purged: %d %s", pops(w)[i], a.Status, edgeStatus(a))
				}
				if hit := strings.Contains(edgeStatus(at.Get(t, other, "Accept", "text/html")), "; hit"); hit == c.other {
					t.Errorf("%s has the other page: %v", pops(w)[i], hit)
				}
			}
		})
	}
	list := w.Run(t, "purge", "log", "--dir", w.Dir, "--limit", "5")
	if list.Code != 0 || !strings.Contains(list.Out, "everything") || !strings.Contains(list.Out, "local") || strings.Contains(list.Out, "missing") {
		t.Errorf("%d %s%s", list.Code, list.Out, list.Err)
	}
}

// noticedWithin is how long a PoP may take to see that a feed is lost: at once
// where its stream is refused, after feed_limit where it falls silent. It is for
// a machine that does much else.
const noticedWithin = 30 * time.Second

// waitForRest is how long a purge waits for one that is away: all others have
// answered by then.
const waitForRest = "4s"

// TestAPoPThatMissedAPurge cuts Tokyo off and purges a page that it keeps. The
// command names Tokyo. Once Tokyo is healed it never again shows what was purged
// as if it were good.
func TestAPoPThatMissedAPurge(t *testing.T) {
	for _, mode := range []string{"refuse", "blackhole"} {
		t.Run(mode, func(t *testing.T) {
			w := theWorld(t)
			tokyo := w.AtPoP(t, "de", "nrt")
			path := "/p/" + w.AtPoP(t, "de", "fra").Page(t, "/").Slugs()[1]
			keep(t, tokyo, path)
			time.Sleep(1100 * time.Millisecond) // Date counts in seconds: what is kept must be older than the purge by one
			heal := cut(t, w, "places/nrt", mode)
			lost := func() bool {
				_, fresh := madeAt(t, tokyo.Get(t, path, "Accept", "text/html"))
				return !fresh
			}
			eventually(t, noticedWithin, "Tokyo knows that it is cut off", lost)
			when := time.Now().Truncate(time.Second)
			c, p := purge(t, w, "--group", world.GroupMarket("de"), "--wait", waitForRest)
			if c.Code == 0 || !slices.Equal(p.Missing, []string{"edge-nrt"}) || !strings.Contains(c.Err, "edge-nrt") {
				t.Fatalf("%d, missing %v, %s", c.Code, p.Missing, c.Err)
			}
			if a := tokyo.Get(t, path, "Accept", "text/html"); a.Status != http.StatusOK || !strings.Contains(edgeStatus(a), "detail=") {
				t.Errorf("cut off, Tokyo does not say what its page is: %d %s", a.Status, edgeStatus(a))
			}
			heal()
			began, back := time.Now(), time.Time{}
			for back.IsZero() || time.Since(back) < watchFor {
				if time.Since(began) > healedWithin+10*time.Second {
					t.Fatalf("Tokyo keeps no new page %s after it was healed", time.Since(began))
				}
				a := tokyo.Get(t, path, "Accept", "text/html")
				at, fresh := madeAt(t, a)
				if fresh && at.Before(when) {
					t.Fatalf("%s after it was healed Tokyo shows what was purged as fresh: %s, of %s", time.Since(began), edgeStatus(a), at)
				}
				if fresh && back.IsZero() {
					back = time.Now()
					t.Logf("Tokyo serves from its cache again %d ms after it was healed", time.Since(began).Milliseconds())
				}
				time.Sleep(20 * time.Millisecond)
			}
			allHaveHeard(t, w) // Tokyo acknowledges again
		})
	}
}

// TestWhoMayPurge asks without a token, with a wrong one, and for what cannot be.
func TestWhoMayPurge(t *testing.T) {
	w := theWorld(t)
	c := w.AtPoP(t, "gb", "lhr")
	token := "Bearer " + w.Secrets(t).PurgeToken
	for _, q := range []struct {
		token, body string
		want        int
	}{
		{"", `{"all":true}`, 401}, {"Bearer wrong", `{"all":true}`, 401}, {"Bearer " + w.Secrets(t).UploadToken, `{"all":true}`, 401},
		{token, `{}`, 400}, {token, `{"urls":["elsewhere.example/"]}`, 400}, {token, `{"groups":["gb/p/nothing-of-this-name"]}`, 202},
	} {
		if a := c.Send(t, http.MethodPost, "/purges", []byte(q.body), "Authorization", q.token); a.Status != q.want {
			t.Errorf("%.12q %s: %d %s", q.token, q.body, a.Status, a.Body)
		}
	}
	for _, path := range []string{world.PeerPurgesPath, world.AcksPath} {
		if a := c.Send(t, http.MethodPost, path, []byte(`{"all":true}`), "Authorization", "Bearer "+w.Secrets(t).FeedKey); a.Status != 404 {
			t.Errorf("a visitor reaches %s: %d", path, a.Status)
		}
	}
}
