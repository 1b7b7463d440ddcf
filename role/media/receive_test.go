package media

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meridian/world"
)

// resuming has every copy that these tests make go on.
func resuming(c *Config) { c.Limits.ResumeFrom = 1 }

// count reads a counter by the values of its labels, in the order of their names.
func count(c prometheus.Collector, labels ...string) (n float64) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if slices.Equal(values, labels) {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

func TestACopyThatWasCutGoesOnFromWhatHasArrived(t *testing.T) {
	for _, private := range []bool{false, true} {
		w := testWorld()
		w.Regions[0].Zone, w.Regions[1].Zone = "west", "west"
		places := newPlacesIn(t, w, resuming)
		us, eu := places["us-east"], places["eu-central"]
		pic := picture(400, 300, 7)
		var m world.Manifest
		from, to := us.objects, eu.objects
		if private {
			m, from, to = us.privately(t, pic), us.resident, eu.resident
		} else {
			m = us.put(t, pic)
		}
		sha := m.Newest().SHA256
		stored, _ := from.get(originalKey(sha))
		job := jobFor(us, "eu-central")
		us.peers.cutAfter = int64(len(stored))/3 + 1
		for range 2 {
			if err := us.Replicate(t.Context(), job); err == nil {
				t.Fatal("a copy that was cut was thought whole")
			}
			if _, ok := to.get(originalKey(sha)); ok {
				t.Fatal("half an original is in its place")
			}
			if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaPending || r.Error == "" {
				t.Errorf("%+v", r)
			}
		}
		us.peers.cutAfter = 0
		if err := us.Replicate(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if got, _ := to.get(originalKey(sha)); !bytes.Equal(got, stored) {
			t.Errorf("private %v: other bytes have arrived", private)
		}
		if n := count(us.metrics.bytes, "pushed"); n != float64(len(stored)) {
			t.Errorf("private %v: %v bytes were sent of %d", private, n, len(stored))
		}
		if n := count(eu.metrics.bytes, "received"); n != float64(len(stored)) {
			t.Errorf("private %v: %v bytes were received of %d", private, n, len(stored))
		}
		if len(to.stages) != 0 {
			t.Errorf("private %v: parts are left", private)
		}
		if r := us.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaCopied || r.VerifiedAt.IsZero() {
			t.Errorf("%+v", r)
		}
		// What is held already is not sent again.
		if err := us.Replicate(t.Context(), job); err != nil || count(us.metrics.bytes, "pushed") != float64(len(stored)) {
			t.Errorf("%v, %v bytes were sent", err, count(us.metrics.bytes, "pushed"))
		}
	}
}

// All has arrived, and the target's power went before it was an original.
func TestACopyThatOnlyHasToBeFinished(t *testing.T) {
	places := newPlaces(t, resuming)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	us.put(t, pic)
	if _, err := eu.objects.Append(t.Context(), copyStage(shaOf(pic)), 0, bytes.NewReader(pic), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	if got, _ := eu.objects.get(originalKey(shaOf(pic))); !bytes.Equal(got, pic) || count(us.metrics.bytes, "pushed") != 0 {
		t.Errorf("%d bytes are there, %v were sent", len(got), count(us.metrics.bytes, "pushed"))
	}
}

// What arrived first is not what the source has: it is thrown away, and all comes
// anew.
func TestPartsThatAreDamagedAreNotGoneOnWith(t *testing.T) {
	places := newPlaces(t, resuming)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	us.put(t, pic)
	bad := bytes.Clone(pic[:16])
	bad[5] ^= 1
	if _, err := eu.objects.Append(t.Context(), copyStage(shaOf(pic)), 0, bytes.NewReader(bad), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	if got, _ := eu.objects.get(originalKey(shaOf(pic))); !bytes.Equal(got, pic) || len(eu.objects.stages) != 0 {
		t.Errorf("%d of %d bytes, stages %v", len(got), len(pic), eu.objects.stages)
	}
}

func TestASmallOriginalIsSentInOnePiece(t *testing.T) {
	pic := picture(400, 300, 7)
	for from, asked := range map[int64]int{int64(len(pic)) + 1: 1, int64(len(pic)): 2} {
		places := newPlaces(t, func(c *Config) { c.Limits.ResumeFrom = from })
		us := places["us-east"]
		us.put(t, pic)
		if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
			t.Fatal(err)
		}
		if len(us.peers.asked) != asked {
			t.Errorf("from %d on of %d: asked %v", from, len(pic), us.peers.asked)
		}
	}
}

func TestWhatIsNoRestOfAnOriginalIsRefused(t *testing.T) {
	pic := picture(4, 3, 7)
	n := len(pic)
	for query, status := range map[string]int{
		fmt.Sprintf("from=0&size=%d", n):   204,
		fmt.Sprintf("from=1&size=%d", n):   409, // nothing has arrived before it
		fmt.Sprintf("from=0&size=%d", n+1): 400, // it ends early
		fmt.Sprintf("from=0&size=%d", n-1): 413,
		fmt.Sprintf("from=0&size=%d", n+9): 413, // more than is taken
		"from=0":                           400,
		"from=-1&size=5":                   400,
		"from=6&size=5":                    400,
		"from=0&size=0":                    400,
		"from=x&size=5":                    400,
	} {
		eu := newPlaces(t, func(c *Config) { c.Limits.MaxBytes = int64(n + 5) })["eu-central"]
		w := eu.do("PUT", "/-/media/originals/"+shaOf(pic)+"?"+query, bytes.NewReader(pic), bearer(key))
		if w.Code != status {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
		if _, ok := eu.objects.get(originalKey(shaOf(pic))); ok != (status == 204) {
			t.Errorf("%s: stored: %v", query, ok)
		}
	}
}

func TestWhatHasArrivedIsToldToRolesAlone(t *testing.T) {
	places := newPlaces(t, resuming)
	us, eu := places["us-east"], places["eu-central"]
	private := us.privately(t, picture(4, 3, 7))
	sha := shaOf(nil)
	for path, status := range map[string]int{
		"/-/media/originals/" + sha + "/arrived":                                200,
		"/-/media/originals/" + strings.ToUpper(sha) + "/arrived":               400,
		"/-/media/originals/" + sha + "/other":                                  404,
		"/-/media/resident/" + private.MediaID + "/" + sha + "/arrived":         421, // of another zone
		"/-/media/resident/" + private.MediaID + "/" + sha + "/arrived/further": 404,
	} {
		if w := eu.do("GET", path, nil, bearer(key)); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w := eu.do("GET", path, nil, bearer(token)); status != 404 && w.Code != 401 {
			t.Errorf("%s by the upload token: %d", path, w.Code)
		}
	}
}

// A sender that has gone silent is given up after limits.silence, and one that
// goes on for ever after limits.upload.
func TestASilentSenderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us := newPlaces(t, nil)["us-east"]
		us.now = time.Now
		began := time.Now()
		var at []time.Duration
		body := us.heard(deadlines{func(d time.Time) { at = append(at, d.Sub(began)) }}, strings.NewReader("three bytes"))
		for range 3 {
			time.Sleep(us.cfg.Limits.Upload/2 - time.Second)
			if _, err := body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		half := us.cfg.Limits.Upload/2 - time.Second
		want := []time.Duration{half + us.cfg.Limits.Silence, us.cfg.Limits.Upload, us.cfg.Limits.Upload}
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("deadlines after %v, want %v", at, want)
		}
	})
}

type deadlines struct{ set func(time.Time) }

func (d deadlines) SetReadDeadline(t time.Time) error { d.set(t); return nil }
func (d deadlines) Header() http.Header               { return nil }
func (d deadlines) Write(p []byte) (int, error)       { return len(p), nil }
func (d deadlines) WriteHeader(int)                   {}

// A deletion takes the parts of a copy that is under way too.
func TestADeletionTakesWhatHasArrived(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(4, 3, 7)
	m := us.put(t, pic)
	us.deleted(t, m, noon)
	eu.objects.objects["uploads/"+copyStage(shaOf(pic))+"/0000000000000000"] = pic
	removed, err := eu.removeHere(t.Context(), app, m.MediaID, map[string]bool{shaOf(pic): true})
	if err != nil || removed.Objects != 1 || len(eu.objects.objects) != 0 {
		t.Errorf("%+v, %v, left: %d", removed, err, len(eu.objects.objects))
	}
}
