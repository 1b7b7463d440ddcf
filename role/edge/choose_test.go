package edge

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"meridian/test/tiertest"
	"meridian/world"
)

// says makes a view of targets and their states, in pairs.
func says(pairs ...string) world.HealthView {
	var v world.HealthView
	for i := 0; i < len(pairs); i += 2 {
		v.Targets = append(v.Targets, world.TargetHealth{Target: pairs[i], State: world.HealthState(pairs[i+1])})
	}
	return v
}

func TestWhichRegionIsAsked(t *testing.T) {
	manifest := "/media/sweet-crumbs/1000000000000000/manifest"
	open := says("shield/near", "down")
	open.Open = true
	full := says("media/near", "degraded")
	full.Targets[0].Reason = world.ReasonFull
	drained := says("shield/near", "draining")
	drained.Open = true
	for name, c := range map[string]struct {
		view                     world.HealthView
		page, picture, documents string // the region first asked for each
	}{
		"nothing is known":          {says(), "near", "near", "near"},
		"the shield is down":        {says("shield/near", "down"), "home", "home", "home"},
		"the shield is drained":     {says("shield/near", "draining"), "home", "home", "home"},
		"it is degraded":            {says("shield/near", "degraded"), "home", "home", "home"},
		"all are down":              {says("shield/near", "down", "shield/home", "down"), "near", "near", "near"},
		"its shop is down":          {says("shop/near", "down"), "home", "near", "near"},
		"its media is down":         {says("media/near", "down"), "near", "home", "home"},
		"its store is full":         {full, "near", "near", "near"},
		"something else is down":    {says("pop/nrt", "down", "identity/near", "down"), "near", "near", "near"},
		"the other is no better":    {says("shield/near", "degraded", "shield/home", "down"), "near", "near", "near"},
		"the feed fails open":       {open, "near", "near", "near"},
		"a drain holds all the way": {drained, "home", "home", "home"},
	} {
		f := newFixture(t, nil)
		f.health = c.view
		for path, want := range map[string]string{"/": c.page, picture + "avif/640x0": c.picture, manifest: c.documents} {
			w := f.do("GET", path)
			if got := w.Body.String(); got != want || w.Code != 200 {
				t.Errorf("%s: %s came from %q (%d), want %q", name, path, got, w.Code, want)
			}
		}
	}
}

// A region whose store is full is sent nothing that it would have to keep.
func TestUploadsGoWhereThereIsRoom(t *testing.T) {
	for reason, want := range map[world.HealthReason]string{world.ReasonFull: "home", world.ReasonAnswers: "near"} {
		f := newFixture(t, nil)
		f.health = says("media/near", "degraded")
		if f.health.Targets[0].Reason = reason; reason == world.ReasonAnswers {
			f.health.Targets[0].State = world.Healthy
		}
		if w := f.do("POST", "/media/sweet-crumbs"); w.Body.String() != want {
			t.Errorf("%s: sent to %q (%d), want %q", reason, w.Body, w.Code, want)
		}
	}
}

// What is stored is given without a look at anybody's health.
func TestAHitAsksNobodyAboutHealth(t *testing.T) {
	f := newFixture(t, nil)
	f.do("GET", "/")
	f.Edge.choose.health = func() world.HealthView { t.Error("health was looked at for a hit"); return world.HealthView{} }
	if w := f.do("GET", "/"); w.Code != 200 || f.near.Count() != 1 {
		t.Errorf("%d after %d reads", w.Code, f.near.Count())
	}
}

func TestAPrivatePictureStaysInItsZone(t *testing.T) {
	f := newFixture(t, nil)
	f.health = says("shield/near", "down")
	path := "/private/sweet-crumbs/3000000000000000/v1/avif/640x0"
	f.do("GET", tiertest.Signed(t, path, f.now.Add(60e9)))
	if f.home.Count() != 0 || f.near.Count() == 0 {
		t.Errorf("a region of another zone was asked %d times, its own %d times", f.home.Count(), f.near.Count())
	}
}

