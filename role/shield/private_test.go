package shield

import (
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/test/tiertest"
)

// A shield that is reached directly refuses as an edge does.
func TestAPrivatePictureNeedsAValidSignatureHereToo(t *testing.T) {
	f := newFixture(t, nil)
	f.media.Will(tiertest.Says("photo", "Cache-Control", "private, no-store", "CDN-Cache-Control", "max-age=86400"))
	path := "/private/sweet-crumbs/2000000000000000/v1/webp/320x0"
	good := tiertest.Signed(t, path, t0.Add(time.Minute))
	for _, cached := range []bool{false, true} {
		before := f.media.Count()
		for _, bad := range []string{path, path + "?", good + "&", good[:len(good)-1], strings.Replace(good, "320", "640", 1), tiertest.Signed(t, path, t0), tiertest.Signed(t, path, t0.Add(25*time.Hour))} {
			if w := f.do("GET", bad); w.Code != 403 || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "photo") {
				t.Errorf("%s: %d %v", bad, w.Code, w.Header())
			}
		}
		if f.media.Count() != before {
			t.Fatal("media was asked for what is refused")
		}
		if w := f.do("GET", good); w.Code != 200 || w.Body.String() != "photo" || cached != strings.Contains(w.Header().Get("Cache-Status"), "; hit") {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
	}
	asked := f.media.Last()
	ring, _ := signedurl.New(signedurl.Settings{Keys: []keyring.Key{tiertest.SigningKey}, Longest: time.Hour})
	if _, err := ring.Verify(path, asked.URL.RawQuery, t0); err != nil || f.media.Count() != 1 {
		t.Errorf("media is asked with %q, %d times: %v", asked.URL.RawQuery, f.media.Count(), err)
	}
}

func TestAPrivatePictureOfAnotherZoneIsMisdirected(t *testing.T) {
	f := newFixture(t, nil)
	for _, id := range []string{"4000000000000000", "9000000000000000"} {
		path := "/private/sweet-crumbs/" + id + "/v1/webp/320x0"
		if w := f.do("GET", tiertest.Signed(t, path, t0.Add(time.Minute))); w.Code != 421 || w.Header().Get("Cache-Control") != "no-store" || f.media.Count() != 0 {
			t.Errorf("%s: %d %v", id, w.Code, w.Header())
		}
		if w := f.do("GET", path); w.Code != 403 {
			t.Errorf("%s unsigned: %d", id, w.Code)
		}
	}
}
