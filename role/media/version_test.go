package media

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"meridian/world"
)

func post(p *place, m world.Manifest, what, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	asJSON := func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") }
	return p.do("POST", "/media/"+app+"/"+m.MediaID+"/"+what, strings.NewReader(body), append([]func(*http.Request){bearer(token), asJSON}, change...)...)
}

// wantVersion is the answer to a change, which must have succeeded.
func wantVersion(t testing.TB, w *httptest.ResponseRecorder, status int) uploaded {
	t.Helper()
	var up uploaded
	if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil || w.Code != status || w.Header().Get(HeaderPosition) == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := up.Manifest.Validate(); err != nil {
		t.Fatal(err)
	}
	return up
}

func TestAnEditIsAVersionOfItsOwn(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(40, 30, 7))
	up := wantVersion(t, post(us, m, "versions", `{"crop":{"x":10,"y":5,"width":20,"height":10},"rotate":1}`), 201)
	v := up.Manifest.CurrentVersion()
	if up.Version != 2 || up.URL != "/img/crumbs/"+m.MediaID+"/v2/auto/640x0" || v.Number != 2 || v.From != 1 || v.Width != 10 || v.Height != 20 ||
		v.SHA256 == m.Versions[0].SHA256 || v.Moderation != world.ModerationApproved || !v.CreatedAt.Equal(noon) {
		t.Errorf("%+v", up)
	}
	if !reflect.DeepEqual(v.Edit, &world.Edit{Crop: &world.Crop{X: 10, Y: 5, Width: 20, Height: 10}, Rotate: 1}) {
		t.Errorf("edit %+v", v.Edit)
	}
	if original, ok := us.objects.get(originalKey(v.SHA256)); !ok || shaOf(original) != v.SHA256 {
		t.Error("its original is not durable")
	}
	if c := us.manifests.changes[0]; len(c.Purge) != 1 || c.Purge[0] != world.GroupAlias(app, m.MediaID) || len(c.Replicas) != 3 {
		t.Errorf("change %+v", c)
	}
	for path, status := range map[string]int{"v1": 200, "v2": 200, "v3": 404} {
		if w := us.do("GET", "/img/crumbs/"+m.MediaID+"/"+path+"/webp/320x0", nil); w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if m.Versions[0] != us.manifests.assets[m.MediaID].Versions[0] {
		t.Error("the first version has changed")
	}
}

func TestAFocalPointIsAVersionOfTheSameOriginal(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(40, 30, 7))
	up := wantVersion(t, post(us, m, "versions", `{"focal":{"x":0.25,"y":1}}`), 201)
	v := up.Manifest.CurrentVersion()
	if v.SHA256 != m.Versions[0].SHA256 || *v.Focal != (world.Point{X: 0.25, Y: 1}) || v.Edit != nil || v.From != 1 || us.objects.puts != 1 {
		t.Errorf("%+v", v)
	}
	// The point stays on what it was on when the picture is cut and turned.
	up = wantVersion(t, post(us, m, "versions", `{"crop":{"x":0,"y":15,"width":20,"height":15},"rotate":1}`), 201)
	if v := up.Manifest.CurrentVersion(); v.From != 2 || *v.Focal != (world.Point{X: 0, Y: 0.5}) {
		t.Errorf("focal %+v of %+v", v.Focal, v)
	}
	up = wantVersion(t, post(us, m, "versions", `{"from":2,"crop":{"x":20,"y":0,"width":20,"height":15}}`), 201)
	if v := up.Manifest.CurrentVersion(); v.Focal != nil || v.From != 2 {
		t.Errorf("focal %+v of what it was cut off from", v.Focal)
	}
}

func TestAReplacementIsAVersion(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(40, 30, 7))
	other := picture(8, 9, 99)
	w := us.do("POST", "/media/"+app+"/"+m.MediaID+"/versions", bytes.NewReader(other), bearer(token))
	up := wantVersion(t, w, 201)
	v := up.Manifest.CurrentVersion()
	if v.SHA256 != shaOf(other) || v.From != 0 || !v.Edit.Replace || v.Width != 8 {
		t.Errorf("%+v", v)
	}
}

