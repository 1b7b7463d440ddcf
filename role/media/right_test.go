package media

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/engine/keyring"
	"meridian/engine/uploadgrant"
	"meridian/world"
)

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

// mintAt has a region make a grant.
func mintAt(t testing.TB, p *place, demand string) granted {
	t.Helper()
	w := p.do("POST", "/media/"+app+"/grants", strings.NewReader(demand), bearer(token))
	if w.Code != http.StatusCreated {
		t.Fatalf("%s: %d %s", demand, w.Code, w.Body)
	}
	var g granted
	if err := json.Unmarshal(w.Body.Bytes(), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func assetOf(t testing.TB, w *httptest.ResponseRecorder) world.Manifest {
	t.Helper()
	var up uploaded
	if w.Code != http.StatusCreated || json.Unmarshal(w.Body.Bytes(), &up) != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return up.Manifest
}

func TestAGrantPutsOnePictureIn(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	g := mintAt(t, us, `{"owner":"customer-7"}`)
	if g.App != app || g.Method != uploadgrant.Any || g.MaxBytes != us.cfg.Limits.MaxBytes || !g.ExpiresAt.Equal(noon.Add(defaultGrantLife)) || g.Owner != "customer-7" {
		t.Errorf("the widest grant: %+v", g)
	}
	pic := picture(4, 3, 7)
	shown := header("Authorization", g.Authorization)
	first := assetOf(t, eu.do("PUT", "/media/crumbs?name=a.png", bytes.NewReader(pic), shown)) // in any region
	again := assetOf(t, eu.do("POST", "/media/crumbs?name=a.png", bytes.NewReader(pic), shown))
	elsewhere := assetOf(t, us.do("PUT", "/media/crumbs?name=a.png", bytes.NewReader(pic), shown))
	if again.MediaID != first.MediaID || elsewhere.MediaID != first.MediaID || len(eu.manifests.assets)+len(us.manifests.assets) != 1 {
		t.Errorf("sent three times: %s, %s, %s", first.MediaID, again.MediaID, elsewhere.MediaID)
	}
	w := eu.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 8)), shown)
	if w.Code != 422 || len(eu.manifests.assets) != 1 {
		t.Errorf("another picture with the same grant: %d %s", w.Code, w.Body)
	}
}

func TestAGrantAllowsNoMoreThanItSays(t *testing.T) {
	pic := picture(20, 10, 7)
	for name, c := range map[string]struct {
		demand string
		later  time.Duration
		path   string
		status int
	}{
		"all that is needed": {`{"max_bytes":` + strconv.Itoa(len(pic)) + `,"types":["image/png"],"method":"plain","expires_in":60}`, 59 * time.Second, "/media/crumbs", 201},
		"one byte too many":  {`{"max_bytes":` + strconv.Itoa(len(pic)-1) + `}`, 0, "/media/crumbs", 413},
		"another type":       {`{"types":["image/jpeg","image/webp"]}`, 0, "/media/crumbs", 415},
		"resumable only":     {`{"method":"resumable"}`, 0, "/media/crumbs", 403},
		"expired":            {`{"expires_in":60}`, time.Minute, "/media/crumbs", 401},
		"for another app":    {`{}`, 0, "/media/other", 403},
	} {
		us := newPlaces(t, nil)["us-east"]
		g := mintAt(t, us, c.demand)
		us.now = func() time.Time { return noon.Add(c.later) }
		w := us.do("PUT", c.path, bytes.NewReader(pic), header("Authorization", g.Authorization))
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
		if (len(us.manifests.assets) == 1) != (c.status == 201) {
			t.Errorf("%s: %d assets", name, len(us.manifests.assets))
		}
	}
}

func TestAForgedGrantOpensNothing(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	g := mintAt(t, us, "")
	foreign, err := keyring.New(uploadgrant.Purpose, []keyring.Key{{ID: "now", Secret: "a foreign secret of 20"}})
	if err != nil {
		t.Fatal(err)
	}
	own := uploadgrant.Grant{ID: "1", App: app, Method: uploadgrant.Any, Expires: noon.Add(time.Minute), MaxBytes: 1 << 20, Visibility: world.Public}
	forged, err := own.Token(foreign)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"by a foreign key": uploadgrant.Authorization(forged), "cut": g.Authorization[:len(g.Authorization)-2], "empty": uploadgrant.Scheme + " ",
		"as a bearer": "Bearer " + strings.TrimPrefix(g.Authorization, uploadgrant.Scheme+" "),
	} {
		w := us.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 7)), header("Authorization", value))
		if w.Code != 401 || len(us.manifests.assets) != 0 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	for _, path := range []string{"/media/crumbs", "/media/crumbs/grants"} { // a grant lists nothing and makes no grant
		method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "grants")]
		if w := us.do(method, path, nil, header("Authorization", g.Authorization)); w.Code != 401 {
			t.Errorf("%s with a grant: %d", path, w.Code)
		}
	}
}

