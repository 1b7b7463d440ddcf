package media

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/world"
)

func TestAnotherRegionReadsThroughToTheWriteRegion(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	us.manifests.lagging = true // eu has not heard of it
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	for range 2 {
		if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 200 || w.Header().Get("Meridian-Region") != "eu-central" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if want := []string{"us-east manifest", "us-east 320x0", "us-east manifest"}; !slices.Equal(eu.peers.asked, want) {
		t.Errorf("asked %v, want %v", eu.peers.asked, want)
	}
	if us.pictures.made() != 1 || eu.pictures.made() != 0 {
		t.Errorf("made %d times there and %d times here", us.pictures.made(), eu.pictures.made())
	}
	// The original has come, and nobody has been told yet.
	if err := eu.objects.Put(t.Context(), originalKey(shaOf(pic)), pic); err != nil {
		t.Fatal(err)
	}
	if w := eu.do("GET", imageURL(m, "jpeg"), nil); w.Code != 200 || eu.pictures.made() != 1 {
		t.Errorf("%d, made %d times here", w.Code, eu.pictures.made())
	}
}

func TestAnOriginalIsNotKeptWherePlacementDoesNotLetIt(t *testing.T) {
	places := newPlaces(t, func(c *Config) { c.Placement.Public = "write" })
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
		t.Fatalf("%d", w.Code)
	}
	if _, ok := eu.objects.get(originalKey(m.Newest().SHA256)); ok {
		t.Error("the original was kept")
	}
}

func TestTheNearestHolderIsAskedAndADamagedAnswerIsNotUsed(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu, ap := places["us-east"], places["eu-central"], places["ap-southeast"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	ap.peers.bend = map[string]func([]byte) []byte{"eu-central": func(b []byte) []byte { return append(b, 0) }}
	if w := ap.do("GET", imageURL(m, "webp"), nil); w.Code != 200 || !strings.HasSuffix(w.Body.String(), shaOf(pic)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if want := []string{"eu-central 320x0", "us-east 320x0"}; !slices.Equal(ap.peers.asked, want) {
		t.Errorf("asked %v, want the nearer first, then the write region: %v", ap.peers.asked, want)
	}
	if len(eu.peers.asked) != 0 {
		t.Errorf("a region that was asked asked others: %v", eu.peers.asked)
	}
}

func jobFor(p *place, target string) Job {
	i := slices.IndexFunc(p.manifests.jobs, func(j Job) bool { return j.Target == target })
	return p.manifests.jobs[i]
}

func TestALostOrDamagedOriginalIsFetchedBack(t *testing.T) {
	for name, lose := range map[string]func(*place, string){
		"lost":    func(p *place, k string) { p.objects.drop(k) },
		"damaged": func(p *place, k string) { p.objects.objects[k][9] ^= 1 },
	} {
		places := newPlaces(t, nil)
		us := places["us-east"]
		pic := picture(400, 300, 7)
		m := us.put(t, pic)
		if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
			t.Fatal(err)
		}
		k := originalKey(shaOf(pic))
		lose(us, k)
		if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != 200 || !strings.HasSuffix(w.Body.String(), shaOf(pic)) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if got, _ := us.objects.get(k); !bytes.Equal(got, pic) {
			t.Errorf("%s: not repaired", name)
		}
	}
}

func TestAWriteRegionOutOfReachIsNotANotFound(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	eu.peers.cut["us-east"] = true
	if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("original out of reach: %d", w.Code)
	}
	us.manifests.lagging = true
	if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("manifest out of reach: %d", w.Code)
	}
}

func TestOneOriginalIsFetchedForAllItsVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := newPlaces(t, nil)
		us, eu := places["us-east"], places["eu-central"]
		m := us.put(t, picture(400, 300, 7))
		if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
			t.Fatal(err)
		}
		eu.objects.drop(originalKey(m.Newest().SHA256))
		eu.peers.wait = make(chan struct{})
		var all sync.WaitGroup
		for _, size := range []string{"160x0", "320x0", "480x0", "640x0"} {
			for _, format := range []string{"avif", "webp", "jpeg"} {
				all.Go(func() {
					if w := eu.do("GET", "/img/crumbs/"+m.MediaID+"/v1/"+format+"/"+size, nil); w.Code != 200 {
						t.Errorf("%s %s: %d", format, size, w.Code)
					}
				})
			}
		}
		synctest.Wait()
		close(eu.peers.wait)
		all.Wait()
		if len(eu.peers.asked) != 1 {
			t.Errorf("asked %v", eu.peers.asked)
		}
	})
}

func TestMadeUpIdsCannotFloodAnotherRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := newPlaces(t, func(c *Config) { c.Limits.PeerAsks = 2 })
		us := places["us-east"]
		us.peers.wait = make(chan struct{})
		codes := map[int]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				id := "200000000000000" + strconv.Itoa(i)
				w := us.do("GET", "/img/crumbs/"+id+"/v1/webp/320x0", nil)
				mu.Lock()
				codes[w.Code]++
				mu.Unlock()
			})
		}
		synctest.Wait()
		close(us.peers.wait)
		all.Wait()
		if codes[404] != 2 || codes[429] != 3 {
			t.Errorf("statuses %v, want 2 that were asked and 3 refused", codes)
		}
	})
}

func TestReplicateTellsHowFarItCame(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	job := jobFor(us, "eu-central")
	us.peers.cut["eu-central"] = true
	for _, last := range []bool{false, true} {
		job.Last = last
		if err := us.Replicate(t.Context(), job); !world.Is(err, world.CodeUnavailable) {
			t.Errorf("error %v", err)
		}
		want := map[bool]world.ReplicaState{false: world.ReplicaPending, true: world.ReplicaFailed}[last]
		if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != want || !strings.Contains(r.Error, "cut") {
			t.Errorf("last %v: %+v", last, r)
		}
	}
	us.peers.cut["eu-central"] = false
	for range 2 { // again changes nothing
		if err := us.Replicate(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaCopied || r.Error != "" || !r.At.Equal(noon) {
			t.Errorf("copied: %+v", r)
		}
	}
	if got, _ := eu.objects.get(originalKey(shaOf(pic))); !bytes.Equal(got, pic) {
		t.Error("the original did not arrive")
	}
	job.SHA256 = shaOf(nil)
	if err := us.Replicate(t.Context(), job); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("a job that names another original: %v", err)
	}
}

func TestAJobWhoseTimeRanOutIsStillTold(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(4, 3, 7))
	us.peers.wait = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := us.Replicate(ctx, jobFor(us, "eu-central")); err == nil {
		t.Error("no error")
	}
	if r := us.manifests.replica(m.MediaID, "eu-central"); r.Error == "" {
		t.Errorf("%+v says nothing", r)
	}
}

func TestTheInternalPathsDemandTheWireKey(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(4, 3, 7)
	m := us.put(t, pic)
	for _, c := range []struct{ method, path string }{
		{"PUT", "/-/media/originals/" + shaOf(pic)},
		{"GET", "/-/media/crumbs/" + m.MediaID + "/original?version=1"},
		{"GET", "/-/media/crumbs/" + m.MediaID + "/manifest"},
	} {
		for _, secret := range []string{"", token, key + "x"} {
			if w := us.do(c.method, c.path, bytes.NewReader(pic), bearer(secret)); w.Code != 401 {
				t.Errorf("%s %s with %q: %d", c.method, c.path, secret, w.Code)
			}
		}
		if w := us.do(c.method, c.path, bytes.NewReader(pic), bearer(key)); w.Code >= 300 {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, w.Body)
		}
	}
}

