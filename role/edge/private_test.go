package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/test/tiertest"
)

// private pictures of the PoP's own zone, and of another one.
const (
	ours   = "/private/sweet-crumbs/3000000000000000/v1/"
	theirs = "/private/sweet-crumbs/2000000000000000/v1/"
)

func (f *fixture) signed(t *testing.T, path string, life time.Duration) string {
	t.Helper()
	return tiertest.Signed(t, path, f.time().Add(life))
}

// asMedia is how media answers for a private picture.
var asMedia = tiertest.Says("photo", "Cache-Control", "private, no-store", "CDN-Cache-Control", "max-age=86400", "Content-Type", "image/webp", "ETag", `"e"`)

func refused(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code != http.StatusForbidden || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "photo") ||
		!strings.Contains(w.Body.String(), `"code":"forbidden"`) || w.Header().Get("Cache-Status") != "" {
		t.Errorf("%s: %d %v %s", what, w.Code, w.Header(), w.Body)
	}
}

// Show 5: refused before the cache and before upstream, whether it is cached or not.
func TestAPrivatePictureNeedsAValidSignature(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(asMedia)
	path := ours + "webp/320x0"
	good := f.signed(t, path, time.Minute)
	bad := map[string]string{
		"bare": path, "empty": path + "?", "cut": good[:len(good)-1], "extended": good + "A", "extra": good + "&a=b",
		"other size":   strings.Replace(good, "320x0", "640x0", 1),
		"other format": strings.Replace(good, "webp", "auto", 1),
		"other id":     strings.Replace(good, "3000", "3001", 1),
		"other app":    strings.Replace(good, "sweet-crumbs", "sweet", 1),
		"escaped":      strings.Replace(good, "/v1/", "/%761/", 1),
		"other zone":   theirs + "webp/320x0" + good[len(path):],
		"too long":     f.signed(t, path, 25*time.Hour),
		"expired":      f.signed(t, path, -time.Second),
		"no picture":   "/private/" + good[len(path):],
	}
	for _, cached := range []bool{false, true} {
		before := f.near.Count()
		for what, target := range bad {
			for _, method := range []string{"GET", "HEAD", "POST"} {
				w := f.do(method, target)
				if method == "HEAD" {
					w.Body.WriteString(`"code":"forbidden"`)
				}
				refused(t, what+" "+method, w)
			}
		}
		if f.near.Count() != before || f.home.Count() != 0 {
			t.Fatalf("upstream was asked %d times for what is refused", f.near.Count()-before)
		}
		if !cached {
			if w := f.do("GET", good); w.Code != 200 || w.Body.String() != "photo" {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	}
	if w := f.do("GET", good); f.near.Count() != 1 || !strings.Contains(w.Header().Get("Cache-Status"), "edge-nrt; hit") {
		t.Errorf("%d reads upstream, %q", f.near.Count(), w.Header().Get("Cache-Status"))
	}
}

func TestAPrivatePictureIsTheVisitorsOnlyAndUntilItsExpiry(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(asMedia)
	target := f.signed(t, ours+"auto/320x0", time.Minute)
	for i, want := range []string{"private, max-age=60", "private, max-age=50"} {
		w := f.do("GET", target, "Accept", "image/avif", "Cookie", "__Host-cart=secret")
		h := w.Header()
		if w.Code != 200 || h.Get("Cache-Control") != want || h.Get("CDN-Cache-Control") != "" || h.Get("Age") != "" || h.Get("Expires") != "" {
			t.Errorf("%d: %d %v", i, w.Code, h)
		}
		if h.Get("Referrer-Policy") != "no-referrer" || h.Get("Vary") != "Accept" || strings.Contains(h.Get("Cache-Status"), "sig") {
			t.Errorf("%d: %v", i, h)
		}
		f.now = f.now.Add(10 * time.Second)
	}
	if w := f.do("GET", target, "Accept", "image/avif", "If-None-Match", `"e"`); w.Code != 304 || w.Header().Get("Cache-Control") != "private, max-age=40" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := f.do("GET", target, "Accept", "image/avif", "Range", "bytes=0-1"); w.Code != 206 || w.Header().Get("Cache-Control") != "private, max-age=40" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	asked := f.near.Last()
	if f.near.Count() != 1 || asked.URL.Path != ours+"avif/320x0" || asked.Header.Get("Cookie") != "" {
		t.Errorf("%d reads, %s, %v", f.near.Count(), asked.URL, asked.Header)
	}
	ring, _ := signedurl.New(signedurl.Settings{Keys: []keyring.Key{tiertest.SigningKey}, Longest: time.Hour})
	if _, err := ring.Verify(asked.URL.Path, asked.URL.RawQuery, t0); err != nil || strings.Contains(target, asked.URL.RawQuery) {
		t.Errorf("the next tier is asked with %q: %v", asked.URL.RawQuery, err)
	}
	f.now = t0.Add(time.Minute)
	refused(t, "the stored one, expired", f.do("GET", target, "Accept", "image/avif"))
	if w := f.do("GET", f.signed(t, ours+"auto/320x0", time.Minute), "Accept", "image/avif"); w.Code != 200 || f.near.Count() != 1 {
		t.Errorf("a new address for what is stored: %d, %d reads", w.Code, f.near.Count())
	}
}

// A PoP elsewhere asks a region of the picture's zone, and keeps nothing.
func TestAPoPOfAnotherZoneKeepsNoPrivatePicture(t *testing.T) {
	f := newFixture(t, nil)
	f.home.Will(asMedia)
	target := f.signed(t, theirs+"auto/320x0", time.Minute)
	for i := range 3 {
		w := f.do("GET", target, "Accept", "image/webp", "Authorization", "Bearer x", "Cookie", "a=b")
		if w.Code != 200 || w.Body.String() != "photo" || w.Header().Get("Cache-Control") != "private, max-age=60" || w.Header().Get("CDN-Cache-Control") != "" {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		asked := f.home.Last()
		if f.home.Count() != i+1 || f.near.Count() != 0 || asked.URL.Path != theirs+"webp/320x0" || asked.Header.Get("Cookie") != "" || asked.Header.Get("Authorization") != "" {
			t.Fatalf("%d and %d reads, %s %v", f.home.Count(), f.near.Count(), asked.URL, asked.Header)
		}
	}
	if s := f.Stats(); s.Bytes != 0 || s.Objects != 0 {
		t.Errorf("it keeps %d bytes, %d objects", s.Bytes, s.Objects)
	}
	f.home.Will(tiertest.Refuses)
	if w := f.do("GET", target); w.Code != 502 || w.Header().Get("Cache-Control") != "no-store" || f.near.Count() != 0 {
		t.Errorf("its zone is away: %d %v, another zone was asked %d times", w.Code, w.Header(), f.near.Count())
	}
}

func TestAPrivatePictureThatIsNot(t *testing.T) {
	f := newFixture(t, nil)
	for path, code := range map[string]int{
		ours + "webp/321x0": 400, "/private/sweet-crumbs/1000000000000000/v1/webp/320x0": 404, "/private/a": 400,
	} {
		if w := f.do("GET", f.signed(t, path, time.Minute)); w.Code != code || w.Header().Get("Cache-Control") != "no-store" || f.near.Count() != 0 {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	f.near.Will(func(r *http.Request) (*http.Response, error) {
		res, err := tiertest.Says("not here", "Cache-Control", "public, s-maxage=5")(r)
		res.StatusCode = 404
		return res, err
	})
	if w := f.do("GET", f.signed(t, ours+"webp/320x0", time.Minute)); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// The short way to hits leaves them all to the handler, which verifies.
func TestTheFrontGivesNoPrivatePicture(t *testing.T) {
	f := newTwoWays(t, nil)
	f.near.Will(asMedia)
	path := ours + "webp/320x0"
	target := f.signed(t, path, time.Minute)
	for range 3 {
		if res, body := f.overHTTP2(t, "GET", "de.localhost", target, ""); res.StatusCode != 200 || body != "photo" {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
	for _, bad := range []string{path, path + "?", target + "&", f.signed(t, path, -time.Second)} {
		res, body := f.overHTTP2(t, "GET", "de.localhost", bad, "")
		if res.StatusCode != 403 || strings.Contains(body, "photo") {
			t.Errorf("%s: %d %s", bad, res.StatusCode, body)
		}
	}
	if f.byFront.Load() != 0 {
		t.Errorf("the front gave %d answers", f.byFront.Load())
	}
}
