package story

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// How many want how many pieces.
const (
	usualContest    = 300
	contestVariable = "STORY_CHECKOUTS" // another number
	contestShare    = 20                // there is a piece for one in so many, but never fewer than 20
	contestMarket   = "de"
	contestHands    = 128 // browsers, whose connections contenders share
	contestSeats    = 2   // of each
)

// villageSettings have whoever does not pay lose what is held in seconds, and
// payments asked after as fast. With many at once paying takes longer.
func villageSettings() string {
	reserve := "6s"
	if contestSize() > 5*usualContest {
		reserve = "30s"
	}
	return "shop: {reserve_for: " + reserve + ", expire_every: 1s, pay_every: 1s, pay_first: 1s, pay_longest: 3s, pay_retry: 300ms, pay_lease: 10s, pay_wait: 4s}\n"
}

// contestSize is how many want a piece.
func contestSize() int {
	if n, err := strconv.Atoi(os.Getenv(contestVariable)); err == nil && n >= usualContest {
		return n
	}
	return usualContest
}

// TestOrdersOutliveWhoTakesThem is told of a village whose clusters have two
// servers each and whose every role is a process. It has a world of its own: after
// it the second server is primary, and without --ha the others' world would not
// start so.
func TestOrdersOutliveWhoTakesThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "village.yaml")
	if err := os.WriteFile(file, []byte(village), 0o644); err != nil {
		t.Fatal(err)
	}
	w := worldtest.New(t, file)
	w.Start(t, worldtest.Options{HA: true, Split: true, Settings: villageSettings()})
	t.Cleanup(func() { w.Stop(t) })
	t.Run("their database is killed", func(t *testing.T) { takeover(t, w) })
	t.Run("everybody wants the last pieces", func(t *testing.T) { theContest(t, w) })
}

// contest is one product that everybody wants.
type contest struct {
	w      *worldtest.World
	slug   string
	name   string // of every order of it
	pieces int
	all    []*contender
	placed atomic.Int64 // orders that somebody was told of
}

// theContest has far more buyers than pieces press the button at once, while the
// shop, its database and the provider are killed. What was there is sold, once
// each; no money is lost, and none is kept for nothing.
func theContest(t *testing.T, w *worldtest.World) {
	checkouts, seed := contestSize(), uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%s=%d %s=%d", seedVariable, seed, contestVariable, checkouts)
	slugs := w.Visitor(t, contestMarket, "").Page(t, "/").Slugs()
	k := &contest{w: w, slug: slugs[0], name: fmt.Sprintf("Contest %d", time.Now().UnixNano()), pieces: max(20, checkouts/contestShare)}
	w.Restock(t, contestMarket, k.slug, k.pieces)
	began := time.Now()
	k.gather(t, checkouts, seed)
	prepared := time.Now()
	k.run(t, rand.New(rand.NewPCG(seed, 0)))
	over := time.Now()
	k.rest(t)
	k.sellOut(t)
	k.judge(t)
	t.Logf("%d filled their carts in %.1f s; all pressed the button at once and were done after %.1f s; all was at rest and the last piece sold %.1f s later",
		checkouts, prepared.Sub(began).Seconds(), over.Sub(prepared).Seconds(), time.Since(over).Seconds())
}

// gather has everybody fill cart and form.
func (k *contest) gather(t *testing.T, checkouts int, seed uint64) {
	t.Helper()
	var hands []*hand
	for range contestHands {
		hands = append(hands, &hand{k.w.Visitor(t, contestMarket, ""), make(chan struct{}, contestSeats)})
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	k.all = make([]*contender, checkouts)
	for i := range k.all {
		k.all[i] = newContender(hands[i%contestHands], &k.placed, rand.New(rand.NewPCG(seed, uint64(i+1))))
	}
	for range contestHands / 4 { // what is to be measured comes after
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < checkouts; i = next.Add(1) - 1 {
				if err := k.all[i].prepare(k.slug, k.name); err != nil {
					t.Errorf("contender %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// run lets everybody go at once, and kills meanwhile.
func (k *contest) run(t *testing.T, random *rand.Rand) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range k.all {
		wg.Go(c.compete)
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	killings := []func(){func() { k.killShop(t) }, func() { k.killDatabase(t) }, func() { k.killProvider(t) }}
	rounds := 1 + k.pieces/250
	for i := range rounds * len(killings) {
		if !k.wait(done, int64((i+1)*k.pieces/(rounds*len(killings)+2)), time.Duration(random.IntN(30_000))*time.Microsecond) {
			t.Logf("all was over before kill %d", i)
		}
		killings[i%len(killings)]()
	}
	<-done
}

// wait waits until so many orders were placed, and a moment longer; false when
// everybody was done before.
func (k *contest) wait(done <-chan struct{}, placed int64, moment time.Duration) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for k.placed.Load() < placed {
		select {
		case <-done:
			return false
		case <-tick.C:
		}
	}
	time.Sleep(moment) // a random moment is what is tested, not an interval
	return true
}

func (k *contest) killShop(t *testing.T) {
	t.Helper()
	admin := k.w.Admin(t)
	part := "shop@" + k.w.Market(t, contestMarket).HomeRegion
	if err := admin.KillPart(part); err != nil {
		t.Error(err)
	}
	time.Sleep(contestRest)
	if err := admin.StartPart(part); err != nil {
		t.Error(err)
	}
	t.Logf("%s was killed after %d orders, and is back", part, k.placed.Load())
}

// killProvider ends its process, which runs from the first who pays on; whoever
// asks it next starts it again.
func (k *contest) killProvider(t *testing.T) {
	t.Helper()
	eventually(t, contestPatience, "the provider's process runs", func() bool { return k.w.KillCommand(t, "testpay") })
	t.Logf("testpay was killed after %d orders", k.placed.Load())
}

// killDatabase ends the primary of the resident cluster. Both servers must be in
// step, or nobody could take over.
func (k *contest) killDatabase(t *testing.T) {
	t.Helper()
	d := inStep(t, k.w, world.ResidentCluster(k.w.Market(t, contestMarket).HomeRegion))
	if err := syscall.Kill(d.PrimaryPID, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	t.Logf("%s was killed after %d orders", d.Primary, k.placed.Load())
}
