package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// Acknowledgements are told as they come, each tier once, and the last ends the
// answer.
func TestAcknowledgementsAreToldAsTheyCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		defer f.Close()
		// The cluster was set up anew: what was said of the one before says nothing.
		f.ack(t, "edge-iad", "900.1")
		f.do("POST", world.AcksPath, "wire", `{"tier":"edge-iad","cursor":"3.0","anew":true}`)
		var w *httptest.ResponseRecorder
		done := make(chan struct{})
		go func() {
			defer close(done)
			w = f.do("POST", "/purges", "root-token", `{"groups":["de/pages"],"wait":"10s"}`)
		}()
		synctest.Wait()
		f.ack(t, "edge-iad", "100.9") // a place before the purge's, 101.1
		for _, tier := range []string{"edge-iad", "shield-west", "edge-sjc", "shield-east"} {
			time.Sleep(20 * time.Millisecond)
			f.ack(t, tier, "101.1")
			f.ack(t, tier, "100.0") // a late word of before takes nothing back
		}
		<-done
		got := news(t, w)
		var told []string
		for _, n := range got {
			told = append(told, fmt.Sprintf("%s%s %d", n.Event, n.Tier, n.MS))
		}
		want := []string{"accepted 0", "placed 0", "ackedge-iad 20", "ackshield-west 40", "ackedge-sjc 60", "ackshield-east 80", "done 80"}
		if !slices.Equal(told, want) || len(got[len(got)-1].Missing) > 0 {
			t.Errorf("%v, want %v", told, want)
		}
		if got[0].ID == "" || len(got[0].Tiers) != 4 || !slices.Equal(got[0].Regions, []string{"east"}) {
			t.Errorf("accepted as %+v", got[0])
		}
		if feed := f.ledger.purges(); len(feed) != 1 || feed[0].ID != got[0].ID || !slices.Equal(feed[0].Groups, []string{"de/pages"}) {
			t.Errorf("the feed has %+v", feed)
		}
		synctest.Wait()
		a := f.ledger.first()
		if r := a.Result; !r.Done || len(r.Acks) != 4 || r.MS != 80 || r.Placed["east"] != "101.1" || a.Token != "root" {
			t.Errorf("the list has %+v", a)
		}
	})
}

// A tier that is cut off is named when the waiting is over, and so is a region
// that is not reached, whose feed is tried again until it has the purge.
func TestWhoIsMissingIsNamedAndTheRestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reached atomic.Bool
		var late []world.Purge
		f := newFixture(t, func(ctx context.Context, p world.Purge, each func(world.PurgeNews) error) error {
			if !reached.Load() {
				return errors.New("cut")
			}
			late = append(late, p)
			return each(world.PurgeNews{Event: world.PurgePlaced, Region: "west", Cursor: "9.9"})
		})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); f.Run(ctx) }()
		defer func() { cancel(); <-ran }()
		for _, tier := range []string{"edge-sjc", "shield-east", "shield-west"} {
			f.ack(t, tier, "101.1")
		}
		w := f.do("POST", "/purges", "root-token", `{"app":"crumbs","soft":true,"wait":"3s"}`)
		got := news(t, w)
		last := got[len(got)-1]
		if last.Event != world.PurgeDone || last.MS != 3000 || !slices.Equal(last.Missing, []string{"west", "edge-iad", "edge-sjc", "shield-east", "shield-west"}) {
			t.Errorf("%+v", last)
		}
		reached.Store(true)
		time.Sleep(2 * f.cfg.RetryEvery)
		synctest.Wait()
		if len(late) != 1 || !late[0].Soft || !slices.Equal(late[0].Groups, []string{"app/crumbs"}) || late[0].ID != last.ID {
			t.Errorf("placed late: %+v", late)
		}
		if r := f.ledger.first().Result; r.Placed["west"] != "9.9" || r.Placed["east"] != "101.1" {
			t.Errorf("recorded %+v", r)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(late) != 1 {
			t.Errorf("placed %d times", len(late))
		}
	})
}

// A process that was killed between accepting and placing leaves it to the next.
func TestTheNextProcessPlacesWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late []world.Purge
		f := newFixture(t, func(_ context.Context, p world.Purge, each func(world.PurgeNews) error) error {
			late = append(late, p)
			return each(world.PurgeNews{Event: world.PurgePlaced, Region: "west", Cursor: "9.9"})
		})
		f.ledger.list = []world.PurgeAsked{{Purge: world.Purge{ID: "1000000000000000", Groups: []string{"jp/pages"}}, Regions: []string{"west"}}}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); f.Run(ctx) }()
		synctest.Wait()
		cancel()
		<-ran
		if len(late) != 1 || late[0].ID != "1000000000000000" || !slices.Equal(late[0].Groups, []string{"jp/pages"}) {
			t.Errorf("%+v", late)
		}
	})
}

