package media

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meridian/world"
)

// claimID is the media id that a region gives to the tests' key.
func (p *place) claimID(region string) string {
	r, _ := p.world.RegionByID(region)
	return p.idsOf(r.Number, app, "key same")[0]
}

func (p *place) putKeyed(pic []byte) *httptest.ResponseRecorder {
	return p.do("PUT", "/media/"+app+"?name=cake.png", bytes.NewReader(pic), bearer(token), header("Idempotency-Key", "same"))
}

// The same upload arrives in all regions at moments of every order, and again
// until it is taken: it becomes one asset.
func TestOneKeyInManyRegionsIsOneAsset(t *testing.T) {
	pic := picture(40, 30, 7)
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 0))
			moment := func() {
				mu.Lock()
				d := time.Duration(random.IntN(20)) * time.Millisecond
				mu.Unlock()
				time.Sleep(d)
			}
			places := newPlaces(t, nil)
			ids := map[string]bool{}
			var all sync.WaitGroup
			for _, p := range places {
				p.peers.delay, p.manifests.lagging = moment, true
				for range 2 {
					all.Go(func() {
						moment()
						for try := 0; ; try++ {
							w := p.putKeyed(pic)
							if w.Code == http.StatusCreated {
								var up uploaded
								if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil {
									t.Error(err)
								}
								mu.Lock()
								ids[up.MediaID] = true
								mu.Unlock()
								return
							}
							if w.Code != http.StatusTooManyRequests || try > 100 {
								t.Errorf("seed %d: %d %s", seed, w.Code, w.Body)
								return
							}
							time.Sleep(25 * time.Millisecond)
							moment()
						}
					})
				}
			}
			all.Wait()
			made := 0
			for _, p := range places {
				made += len(p.manifests.assets)
				if len(p.claims.all) != 0 {
					t.Errorf("seed %d: claims are left in %s", seed, p.id)
				}
			}
			if made != 1 || len(ids) != 1 {
				t.Errorf("seed %d: %d assets were made, told of as %v", seed, made, ids)
			}
		})
	}
}

// Of two regions that claim at once the lower number goes first, at whatever
// moment either asks; one that makes the asset is not overtaken.
func TestWhoGoesFirst(t *testing.T) {
	var c claims
	own := c.enter("a/x")
	if c.inTheWay("a/y", 2, 1) {
		t.Error("in the way of another key")
	}
	if !c.inTheWay("a/x", 2, 3) || own.yielded {
		t.Error("gave way to a higher number")
	}
	if c.inTheWay("a/x", 2, 1) || c.make(own) {
		t.Error("did not give way to a lower number")
	}
	c.leave("a/x", own)
	own = c.enter("a/x")
	if !c.make(own) || !c.inTheWay("a/x", 2, 1) || !c.make(own) {
		t.Error("was overtaken")
	}
	if c.enter("a/x") != own {
		t.Error("two claims of one key in one region")
	}
	c.leave("a/x", own)
	if !c.inTheWay("a/x", 2, 1) {
		t.Error("the first to end took the other's claim")
	}
	c.leave("a/x", own)
	if c.inTheWay("a/x", 2, 1) || len(c.all) != 0 {
		t.Error("a claim outlives its uploads")
	}
}

// A region that was cut off when the answer was lost does not make it again once
// it can ask, however far its replicas are behind.
func TestAnUploadRepeatedElsewhereIsAskedFor(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	us.manifests.lagging = true
	pic := picture(40, 30, 7)
	first := us.putKeyed(pic)
	again := eu.putKeyed(pic)
	if first.Code != 201 || again.Code != 201 || len(eu.manifests.assets) != 0 {
		t.Fatalf("%d, then %d %s", first.Code, again.Code, again.Body)
	}
	var up uploaded
	if err := json.Unmarshal(again.Body.Bytes(), &up); err != nil || up.MediaID != us.claimID("us-east") {
		t.Errorf("%+v, %v", up, err)
	}
	if w := eu.putKeyed(picture(40, 30, 8)); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another picture by the same key: %d %s", w.Code, w.Body)
	}
	if len(us.manifests.confirmed) == 0 {
		t.Error("told of before the database's standby had it for certain")
	}
}

// A cut does not refuse an upload: then two regions may make two assets of it.
func TestARegionOutOfReachIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		places := newPlaces(t, nil)
		eu := places["eu-central"]
		eu.peers.cut["us-east"], eu.manifests.lagging = true, true
		if w := eu.putKeyed(picture(40, 30, 7)); w.Code != 201 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		ap := places["ap-southeast"]
		ap.peers.wait = make(chan struct{}) // nobody answers
		began := time.Now()
		if w := ap.putKeyed(picture(40, 30, 7)); w.Code != 201 || time.Since(began) != ap.cfg.Limits.Claim {
			t.Errorf("%d after %v", w.Code, time.Since(began))
		}
	})
}

func TestOnlyRolesClaim(t *testing.T) {
	eu := newPlaces(t, nil)["eu-central"]
	id := eu.claimID("eu-central")
	for path, status := range map[string]int{
		"/-/media/crumbs/" + id + "/claim?by=us-east":    404, // it may
		"/-/media/crumbs/" + id + "/claim?by=eu-central": 400,
		"/-/media/crumbs/" + id + "/claim":               400,
		"/-/media/crumbs/il/claim?by=us-east":            400,
		"/-/media/other/" + id + "/claim?by=us-east":     404,
		"/media/crumbs/" + id + "/claim?by=us-east":      404,
	} {
		if w := eu.do("POST", path, nil, bearer(key)); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if w := eu.do("POST", path, nil, bearer(token)); strings.HasPrefix(path, "/-/") && w.Code != 401 {
			t.Errorf("%s by the upload token: %d", path, w.Code)
		}
	}
	own := eu.claims.enter(claimName(app, id))
	if w := eu.do("POST", "/-/media/crumbs/"+id+"/claim?by=ap-southeast", nil, bearer(key)); w.Code != 429 || own.yielded {
		t.Errorf("a lower number is in the way: %d", w.Code)
	}
	if w := eu.do("POST", "/-/media/crumbs/"+id+"/claim?by=us-east", nil, bearer(key)); w.Code != 404 || !own.yielded {
		t.Errorf("a higher number gives way: %d", w.Code)
	}
}

// An acknowledgement waits for the database's standby, also that of an upload that
// was committed before.
func TestWhatTheStandbyLacksIsNotAcknowledged(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(40, 30, 7)
	if w := us.putKeyed(pic); w.Code != 201 {
		t.Fatal(w.Code)
	}
	us.manifests.unconfirmed = world.E(world.CodeUnavailable, "test", "")
	if w := us.putKeyed(pic); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
