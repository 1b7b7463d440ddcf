package media

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// specPictures are fakePictures that note what is asked of them; those wider than
// large save nothing as AVIF.
type specPictures struct {
	*fakePictures
	specs []PictureSpec
	large int
}

func (f *specPictures) Variants(ctx context.Context, data []byte, specs []PictureSpec) ([]Picture, error) {
	f.specs = append(f.specs, specs...)
	out, err := f.fakePictures.Variants(ctx, data, specs)
	for i, s := range specs {
		out[i].Larger = f.large > 0 && s.Width > f.large && s.Format == imagegrid.AVIF
	}
	return out, err
}

// rulesPlace is a region whose one app has settings of its own.
func rulesPlace(t *testing.T, rules world.Pictures) (*place, *specPictures) {
	t.Helper()
	w := testWorld()
	rules.App = app
	w.Pictures = []world.Pictures{rules}
	us := newPlacesIn(t, w, func(c *Config) { c.Limits.DrawingSide = 200 })["us-east"]
	seen := &specPictures{fakePictures: us.pictures}
	us.Media.pictures, us.beside = seen, seen
	return us, seen
}

func cellURL(m world.Manifest, cell string) string {
	return "/img/" + m.App + "/" + m.MediaID + "/v1/" + cell
}

func TestFitsAreReachedByAddress(t *testing.T) {
	us, seen := rulesPlace(t, world.Pictures{Fits: []string{"cover", "contain", "smart"}})
	m := us.put(t, picture(400, 300, 7))
	spec := func(fit imagegrid.Fit, focus imagegrid.Focus) PictureSpec {
		return PictureSpec{Format: imagegrid.WebP, Width: 320, Height: 320, Fit: fit, Focus: focus}
	}
	for cell, want := range map[string]PictureSpec{
		"webp/320x320":         spec(imagegrid.Cover, imagegrid.Focus{}),
		"webp/320x320-contain": spec(imagegrid.Contain, imagegrid.Focus{}),
		"webp/320x320-smart":   spec(imagegrid.Cover, imagegrid.Focus{Gravity: imagegrid.Smart}),
	} {
		seen.specs = nil
		if w := us.do("GET", cellURL(m, cell), nil); w.Code != 200 || len(seen.specs) != 1 || seen.specs[0] != want {
			t.Errorf("%s: %d, %+v", cell, w.Code, seen.specs)
		}
		if _, stored := us.objects.get("variants/" + app + "/" + m.MediaID + "/v1/" + cell); !stored {
			t.Errorf("%s is not stored as a cell of its own", cell)
		}
	}
}

// A focal point that somebody sets counts for every crop, and the crop has another
// address then: what was cached under the old one stays true.
func TestCropsFollowTheFocalPoint(t *testing.T) {
	us, seen := rulesPlace(t, world.Pictures{Fits: []string{"cover", "contain", "smart"}})
	m := us.put(t, picture(400, 300, 7))
	alias := "/img/" + app + "/" + m.MediaID + "/webp/320x320"
	before := us.do("GET", alias, nil).Header().Get("Content-Location")
	up := wantVersion(t, post(us, m, "versions", `{"focal": {"x": 0.25, "y": 0.75}}`), 201)
	after := us.do("GET", alias, nil).Header().Get("Content-Location")
	if before == after || !strings.Contains(after, "/v2/") || up.Version != 2 {
		t.Errorf("the crop was at %s and is at %s", before, after)
	}
	for suffix, want := range map[string]imagegrid.Focus{"": imagegrid.At(0.25, 0.75), "-smart": imagegrid.At(0.25, 0.75), "-contain": {}} {
		seen.specs = nil
		if w := us.do("GET", "/img/"+app+"/"+m.MediaID+"/v2/jpeg/320x320"+suffix, nil); w.Code != 200 || len(seen.specs) != 1 || seen.specs[0].Focus != want {
			t.Errorf("320x320%s: %d, %+v", suffix, w.Code, seen.specs)
		}
	}
	seen.specs = nil
	if w := us.do("GET", "/img/"+app+"/"+m.MediaID+"/v1/jpeg/320x320", nil); w.Code != 200 || seen.specs[0].Focus != (imagegrid.Focus{}) {
		t.Errorf("the old version: %d, %+v", w.Code, seen.specs)
	}
}

func TestAnAppHasItsOwnGridAndFormats(t *testing.T) {
	us, seen := rulesPlace(t, world.Pictures{Widths: []int{100, 700}, Aspects: []string{"natural", "16:9"}, Formats: []string{"webp", "jpeg"}})
	m := us.put(t, picture(400, 300, 7))
	for cell, want := range map[string]struct {
		status int
		says   string
	}{
		"webp/100x0": {200, "webp 100x0"}, "webp/700x394": {200, ""}, "auto/100x56": {200, ""},
		"webp/320x0": {400, "100x0, 700x0"}, "webp/100x100": {400, "100x56"}, "avif/100x0": {400, "webp, jpeg or auto"},
		"webp/100x56-smart": {400, "100x56"}, "webp/100x0@2x": {400, "100x0"}, "svg": {400, "webp, jpeg or auto"},
	} {
		if w := us.do("GET", cellURL(m, cell), nil); w.Code != want.status || !strings.Contains(w.Body.String(), want.says) {
			t.Errorf("%s: %d %s", cell, w.Code, w.Body)
		}
	}
	// Who likes AVIF best gets the best that there is.
	w := us.do("GET", cellURL(m, "auto/700x0"), nil, func(r *http.Request) { r.Header.Set("Accept", "image/avif,image/webp") })
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/webp" {
		t.Errorf("%d %s", w.Code, w.Header().Get("Content-Type"))
	}
	// What is made beforehand is the nearest of the grid, in the formats that there are.
	seen.specs = nil
	if err := us.Prepare(t.Context(), PrepareJob{App: app, MediaID: us.put(t, picture(400, 300, 8)).MediaID, Version: 1}); err != nil {
		t.Fatal(err)
	}
	if want := (PictureSpec{Format: imagegrid.WebP, Width: 700}); len(seen.specs) != 1 || seen.specs[0] != want {
		t.Errorf("%+v", seen.specs)
	}
	if up := wantVersion(t, post(us, m, "versions", `{"focal": {"x": 0, "y": 0}}`), 201); !strings.HasSuffix(up.URL, "/v2/auto/700x0") {
		t.Errorf("it is told to be at %s", up.URL)
	}
}