func TestGrantsAtTheirLimits(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Limits.MaxBytes, c.Limits.GrantLife = 1000, time.Hour })["us-east"]
	for demand, status := range map[string]int{
		``: 201, `{}`: 201, `{"expires_in":3600}`: 201, `{"expires_in":3601}`: 400, `{"expires_in":-1}`: 400, `{"expires_in":9223372036854775807}`: 400,
		`{"max_bytes":1000}`: 201, `{"max_bytes":1001}`: 400, `{"max_bytes":-1}`: 400, `{"visibility":"withheld"}`: 400, `{"visibility":"private"}`: 201,
		`{"method":"ftp"}`: 400, `{"types":["image"]}`: 400, `{"owner":"a b"}`: 400, `{"sudo":true}`: 400, `{} {}`: 400, `[]`: 400, `{`: 400,
		`{"owner":"` + strings.Repeat("x", maxGrantBody) + `"}`: 400,
	} {
		w := us.do("POST", "/media/crumbs/grants", strings.NewReader(demand), bearer(token))
		if w.Code != status {
			t.Errorf("%.60s: %d %s, want %d", demand, w.Code, w.Body, status)
		}
	}
	for name, c := range map[string]struct {
		path, secret string
		status       int
	}{
		"no token": {"/media/crumbs/grants", "", 401}, "wire key": {"/media/crumbs/grants", key, 401}, "other app": {"/media/other/grants", token, 404},
	} {
		if w := us.do("POST", c.path, nil, bearer(c.secret)); w.Code != c.status {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func FuzzReadGrantWanted(f *testing.F) {
	for _, s := range []string{"", "{}", `{"types":["image/png"],"expires_in":60}`, `{"max_bytes":1e99}`, "[[[["} {
		f.Add(s)
	}
	m := newPlaces(f, nil)["us-east"]
	f.Fuzz(func(t *testing.T, s string) {
		want, err := readGrantWanted(strings.NewReader(s))
		if err != nil {
			if world.CodeOf(err) != world.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		g, err := m.grant(app, want)
		if err == nil && (g.MaxBytes < 1 || g.MaxBytes > m.cfg.Limits.MaxBytes || g.Expires.After(noon.Add(m.cfg.Limits.GrantLife))) {
			t.Fatalf("%q grants %+v", s, g)
		}
	})
}

func TestTheSameKeyIsTheSameAsset(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic, other := picture(4, 3, 7), picture(4, 3, 8)
	put := func(p *place, key string, pic []byte) *httptest.ResponseRecorder {
		return p.do("PUT", "/media/crumbs?name=a.png", bytes.NewReader(pic), bearer(token), header(headerIdempotencyKey, key))
	}
	a := assetOf(t, put(us, `"one"`, pic))
	if b := assetOf(t, put(us, "one", pic)); b.MediaID != a.MediaID {
		t.Errorf("%s and %s", a.MediaID, b.MediaID)
	}
	if b := assetOf(t, put(eu, "one", pic)); b.MediaID != a.MediaID || len(eu.manifests.assets) != 0 {
		t.Errorf("in another region: %s", b.MediaID)
	}
	if w := put(us, "one", other); w.Code != 422 {
		t.Errorf("other bytes: %d", w.Code)
	}
	if b := assetOf(t, put(us, "two", pic)); b.MediaID == a.MediaID {
		t.Error("another key is the same asset")
	}
	us.uploadIDs, _ = keyring.New(uploadgrant.IDPurpose, []keyring.Key{{ID: "new", Secret: "a newer secret of 20 ch"}, uploadKeys[0]})
	if b := assetOf(t, put(us, "one", pic)); b.MediaID != a.MediaID {
		t.Error("after a change of keys it is another asset")
	}
	if us.manifests.fail = world.E(world.CodeUnavailable, "test", ""); put(us, "one", pic).Code != 503 {
		t.Error("it is answered while nobody can tell whether it was there")
	}
}

func TestTheSameKeyAtTheSameTimeIsOneAsset(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(4, 3, 7)
	var wg sync.WaitGroup
	ids := make([]string, us.cfg.Limits.Uploads)
	for i := range ids {
		wg.Go(func() {
			w := us.do("PUT", "/media/crumbs", bytes.NewReader(pic), bearer(token), header(headerIdempotencyKey, "one"))
			ids[i] = assetOf(t, w).MediaID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] || len(us.manifests.assets) != 1 {
			t.Errorf("assets %v", ids)
		}
	}
}

func TestIdempotencyKeysAtTheirLimits(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	for key, status := range map[string]int{
		strings.Repeat("k", MaxIdempotencyKey): 201, strings.Repeat("k", MaxIdempotencyKey+1): 400,
		"": 400, `""`: 400, "a b": 400, `a"b`: 400, "ä": 400,
	} {
		w := us.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 7)), bearer(token), header(headerIdempotencyKey, key))
		if w.Code != status {
			t.Errorf("%.20q: %d, want %d", key, w.Code, status)
		}
	}
	w := us.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 7)), bearer(token), header(headerIdempotencyKey, "a"), header(headerIdempotencyKey, "b"))
	if w.Code != 400 {
		t.Errorf("two keys: %d", w.Code)
	}
}

