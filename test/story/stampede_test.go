package story

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// restedWithin is how long a PoP may avoid a region that has failed it: sixteen
// times its usual rest.
const restedWithin = 40 * time.Second

// pictures is an app's list of them, by way of a PoP, and the region that gave it.
// No cache keeps it.
func pictures(t *testing.T, w *worldtest.World, pop string) (list []world.Manifest, region string) {
	t.Helper()
	a := w.AtPoP(t, "de", pop).Get(t, "/media/"+w.Plan.App, "Authorization", "Bearer "+w.Secrets(t).UploadToken)
	var page struct{ Assets []world.Manifest }
	if err := json.Unmarshal(a.Body, &page); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	return page.Assets, a.Header.Get(world.HeaderRegion)
}

// putIn puts a photo in, in Frankfurt, and returns its media id.
func putIn(t *testing.T, w *worldtest.World, photo []byte) (id string) {
	t.Helper()
	atHome(t, w, "fra")
	file := filepath.Join(t.TempDir(), "cold.jpg")
	if err := os.WriteFile(file, photo, 0o644); err != nil {
		t.Fatal(err)
	}
	said := w.Run(t, "media", "put", "--dir", w.Dir, "--from", "frankfurt", "--json", file)
	var put struct {
		Taken []struct {
			MediaID  string `json:"media_id"`
			Manifest world.Manifest
		}
	}
	if err := json.Unmarshal([]byte(said.Out), &put); err != nil || len(put.Taken) != 1 {
		t.Fatalf("media put said %q %q: %v", said.Out, said.Err, err)
	}
	if got := put.Taken[0].Manifest.WriteRegion; got != "eu-central" {
		t.Fatalf("the photo was written in %s", got)
	}
	return put.Taken[0].MediaID
}

// atHome waits until PoPs go to the regions next to them, if those have failed them.
func atHome(t *testing.T, w *worldtest.World, pops ...string) {
	t.Helper()
	own := ownRegions(w)
	for _, pop := range pops {
		eventually(t, restedWithin, pop+" goes to its own region", func() bool {
			_, region := pictures(t, w, pop)
			return region == own[pop]
		})
	}
}

// everywhere waits until each region has its copy. The list tells it, which no
// cache keeps; a manifest may be told as it was for half a minute.
func everywhere(t *testing.T, w *worldtest.World, id string) {
	t.Helper()
	eventually(t, copiedWithin, "each region has its copy", func() bool {
		list, _ := pictures(t, w, "fra")
		i := slices.IndexFunc(list, func(m world.Manifest) bool { return m.MediaID == id })
		return i >= 0 && !slices.ContainsFunc(list[i].Replicas, func(r world.Replica) bool { return r.State != world.ReplicaCopied })
	})
}

// allHaveHeard waits until every tier has taken what Frankfurt's region has told so
// far: they acknowledge a purge behind it, of nothing.
func allHaveHeard(t *testing.T, w *worldtest.World) {
	t.Helper()
	eventually(t, healedWithin, "all have heard the news", func() bool {
		c, _ := purge(t, w, "--group", world.GroupProduct("de", "nothing-of-this-name"), "--wait", "5s")
		return c.Code == 0
	})
}

// variant is the path of one that nobody has asked for.
func variant(w *worldtest.World, id, size string) string {
	return fmt.Sprintf("/img/%s/%s/v1/jpeg/%s", w.Plan.App, id, size)
}

// TestStampede has ten thousand ask for one picture that no cache has, over all
// PoPs at once.
func TestStampede(t *testing.T) {
	w := theWorld(t)
	id := putIn(t, w, grainy(t, 900))
	everywhere(t, w, id)
	c := gather(t, w)
	allHaveHeard(t, w)
	before := given(t, w)
	c.all(variant(w, id, "320x0"))
	c.satisfied(t)
	c.oneReadEach(t, before, given(t, w))
}

// TestStampedeOnOneRegionsPicture has them ask for one that no region but that of
// its upload holds yet: the links to the others are too slow for copies of so
// large an original, and fast enough for all else. It is made once in the world, and
// leaves the media of each region that is asked once. A PoP whose own region is busy
// may ask another: it says so.
func TestStampedeOnOneRegionsPicture(t *testing.T) {
	const region, tooSlow = "eu-central", 3 // Mbit/s
	w := theWorld(t)
	admin, photo := w.Admin(t), grainy(t, 2400)
	for _, other := range []string{"us-east", "ap-southeast"} {
		link := "links/" + region + "/" + other
		defer slow(t, admin, link, bandwidth(t, admin, link))
		slow(t, admin, link, tooSlow)
	}
	made := func() map[string]int {
		return figures(t, w, "meridian_media_transforms_total", `format="jpeg",outcome="ok",`, "media", "")
	}
	madeBefore, givenBefore := made(), given(t, w)
	atHome(t, w, pops(w)...)
	c := gather(t, w)
	id := putIn(t, w, photo)
	c.all(variant(w, id, "320x0"))
	c.satisfied(t)
	for place, n := range made() {
		want := 0
		if place == region {
			want = 1
		}
		if n -= madeBefore[place]; n != want && !(n > want && c.wasUnsure("shield-"+place)) {
			t.Errorf("made %d times in %s, want %d", n, place, want)
		}
	}
	c.oneReadEach(t, givenBefore, given(t, w))
	asked := c.ways(t, w)
	for _, r := range w.Plan.Regions {
		if n := given(t, w)[r.ID] - givenBefore[r.ID]; n < c.length && asked[r.ID] {
			t.Errorf("%s was asked, and %d bytes of %d were read there", r.ID, n, c.length)
		}
	}
}

