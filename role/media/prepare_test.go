package media

import (
	"context"
	"strings"
	"testing"

	"meridian/world"
)

// mezzaninePictures are fakePictures that make them.
type mezzaninePictures struct {
	*fakePictures
	specs []PictureSpec
}

func (f *mezzaninePictures) Mezzanine(context.Context, []byte) ([]byte, bool, error) {
	return []byte("a mezzanine"), true, nil
}

func (f *mezzaninePictures) Variants(ctx context.Context, data []byte, specs []PictureSpec) ([]Picture, error) {
	f.specs = append(f.specs, specs...)
	out, err := f.fakePictures.Variants(ctx, data, specs)
	for i, s := range specs {
		out[i].Larger = s.Width == 640 && s.Format == "avif"
	}
	return out, err
}

func (f *mezzaninePictures) FromMezzanine(ctx context.Context, mezzanine []byte, w, h int, specs []PictureSpec) ([]Picture, error) {
	return f.fakePictures.Variants(ctx, mezzanine, specs)
}

func TestWhatIsAskedForMostIsMadeBeforehand(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	beside := &mezzaninePictures{fakePictures: &fakePictures{}}
	us.beside, us.pictures = beside, beside.fakePictures
	us.Media.pictures = beside
	pic := picture(4000, 3000, 7)
	m := us.put(t, pic)
	job := PrepareJob{App: app, MediaID: m.MediaID, Version: 1}
	if err := us.Prepare(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	for key, there := range map[string]bool{"avif/320x0": true, "webp/320x0": true, "webp/640x0": true, "avif/640x0": true, "jpeg/320x0": false} {
		data, err := getDerived(t.Context(), us.objects, "variants/crumbs/"+m.MediaID+"/v1/"+key)
		if (err == nil) != there {
			t.Errorf("%s: %v", key, err)
		}
		if key == "avif/640x0" && !strings.HasPrefix(string(data), "webp 640x0") {
			t.Errorf("the AVIF that saves nothing is kept: %s", data)
		}
	}
	mezzanine, err := getDerived(t.Context(), us.objects, "mezzanines/crumbs/"+m.MediaID+"/v1")
	if err != nil || us.upkeep.made[m.MediaID] != (world.Mezzanine{State: world.MezzanineMade, SHA256: shaOf(mezzanine)}) {
		t.Errorf("%v, %+v", err, us.upkeep.made)
	}
	made := us.pictures.made()
	if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != 200 || us.pictures.made() != made {
		t.Errorf("%d: made anew", w.Code)
	}
	// What is asked for later is cut from the mezzanine.
	w := us.do("GET", "/img/crumbs/"+m.MediaID+"/v1/jpeg/480x0", nil)
	if w.Code != 200 || !strings.HasSuffix(w.Body.String(), shaOf(mezzanine)) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// And all is made again in fewer bytes.
	want := []PrepareJob{
		{App: app, MediaID: m.MediaID, Version: 1, Thorough: true},
		{App: app, MediaID: m.MediaID, Version: 1, Thorough: true, Cell: "jpeg/480x0"},
	}
	if len(us.upkeep.prepared) != 2 || us.upkeep.prepared[0] != want[0] || us.upkeep.prepared[1] != want[1] {
		t.Fatalf("%+v", us.upkeep.prepared)
	}
	for i, n := range []int{4, 1} {
		beside.specs = nil
		if err := us.Prepare(t.Context(), want[i]); err != nil {
			t.Fatal(err)
		}
		if len(beside.specs) != n || !beside.specs[0].Thorough {
			t.Errorf("%+v", beside.specs)
		}
	}
	if len(us.upkeep.prepared) != 2 {
		t.Errorf("there is no end: %+v", us.upkeep.prepared)
	}
	// It may be done again, and does nothing then.
	beside.specs = nil
	if err := us.Prepare(t.Context(), job); err != nil || len(beside.specs) != 0 {
		t.Errorf("%v, %d made again", err, len(beside.specs))
	}
}

func TestAMezzanineThatIsMissedIsAskedFor(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(4000, 3000, 7))
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	if w := eu.do("GET", "/img/crumbs/"+m.MediaID+"/v1/jpeg/480x0", nil); w.Code != 200 {
		t.Fatal(w.Code)
	}
	if want := (PrepareJob{App: app, MediaID: m.MediaID, Version: 1}); len(eu.upkeep.prepared) != 2 || eu.upkeep.prepared[0] != want {
		t.Errorf("%+v", eu.upkeep.prepared)
	}
}

func TestAVariantIsStoredWhenItIsAskedForAgain(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Care.KeepAt = 2 })["us-east"]
	m := us.put(t, picture(400, 300, 7))
	for i, want := range []struct {
		made   int
		stored bool
	}{{1, false}, {2, true}, {2, true}} {
		if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
			t.Fatal(w.Code)
		}
		if _, ok := us.objects.get("variants/crumbs/" + m.MediaID + "/v1/webp/320x0"); ok != want.stored || us.pictures.made() != want.made {
			t.Errorf("request %d: stored %v, made %d times", i+1, ok, us.pictures.made())
		}
	}
}

func TestNothingIsPreparedOfWhatIsGoneOrDamaged(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	job := PrepareJob{App: app, MediaID: m.MediaID, Version: 1}
	us.objects.objects[originalKey(m.Newest().SHA256)][9] ^= 1
	if err := us.Prepare(t.Context(), job); !world.Is(err, world.CodeInternal) {
		t.Errorf("damaged: %v", err)
	}
	us.deleted(t, m, noon)
	if err := us.Prepare(t.Context(), job); err != nil || us.pictures.made() != 0 {
		t.Errorf("deleted: %v", err)
	}
}
