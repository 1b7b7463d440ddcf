// Package story tells what people do with the whole world, and asserts what
// they see: on the real binary, real databases, real pictures and real
// distances, as one process and as one process a role, with processes killed
// in the middle, and in a real browser.
package story

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/app/localworld"
	"meridian/test/worldtest"
	"meridian/world"
)

func TestMain(m *testing.M) { os.Exit(worldtest.Main(m)) }

// shipped is the world that the stories share: to make one costs its databases
// and pictures, to start it again does not. So a story takes prices and stock
// as it finds them.
var shipped struct {
	sync.Mutex
	w *worldtest.World
}

// theWorld is the shipped world, up and running, as one process or as many.
// Its state is the same in both.
func theWorld(t *testing.T, split bool) *worldtest.World {
	t.Helper()
	return theWorldAs(t, worldtest.Options{Split: split})
}

// theWorldAs is the shipped world, up and running as it is asked for.
func theWorldAs(t *testing.T, o worldtest.Options) *worldtest.World {
	t.Helper()
	shipped.Lock()
	defer shipped.Unlock()
	if shipped.w == nil {
		shipped.w = worldtest.New(t, "")
	}
	w := shipped.w
	if w.Running() && w.Options() == o {
		well(t, w)
		return w
	}
	if code := w.Stop(t); code != 0 {
		t.Fatalf("the world stopped with exit code %d:\n%s", code, w.Logs())
	}
	w.Start(t, o)
	return w
}

// wellWithin is how long what another story has broken may take to be trusted again:
// what was down needs the longer proof, and that twice as long each time.
const wellWithin = 2 * time.Minute

// lately is within the time that the last PoP may take to hear what the first has heard.
const lately = 20 * time.Second

// well waits until consumers of the health feed hold nothing for down.
func well(t *testing.T, w *worldtest.World) {
	t.Helper()
	admin := w.Admin(t)
	defer admin.Close()
	var view localworld.View
	defer func() {
		if t.Failed() {
			t.Logf("the feed's last word: %+v", view)
		}
	}()
	eventually(t, wellWithin, "everything is well again", func() bool {
		view = localworld.View{}
		if err := json.Unmarshal(admin.Get(t, "/view").Body, &view); err != nil {
			t.Fatal(err)
		}
		return !view.Frozen && !slices.ContainsFunc(view.Issue.Targets, func(h world.TargetHealth) bool { return h.State == world.Down })
	})
	if !slices.ContainsFunc(view.Issue.Targets, func(h world.TargetHealth) bool { return time.Since(h.Since) < lately }) {
		return
	}
	for _, pop := range pops(w) { // each has a view of its own, which may have come later
		for _, m := range w.Plan.Markets {
			eventually(t, wellWithin, pop+" takes carts of "+m.ID+" again", func() bool {
				return w.AtPoP(t, m.ID, pop).Get(t, "/cart").Status == http.StatusOK
			})
		}
	}
}

// pops are the ids of all PoPs.
func pops(w *worldtest.World) []string {
	var out []string
	for _, p := range w.Plan.PoPs {
		out = append(out, p.ID)
	}
	return out
}