func TestVersionsThatCannotBe(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Limits.MaxVersions = 2 })["us-east"]
	m, moving := us.put(t, picture(40, 30, 7)), us.put(t, animation(3))
	for body, want := range map[string]struct {
		status int
		says   string
	}{
		``:                         {400, "JSON object"},
		`{}`:                       {400, "crop, rotate or focal"},
		`{"rotate":4}`:             {400, "0 to 3"},
		`{"rotate":-1}`:            {400, "0 to 3"},
		`{"from":-1,"rotate":1}`:   {400, "version"},
		`{"from":9,"rotate":1}`:    {404, "no such version"},
		`{"focal":{"x":1.01}}`:     {400, "0 to 1"},
		`{"blur":3}`:               {400, "JSON object"},
		`{"rotate":1}{"rotate":1}`: {400, "JSON object"},
		`{"rotate":1} x`:           {400, "JSON object"},
		`{"crop":{"x":0,"y":0,"width":41,"height":1}}`:         {400, "40 × 30"},
		`{"crop":{"x":1,"y":1}}`:                               {400, "at least one"},
		`{"rotate":` + strings.Repeat(" ", maxJSONBody) + `1}`: {400, "JSON object"},
	} {
		if w := post(us, m, "versions", body); w.Code != want.status || !strings.Contains(problem(t, w).Detail, want.says) {
			t.Errorf("%.60s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := post(us, moving, "versions", `{"rotate":1}`); w.Code != 415 {
		t.Errorf("an animation: %d %s", w.Code, w.Body)
	}
	if w := us.do("POST", "/media/crumbs/"+m.MediaID+"/versions", strings.NewReader("text"), bearer(token)); w.Code != 415 {
		t.Errorf("no picture: %d", w.Code)
	}
	if len(us.manifests.changes) != 0 {
		t.Errorf("changed %+v", us.manifests.changes)
	}
	wantVersion(t, post(us, m, "versions", `{"focal":{"x":0,"y":0}}`), 201) // at the limit
	if w := post(us, m, "versions", `{"focal":{"x":0,"y":1}}`); w.Code != 413 || !strings.Contains(problem(t, w).Detail, "2 versions") {
		t.Errorf("above the limit: %d %s", w.Code, w.Body)
	}
}

// The alias is the current version under an address that stays.
func TestTheAliasShowsTheCurrentVersion(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	m := us.put(t, picture(40, 30, 7))
	alias := func(p *place) (string, http.Header) {
		w := p.do("GET", "/img/crumbs/"+m.MediaID+"/webp/320x0", nil)
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", p.id, w.Code, w.Body)
		}
		return w.Body.String(), w.Header()
	}
	shows := func(version int) {
		t.Helper()
		now := us.manifests.assets[m.MediaID]
		v, _ := now.VersionNumber(version)
		for _, p := range places {
			body, h := alias(p)
			if !strings.HasSuffix(body, v.SHA256) || h.Get("Content-Location") != fmt.Sprintf("/img/crumbs/%s/v%d/webp/320x0", m.MediaID, version) {
				t.Errorf("%s shows %s at %s, want version %d", p.id, body, h.Get("Content-Location"), version)
			}
			if h.Get("Cache-Control") != aliasAge || h.Get("CDN-Cache-Control") != aliasTiers || !strings.Contains(h.Get("Surrogate-Key"), world.GroupAlias(app, m.MediaID)) {
				t.Errorf("%v", h)
			}
		}
	}
	shows(1)
	wantVersion(t, post(us, m, "versions", `{"rotate":1}`), 201)
	shows(2)
	wantVersion(t, post(us, m, "rollback", `{"version":1}`), 200)
	shows(1)
	if w := us.do("GET", "/img/crumbs/"+m.MediaID+"/v1/webp/320x0", nil); w.Header().Get("Cache-Control") != variantAge || strings.Contains(w.Header().Get("Surrogate-Key"), "/alias") {
		t.Errorf("a version: %v", w.Header())
	}
	if len(us.objects.objects) != 4 { // two originals, two variants: the alias has none of its own
		t.Errorf("%d objects", len(us.objects.objects))
	}
}

func TestRollback(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(40, 30, 7))
	wantVersion(t, post(us, m, "versions", `{"rotate":2}`), 201)
	for _, n := range []int{1, 2, 1, 1} {
		up := wantVersion(t, post(us, m, "rollback", fmt.Sprintf(`{"version":%d}`, n)), 200)
		if up.Version != n || up.Manifest.Current != n || len(up.Manifest.Versions) != 2 {
			t.Errorf("%+v", up)
		}
		c := us.manifests.changes[len(us.manifests.changes)-1]
		if len(c.Purge) != 1 || c.Purge[0] != world.GroupAlias(app, m.MediaID) {
			t.Errorf("purged %v", c.Purge)
		}
	}
	if w := post(us, m, "rollback", `{"version":3}`); w.Code != 404 {
		t.Errorf("no such version: %d", w.Code)
	}
	if w := post(us, m, "rollback", `{}`); w.Code != 404 {
		t.Errorf("no version: %d", w.Code)
	}
	us.manifests.change(m.MediaID, func(m *world.Manifest) { m.Versions[1].Moderation = world.ModerationWithheld })
	if w := post(us, m, "rollback", `{"version":2}`); w.Code != 409 {
		t.Errorf("a version that is withheld: %d", w.Code)
	}
	if w := post(us, m, "versions", `{"from":2,"rotate":1}`); w.Code != 409 {
		t.Errorf("an edit of a version that is withheld: %d", w.Code)
	}
}