func TestAGrantDecidesWhoseAndForWhom(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	g := mintAt(t, us, `{"visibility":"private","owner":"customer-7"}`)
	m := assetOf(t, us.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 7)), header("Authorization", g.Authorization)))
	kept := us.manifests.assets[m.MediaID]
	if kept.Audience != world.Private || kept.Visibility != world.Private || kept.Zone != us.region.Zone || kept.Owner != "" || kept.Validate() != nil {
		t.Errorf("%+v: %v", kept, kept.Validate()) // whose a private one is, is not told to other zones
	}
	shared := mintAt(t, us, `{"owner":"baker-7"}`)
	m = assetOf(t, us.do("PUT", "/media/crumbs", bytes.NewReader(picture(4, 3, 8)), header("Authorization", shared.Authorization)))
	if kept := us.manifests.assets[m.MediaID]; kept.Audience != world.Public || kept.Owner != "baker-7" || kept.Zone != "" {
		t.Errorf("%+v", kept)
	}
	if len(us.manifests.jobs) != 2 { // of the public one alone
		t.Errorf("copies of it leave the zone: %+v", us.manifests.jobs)
	}
}

// Who took a photo in may have it deleted under a grant for that one, in its zone,
// and nothing else by it.
func TestAGrantDeletesOnePhoto(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	ring, err := keyring.New(uploadgrant.Purpose, uploadKeys)
	if err != nil {
		t.Fatal(err)
	}
	m, other := us.privately(t, picture(4, 3, 7)), us.privately(t, picture(4, 3, 8))
	good := uploadgrant.Grant{ID: m.MediaID, App: app, Method: uploadgrant.Remove, Expires: noon.Add(time.Minute), MaxBytes: 1, Visibility: world.Private, Zone: "us-east"}
	showing := func(change func(*uploadgrant.Grant)) func(*http.Request) {
		g := good
		change(&g)
		s, err := g.Token(ring)
		if err != nil {
			t.Fatal(err)
		}
		return header("Authorization", uploadgrant.Authorization(s))
	}
	as := showing(func(*uploadgrant.Grant) {})
	at := "/media/" + app + "/" + m.MediaID
	for name, c := range map[string]struct {
		at     *place
		path   string
		shown  func(*http.Request)
		status int
	}{
		"another picture":   {us, "/media/" + app + "/" + other.MediaID, as, 403},
		"for an upload":     {us, at, showing(func(g *uploadgrant.Grant) { g.Method = uploadgrant.Any }), 403},
		"of another app":    {us, at, showing(func(g *uploadgrant.Grant) { g.App = "pies" }), 403},
		"expired":           {us, at, showing(func(g *uploadgrant.Grant) { g.Expires = noon }), 401},
		"of another zone":   {us, at, showing(func(g *uploadgrant.Grant) { g.Zone = "europe" }), 421},
		"shown elsewhere":   {eu, at, as, 421},
		"made up":           {us, at, header("Authorization", uploadgrant.Scheme+" abc.def"), 401},
		"to put one in":     {us, "/media/" + app, as, 405},
		"nothing to delete": {us, "/media/" + app + "/1zzzzzzzzzzzzzzz", showing(func(g *uploadgrant.Grant) { g.ID = "1zzzzzzzzzzzzzzz" }), 404},
	} {
		if w := c.at.do("DELETE", c.path, nil, c.shown); w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
	}
	if w := us.do("PUT", "/media/"+app, bytes.NewReader(picture(4, 3, 7)), as); w.Code != 403 {
		t.Errorf("a picture is put in by it: %d", w.Code)
	}
	if w := us.do("POST", "/media/"+app+"/grants", strings.NewReader(`{"method":"remove","visibility":"private"}`), bearer(token)); w.Code != 400 {
		t.Errorf("a grant that removes nothing: %d %s", w.Code, w.Body)
	}
	var receipts [2]world.Deletion
	for i := range receipts {
		w := us.do("DELETE", at+"?by=shop", nil, as)
		if err := json.Unmarshal(w.Body.Bytes(), &receipts[i]); err != nil || w.Code != 202 || receipts[i].By != "shop" || receipts[i].MediaID != m.MediaID {
			t.Errorf("deleted: %d %s", w.Code, w.Body)
		}
	}
	if receipts[0].Receipt == "" || receipts[0].Receipt != receipts[1].Receipt {
		t.Errorf("receipts %q, %q", receipts[0].Receipt, receipts[1].Receipt)
	}
	if c := us.manifests.changes[len(us.manifests.changes)-2]; c.Deletion == nil || !slices.Contains(c.Purge, world.GroupMedia(app, m.MediaID)) {
		t.Errorf("the change: %+v", c)
	}
}