// A purge goes on when whoever asked for it has gone.
func TestAPurgeOutlivesItsAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce)
		ctx, cancel := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, "POST", "http://ops/purges", strings.NewReader(`{"all":true,"wait":"5s"}`))
		r.Header.Set("Authorization", "Bearer root-token")
		done := make(chan struct{})
		go func() { defer close(done); f.h.ServeHTTP(httptest.NewRecorder(), r) }()
		synctest.Wait()
		cancel()
		<-done
		for _, tier := range twoRegions().Tiers() {
			f.ack(t, tier, "101.1")
		}
		f.running.Wait()
		if r := f.ledger.first().Result; !r.Done || len(r.Acks) != 4 || len(r.Missing) > 0 {
			t.Errorf("%+v", r)
		}
		f.Close()
	})
}

// Each part goes to the feed of the region whose data it concerns; what is
// nobody's goes to all.
func TestPlacement(t *testing.T) {
	f := newFixture(t, allAtOnce)
	defer f.Close()
	const east, west = "1000000000000000", "2000000000000000"
	for name, c := range map[string]struct {
		in         world.Purge
		east, west []string
		all        bool
	}{
		"markets": {in: world.Purge{Groups: []string{"de/pages", "jp/p/anpan"}}, east: []string{"de/pages"}, west: []string{"jp/p/anpan"}},
		"assets":  {in: world.Purge{Groups: []string{"media/crumbs/" + east, "media/crumbs/" + west}}, east: []string{"media/crumbs/" + east}, west: []string{"media/crumbs/" + west}},
		"nobody's": {in: world.Purge{Groups: []string{"app/crumbs", "x", "media/crumbs/?", "media/crumbs/9000000000000000"}},
			east: []string{"app/crumbs", "x", "media/crumbs/?", "media/crumbs/9000000000000000"}, west: []string{"app/crumbs", "x", "media/crumbs/?", "media/crumbs/9000000000000000"}},
		"URLs": {in: world.Purge{URLs: []string{"https://DE.example:8443/p/x", "jp.example", "any/img/crumbs/" + west + "/v1/auto/640x0", "any/media/crumbs/" + east + "/manifest"}},
			east: []string{"https://DE.example:8443/p/x", "any/media/crumbs/" + east + "/manifest"}, west: []string{"jp.example", "any/img/crumbs/" + west + "/v1/auto/640x0"}},
		"all": {in: world.Purge{All: true}, all: true},
	} {
		c.in.ID, c.in.Soft = "id", true
		parts := f.place(c.in)
		for region, want := range map[string][]string{"east": c.east, "west": c.west} {
			p, there := parts[region]
			if got := slices.Concat(p.Groups, p.URLs); !slices.Equal(got, want) || p.All != c.all || there != (c.all || len(want) > 0) || there && (p.ID != "id" || !p.Soft) {
				t.Errorf("%s: %s gets %+v", name, region, p)
			}
		}
	}
}

func TestTheSameKeyIsCarriedOutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce)
		defer f.Close()
		ask := func(body, token string) (int, string) {
			w := f.do("POST", "/purges", token, body, "Idempotency-Key", "deploy-41")
			var p world.PurgeAsked
			json.Unmarshal(w.Body.Bytes(), &p)
			return w.Code, p.ID
		}
		code, first := ask(`{"groups":["de/pages"],"soft":true}`, "german-token")
		if code != 202 || first == "" {
			t.Fatalf("%d %q", code, first)
		}
		for range 3 {
			if code, id := ask(`{"groups":["de/pages"],"soft":true}`, "german-token"); code != 200 || id != first {
				t.Errorf("again: %d %q, want %q", code, id, first)
			}
		}
		if code, _ := ask(`{"groups":["de/p/x"],"soft":true}`, "german-token"); code != 409 {
			t.Errorf("another purge under the key: %d", code)
		}
		if code, id := ask(`{"groups":["de/pages"],"soft":true}`, "root-token"); code != 202 || id == first {
			t.Errorf("another token's key: %d %q", code, id)
		}
		if n := len(f.ledger.purges()); n != 2 {
			t.Errorf("%d events", n)
		}
		for _, key := range []string{strings.Repeat("k", maxKey+1), "a b"} {
			if w := f.do("POST", "/purges", "root-token", `{"all":true}`, "Idempotency-Key", key); w.Code != 400 {
				t.Errorf("key %q: %d", key, w.Code)
			}
		}
	})
}

func TestLimitsOfAnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce, func(c *Config) { c.MaxNames, c.MaxBody, c.MaxWait = 3, 4096, 20*time.Second })
		defer f.Close()
		q := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		for body, want := range map[string]int{
			`{"groups":["de/a","de/b","de/c"]}`:                               202,
			`{"groups":["de/a","de/b","de/c","de/d"]}`:                        413,
			`{"groups":["de/a","de/b"],"urls":["de.example"],"app":"crumbs"}`: 413,
			`{"groups":[` + q(strings.Repeat("g", world.MaxGroup)) + `]}`:     202,
			`{"groups":[` + q(strings.Repeat("g", world.MaxGroup+1)) + `]}`:   400,
			`{"groups":["a b"]}`: 400,
			`{"groups":[""]}`:    400,
			`{"urls":["de.example/` + strings.Repeat("x", world.MaxPurgeURL-len("de.example/")) + `"]}`:   202,
			`{"urls":["de.example/` + strings.Repeat("x", world.MaxPurgeURL-len("de.example/")+1) + `"]}`: 400,
			`{"urls":["elsewhere.example/"]}`:                   400,
			`{"urls":["de.example/cart"]}`:                      400,
			`{"urls":["de.example/img/crumbs/nonsense"]}`:       400,
			`{"urls":["de.example/media/crumbs/x/y/manifest"]}`: 400,
			`{}`:                                   400,
			`{"all":true,"groups":["de/pages"]}`:   400,
			`{"all":true}`:                         202,
			`{"app":"Not An App"}`:                 400,
			`{"all":true,"wait":"21s"}`:            400,
			`{"all":true,"wait":"-1s"}`:            400,
			`{"all":true,"wait":"soon"}`:           400,
			`{"all":true,"everything":1}`:          400,
			`{"all":true} {"all":true}`:            400,
			`[]`:                                   400,
			``:                                     400,
			`{"app":"` + strings.Repeat("a", 5000): 413,
		} {
			if w := f.do("POST", "/purges", "root-token", body); w.Code != want {
				t.Errorf("%.60s: %d, want %d: %s", body, w.Code, want, w.Body)
			}
		}
	})
}

func TestNoMoreThanSoManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, allAtOnce, func(c *Config) { c.MaxRunning = 2 })
		defer f.Close()
		for i, want := range []int{202, 202, 429} {
			if w := f.do("POST", "/purges", "root-token", `{"groups":["de/pages"]}`); w.Code != want {
				t.Errorf("purge %d: %d, want %d", i, w.Code, want)
			}
		}
		time.Sleep(f.cfg.Wait)
		synctest.Wait()
		f.ledger.fail = world.E(world.CodeUnavailable, "ledger", "")
		for range 3 { // what fails gives its slot back
			if w := f.do("POST", "/purges", "root-token", `{"groups":["de/pages"]}`); w.Code != 503 {
				t.Errorf("without the primary: %d", w.Code)
			}
		}
		f.ledger.fail = nil
		if w := f.do("POST", "/purges", "root-token", `{"groups":["de/pages"]}`); w.Code != 202 {
			t.Errorf("after the others were over: %d", w.Code)
		}
	})
}

func TestForAPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		defer f.Close()
		f.ack(t, "shield-west", "101.1")
		w := f.do("POST", world.PeerPurgesPath+"?wait=2s", "wire", `{"id":"x","groups":["de/pages"],"soft":true}`)
		got := news(t, w)
		if w.Code != 200 || len(got) != 2 || got[0].Event != world.PurgePlaced || got[0].Cursor != "101.1" || got[1].Tier != "shield-west" {
			t.Errorf("%d %+v", w.Code, got)
		}
		if feed := f.ledger.purges(); len(feed) != 1 || feed[0].ID != "x" || !feed[0].Soft {
			t.Errorf("%+v", feed)
		}
		for _, c := range []struct {
			token, query, body string
			want               int
		}{{"root-token", "", `{"all":true}`, 401}, {"", "", `{"all":true}`, 401}, {"wire", "", `{}`, 400}, {"wire", "?wait=1h", `{"all":true}`, 400}} {
			if w := f.do("POST", world.PeerPurgesPath+c.query, c.token, c.body); w.Code != c.want {
				t.Errorf("%v: %d", c, w.Code)
			}
		}
	})
}
