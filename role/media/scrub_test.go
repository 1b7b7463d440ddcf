package media

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meridian/engine/placement"
	"meridian/world"
)

// pass reads all copies of a region again.
func (p *place) pass(t *testing.T) {
	t.Helper()
	p.upkeep.scrub.Began = time.Time{}
	for n := 0; ; n++ {
		if _, err := p.scrubOn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.upkeep.scrub.Phase == scrubDone {
			return
		}
		if n > 1000 {
			t.Fatal("the pass does not end")
		}
	}
}

func fast(c *Config) { c.Care.ScrubRate = 1 << 50 }

func (p *place) scrubCount(kind, outcome string) float64 {
	return count(p.metrics.scrubbed, kind, outcome)
}

func TestADamagedOrMissingCopyIsHealedFromAnotherRegion(t *testing.T) {
	for name, harm := range map[string]func(*place, string){
		"missing": func(p *place, k string) { p.objects.drop(k) },
		"damaged": func(p *place, k string) { p.objects.objects[k][9] ^= 1 },
		"empty":   func(p *place, k string) { p.objects.objects[k] = nil },
	} {
		for _, where := range []string{"us-east", "eu-central"} {
			places := newPlaces(t, fast)
			us, p := places["us-east"], places[where]
			pic := picture(400, 300, 7)
			m := us.put(t, pic)
			us.put(t, picture(400, 300, 8))
			if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
				t.Fatal(err)
			}
			k := originalKey(shaOf(pic))
			harm(p, k)
			p.pass(t)
			if got, _ := p.objects.get(k); !bytes.Equal(got, pic) {
				t.Errorf("%s in %s: not healed", name, where)
			}
			if _, ok := p.objects.get(quarantine + shaOf(pic)); ok {
				t.Errorf("%s in %s: still in quarantine", name, where)
			}
			if n := p.scrubCount("original", scrubHealed); n != 1 {
				t.Errorf("%s in %s: %v counted", name, where, n)
			}
			if c := us.upkeep.checked[where][m.Newest().SHA256]; !c.Good || c.At != noon {
				t.Errorf("%s in %s: the write region knows %+v", name, where, us.upkeep.checked)
			}
			p.pass(t)
			if n := p.scrubCount("original", scrubHealed); n != 1 {
				t.Errorf("%s in %s: healed twice", name, where)
			}
		}
	}
}

func TestWhatNoRegionHasIsKeptAsItIsAndToldOfEachTime(t *testing.T) {
	places := newPlaces(t, fast)
	us := places["us-east"]
	pic := picture(400, 300, 7)
	us.put(t, pic)
	k := originalKey(shaOf(pic))
	us.objects.objects[k][9] ^= 1
	hurt, _ := us.objects.get(k)
	us.pass(t)
	us.pass(t)
	if got, _ := us.objects.get(quarantine + shaOf(pic)); !bytes.Equal(got, hurt) {
		t.Error("the damaged bytes are gone")
	}
	if _, ok := us.objects.get(k); ok {
		t.Error("the damaged bytes are in the readers' way")
	}
	if n := us.scrubCount("original", scrubLost); n != 2 {
		t.Errorf("%v counted, want one a pass", n)
	}
	// When its bytes are put in again it is whole.
	us.put(t, pic)
	us.pass(t)
	if n := us.scrubCount("original", scrubLost); n != 2 {
		t.Errorf("%v counted", n)
	}
}

func TestADamagedVariantIsNeverServedAndGoes(t *testing.T) {
	places := newPlaces(t, fast)
	us := places["us-east"]
	m := us.put(t, picture(400, 300, 7))
	want := us.do("GET", imageURL(m, "webp"), nil).Body.String()
	other := us.do("GET", imageURL(m, "avif"), nil).Body.String()
	k := "variants/crumbs/" + m.MediaID + "/v1/webp/320x0"
	for name, harm := range map[string]func(){
		"a bit":         func() { us.objects.objects[k][40] ^= 1 },
		"its checksum":  func() { us.objects.objects[k][0] ^= 1 },
		"cut":           func() { us.objects.objects[k] = us.objects.objects[k][:20] },
		"empty":         func() { us.objects.objects[k] = nil },
		"another's":     func() { us.objects.objects[k] = us.objects.objects[strings.Replace(k, "webp", "avif", 1)] },
		"of older ways": func() { us.objects.objects[k] = []byte(want) },
	} {
		harm()
		if got := us.do("GET", imageURL(m, "webp"), nil); got.Code != 200 || got.Body.String() != want {
			t.Errorf("%s: a reader saw %d %q", name, got.Code, got.Body)
		}
		us.pass(t) // it was made again: nothing to find
		harm()
		us.pass(t)
		if _, ok := us.objects.get(k); ok {
			t.Errorf("%s: not removed", name)
		}
		us.do("GET", imageURL(m, "webp"), nil)
	}
	if n := us.scrubCount("variant", scrubRemoved); n != 6 {
		t.Errorf("%v counted", n)
	}
	if got := us.do("GET", imageURL(m, "avif"), nil); got.Body.String() != other {
		t.Error("another variant changed")
	}
}