// refusal is how a shop answers for another region's market.
func refusal(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", "de-DE")
	w.Header().Set("Set-Cookie", "a=b")
	w.WriteHeader(421)
	fmt.Fprintf(w, "<h1>Gleich wieder da</h1> %s %s", r.Host, r.URL.Path)
	return w.Result(), nil
}

// A home region that is known to be down is not asked: people read in their own
// language that there are no orders just now, and nothing of theirs leaves for
// another zone.
func TestALostHomeRegionRefusesAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, accept, view string
		answer                     tiertest.Answer
		status                     int
		page                       string // what the page shows; "": a problem document
	}{
		"checkout":            {"POST", "/checkout", "text/html", "shop/home", refusal, 503, "de.localhost:8080 /cart"},
		"in another language": {"GET", "/en-GB/orders/abc", "text/html,*/*", "shield/home", refusal, 503, "/en-GB/cart"},
		"HEAD":                {"HEAD", "/cart", "text/html", "shop/home", refusal, 503, ""},
		"a program":           {"POST", "/checkout", "application/json", "shop/home", refusal, 503, ""},
		"no page to be had":   {"GET", "/cart", "text/html", "shop/home", tiertest.Says("oops"), 503, ""},
		"too long a page": {"GET", "/cart", "text/html", "shop/home", func(r *http.Request) (*http.Response, error) {
			res, err := refusal(r)
			res.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", refusalBytes+1)))
			return res, err
		}, 503, ""},
		"owner's pages, the shield down": {"GET", "/owner", "text/html", "shield/home", refusal, 503, ""},
		"an upload there":                {"PATCH", "/media/sweet-crumbs/tus/2000000000000000", "*/*", "media/home", refusal, 503, ""},
	} {
		f := newFixture(t, nil)
		f.near.Will(c.answer)
		f.health = says(c.view, "down")
		r := httptest.NewRequest(c.method, "http://de.localhost:8080"+c.path+"?q=secret", strings.NewReader("street=secret"))
		r.Header.Set("Accept", c.accept)
		r.Header.Set("Cookie", "cart=secret")
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		isPage := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")
		if w.Code != c.status || f.home.Count() != 0 || !strings.Contains(w.Body.String(), c.page) || c.page != "" && !isPage {
			t.Errorf("%s: %d %q, the lost region was asked %d times", name, w.Code, w.Body, f.home.Count())
		}
		if w.Header().Get("Retry-After") != refusalAgain || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, w.Header())
		}
		if f.near.Count() > 0 {
			up := f.near.Last()
			if up.Method != "GET" || up.URL.RawQuery != "" || up.Header.Get("Cookie") != "" || up.ContentLength > 0 {
				t.Errorf("%s: another zone was told %s %s %v", name, up.Method, up.URL, up.Header)
			}
		}
	}
}

func TestAHomeRegionThatServesIsAsked(t *testing.T) {
	for _, c := range [][]string{
		{"shop/home", "degraded", "/cart"}, {"shield/home", "draining", "/cart"}, {"media/home", "down", "/cart"}, {"shop/near", "down", "/cart"}, {"shop/home", "down", "/owner"},
	} {
		f := newFixture(t, nil)
		f.health = says(c[0], c[1])
		if w := f.do("GET", c[2]); w.Code != 200 || w.Body.String() != "home" {
			t.Errorf("%v: %d %q", c, w.Code, w.Body)
		}
	}
	for _, reason := range []world.HealthReason{world.ReasonFlapping, world.ReasonRecovering} { // readers go elsewhere still
		f := newFixture(t, nil)
		f.health = says("shop/home", "down", "shield/home", "down")
		for i := range f.health.Targets {
			f.health.Targets[i].Reason = reason
		}
		if w := f.do("GET", "/cart"); w.Code != 200 || w.Body.String() != "home" {
			t.Errorf("it is %s: %d %q", reason, w.Code, w.Body)
		}
	}
}

// Before anybody has noticed, the failure itself brings the page.
func TestAHomeRegionThatFailsBringsThePageToo(t *testing.T) {
	f := newFixture(t, nil)
	f.near.Will(refusal)
	f.home.Will(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	if w := f.do("GET", "/cart", "Accept", "text/html"); w.Code != 502 || !strings.Contains(w.Body.String(), "Gleich wieder da") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
