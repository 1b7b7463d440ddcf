// Package story tells what people do with the whole world, and asserts what
// they see: on the real binary, real databases, real pictures and real
// distances, as one process and as one process a role, with processes killed
// in the middle, and in a real browser.
package story

import (
	"os"
	"sync"
	"testing"

	"meridian/test/worldtest"
)

func TestMain(m *testing.M) { os.Exit(worldtest.Main(m)) }

// shipped is the world that the stories share: to make one costs its databases
// and pictures, to start it again does not. So a story takes prices and stock
// as it finds them.
var shipped struct {
	sync.Mutex
	w *worldtest.World
}

// sparing has no picture made before anybody asks for it, nor made again in better
// quality: no story tells of either, and each would work beside all of them. A PoP
// sends nobody away who has not asked yet, nor gives up a read, before a busy
// machine comes to it: stories hold thousands of connections.
const sparing = `
media: {care: {hot: [], polish: false}}
edge: {http: {read_header: 2m}, fill_timeout: 2m}
`

// theWorld is the shipped world, up and running in one process, with settings by
// which it does nothing that no story tells of.
func theWorld(t *testing.T) *worldtest.World {
	t.Helper()
	return theWorldAs(t, worldtest.Options{Settings: sparing})
}

// theShippedWorld is it with no settings but its own, as one process or as many. Its
// state is the same in both.
func theShippedWorld(t *testing.T, split bool) *worldtest.World {
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
	if w.Running() && w.Options() == o && trusted(t, w, soonWell) {
		return w
	}
	if code := w.Stop(t); code != 0 { // that it ends well is TestCtrlCLeavesNothing's to say
		t.Logf("the world stopped with exit code %d", code)
	}
	w.Start(t, o)
	well(t, w)
	return w
}

// pops are the ids of all PoPs.
func pops(w *worldtest.World) []string {
	var out []string
	for _, p := range w.Plan.PoPs {
		out = append(out, p.ID)
	}
	return out
}