// A pass goes on where a restart broke it off, and reads no faster than is said.
func TestAPassIsPacedAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, func(c *Config) { c.Care.ScrubRate = 1000 })["us-east"]
		const n = 3*scrubPage + 5
		size := 0
		for i := range n {
			p := picture(20+i, 30, byte(i))
			size += len(p)
			us.put(t, p)
		}
		began := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(size/2)*time.Millisecond)
		us.scrub(ctx)
		stop()
		read := us.scrubCount("original", scrubOK)
		if read == 0 || read > 0.75*n {
			t.Errorf("%v of %d read in half the time", read, n)
		}
		if us.upkeep.scrub.After == "" || us.upkeep.scrub.Phase != scrubOriginals {
			t.Fatalf("kept: %+v", us.upkeep.scrub)
		}
		us.pass(t)
		if again := us.scrubCount("original", scrubOK) - n; again < 0 || again >= scrubPage {
			t.Errorf("%v were read again, want less than a page", again)
		}
		if took := time.Since(began).Milliseconds(); took < int64(size) {
			t.Errorf("%d bytes in %d ms", size, took)
		}
		us.upkeep.scrub.Began = noon // a pass has just ended
		if rest, err := us.scrubOn(t.Context()); err != nil || rest != scrubRetry {
			t.Errorf("rests for %v, %v", rest, err)
		}
	})
}

func TestTheScrubberStopsAtAStoreOrCatalogThatFails(t *testing.T) {
	us := newPlaces(t, fast)["us-east"]
	us.put(t, picture(400, 300, 7))
	us.objects.failGet = world.E(world.CodeUnavailable, "test", "")
	if _, err := us.scrubOn(t.Context()); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("a store that is away: %v", err)
	}
	us.objects.failGet, us.manifests.fail = nil, world.E(world.CodeTimeout, "test", "")
	if _, err := us.scrubOn(t.Context()); !world.Is(err, world.CodeTimeout) {
		t.Errorf("a catalog that is away: %v", err)
	}
	if us.upkeep.scrub.Pass != 0 || us.scrubCount("original", scrubLost) != 0 {
		t.Errorf("%+v", us.upkeep.scrub)
	}
}

func TestAJobMendsItsOwnCopyFirst(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu, ap := places["us-east"], places["eu-central"], places["ap-southeast"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	us.objects.objects[originalKey(shaOf(pic))][9] ^= 1
	if err := us.Replicate(t.Context(), jobFor(us, "ap-southeast")); err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if got, _ := p.objects.get(originalKey(shaOf(pic))); !bytes.Equal(got, pic) {
			t.Errorf("%s has not got it", p.id)
		}
	}
	r := us.manifests.replica(m.MediaID, "ap-southeast")
	if r.State != world.ReplicaCopied || !r.VerifiedAt.Equal(noon) {
		t.Errorf("%+v", r)
	}
	_, _ = eu, ap
}

func TestWhereTheStoreCopiesItselfAJobVerifies(t *testing.T) {
	places := newPlaces(t, func(c *Config) { c.Care.Replicated = true })
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	job := jobFor(us, "eu-central")
	if err := us.Replicate(t.Context(), job); !world.Is(err, world.CodeNotFound) {
		t.Errorf("before it is there: %v", err)
	}
	eu.objects.objects[originalKey(shaOf(pic))] = []byte("half")
	if err := us.Replicate(t.Context(), job); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("while it is half there: %v", err)
	}
	if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaPending || r.Error == "" {
		t.Errorf("%+v", r)
	}
	eu.objects.objects[originalKey(shaOf(pic))] = bytes.Clone(pic)
	if err := us.Replicate(t.Context(), job); err != nil {
		t.Error(err)
	}
	if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaCopied || eu.objects.puts != 0 {
		t.Errorf("%+v, %d puts", r, eu.objects.puts)
	}
}

func TestARegionThatIsAddedIsFilled(t *testing.T) {
	places := newPlaces(t, func(c *Config) { c.Placement.Public = placement.WriteRegion })
	us := places["us-east"]
	for i := range backfillPage + 3 {
		us.put(t, picture(20+i, 3, 7))
	}
	if n, err := us.backfillOnce(t.Context()); n != 0 || err != nil {
		t.Errorf("%d, %v: nothing was to be placed", n, err)
	}
	us.cfg.Placement.Public = placement.AllRegions
	for _, want := range []int{2 * (backfillPage + 3), 0} {
		if n, err := us.backfillOnce(t.Context()); n != want || err != nil {
			t.Errorf("placed %d, %v, want %d", n, err, want)
		}
	}
}