func TestAnotherSpellingIsNoCell(t *testing.T) {
	us, _ := rulesPlace(t, world.Pictures{OffGrid: "snap"})
	m := us.put(t, picture(400, 300, 7))
	for _, cell := range []string{"webp/321x0", "webp/160x0@2x", "webp/320x320-smart"} {
		if w := us.do("GET", cellURL(m, cell), nil); w.Code != 400 || !strings.Contains(w.Body.String(), "/v1/webp/") {
			t.Errorf("%s: %d %s", cell, w.Code, w.Body)
		}
	}
	if us.pictures.made() != 0 {
		t.Error("something was made for an address that edges lead on")
	}
}

// Who asks for AVIF never gets more bytes than WebP has, nor a still for what moves.
func TestACellOfAVIFHoldsWhatIsBetter(t *testing.T) {
	us, seen := rulesPlace(t, world.Pictures{})
	seen.large = 480
	still, moving := us.put(t, picture(800, 600, 7)), us.put(t, animation(3))
	for _, c := range []struct {
		m      world.Manifest
		cell   string
		begins string
	}{
		{still, "avif/480x0", "avif 480x0"}, {still, "avif/640x0", "webp 640x0"}, {still, "webp/640x0", "webp 640x0"},
		{moving, "avif/320x0", "webp 320x0"}, {moving, "webp/320x0", "webp 320x0"}, {moving, "jpeg/320x0", "jpeg 320x0"},
	} {
		for range 2 { // made, then stored
			if w := us.do("GET", cellURL(c.m, c.cell), nil); w.Code != 200 || !strings.HasPrefix(w.Body.String(), c.begins) {
				t.Errorf("%s: %d %s", c.cell, w.Code, w.Body)
			}
		}
	}
	plain, seen := rulesPlace(t, world.Pictures{Formats: []string{"avif", "jpeg"}})
	seen.large = 480
	still, moving = plain.put(t, picture(800, 600, 7)), plain.put(t, animation(3))
	for cell, begins := range map[string]string{cellURL(still, "avif/640x0"): "jpeg 640x0", cellURL(moving, "avif/320x0"): "avif 320x0"} {
		if w := plain.do("GET", cell, nil); w.Code != 200 || !strings.HasPrefix(w.Body.String(), begins) {
			t.Errorf("%s: %d %s", cell, w.Code, w.Body)
		}
	}
}

func TestACellsTypeIsThatOfItsBytes(t *testing.T) {
	for _, c := range []struct {
		format imagegrid.Format
		body   string
		want   string
	}{
		{imagegrid.AVIF, "\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "image/avif"},
		{imagegrid.AVIF, "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"},
		{imagegrid.AVIF, "\xff\xd8\xff\xe0", "image/jpeg"},
		{imagegrid.AVIF, "<html>", "image/avif"},
		{imagegrid.WebP, "<html>", "image/webp"},
		{imagegrid.JPEG, "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/jpeg"},
	} {
		if got := contentType(c.format, []byte(c.body)); got != c.want {
			t.Errorf("%s of %q: %s", c.format, c.body, got)
		}
	}
}

func TestACopyrightNoticeIsKeptWhereTheAppWantsIt(t *testing.T) {
	for setting, want := range map[string]bool{"": false, "drop": false, "keep": true} {
		us, seen := rulesPlace(t, world.Pictures{Copyright: setting})
		m := us.put(t, picture(400, 300, 7))
		if w := us.do("GET", cellURL(m, "avif/320x0"), nil); w.Code != 200 {
			t.Fatal(w.Code)
		}
		if err := us.Prepare(t.Context(), PrepareJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil {
			t.Fatal(err)
		}
		if len(seen.specs) < 4 || slices.ContainsFunc(seen.specs, func(s PictureSpec) bool { return s.Copyright != want }) {
			t.Errorf("%q: %+v", setting, seen.specs)
		}
	}
}

func TestSettingsThatCannotBeStopTheRole(t *testing.T) {
	w := testWorld()
	w.Pictures = []world.Pictures{{App: app, SVG: "perhaps"}}
	cfg := Default()
	cfg.Region, cfg.Apps, cfg.UploadToken, cfg.WireKey = "us-east", []string{app}, token, key
	cfg.UploadKeys = uploadKeys
	if _, err := New(cfg, Deps{World: w}); !world.Is(err, world.CodeInvalid) || !strings.Contains(err.Error(), "svg") {
		t.Errorf("%v", err)
	}
	for text, good := range map[string]bool{"320x0": true, "320x320-smart": true, "320": false, "320x0@2x": false, "": false} {
		cfg.Care.Hot = []string{text}
		if err := cfg.Validate(); (err == nil) != good {
			t.Errorf("hot %q: %v", text, err)
		}
	}
}