// The link's bandwidths in Mbit/s. A picture of a hundred thousand bytes would
// take eight seconds, so that it is still on its way when a part of it is seen to
// have come; and then five times as long, so that it is when everybody has asked.
const (
	slowly = 0.1
	drip   = 0.02
)

// TestStampedeWhileTheUpstreamDies cuts, half way through the content, the link
// by which Frankfurt gets it, when everybody has asked. Another region's copy goes
// on from where it broke off.
func TestStampedeWhileTheUpstreamDies(t *testing.T) {
	for _, mode := range []string{"refuse", "blackhole"} {
		t.Run(mode, func(t *testing.T) { upstreamDies(t, mode) })
	}
}

func upstreamDies(t *testing.T, mode string) {
	const from, to, link = "eu-central", "fra", "links/eu-central/fra"
	w := theWorld(t)
	id := putIn(t, w, grainy(t, 900))
	everywhere(t, w, id)
	admin := w.Admin(t)
	usual := bandwidth(t, admin, link)
	defer slow(t, admin, link, usual)
	taken := func() int { return figures(t, w, "meridian_cache_takeovers_total", "", "edge", "")[to] }

	var c *crowd
	var reads map[string]int
	var takenBefore int
	sizes := []string{"480x480", "480x360", "480x0", "320x320", "320x240", "320x0"}
	if !slices.ContainsFunc(sizes, func(size string) bool {
		atHome(t, w, "fra")
		c = gather(t, w)
		reads, takenBefore = given(t, w), taken()
		return c.halfWay(t, w, to, variant(w, id, size), func(mbit float64) { slow(t, admin, link, mbit) }, usual)
	}) {
		t.Fatal("half of each picture had come before everybody had asked for it")
	}
	heal := cut(t, w, link, mode)
	t.Logf("%s is cut off %d ms after they asked", to, time.Since(c.began).Milliseconds())
	c.satisfied(t)
	heal()

	switch n := taken() - takenBefore; {
	case n == 1:
		t.Log("1 read was carried on by another region's")
	case n < 1 || !c.wasUnsure("edge-"+to):
		t.Errorf("%d reads were carried on by another region's, want the one that died", n)
	}
	c.oneReadEach(t, reads, given(t, w))
}

// halfWay has everybody ask for a picture while its first part comes to a PoP over
// a link that was made slow, and reports whether most of it is still to come
// then. If not, the link is again as usual, and everybody leaves.
func (c *crowd) halfWay(t *testing.T, w *worldtest.World, pop, path string, link func(mbit float64), usual float64) bool {
	t.Helper()
	there, i := arrived(t, w), slices.Index(pops(w), pop)
	link(slowly)
	one := c.oneAt(i, path)
	eventually(t, crowdWithin, "a part of the picture has come", func() bool { return one.come.Load() > 0 || c.answered() > 0 })
	link(drip)
	if one.begun() {
		c.all(path)
		came := 0
		defer func() { t.Logf("%d of %d requests have arrived, %d are answered", came, crowdSize, c.answered()) }()
		eventually(t, crowdWithin, "everybody's request has arrived", func() bool {
			came = arrived(t, w) - there
			return came >= crowdSize
		})
	}
	if one.begun() {
		return true
	}
	t.Logf("%s came too quickly, or another way", path)
	link(usual)
	c.leave()
	return false
}

// slow gives a link a bandwidth in Mbit/s.
func slow(t *testing.T, admin *worldtest.Client, link string, mbit float64) {
	t.Helper()
	if a := admin.Send(t, http.MethodPatch, "/"+link, fmt.Appendf(nil, `{"bandwidth_mbit": %v}`, mbit), "Content-Type", "application/json"); a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", link, a.Status, a.Body)
	}
}

// bandwidth is a link's, in Mbit/s.
func bandwidth(t *testing.T, admin *worldtest.Client, link string) float64 {
	t.Helper()
	var l struct {
		Bandwidth float64 `json:"bandwidth_mbit"`
	}
	if err := json.Unmarshal(admin.Get(t, "/"+link).Body, &l); err != nil {
		t.Fatal(err)
	}
	return l.Bandwidth
}