// Two regions have assets of the same bytes. A third finds its copy beyond
// healing while one of the two is out of reach: each hears of it, once it can.
func TestBothWriteRegionsHearOfACopyThatIsLost(t *testing.T) {
	places := newPlaces(t, fast)
	us, eu, ap := places["us-east"], places["eu-central"], places["ap-southeast"]
	pic := picture(400, 300, 7)
	us.put(t, pic)
	eu.put(t, pic)
	for _, p := range []*place{us, eu} {
		if err := p.Replicate(t.Context(), jobFor(p, "ap-southeast")); err != nil {
			t.Fatal(err)
		}
	}
	k := originalKey(shaOf(pic))
	ap.objects.objects[k][9] ^= 1
	ap.peers.cut["us-east"], ap.peers.cut["eu-central"] = true, true
	ap.pass(t)
	if len(us.upkeep.checked)+len(eu.upkeep.checked) != 0 {
		t.Error("told through a link that is cut")
	}
	ap.peers.cut["eu-central"] = false
	ap.tellFindings(t.Context())
	ap.peers.cut["us-east"] = false
	ap.tellFindings(t.Context())
	for _, p := range []*place{us, eu} {
		if c, told := p.upkeep.checked["ap-southeast"][shaOf(pic)]; !told || c.Good {
			t.Errorf("%s knows %+v", p.id, p.upkeep.checked)
		}
	}
	ap.pass(t)
	for _, p := range []*place{us, eu} {
		if c := p.upkeep.checked["ap-southeast"][shaOf(pic)]; !c.Good {
			t.Errorf("%s knows %+v after it was healed", p.id, c)
		}
	}
	if n := ap.scrubCount("original", scrubLost) + ap.scrubCount("original", scrubHealed); n != 2 {
		t.Errorf("one copy was counted %v times in two passes", n)
	}
	asked := len(ap.peers.asked)
	if ap.tellFindings(t.Context()); len(ap.peers.asked) != asked {
		t.Error("told twice")
	}
}

func TestFindingsAreBounded(t *testing.T) {
	var f findings
	for i := range maxFindings + 10 {
		f.add("eu", world.CopyCheck{SHA256: strconv.Itoa(i), At: noon})
	}
	f.add("eu", world.CopyCheck{SHA256: "0", Good: true, At: noon.Add(time.Second)}) // a newer one of one that is kept
	f.add("eu", world.CopyCheck{SHA256: "0", At: noon})
	n, newest := 0, false
	for {
		page := f.take()["eu"]
		if len(page) == 0 {
			break
		}
		if len(page) > maxChecks {
			t.Fatalf("%d at once", len(page))
		}
		for _, c := range page {
			n++
			newest = newest || c.SHA256 == "0" && c.Good
		}
	}
	if n != maxFindings || !newest {
		t.Errorf("%d kept, the newest: %v", n, newest)
	}
}

func TestWhatARegionTellsOfCopies(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	one := `{"sha256":"` + shaOf(nil) + `","good":true,"at":"2026-03-01T12:00:00Z"}`
	for body, status := range map[string]int{
		"[" + one + "]":   204,
		"[]":              204,
		"":                400,
		one:               400,
		"[" + one + "]{}": 400,
		`[{"sha256":"ab","good":true,"at":"2026-03-01T12:00:00Z"}]`: 400,
		`[{"sha256":"` + shaOf(nil) + `","good":true}]`:             400,
		`[{"sha256":"` + shaOf(nil) + `","kind":1}]`:                400,
		"[" + strings.Repeat(one+",", maxChecks-1) + one + "]":      204,
		"[" + strings.Repeat(one+",", maxChecks) + one + "]":        400,
		"[" + strings.Repeat(" ", maxChecks*checkBytes) + one + "]": 400,
	} {
		if w := us.do("POST", "/-/media/checked/eu-central", strings.NewReader(body), bearer(key)); w.Code != status {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
	}
	for path, status := range map[string]int{"/-/media/checked/us-east": 400, "/-/media/checked/nowhere": 400, "/media/checked/eu-central": 405} {
		if w := us.do("POST", path, strings.NewReader("["+one+"]"), bearer(key)); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := us.do("POST", "/-/media/checked/eu-central", strings.NewReader("["+one+"]"), bearer(token)); w.Code != 401 {
		t.Errorf("by the upload token: %d", w.Code)
	}
}

func FuzzReadChecks(f *testing.F) {
	f.Add([]byte(`[{"sha256":"` + shaOf(nil) + `","good":true,"at":"2026-03-01T12:00:00Z"}]`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"at":null}]x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		checks, err := readChecks(bytes.NewReader(b))
		if err != nil && !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v", err)
		}
		for _, c := range checks {
			if !world.ValidSHA256(c.SHA256) || c.At.IsZero() {
				t.Errorf("taken: %+v", c)
			}
		}
	})
}