// Whatever region takes the request, the asset's own does it.
func TestChangesAreHandedOnToTheWriteRegion(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(40, 30, 7))
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/versions", `{"rotate":2}`, 201}, {"POST", "/rollback", `{"version":1}`, 200}, {"GET", "", "", 200},
		{"GET", "/preview?version=2", "", 200}, {"DELETE", "?by=erika", "", 202}, {"GET", "/deletion", "", 200},
	} {
		w := eu.do(c.method, "/media/crumbs/"+m.MediaID+c.path, strings.NewReader(c.body), bearer(token), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		if w.Code != c.status || len(w.Header().Values("Meridian-Region")) != 1 || w.Header().Get("Meridian-Region") != "us-east" {
			t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
		}
	}
	if len(us.manifests.changes) != 3 || len(eu.manifests.changes) != 0 || us.manifests.deletions[m.MediaID].By != "erika" {
		t.Errorf("changed %d times there and %d here", len(us.manifests.changes), len(eu.manifests.changes))
	}
	eu.peers.cut["us-east"] = true
	if w := post(eu, m, "rollback", `{"version":1}`); w.Code != 503 || w.Header().Get("Meridian-Region") != "eu-central" {
		t.Errorf("out of reach: %d", w.Code)
	}
	// It is handed on once: two regions that disagree must not send it to and fro.
	if w := post(eu, m, "rollback", `{"version":1}`, func(r *http.Request) { r.Header.Set("Meridian-Forwarded", "us-east") }); w.Code != 500 {
		t.Errorf("handed on twice: %d", w.Code)
	}
}

func TestOnlyTheTokenChangesAnAsset(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(40, 30, 7))
	at := "/media/crumbs/" + m.MediaID
	for _, c := range []struct{ method, path string }{
		{"POST", "/versions"}, {"POST", "/rollback"}, {"POST", "/moderation"}, {"GET", "/preview"}, {"DELETE", ""}, {"GET", ""}, {"GET", "/deletion"},
	} {
		for name, secret := range map[string]string{"none": "", "wrong": "x", "the wire key": key} {
			if w := us.do(c.method, at+c.path, strings.NewReader(`{}`), bearer(secret)); w.Code != 401 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s with %s: %d", c.method, c.path, name, w.Code)
			}
		}
	}
	if w := us.do("POST", at+"/moderation", strings.NewReader(`{"state":"approved","by":"x"}`), bearer(token)); w.Code != 401 {
		t.Errorf("an uploader approves: %d", w.Code)
	}
	if w := us.do("POST", "/media/other/"+m.MediaID+"/rollback", nil, bearer(token)); w.Code != 404 {
		t.Errorf("another app: %d", w.Code)
	}
}

// Whatever is asked for can be done to the version it was asked of.
func FuzzVersionWanted(f *testing.F) {
	for _, s := range []string{`{"rotate":1}`, `{"crop":{"x":1,"y":2,"width":3,"height":4},"rotate":3}`, `{"focal":{"x":0.5,"y":1e-9},"from":2}`, `{"crop":{"x":0,"y":0,"width":40,"height":30}}`, `[]`, `{"rotate":1e0}`} {
		f.Add([]byte(s))
	}
	base := world.Version{Number: 1, Width: 40, Height: 30, Frames: 1, Focal: &world.Point{X: 0.3, Y: 0.9}}
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := parseVersionWanted(bytes.NewReader(b))
		if err != nil {
			if !world.Is(err, world.CodeInvalid) {
				t.Fatal(err)
			}
			return
		}
		e, err := want.of(base)
		if err != nil {
			return
		}
		if e != nil && (!e.Valid() || e.Crop != nil && !e.Crop.In(40, 30)) {
			t.Fatalf("%s makes %+v", b, e)
		}
		if p := want.focal(base, e); p != nil && !p.Valid() {
			t.Fatalf("%s moves the focal point to %+v", b, p)
		}
	})
}
