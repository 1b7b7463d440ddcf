package media

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

func TestAVariantIsMadeOnceAndKept(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	for _, format := range []string{"avif", "webp", "jpeg"} {
		url := imageURL(m, format)
		want := format + " 320x0 of " + shaOf(pic)
		for range 2 {
			w := us.do("GET", url, nil)
			if w.Code != 200 || w.Body.String() != want {
				t.Fatalf("%s: %d %q", format, w.Code, w.Body)
			}
			for name, value := range map[string]string{
				"Content-Type": "image/" + format, "Cache-Control": "public, max-age=31536000, immutable, stale-if-error=86400", "Vary": "",
				"Surrogate-Key": world.GroupMedia(app, m.MediaID) + " " + world.GroupApp(app), "X-Content-Type-Options": "nosniff", "Meridian-Region": "us-east",
			} {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s %s: %q, want %q", format, name, got, value)
				}
			}
			if tag := w.Header().Get("ETag"); len(tag) != 34 || tag[0] != '"' {
				t.Errorf("entity tag %s is not strong", tag)
			}
		}
		if got, err := getDerived(t.Context(), us.objects, "variants/crumbs/"+m.MediaID+"/v1/"+format+"/320x0"); err != nil || string(got) != want {
			t.Errorf("%s: stored %q, %v", format, got, err)
		}
	}
	if us.pictures.made() != 4 { // the AVIF is measured against a WebP
		t.Errorf("%d transforms for 3 variants", us.pictures.made())
	}
}

func TestHeadAndConditions(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	full := us.do("GET", imageURL(m, "webp"), nil)
	head := us.do("HEAD", imageURL(m, "webp"), nil)
	if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != full.Header().Get("Content-Length") || head.Header().Get("ETag") != full.Header().Get("ETag") {
		t.Errorf("HEAD %d %v", head.Code, head.Header())
	}
	same := us.do("GET", imageURL(m, "webp"), nil, func(r *http.Request) { r.Header.Set("If-None-Match", full.Header().Get("ETag")) })
	if same.Code != 304 || same.Body.Len() != 0 || same.Header().Get("Cache-Control") != variantAge || same.Header().Get("Surrogate-Key") == "" {
		t.Errorf("If-None-Match: %d %v", same.Code, same.Header())
	}
	if w := us.do("POST", imageURL(m, "webp"), nil); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST %d", w.Code)
	}
}

func TestAutoIsNegotiated(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	for accept, want := range map[string]string{
		"image/avif,image/webp,*/*": "image/avif", "image/webp,*/*": "image/webp", "*/*": "image/jpeg", "": "image/jpeg",
	} {
		w := us.do("GET", imageURL(m, "auto"), nil, func(r *http.Request) { r.Header.Set("Accept", accept) })
		if w.Code != 200 || w.Header().Get("Content-Type") != want || w.Header().Get("Vary") != "Accept" {
			t.Errorf("%q: %d %s, Vary %q", accept, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Vary"))
		}
	}
}

func TestWhatIsNotServed(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	m, private, withheld := us.put(t, picture(400, 300, 7)), us.put(t, picture(400, 300, 8)), us.put(t, picture(400, 300, 9))
	us.manifests.change(private.MediaID, func(m *world.Manifest) { m.Visibility = world.Private })
	us.manifests.change(withheld.MediaID, func(m *world.Manifest) { m.Visibility = world.Withheld })
	path := func(rest string) string { return "/img/crumbs/" + m.MediaID + rest }
	for name, c := range map[string]struct {
		path   string
		status int
		says   string
	}{
		"size off the grid":    {path("/v1/webp/641x0"), 400, "640x0"},
		"unknown format":       {path("/v1/gif/640x0"), 400, "avif, webp, jpeg"},
		"a part missing":       {path("/v1/webp"), 400, "/img/{app}"},
		"an unclean path":      {"/img//" + path("/v1/webp/640x0")[5:], 400, "/img/{app}"},
		"bad id":               {"/img/crumbs/il/v1/webp/640x0", 400, "16 characters"},
		"version to come":      {path("/v2/webp/640x0"), 404, "version"},
		"unknown asset":        {"/img/crumbs/1zzzzzzzzzzzzzzz/v1/webp/640x0", 404, ""},
		"unknown asset abroad": {"/img/crumbs/2000000000000000/v1/webp/640x0", 404, ""},
		"unknown region":       {"/img/crumbs/9000000000000000/v1/webp/640x0", 404, ""},
		"unknown app":          {"/img/other/" + m.MediaID + "/v1/webp/640x0", 404, ""},
		"private":              {imageURL(private, "webp"), 404, ""},
		"withheld":             {imageURL(withheld, "webp"), 404, ""},
		"private manifest":     {"/media/crumbs/" + private.MediaID + "/manifest", 404, ""},
		"manifest of no id":    {"/media/crumbs/il/manifest", 400, ""},
		"elsewhere":            {"/elsewhere", 404, ""},
		"half a path":          {"/media/crumbs/" + m.MediaID + "/", 404, ""},
		"no app":               {"/media/", 404, ""},
	} {
		w := us.do("GET", c.path, nil)
		p := problem(t, w)
		if w.Code != c.status || !strings.Contains(p.Detail, c.says) {
			t.Errorf("%s: %d %s", name, w.Code, p.Detail)
		}
		want := "no-store"
		if c.status == 404 && !strings.Contains(c.path, private.MediaID) && !strings.Contains(c.path, withheld.MediaID) {
			want = "public, s-maxage=5" // what is hidden may be approved any moment
		}
		if got := w.Header().Get("Cache-Control"); got != want || w.Header().Get("Surrogate-Key") != "" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	if us.pictures.made() != 0 {
		t.Error("something was made of what is not served")
	}
}

func TestManyWaitForOneTransform(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, nil)["us-east"]
		m := us.put(t, picture(400, 300, 7))
		us.pictures.wait = make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		codes := make([]int, 50)
		for i := range codes {
			all.Go(func() {
				codes[i] = us.do("GET", imageURL(m, "webp"), nil, func(r *http.Request) {
					if i == 0 {
						*r = *r.WithContext(ctx)
					}
				}).Code
			})
			synctest.Wait() // the first one works, the rest wait for it
		}
		leave() // whoever came first does not take the others' picture along
		synctest.Wait()
		close(us.pictures.wait)
		all.Wait()
		for i, code := range codes[1:] {
			if code != 200 {
				t.Errorf("request %d: %d", i+1, code)
			}
		}
		if us.pictures.made() != 1 {
			t.Errorf("%d transforms", us.pictures.made())
		}
	})
}

func TestATransformHasItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, nil)["us-east"]
		m := us.put(t, picture(400, 300, 7))
		us.pictures.wait = make(chan struct{})
		start := time.Now()
		w := us.do("GET", imageURL(m, "webp"), nil)
		if w.Code != 504 || time.Since(start) != us.cfg.Limits.Transform || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d after %v", w.Code, time.Since(start))
		}
		close(us.pictures.wait)
		if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

func TestAnOriginalThatDoesNotArriveHasTheSameLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := newPlaces(t, nil)
		eu := places["eu-central"]
		m := places["us-east"].put(t, picture(400, 300, 7))
		eu.peers.wait = make(chan struct{})
		start := time.Now()
		if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 504 || time.Since(start) != eu.cfg.Limits.Transform {
			t.Errorf("%d after %v", w.Code, time.Since(start))
		}
		synctest.Wait()
	})
}

func TestTroubleBehindAPicture(t *testing.T) {
	for name, c := range map[string]struct {
		trouble func(*place)
		status  int
	}{
		"a variant that cannot be stored": {func(p *place) { p.objects.failPut = world.E(world.CodeUnavailable, "test", "") }, 200},
		"a transform that panics":         {func(p *place) { p.pictures.panics = true }, 500},
		"a catalog that is away":          {func(p *place) { p.manifests.fail = world.E(world.CodeUnavailable, "test", "") }, 503},
		"a store that cannot be read":     {func(p *place) { p.objects.failGet = world.E(world.CodeInternal, "test", "") }, 503},
	} {
		us := newPlaces(t, nil)["us-east"]
		m := us.put(t, picture(400, 300, 7))
		c.trouble(us)
		if w := us.do("GET", imageURL(m, "webp"), nil); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func FuzzPaths(f *testing.F) {
	us := newPlaces(f, nil)["us-east"]
	m := us.put(f, picture(4, 3, 7))
	for _, p := range []string{imageURL(m, "auto"), "/media/crumbs", "/-/media/originals/" + shaOf(nil), "/-/media/crumbs/" + m.MediaID + "/original", "/media/crumbs/" + m.MediaID + "/manifest", "/img/../..", "/-/"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			f.Add(method, p, "limit=3&before=1.1000000000000000&version=1")
		}
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := httptest.NewRequest("GET", "/", bytes.NewReader([]byte("x")))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
		for _, secret := range []string{token, key} {
			r.Header.Set("Authorization", "Bearer "+secret)
			w := httptest.NewRecorder()
			us.handler.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s %q?%q: %d %s", method, path, query, w.Code, w.Body)
			}
		}
	})
}
