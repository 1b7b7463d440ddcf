package story

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meridian/app/localworld"
	"meridian/test/worldtest"
	"meridian/world"
)

// What a story has broken is trusted again after the longer proof, and that is twice
// as long each time. A world that begins again knows nothing of it, and is up in
// seconds: so nobody waits for longer than soonWell. Until everybody has heard what
// was said last takes moments, and on a machine that does much else a few seconds.
const (
	soonWell    = 2 * time.Second
	heardWithin = 20 * time.Second
	wellWithin  = 2 * time.Minute // after a start
)

// well waits until everything is well.
func well(t *testing.T, w *worldtest.World) {
	t.Helper()
	if !trusted(t, w, wellWithin) {
		t.Fatalf("the world is not well within %s", wellWithin)
	}
}

// trusted reports whether within a time nothing is held for down, by the gate and
// by everybody else who follows the monitors: each of the places hears them for
// itself, and refuses what it has heard to be down until it hears otherwise.
func trusted(t *testing.T, w *worldtest.World, within time.Duration) bool {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		down, against := distrust(t, w)
		waited := time.Since(began)
		switch {
		case len(against) == 0:
			return true
		case waited > within && (down || waited > heardWithin):
			t.Logf("after %.0f s: %s", waited.Seconds(), strings.Join(against, "; "))
			return false
		}
	}
}

// distrust is what speaks against a world's being well: that something is down, or
// that not everybody has heard that nothing is.
func distrust(t *testing.T, w *worldtest.World) (down bool, against []string) {
	t.Helper()
	view := viewOf(t, w)
	for _, h := range view.Issue.Targets {
		if h.State == world.Down {
			against = append(against, fmt.Sprintf("%s is down since %s: %s", h.Target, h.Since.Format(time.TimeOnly), h.Reason))
		}
	}
	number := view.Issue.Version.Number
	if view.Frozen || number == 0 {
		against = append(against, "nobody is heard")
	}
	if len(against) > 0 {
		return !view.Frozen && number > 0, against
	}
	heard := issues(t, w)
	for _, place := range places(w) {
		if heard[place] != number {
			against = append(against, fmt.Sprintf("%s goes by issue %d, not by %d", place, heard[place], number))
		}
	}
	return false, against
}

// viewOf is what the gate has heard.
func viewOf(t *testing.T, w *worldtest.World) (view localworld.View) {
	t.Helper()
	admin := w.Admin(t)
	defer admin.Close()
	if err := json.Unmarshal(admin.Get(t, "/view").Body, &view); err != nil {
		t.Fatal(err)
	}
	return view
}

var feedVersion = regexp.MustCompile(`(?m)^meridian_health_feed_version\{place="([^"]+)",role="[^"]+"\} (\S+)`)

// issues are the numbers of what the monitors said last, as each place has heard it:
// of its processes, the one that is behind.
func issues(t *testing.T, w *worldtest.World) map[string]uint64 {
	t.Helper()
	out := map[string]uint64{}
	for _, m := range feedVersion.FindAllStringSubmatch(w.Figures(t), -1) {
		n, err := strconv.ParseFloat(m[2], 64) // it has an exponent
		if err != nil {
			t.Fatal(err)
		}
		if is, known := out[m[1]]; !known || uint64(n) < is {
			out[m[1]] = uint64(n)
		}
	}
	return out
}

// places are the ids of all PoPs and regions.
func places(w *worldtest.World) []string {
	out := pops(w)
	for _, r := range w.Plan.Regions {
		out = append(out, r.ID)
	}
	return out
}

// ownRegions is the region next to each PoP, which it asks first.
func ownRegions(w *worldtest.World) map[string]string {
	out := map[string]string{}
	for _, pop := range w.Plan.PoPs {
		out[pop.ID] = slices.MinFunc(w.Plan.Regions, func(a, b world.Region) int {
			toA, _ := w.Plan.RoundTrip(pop.Site, a.Site)
			toB, _ := w.Plan.RoundTrip(pop.Site, b.Site)
			return int(toA - toB)
		}).ID
	}
	return out
}
