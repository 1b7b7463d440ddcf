package media

import (
	"encoding/json"
	"fmt"
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
	us.objects.modified = map[string]time.Time{}
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
	var cold, seen int64
	for after := ""; ; {
		w := us.do("POST", "/media/"+app+"/collect?dry_run=true&after="+after, nil, bearer(token))
		var page collected
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		cold, seen = cold+page.Cold.Objects, seen+page.Seen
		if after = page.Next; after == "" {
			break
		}
	}
	if cold != 2 || seen != 4 {
		t.Errorf("%d of %d are cold, want 2 of 4", cold, seen)
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
	var got struct {
		Jobs    []world.Job `json:"jobs"`
		Missing []string    `json:"missing_regions"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Jobs) != 1 || got.Jobs[0].State != "failed" || got.Jobs[0].Attempts != 7 || len(got.Missing) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for path, want := range map[string]int{
		"GET /media/crumbs/jobs?state=odd": 400, "GET /media/nothing/jobs": 404, "POST /media/crumbs/jobs": 405,
		"POST /media/crumbs/retry?id=5": 200, "POST /media/crumbs/retry?id=6": 404, "POST /media/crumbs/retry?id=x": 400,
		"POST /media/crumbs/retry?id=5&region=eu-central": 200,
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