func TestReceivingAnOriginal(t *testing.T) {
	pic := picture(4, 3, 7)
	limit := func(c *Config) { c.Limits.MaxBytes = int64(len(pic)) }
	for name, c := range map[string]struct {
		sha    string
		body   []byte
		status int
	}{
		"whole":          {shaOf(pic), pic, 204},
		"cut":            {shaOf(pic), pic[:9], 422},
		"other bytes":    {shaOf(pic), picture(4, 3, 8), 422},
		"too large":      {shaOf(append(pic, 0)), append(pic, 0), 413},
		"empty":          {shaOf(nil), nil, 400},
		"upper case":     {strings.ToUpper(shaOf(pic)), pic, 400},
		"not a SHA-256":  {"abc", pic, 400},
		"out of the way": {"..%2f..%2fetc", pic, 404},
	} {
		eu := newPlaces(t, limit)["eu-central"]
		for range 2 { // again changes nothing
			w := eu.do("PUT", "/-/media/originals/"+c.sha, bytes.NewReader(c.body), bearer(key))
			if w.Code != c.status {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		_, ok := eu.objects.get(originalKey(shaOf(pic)))
		if ok != (c.status == 204) {
			t.Errorf("%s: stored: %v", name, ok)
		}
	}
}

func TestWhatARegionGivesToAnother(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m, private := us.put(t, picture(4, 3, 7)), us.put(t, picture(4, 3, 8))
	us.manifests.change(private.MediaID, func(m *world.Manifest) { m.Visibility = world.Private })
	for path, status := range map[string]int{
		m.MediaID + "/original?version=1":       200,
		m.MediaID + "/original?version=2":       404,
		m.MediaID + "/original":                 400,
		private.MediaID + "/original?version=1": 404, // which zone the asker is in is not proved
		private.MediaID + "/manifest":           200, // manifests are public data
		"2000000000000000/manifest":             404, // and the write region is not asked for it
		"il/manifest":                           400,
	} {
		if w := us.do("GET", "/-/media/crumbs/"+path, nil, bearer(key)); w.Code != status || !strings.Contains(w.Header().Get("Cache-Control"), "no-store") {
			t.Errorf("%s: %d, %s", path, w.Code, w.Header().Get("Cache-Control"))
		}
	}
	if len(us.peers.asked) != 0 {
		t.Errorf("asked %v", us.peers.asked)
	}
}

func TestAManifestHidesItsErrors(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	m := us.put(t, picture(4, 3, 7))
	us.manifests.change(m.MediaID, func(m *world.Manifest) { m.Replicas[1].Error = "dial unix:/secret" })
	for _, p := range places {
		w := p.do("GET", "/media/crumbs/"+m.MediaID+"/manifest", nil)
		var got world.Manifest
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.MediaID != m.MediaID || len(got.Replicas) != 3 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Error("an operator's error is shown")
		}
		for name, want := range map[string]string{"Cache-Control": "public, s-maxage=30", "CDN-Cache-Control": "max-age=30, stale-if-error=86400", "Surrogate-Key": world.GroupMedia(app, m.MediaID) + " " + world.GroupApp(app) + " " + world.GroupAlias(app, m.MediaID), "Content-Type": "application/json"} {
			if w.Header().Get(name) != want {
				t.Errorf("%s: %q", name, w.Header().Get(name))
			}
		}
		same := p.do("GET", "/media/crumbs/"+m.MediaID+"/manifest", nil, func(r *http.Request) { r.Header.Set("If-None-Match", w.Header().Get("ETag")) })
		if same.Code != 304 {
			t.Errorf("If-None-Match: %d", same.Code)
		}
	}
}

func TestListPages(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Limits.ListPage = 4 })["us-east"]
	want := map[string]bool{}
	for n := range 9 {
		want[us.put(t, picture(4, 3, uint8(n))).MediaID] = true
	}
	got, before := map[string]bool{}, ""
	for range 10 {
		w := us.do("GET", "/media/crumbs?limit=4&before="+before, nil, bearer(token))
		var page listed
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if !slices.Equal(page.Missing, []string{"ap-southeast"}) {
			t.Errorf("missing %v", page.Missing)
		}
		for _, m := range page.Assets {
			got[m.MediaID] = true
		}
		if before = page.Next; before == "" {
			break
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d of %d assets", len(got), len(want))
	}
	for query, status := range map[string]int{
		"": 200, "limit=1": 200, "limit=4": 200, "limit=5": 400, "limit=0": 400, "limit=x": 400,
		"before=x": 400, "before=1.il": 400, "before=-1.1000000000000000": 400,
	} {
		if w := us.do("GET", "/media/crumbs?"+query, nil, bearer(token)); w.Code != status {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
}

func FuzzParseBefore(f *testing.F) {
	for _, s := range []string{"", "1772366400000000.1000000000000000", "253402300799999999.1000000000000000", "253402300800000000.1000000000000000", ".", "9e9.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, id, err := parseBefore(s)
		if err == nil && s != "" && (at.Year() > 9999 || at.Year() < 1970 || len(id) != 16) {
			t.Fatalf("%q: %v %q", s, at, id)
		}
	})
}

func TestTheLagIsMeasured(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	reg := prometheus.NewRegistry()
	us.metrics = newMetrics(reg)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := us.Run(ctx); err != nil {
			t.Fatal(err)
		}
	})
	us.manifests.uncopied = world.E(world.CodeUnavailable, "test", "")
	us.measureLag(t.Context()) // trouble leaves the figures as they are
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.Metric[0].GetGauge() == nil {
			continue
		}
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"meridian_media_uncopied pending eu-central":             3,
		"meridian_media_uncopied failed eu-central":              0,
		"meridian_media_uncopied pending ap-southeast":           0,
		"meridian_media_uncopied_age_seconds pending eu-central": 90,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (%v), want %v", name, v, ok, want)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d figures, want 2 states of 2 other regions, twice: %v", len(got), got)
	}
}
