package edge

import (
	"strings"
	"testing"
	"time"

	"meridian/engine/imagegrid"
	"meridian/world"
)

// ruled is a fixture whose app has settings of its own.
func ruled(t *testing.T, rules world.Pictures) *fixture {
	t.Helper()
	f := newFixture(t, nil)
	rules.App = "sweet-crumbs"
	policies, problems := imagegrid.NewPolicies([]world.Pictures{rules})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f.pictures = policies
	return f
}

func TestAnotherSpellingLeadsToTheCell(t *testing.T) {
	alias := strings.TrimSuffix(picture, "v1/")
	for _, c := range []struct {
		rules    world.Pictures
		path, to string
	}{
		{world.Pictures{}, picture + "webp/320x240@2x", picture + "webp/640x480"},
		{world.Pictures{}, alias + "auto/160x0@4x", alias + "auto/640x0"},
		{world.Pictures{OffGrid: "snap"}, picture + "webp/650x0", picture + "webp/960x0"},
		{world.Pictures{OffGrid: "snap"}, picture + "auto/300x200", picture + "auto/320x240"},
		{world.Pictures{OffGrid: "snap"}, picture + "webp/320x320-smart", picture + "webp/320x320"},
		{world.Pictures{OffGrid: "snap", Formats: []string{"jpeg"}}, picture + "avif/320x0", picture + "auto/320x0"},
	} {
		f := ruled(t, c.rules)
		for _, method := range []string{"GET", "HEAD"} {
			w := f.do(method, c.path+"?utm=1")
			if w.Code != 301 || w.Header().Get("Location") != c.to || w.Header().Get("Cache-Control") != cellAge {
				t.Errorf("%s %s: %d to %s, %s", method, c.path, w.Code, w.Header().Get("Location"), w.Header().Get("Cache-Control"))
			}
		}
		if f.near.Count() != 0 {
			t.Errorf("%s: %d reads upstream", c.path, f.near.Count())
		}
		if w := f.do("GET", c.to); w.Code != 200 || f.near.Count() != 1 {
			t.Errorf("%s: %d, %d reads upstream", c.to, w.Code, f.near.Count())
		}
	}
}

func TestAnAppsFormatsAndFitsAreServed(t *testing.T) {
	f := ruled(t, world.Pictures{Formats: []string{"webp", "jpeg"}, Fits: []string{"cover", "smart"}, SVG: "sanitise"})
	for path, status := range map[string]int{
		"webp/640x480-smart": 200, "svg": 200, "avif/640x0": 400, "webp/640x480-contain": 400, "webp/641x0": 400,
	} {
		if w := f.do("GET", picture+path); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	f.do("GET", picture+"auto/640x0", "Accept", "image/avif,image/webp,*/*")
	if got := f.near.Last().URL.Path; got != picture+"webp/640x0" {
		t.Errorf("the shield was asked for %s", got)
	}
	if w := newFixture(t, nil).do("GET", picture+"svg"); w.Code != 400 {
		t.Errorf("SVG without being asked for: %d", w.Code)
	}
}

// A signature is for one address: it leads to no other.
func TestAPrivatePictureHasItsCellsAddressOnly(t *testing.T) {
	f := ruled(t, world.Pictures{OffGrid: "snap"})
	for _, cell := range []string{"webp/650x0", "webp/320x0@2x"} {
		path := "/private" + strings.TrimPrefix(picture, "/img") + cell
		w := f.do("GET", f.signed(t, path, time.Minute))
		if w.Code != 400 || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), "/private/sweet-crumbs/") {
			t.Errorf("%s: %d %s", cell, w.Code, w.Body)
		}
	}
}

// The short way to a hit knows of an app's formats too.
func TestTheShortWayNegotiatesAnAppsFormats(t *testing.T) {
	f := ruled(t, world.Pictures{Formats: []string{"webp", "jpeg"}})
	const accept = "image/avif,image/webp,*/*"
	if w := f.do("GET", picture+"auto/640x0", "Accept", accept); w.Code != 200 {
		t.Fatal(w.Code)
	}
	a, ok := f.Hit(plainRequest(picture+"auto/640x0", "accept", accept))
	if !ok || len(a.Body) == 0 {
		t.Errorf("no hit: %v", ok)
	}
	if _, ok := f.Hit(plainRequest(picture+"webp/320x0@2x", "accept", accept)); ok {
		t.Error("another spelling is a hit")
	}
}
