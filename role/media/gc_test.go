package media

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func TestVariantsThatNobodyAsksForGo(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	age := func(key string, by time.Duration) {
		us.objects.modified[key] = noon.Add(-by)
	}
	key := func(size string) string { return "variants/crumbs/" + m.MediaID + "/v1/webp/" + size }
	for _, size := range []string{"160x0", "320x0", "480x0", "640x0"} {
		if w := us.do("GET", "/img/crumbs/"+m.MediaID+"/v1/webp/"+size, nil); w.Code != 200 {
			t.Fatal(w.Code)
		}
		age(key(size), us.cfg.Care.ColdAfter+time.Hour)
	}
	age(key("480x0"), us.cfg.Care.ColdAfter-time.Hour)                                     // too young
	us.do("GET", "/img/crumbs/"+m.MediaID+"/v1/webp/320x0", nil)                           // asked for today
	us.upkeep.asked[key("640x0")] = dayOf(noon.Add(-us.cfg.Care.ColdAfter - 48*time.Hour)) // and long ago
	us.noteAsked(t.Context())
	us.noteAsked(t.Context())
	if len(us.upkeep.asked) != 2 || us.upkeep.asked[key("320x0")] != dayOf(noon) {
		t.Errorf("noted %v", us.upkeep.asked)
	}
	if got := us.wouldGo(t); !slices.Equal(got, []string{key("160x0"), key("640x0")}) {
		t.Errorf("would go: %v", got)
	}
	us.collectAll(t.Context())
	for size, stays := range map[string]bool{"160x0": false, "320x0": true, "480x0": true, "640x0": false} {
		if _, ok := us.objects.get(key(size)); ok != stays {
			t.Errorf("%s is there: %v", size, ok)
		}
	}
	if _, ok := us.objects.get(originalKey(m.Newest().SHA256)); !ok {
		t.Error("the original went, too")
	}
	if w := us.do("GET", "/img/crumbs/"+m.MediaID+"/v1/webp/160x0", nil); w.Code != 200 {
		t.Errorf("made again: %d", w.Code)
	}
}

// wouldGo is what the collection would remove, by a request a page.
func (p *place) wouldGo(t *testing.T) (keys []string) {
	t.Helper()
	for after := ""; ; {
		w := p.do("POST", "/media/"+app+"/collect?dry_run=true&after="+url.QueryEscape(after), nil, bearer(token))
		var page collected
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, o := range page.Objects {
			keys = append(keys, o.Key)
		}
		if n := page.Cold.Objects + page.Orphans.Objects; n != int64(len(page.Objects)) {
			t.Errorf("%d are counted, %d named", n, len(page.Objects))
		}
		if after = page.Next; after == "" {
			return keys
		}
	}
}

// Of originals those go that no asset has, and that have lain there for long.
func TestOriginalsThatNobodyHasGo(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	kept := us.put(t, picture(40, 30, 1))
	private := us.privately(t, picture(40, 30, 2))
	old, young := noon.Add(-us.cfg.Care.OrphanAfter-time.Hour), noon.Add(-us.cfg.Care.OrphanAfter+time.Hour)
	orphan := func(in *memObjects, shade uint8, at time.Time) string {
		key := originalKey(shaOf(picture(40, 30, shade)))
		in.objects[key], in.modified[key] = picture(40, 30, shade), at
		return key
	}
	us.objects.modified[originalKey(kept.Newest().SHA256)] = old
	us.resident.modified[originalKey(private.Newest().SHA256)] = old
	gone, goneResident := orphan(us.objects, 3, old), orphan(us.resident, 4, old)
	stays := orphan(us.objects, 5, young)
	us.objects.objects["originals/sha256/no-original"], us.objects.modified["originals/sha256/no-original"] = []byte("?"), old
	if got := us.wouldGo(t); !slices.Equal(got, []string{gone, goneResident}) {
		t.Errorf("would go: %v", got)
	}
	us.upkeep.fail = world.E(world.CodeUnavailable, "test", "a catalog cannot be read")
	us.collectAll(t.Context())
	if _, ok := us.objects.get(gone); !ok {
		t.Error("it went although a catalog could not be read")
	}
	us.upkeep.fail = nil
	// Somebody puts the same picture in while the page is looked through.
	us.upkeep.referenced = func() { us.objects.modified[gone] = noon }
	us.collectAll(t.Context())
	if _, ok := us.objects.get(gone); !ok {
		t.Error("it went although it was stored again")
	}
	us.upkeep.referenced, us.objects.modified[gone] = nil, old
	us.collectAll(t.Context())
	for key, in := range map[string]*memObjects{gone: us.objects, goneResident: us.resident} {
		if _, ok := in.get(key); ok {
			t.Errorf("%s is still there", key)
		}
	}
	if _, ok := us.objects.get(stays); !ok || len(us.objects.objects) != 3 || len(us.resident.objects) != 1 {
		t.Errorf("left: %d and %d objects", len(us.objects.objects), len(us.resident.objects))
	}
}

