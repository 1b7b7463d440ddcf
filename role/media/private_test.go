package media

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/signedurl"
	"meridian/world"
)

// privately uploads a picture that only some may see.
func (p *place) privately(t testing.TB, picture []byte, change ...func(*http.Request)) world.Manifest {
	t.Helper()
	g := mintAt(t, p, `{"visibility":"private","owner":"customer-7"}`)
	change = append(change, header("Authorization", g.Authorization))
	return assetOf(t, p.do("PUT", "/media/"+app+"?name=Erika-Mustermann.png", bytes.NewReader(picture), change...))
}

// signedAddress is where a private picture is shown.
func signedAddress(t testing.TB, m world.Manifest, format imagegrid.Format, until time.Time) string {
	t.Helper()
	return signedCell(t, imagegrid.Request{Private: true, App: m.App, MediaID: m.MediaID, Version: 1, Format: format, Width: 320}, until)
}

func signedCell(t testing.TB, r imagegrid.Request, until time.Time) string {
	t.Helper()
	ring, err := signedurl.New(signedurl.Settings{Keys: uploadKeys, Longest: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	q, err := ring.Sign(r.String(), until)
	if err != nil {
		t.Fatal(err)
	}
	return r.String() + "?" + q
}

func TestAPrivatePictureIsGivenWithASignatureOnly(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	pic := picture(400, 300, 7)
	m := us.privately(t, pic)
	good := signedAddress(t, m, imagegrid.WebP, noon.Add(time.Minute))
	path, query, _ := strings.Cut(good, "?")
	for range 2 { // made, then stored
		w := us.do("GET", good, nil)
		if w.Code != 200 || w.Body.String() != "webp 320x0 of "+shaOf(pic) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for name, want := range map[string]string{
			"Cache-Control": "private, no-store", "CDN-Cache-Control": "max-age=86400, stale-if-error=86400", "Referrer-Policy": "no-referrer",
			"Surrogate-Key": world.GroupMedia(app, m.MediaID) + " " + world.GroupApp(app), "Content-Type": "image/webp",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		for what, bad := range map[string]string{
			"none": path, "cut": good[:len(good)-1], "more": good + "&a=b", "re-pathed": strings.Replace(good, "320x0", "640x0", 1),
			"other format": strings.Replace(good, "/webp/", "/jpeg/", 1), "expired": signedAddress(t, m, imagegrid.WebP, noon),
			"too far": signedAddress(t, m, imagegrid.WebP, noon.Add(25*time.Hour)), "other app": strings.Replace(good, app, app+"x", 1),
		} {
			w := us.do("GET", bad, nil)
			if p := problem(t, w); w.Code != 403 || p.Code != world.CodeForbidden || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("CDN-Cache-Control") != "" {
				t.Errorf("%s: %d %v", what, w.Code, w.Header())
			}
		}
	}
	public := strings.Replace(path, "/private/", "/img/", 1)
	for _, elsewhere := range []string{public, public + "?" + query, "/media/" + app + "/" + m.MediaID + "/manifest"} {
		if w := us.do("GET", elsewhere, nil); w.Code != 404 {
			t.Errorf("%s: %d", elsewhere, w.Code)
		}
	}
	if w := places["eu-central"].do("GET", good, nil); w.Code != 421 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a region of another zone: %d %v", w.Code, w.Header())
	}
}

func TestAPublicPictureHasNoPrivateAddress(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	if w := us.do("GET", signedAddress(t, m, imagegrid.WebP, noon.Add(time.Minute)), nil); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

// Nothing of a private picture is where another zone could have it: not in the
// public store, not in what the catalog carries.
func TestAPrivatePictureStaysAtHome(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	pic := picture(400, 300, 7)
	m, twin := us.privately(t, pic), us.privately(t, pic)
	if w := us.do("GET", signedAddress(t, m, imagegrid.WebP, noon.Add(time.Minute)), nil); w.Code != 200 {
		t.Fatal(w.Code)
	}
	if len(us.objects.objects) != 0 || len(us.resident.objects) != 3 { // two originals, a variant
		t.Errorf("public %d, resident %d", len(us.objects.objects), len(us.resident.objects))
	}
	if len(us.manifests.jobs) != 0 || len(m.Replicas) != 1 || m.Replicas[0].Region != "us-east" {
		t.Errorf("it is to be copied: %v, %v", us.manifests.jobs, m.Replicas)
	}
	if m.Zone != "us-east" || m.Visibility != world.Private {
		t.Errorf("%+v", m)
	}
	row, err := json.Marshal(us.manifests.assets[m.MediaID])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(pic)
	for _, secret := range []string{"Erika", "customer-7", hex.EncodeToString(sum[:]), "#ff"} {
		if bytes.Contains(row, []byte(secret)) {
			t.Errorf("the catalog tells %s: %s", secret, row)
		}
	}
	if m.Versions[0].SHA256 == twin.Versions[0].SHA256 {
		t.Error("the catalog tells that two pictures are the same")
	}
	if w := us.do("GET", "/-/media/"+app+"/"+m.MediaID+"/original?version=1", nil, bearer(key)); w.Code != 404 {
		t.Errorf("the original is handed out: %d", w.Code)
	}
}

func TestAPrivateUploadSentTwiceIsOne(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	g := mintAt(t, us, `{"visibility":"private"}`)
	send := func(p *place, pic []byte) (int, string) {
		w := p.do("PUT", "/media/"+app, bytes.NewReader(pic), header("Authorization", g.Authorization))
		var up uploaded
		_ = json.Unmarshal(w.Body.Bytes(), &up)
		return w.Code, up.MediaID
	}
	_, first := send(us, pic)
	if code, again := send(us, pic); code != 201 || again != first {
		t.Errorf("%d %s, want %s", code, again, first)
	}
	if code, _ := send(us, picture(400, 300, 8)); code != 422 {
		t.Errorf("another picture: %d", code)
	}
	if code, _ := send(eu, pic); code != 421 {
		t.Errorf("in another zone: %d", code)
	}
}

// A grant's zone is where the picture is kept: a region elsewhere does not take it.
func TestAPrivatePictureIsTakenInItsZoneOnly(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	g := mintAt(t, us, `{"visibility":"private","zone":"eu-central"}`)
	if g.Zone != "eu-central" {
		t.Errorf("the grant: %+v", g)
	}
	shown := header("Authorization", g.Authorization)
	if w := us.do("PUT", "/media/"+app, bytes.NewReader(picture(4, 3, 7)), shown); w.Code != 421 || len(us.resident.objects)+len(us.objects.objects) != 0 {
		t.Errorf("another zone takes it: %d %s", w.Code, w.Body)
	}
	if m := assetOf(t, eu.do("PUT", "/media/"+app, bytes.NewReader(picture(4, 3, 7)), shown)); m.Zone != "eu-central" {
		t.Errorf("%+v", m)
	}
	if w := us.do("POST", "/media/"+app+"/grants", strings.NewReader(`{"visibility":"private","zone":"mars"}`), bearer(token)); w.Code != 400 {
		t.Errorf("a zone without a region: %d", w.Code)
	}
}

// A zone with two regions: the second one gets a copy, and while it has none it
// reads the variant from the first. The third region is of another zone.
func TestAPrivatePictureIsCopiedWithinItsZone(t *testing.T) {
	w := testWorld()
	w.Regions[0].Zone, w.Regions[1].Zone = "west", "west"
	places := newPlacesIn(t, w, nil)
	us, eu, ap := places["us-east"], places["eu-central"], places["ap-southeast"]
	pic := picture(400, 300, 7)
	m := us.privately(t, pic)
	if len(us.manifests.jobs) != 1 || us.manifests.jobs[0].Target != "eu-central" {
		t.Fatalf("jobs: %+v", us.manifests.jobs)
	}
	got := eu.do("GET", signedAddress(t, m, imagegrid.JPEG, noon.Add(time.Minute)), nil)
	if got.Code != 200 || got.Body.String() != "jpeg 320x0 of "+shaOf(pic) || us.pictures.made() != 1 || eu.pictures.made() != 0 {
		t.Fatalf("read through: %d %s", got.Code, got.Body)
	}
	job := us.manifests.jobs[0]
	if err := us.Replicate(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if _, ok := eu.resident.get(originalKey(m.Versions[0].SHA256)); !ok || len(eu.objects.objects) != 0 {
		t.Error("the copy is not in the resident store")
	}
	got = eu.do("GET", signedAddress(t, m, imagegrid.WebP, noon.Add(time.Minute)), nil)
	if got.Code != 200 || got.Body.String() != "webp 320x0 of "+shaOf(pic) || eu.pictures.made() != 1 {
		t.Errorf("from the copy: %d %s", got.Code, got.Body)
	}
	job.Target = "ap-southeast"
	if err := us.Replicate(t.Context(), job); !world.Is(err, world.CodeUnprocessed) {
		t.Errorf("a job out of the zone: %v", err)
	}
	stored, _ := us.resident.get(originalKey(m.Versions[0].SHA256))
	if err := us.peers.PushOriginal(t.Context(), "ap-southeast", m.MediaID, m.Versions[0].SHA256, bytes.NewReader(stored), fromWhole, 0); !world.Is(err, world.CodeMisdirected) {
		t.Errorf("a push out of the zone: %v", err)
	}
	if len(ap.resident.objects)+len(ap.objects.objects) != 0 {
		t.Error("bytes have left the zone")
	}
}
