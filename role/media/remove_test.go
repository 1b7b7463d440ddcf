package media

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"meridian/world"
)

// deleted deletes an asset as its owner's request does.
func (p *place) deleted(t *testing.T, m world.Manifest, at time.Time) {
	t.Helper()
	_, _, err := p.manifests.Change(t.Context(), app, m.MediaID, func(to *world.Manifest) (world.AssetChange, error) {
		to.DeletedAt = at
		return world.AssetChange{Deletion: &world.Deletion{Receipt: m.MediaID, App: app, MediaID: m.MediaID, By: "owner", At: at, Removals: []world.Removal{}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestADeletedPictureGoesFromEveryRegion(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(400, 300, 7)
	m := us.put(t, pic)
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	kept := us.put(t, picture(400, 300, 8))
	for _, p := range []*place{us, eu} {
		for _, of := range []world.Manifest{m, kept} {
			if w := p.do("GET", imageURL(of, "webp"), nil); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
	}
	us.objects.objects[quarantine+shaOf(pic)] = []byte("damaged")
	us.deleted(t, m, noon)
	job := RemoveJob{App: app, MediaID: m.MediaID, Target: "us-east"}
	if err := us.Remove(t.Context(), job); !world.Is(err, world.CodeBusy) || len(us.upkeep.removals) != 0 {
		t.Fatalf("before its time: %v", err)
	}
	us.deleted(t, m, noon.Add(-us.cfg.Care.DeleteAfter))
	for target, want := range map[string]int64{"us-east": 3, "eu-central": 2, "ap-southeast": 0} {
		job.Target = target
		if err := us.Remove(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		r := us.upkeep.removals[len(us.upkeep.removals)-1]
		if r.Region != target || r.State != world.RemovalRemoved || r.Objects != want || (r.Bytes > 0) != (want > 0) || !r.At.Equal(noon) {
			t.Errorf("%s: %+v", target, r)
		}
	}
	for _, p := range places {
		for key := range p.objects.objects {
			if key == originalKey(shaOf(pic)) || key == "variants/crumbs/"+m.MediaID+"/v1/webp/320x0" || key == quarantine+shaOf(pic) {
				t.Errorf("%s: %s is there", p.id, key)
			}
		}
		if w := p.do("GET", imageURL(kept, "webp"), nil); w.Code != 200 {
			t.Errorf("another's picture: %d", w.Code)
		}
	}
}

func TestAnOriginalThatAnotherAssetHasStays(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	pic := picture(400, 300, 7)
	m, other := us.put(t, pic), us.put(t, pic)
	us.deleted(t, m, noon.Add(-time.Hour))
	job := RemoveJob{App: app, MediaID: m.MediaID, Target: "us-east"}
	if err := us.Remove(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if w := us.do("GET", imageURL(other, "webp"), nil); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	us.deleted(t, other, noon.Add(-time.Hour))
	job.MediaID = other.MediaID
	if err := us.Remove(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if len(us.objects.objects) != 0 {
		t.Errorf("there is still %v", us.objects.objects)
	}
}

func TestARegionThatIsAwayIsToldInTheReceipt(t *testing.T) {
	places := newPlaces(t, nil)
	us := places["us-east"]
	m := us.put(t, picture(400, 300, 7))
	us.deleted(t, m, noon.Add(-time.Hour))
	us.peers.cut["eu-central"] = true
	for _, last := range []bool{false, true} {
		err := us.Remove(t.Context(), RemoveJob{App: app, MediaID: m.MediaID, Target: "eu-central", Last: last})
		r := us.upkeep.removals[len(us.upkeep.removals)-1]
		want := map[bool]world.RemovalState{false: world.RemovalPending, true: world.RemovalFailed}[last]
		if !world.Is(err, world.CodeUnavailable) || r.State != want || r.Error == "" {
			t.Errorf("last %v: %v, %+v", last, err, r)
		}
	}
	w := us.do("GET", "/media/"+app+"/receipts/"+m.MediaID, nil, bearer(token))
	var got struct {
		MediaID string `json:"media_id"`
		Done    bool   `json:"done"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil || got.MediaID != m.MediaID {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := us.do("GET", "/media/"+app+"/receipts/"+m.MediaID, nil); w.Code != 401 {
		t.Errorf("without the token: %d", w.Code)
	}
}

func TestAnAssetThatIsDeletedIsNotCopiedAnyMore(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	job := jobFor(us, "eu-central")
	us.deleted(t, m, noon)
	if err := us.Replicate(t.Context(), job); err != nil {
		t.Error(err)
	}
	if r := us.manifests.replica(m.MediaID, "eu-central"); len(eu.objects.objects) != 0 || r.State != world.ReplicaPending {
		t.Errorf("%+v, %d objects", r, len(eu.objects.objects))
	}
}

// A region whose catalog lags behind keeps the bytes, and says so, until it has
// heard of the deletion: it would take them for somebody's.
func TestARemovalWaitsUntilItsRegionHasHeard(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	if err := us.Replicate(t.Context(), jobFor(us, "eu-central")); err != nil {
		t.Fatal(err)
	}
	stale := eu.manifests
	stale.assets[m.MediaID] = m // what eu's replica goes on telling
	us.deleted(t, m, noon.Add(-time.Hour))
	job := RemoveJob{App: app, MediaID: m.MediaID, Target: "eu-central"}
	if err := us.Remove(t.Context(), job); !world.Is(err, world.CodeBusy) {
		t.Errorf("it has not heard: %v", err)
	}
	if r := us.upkeep.removals[len(us.upkeep.removals)-1]; r.State != world.RemovalPending || r.Error == "" {
		t.Errorf("the receipt says %+v", r)
	}
	delete(stale.assets, m.MediaID)
	if err := us.Remove(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if r := us.upkeep.removals[len(us.upkeep.removals)-1]; r.State != world.RemovalRemoved || r.Objects != 1 || len(eu.objects.objects) != 0 {
		t.Errorf("%+v, %d objects", r, len(eu.objects.objects))
	}
	job.MediaID = m.MediaID[:15] + "z"
	if _, err := us.removeHere(t.Context(), app, job.MediaID, nil); !world.Is(err, world.CodeBusy) {
		t.Errorf("of an asset that nobody has heard of: %v", err)
	}
}

// What is made of a picture while it is being deleted does not stay.
func TestNothingThatIsMadeDuringADeletionStays(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	us.deleted(t, m, noon.Add(-time.Hour))
	if err := us.Remove(t.Context(), RemoveJob{App: app, MediaID: m.MediaID, Target: "us-east"}); err != nil {
		t.Fatal(err)
	}
	// These were begun before, and end only now.
	key := "variants/crumbs/" + m.MediaID + "/v1/webp/320x0"
	if err := us.keepDerived(t.Context(), m, key, []byte("late")); err != nil {
		t.Error(err)
	}
	eu.keep(t.Context(), m, m.Newest(), picture(400, 300, 7))
	for _, p := range places {
		if len(p.objects.objects) != 0 {
			t.Errorf("%s keeps %v", p.id, p.objects.objects)
		}
	}
	other := us.put(t, picture(400, 300, 7))
	eu.keep(t.Context(), m, m.Newest(), picture(400, 300, 7))
	if _, ok := eu.objects.get(originalKey(other.Newest().SHA256)); !ok {
		t.Error("an original that another asset has went with it")
	}
	us.upkeep.fail, us.manifests.fail = nil, world.E(world.CodeUnavailable, "test", "")
	if err := us.keepDerived(t.Context(), other, key, []byte("late")); !world.Is(err, world.CodeUnavailable) || len(us.objects.objects) != 1 {
		t.Errorf("while it cannot be told: %v, %d objects", err, len(us.objects.objects))
	}
}

// A version that comes too late for its asset leaves no bytes behind.
func TestAVersionOfAnAssetThatIsDeletedMeanwhile(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	us.manifests.before = func() { us.manifests.deleteNow(m.MediaID, noon) }
	w := us.do("POST", "/media/"+app+"/"+m.MediaID+"/versions", bytes.NewReader(picture(400, 300, 9)), bearer(token))
	if _, ok := us.objects.get(originalKey(shaOf(picture(400, 300, 9)))); w.Code != 404 || ok {
		t.Errorf("%d %s, its original is there: %v", w.Code, w.Body, ok)
	}
}

// A version whose original a removal took away between its bytes and its row has
// its original all the same.
func TestAVersionOutlivesTheDeletionOfTheSameOriginal(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(400, 300, 9)
	m := us.put(t, picture(400, 300, 7))
	us.manifests.before = func() { us.objects.drop(originalKey(shaOf(pic))) }
	w := us.do("POST", "/media/"+app+"/"+m.MediaID+"/versions", bytes.NewReader(pic), bearer(token))
	if w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if _, ok := us.objects.get(originalKey(shaOf(pic))); !ok {
		t.Error("it is gone")
	}
	us.manifests.before = nil
	again := func(r *http.Request) { r.Header.Set("Idempotency-Key", "a-key-of-22-characters") }
	for range 2 {
		w = us.do("PUT", "/media/"+app+"?name=a.png", bytes.NewReader(pic), bearer(token), again)
		if _, ok := us.objects.get(originalKey(shaOf(pic))); w.Code != 201 || !ok {
			t.Errorf("sent again: %d %s, there: %v", w.Code, w.Body, ok)
		}
		us.objects.drop(originalKey(shaOf(pic)))
	}
}