func TestThePlaceOfACollection(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	for _, bad := range []string{"x", "1", "-1 ", "4 ", "1x variants/", " ", "~"} {
		if w := us.do("POST", "/media/"+app+"/collect?dry_run=true&after="+url.QueryEscape(bad), nil, bearer(token)); w.Code != 400 {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
}

// Who may have meant to remove nothing has nothing removed.
func TestADryRunIsNotMisread(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	for value, status := range map[string]int{"true": 200, "false": 200, "": 200, "1": 400, "True": 400, "yes": 400, "dry": 400} {
		if w := us.do("POST", "/media/"+app+"/collect?dry_run="+value, nil, bearer(token)); w.Code != status {
			t.Errorf("%q: %d %s", value, w.Code, w.Body)
		}
	}
}

func TestAVariantIsNotedOnceADay(t *testing.T) {
	var a asked
	for range 3 {
		a.note("x", noon)
	}
	if got := a.take(); len(got) != 1 {
		t.Errorf("%v", got)
	}
	a.note("x", noon.Add(time.Hour))
	if got := a.take(); len(got) != 0 {
		t.Errorf("the same day: %v", got)
	}
	a.note("x", noon.Add(24*time.Hour))
	if got := a.take(); len(got) != 1 {
		t.Errorf("the next day: %v", got)
	}
	for i := range maxAsked + 10 {
		a.note(fmt.Sprint(i), noon)
	}
	if got := a.take(); len(got) != maxAsked {
		t.Errorf("%d are kept, want %d", len(got), maxAsked)
	}
}

func TestUpkeepIsAskedOfEachRegion(t *testing.T) {
	places := newPlaces(t, fast)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	us.do("GET", imageURL(m, "webp"), nil)
	us.peers.cut["ap-southeast"] = true
	w := us.do("GET", "/media/"+app+"/footprint", nil, bearer(token))
	var f struct {
		Regions []footprint `json:"regions"`
		Missing []string    `json:"missing_regions"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || len(f.Regions) != 2 || len(f.Missing) != 1 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := f.Regions[0]; got.Region != "us-east" || got.Originals.Objects != 1 || got.Variants.Objects != 1 || got.Variants.Bytes == 0 {
		t.Errorf("%+v", got)
	}
	if got := f.Regions[1]; got.Region != "eu-central" || got.Originals.Objects != 1 || got.Variants.Objects != 0 {
		t.Errorf("%+v", got)
	}
	eu.objects.objects[originalKey(shaOf(pic))][9] ^= 1
	w = us.do("POST", "/media/"+app+"/verify?region=eu-central", nil, bearer(token))
	var v verified
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.Region != "eu-central" || v.Outcomes[scrubHealed] != 1 || v.Next != "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, what := range []string{"verify", "collect", "retry"} {
		if w := us.do("POST", "/media/"+app+"/"+what, nil); w.Code != 401 {
			t.Errorf("%s without the token: %d", what, w.Code)
		}
		if w := us.do("POST", "/-/media/"+app+"/"+what, nil, bearer(token)); w.Code != 401 {
			t.Errorf("%s without the wire key: %d", what, w.Code)
		}
		if w := us.do("POST", "/media/"+app+"/"+what+"?region=nowhere", nil, bearer(token)); w.Code != 400 {
			t.Errorf("%s nowhere: %d", what, w.Code)
		}
	}
}

func TestJobsAreShownAndTriedAgain(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	w := us.do("GET", "/media/"+app+"/jobs?state=failed&limit=7", nil, bearer(token))
	var got jobList
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Jobs) != 1 || got.Jobs[0].State != "failed" || got.Jobs[0].Attempts != 7 || len(got.Missing) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = us.do("GET", "/media/"+app+"/jobs?media_id="+got.Jobs[0].MediaID[:15]+"6", nil, bearer(token))
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Jobs) != 1 || got.Jobs[0].MediaID != "1000000000000006" {
		t.Errorf("of one asset: %d %s", w.Code, w.Body)
	}
	if w := us.do("GET", "/media/"+app+"/jobs?state=waiting", nil, bearer(token)); w.Code != 200 || !strings.Contains(w.Body.String(), `"jobs":[]`) {
		t.Errorf("none: %d %s", w.Code, w.Body)
	}
	if w := us.do("POST", "/media/"+app+"/retry?id=5&region=eu-central", nil, bearer(token)); w.Body.String() != `{"region":"eu-central","id":5}`+"\n" {
		t.Errorf("tried again: %s", w.Body)
	}
	for path, want := range map[string]int{
		"GET /media/crumbs/jobs?state=odd": 400, "GET /media/nothing/jobs": 404, "POST /media/crumbs/jobs": 405,
		"POST /media/crumbs/retry?id=5": 200, "POST /media/crumbs/retry?id=6": 404, "POST /media/crumbs/retry?id=x": 400,
		"POST /media/crumbs/retry?id=5&region=eu-central": 200, "POST /media/crumbs/retry": 400, "POST /media/crumbs/retry?id=-5": 400,
		"GET /media/crumbs/jobs?media_id=UP": 400, "GET /media/crumbs/jobs?limit=0": 400,
	} {
		var method, target string
		if _, err := fmt.Sscan(path, &method, &target); err != nil {
			t.Fatal(err)
		}
		if w := us.do(method, target, nil, bearer(token)); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
