package media

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

const judgeToken = "moderation-token"

func moderated(mode ModerationMode) func(*Config) {
	return func(c *Config) {
		c.Moderation.Mode, c.Moderation.Token = mode, judgeToken
		c.Moderation.Hook.URL, c.Moderation.Hook.Secret = "https://hook.test/", "whsec_"
	}
}

func judged(p *place, m world.Manifest, body string) *httptest.ResponseRecorder {
	return p.do("POST", "/media/crumbs/"+m.MediaID+"/moderation", strings.NewReader(body), bearer(judgeToken))
}

// seen is how an outsider, and one who holds the token, see an asset.
func seen(t testing.TB, p *place, m world.Manifest) (picture, manifest, preview int) {
	t.Helper()
	for path, status := range map[string]*int{imageURL(m, "webp"): &picture, "/media/crumbs/" + m.MediaID + "/manifest": &manifest} {
		w := p.do("GET", path, nil)
		if *status = w.Code; w.Code != 200 && (w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), m.Name)) {
			t.Errorf("%s: %d is kept by caches: %s %s", path, w.Code, w.Header().Get("Cache-Control"), w.Body)
		}
	}
	return picture, manifest, p.do("GET", "/media/crumbs/"+m.MediaID+"/preview", nil, bearer(token)).Code
}

func TestAPictureIsShownToNobodyUntilAPersonApprovesIt(t *testing.T) {
	places := newPlaces(t, moderated(ModerateQueue))
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	if m.Visibility != world.Withheld || m.Moderation.State != world.ModerationPending || len(us.manifests.jobs) != 0 || len(m.Versions) != 1 {
		t.Errorf("%+v, %d copies", m, len(us.manifests.jobs))
	}
	for _, p := range places {
		if a, b, c := seen(t, p, m); a != 404 || b != 404 || c != 200 {
			t.Errorf("%s: picture %d, manifest %d, preview %d", p.id, a, b, c)
		}
	}
	if n := us.objects.puts; n != 1 {
		t.Errorf("%d objects: a preview was kept", n)
	}
	if w := us.do("GET", "/media/crumbs?moderation=pending", nil, bearer(token)); !strings.Contains(w.Body.String(), m.MediaID) {
		t.Errorf("not in the queue: %s", w.Body)
	}
	if err := us.Judge(t.Context(), JudgeJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil || len(us.judges.asked)+len(us.manifests.changes) != 0 {
		t.Errorf("somebody else decided: %v", err)
	}
	w := judged(eu, m, `{"state":"approved","by":"otto","reason":"a cake"}`) // from wherever the person is
	if got := wantVersion(t, w, 200).Manifest; got.Moderation.By != "otto" || got.Moderation.Reason != "a cake" || !got.Moderation.At.Equal(noon) {
		t.Errorf("%+v", got.Moderation)
	}
	c := us.manifests.changes[0]
	if len(c.Replicas) != 3 || c.Decisions[0].By != "otto" || !slices.Equal(c.Purge, []string{world.GroupAlias(app, m.MediaID)}) {
		t.Errorf("change %+v", c)
	}
	if a, b, c := seen(t, us, m); a != 200 || b != 200 || c != 200 {
		t.Errorf("approved: picture %d, manifest %d, preview %d", a, b, c)
	}
	if w := us.do("GET", "/media/crumbs?moderation=pending", nil, bearer(token)); strings.Contains(w.Body.String(), m.MediaID) {
		t.Errorf("still in the queue: %s", w.Body)
	}
}

func TestAWithheldPictureIsNotServedFromTheStoreEither(t *testing.T) {
	places := newPlaces(t, moderated(ModerateQueue))
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	wantVersion(t, judged(us, m, `{"state":"approved","by":"otto"}`), 200)
	for _, p := range []*place{us, eu} {
		if a, _, _ := seen(t, p, m); a != 200 || len(p.objects.objects) == 0 {
			t.Fatalf("%s: %d", p.id, a)
		}
	}
	wantVersion(t, judged(us, m, `{"state":"withheld","by":"otto","reason":"not a cake"}`), 200)
	if c := us.manifests.changes[1]; !slices.Equal(c.Purge, []string{world.GroupMedia(app, m.MediaID), world.GroupAlias(app, m.MediaID)}) || len(c.Replicas) > 1 {
		t.Errorf("change %+v", c)
	}
	for _, p := range places {
		if a, b, c := seen(t, p, m); a != 404 || b != 404 || c != 200 {
			t.Errorf("%s: picture %d, manifest %d, preview %d", p.id, a, b, c)
		}
	}
	if w := us.do("GET", "/-/media/crumbs/"+m.MediaID+"/original?version=1", nil, bearer(key)); w.Code != 404 {
		t.Errorf("its original is handed out: %d", w.Code)
	}
}

// A replica that has not heard of it yet must not show what is withheld to a
// tier that has been told to forget it.
func TestADemandedPositionIsKept(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	demand := func(r *http.Request) { r.Header.Set(world.HeaderMinPosition, "catalog-us-east@1:0/65") }
	stale := m
	if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 200 { // a stored variant is here from now on
		t.Fatal(w.Code)
	}
	us.manifests.change(m.MediaID, func(m *world.Manifest) {
		m.Moderation.State, m.Visibility = world.ModerationWithheld, world.Withheld
	})
	eu.manifests.assets[m.MediaID], us.manifests.lagging = stale, true // what eu's replica still says
	if w := eu.do("GET", imageURL(m, "webp"), nil); w.Code != 200 {
		t.Fatalf("the replica is not behind: %d", w.Code)
	}
	for _, path := range []string{imageURL(m, "webp"), "/media/crumbs/" + m.MediaID + "/manifest", "/media/" + m.MediaID + "/manifest"} {
		if w := eu.do("GET", path, nil, demand); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	eu.peers.cut["us-east"] = true
	if w := eu.do("GET", imageURL(m, "webp"), nil, demand); w.Code != 503 {
		t.Errorf("nobody knows: %d", w.Code)
	}
	if w := eu.do("GET", imageURL(m, "webp"), nil, func(r *http.Request) { r.Header.Set(world.HeaderMinPosition, "?") }); w.Code != 400 {
		t.Errorf("no position: %d", w.Code)
	}
}

func TestAReplacementIsNotShownUntilItIsApproved(t *testing.T) {
	us := newPlaces(t, moderated(ModerateQueue))["us-east"]
	m := us.put(t, picture(400, 300, 7))
	wantVersion(t, judged(us, m, `{"state":"approved","by":"otto"}`), 200)
	replace := func(shade uint8) uploaded {
		w := us.do("POST", "/media/crumbs/"+m.MediaID+"/versions", strings.NewReader(string(picture(40, 30, shade))), bearer(token))
		return wantVersion(t, w, 201)
	}
	status := func(n string) int {
		return us.do("GET", "/img/crumbs/"+m.MediaID+"/"+n+"/webp/320x0", nil).Code
	}
	up := replace(8)
	if up.Version != 2 || up.Manifest.Current != 1 || up.Manifest.Visibility != world.Public || status("v1") != 200 || status("v2") != 404 {
		t.Errorf("%+v, v1 %d, v2 %d", up.Manifest, status("v1"), status("v2"))
	}
	if c := us.manifests.changes[1]; len(c.Replicas) != 1 {
		t.Errorf("what nobody has judged is copied: %+v", c.Replicas)
	}
	var out world.Manifest
	w := us.do("GET", "/media/crumbs/"+m.MediaID+"/manifest", nil)
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || len(out.Versions) != 1 {
		t.Errorf("outsiders are told: %s", w.Body)
	}
	wantVersion(t, judged(us, m, `{"state":"withheld","version":2,"by":"otto"}`), 200)
	if replace(9); status("v1") != 200 || status("v2") != 404 {
		t.Errorf("v1 %d, v2 %d", status("v1"), status("v2"))
	}
	got := wantVersion(t, judged(us, m, `{"state":"approved","version":3,"by":"otto"}`), 200).Manifest
	if got.Current != 3 || status("v3") != 200 || got.Moderation.By != "otto" {
		t.Errorf("current %d, v3 %d", got.Current, status("v3"))
	}
	// Without the version that is shown, the newest other one is.
	if got := wantVersion(t, judged(us, m, `{"state":"withheld","version":3,"by":"eve"}`), 200).Manifest; got.Current != 1 || got.Visibility != world.Public {
		t.Errorf("%+v", got)
	}
	if got := wantVersion(t, judged(us, m, `{"state":"withheld","version":1,"by":"eve"}`), 200).Manifest; got.Visibility != world.Withheld || got.Moderation.By != "eve" {
		t.Errorf("%+v", got)
	}
	if got := wantVersion(t, judged(us, m, `{"state":"approved","by":"otto"}`), 200).Manifest; got.Visibility != world.Public || got.Current != 1 {
		t.Errorf("all is forgiven: %+v", got)
	}
}

func TestTheHookDecides(t *testing.T) {
	for verdict, want := range map[Verdict]world.ModerationState{
		VerdictApprove: world.ModerationApproved, VerdictWithhold: world.ModerationWithheld, VerdictReview: world.ModerationPending,
	} {
		us := newPlaces(t, moderated(ModerateHook))["us-east"]
		m := us.put(t, picture(400, 300, 7))
		us.judges.verdict, us.judges.reason = verdict, "because\n"+strings.Repeat("é", world.MaxModeratedWhy)
		if err := us.Judge(t.Context(), JudgeJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil {
			t.Fatal(err)
		}
		got := us.manifests.assets[m.MediaID].Moderation
		if got.State != want || got.By != "hook" || !strings.HasPrefix(got.Reason, "because ") || len(got.Reason) > world.MaxModeratedWhy {
			t.Errorf("%s: %+v", verdict, got)
		}
		q := us.judges.asked[0]
		if q.ID != m.MediaID+".v1" || q.Name != "cake.png" || q.Version.SHA256 != m.Versions[0].SHA256 || !strings.HasPrefix(string(q.Preview), "jpeg 640x0") {
			t.Errorf("asked %+v", q)
		}
		// It is not asked again once somebody has decided.
		us.judges.asked = nil
		wantVersion(t, judged(us, m, `{"state":"approved","by":"otto"}`), 200)
		if err := us.Judge(t.Context(), JudgeJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil || len(us.judges.asked) != 0 {
			t.Errorf("%v, asked %d times more", err, len(us.judges.asked))
		}
	}
}

func TestAHookThatFailsIsAskedAgain(t *testing.T) {
	us := newPlaces(t, moderated(ModerateHook))["us-east"]
	m := us.put(t, picture(400, 300, 7))
	job := JudgeJob{App: app, MediaID: m.MediaID, Version: 1}
	us.judges.err = world.E(world.CodeTimeout, "test", "")
	if err := us.Judge(t.Context(), job); !world.Is(err, world.CodeTimeout) {
		t.Errorf("%v", err)
	}
	us.judges.err, us.judges.verdict = nil, "perhaps"
	if err := us.Judge(t.Context(), job); !world.Is(err, world.CodeBadUpstream) || len(us.manifests.changes) != 0 {
		t.Errorf("%v", err)
	}
	// A person was faster than the hook: its verdict comes too late.
	d := world.Moderation{State: world.ModerationWithheld, By: "otto"}
	if _, _, err := us.judge(t.Context(), app, m.MediaID, 1, d, false); err != nil {
		t.Fatal(err)
	}
	d.State, d.By = world.ModerationApproved, "hook"
	if _, _, err := us.judge(t.Context(), app, m.MediaID, 1, d, true); err != nil || us.manifests.assets[m.MediaID].Moderation.By != "otto" {
		t.Errorf("%v, %+v", err, us.manifests.assets[m.MediaID].Moderation)
	}
}

// A job that was left from another mode is done by the one of now.
func TestTheAutomaticModeApprovesWhatWasLeft(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	m := us.put(t, picture(400, 300, 7))
	us.manifests.change(m.MediaID, func(m *world.Manifest) {
		m.Moderation.State, m.Visibility, m.Versions[0].Moderation = world.ModerationPending, world.Withheld, world.ModerationPending
	})
	if err := us.Judge(t.Context(), JudgeJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil || us.manifests.assets[m.MediaID].Visibility != world.Public {
		t.Errorf("%v", err)
	}
}

func TestDecisionsThatCannotBe(t *testing.T) {
	us := newPlaces(t, moderated(ModerateQueue))["us-east"]
	m := us.put(t, picture(400, 300, 7))
	for body, status := range map[string]int{
		`{}`: 400, `{"state":"maybe","by":"o"}`: 400, `{"state":"approved"}`: 400,
		`{"state":"approved","by":"` + strings.Repeat("o", world.MaxModeratedBy+1) + `"}`:               400,
		`{"state":"approved","by":"o","reason":"` + strings.Repeat("r", world.MaxModeratedWhy+1) + `"}`: 400,
		`{"state":"approved","by":"o","version":2}`:                                                     404, `{"state":"approved","by":"o","version":-1}`: 404,
		`{"state":"approved","by":"a\nb"}`: 422,
	} {
		if w := judged(us, m, body); w.Code != status {
			t.Errorf("%.50s: %d %s", body, w.Code, w.Body)
		}
	}
	if w := us.do("GET", "/media/crumbs?moderation=maybe", nil, bearer(token)); w.Code != 400 {
		t.Errorf("no state: %d", w.Code)
	}
}

func TestADeletedPictureIsGoneAndHasAReceipt(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	m := us.put(t, picture(400, 300, 7))
	if a, _, _ := seen(t, eu, m); a != 200 {
		t.Fatalf("%d", a)
	}
	at := "/media/crumbs/" + m.MediaID
	var first, again world.Deletion
	for _, d := range []*world.Deletion{&first, &again} {
		w := us.do("DELETE", at, nil, bearer(token))
		if err := json.Unmarshal(w.Body.Bytes(), d); err != nil || w.Code != 202 || w.Header().Get("Location") != at+"/deletion" {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if first.Receipt == "" || first.Receipt != again.Receipt || len(first.Removals) != 3 || first.Done() || first.By != "owner" || !first.At.Equal(noon) {
		t.Errorf("%+v, then %+v", first, again)
	}
	if c := us.manifests.changes[0]; !slices.Equal(c.Purge, []string{world.GroupMedia(app, m.MediaID), world.GroupAlias(app, m.MediaID)}) || us.manifests.changes[1].Deletion != nil {
		t.Errorf("changes %+v", us.manifests.changes)
	}
	gone := us.manifests.assets[m.MediaID]
	if gone.Name != "" || gone.Versions[0].Thumbhash != "" || gone.Versions[0].Color != noColor {
		t.Errorf("the tombstone tells %+v", gone)
	}
	for _, p := range places {
		if a, b, c := seen(t, p, m); a != 404 || b != 404 || c != 404 {
			t.Errorf("%s: picture %d, manifest %d, preview %d", p.id, a, b, c)
		}
	}
	for _, what := range []string{"versions", "rollback"} {
		if w := post(us, m, what, `{"rotate":1}`); w.Code != 404 && w.Code != 400 {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if w := us.do("DELETE", at+"?by="+strings.Repeat("b", 65), nil, bearer(token)); w.Code != 400 {
		t.Errorf("a long name: %d", w.Code)
	}
	if w := us.do("DELETE", "/media/crumbs/1zzzzzzzzzzzzzzz", nil, bearer(token)); w.Code != 404 {
		t.Errorf("unknown: %d", w.Code)
	}
}

// Whatever is decided and edited in whatever order: the asset stays one that can
// be told of, and what is shown was approved.
func TestNoOrderOfChangesShowsWhatWasNotApproved(t *testing.T) {
	state := rapid.SampledFrom([]world.ModerationState{world.ModerationApproved, world.ModerationWithheld, world.ModerationPending})
	m := newPlaces(t, moderated(ModerateQueue))["us-east"]
	base := m.put(t, picture(40, 30, 7))
	rapid.Check(t, func(rt *rapid.T) {
		asset := m.manifests.assets[base.MediaID]
		asset.Versions = slices.Clone(asset.Versions)
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			before := asset
			before.Versions = slices.Clone(asset.Versions)
			var c world.AssetChange
			var err error
			d := world.Moderation{State: state.Draw(rt, "state"), By: "otto", At: noon}
			if n := rapid.IntRange(-1, 4).Draw(rt, "version"); n >= 0 {
				c, err = decide(&asset, n, d)
			} else {
				v := asset.CurrentVersion()
				v.Moderation, v.Edit, v.From = world.ModerationPending, &world.Edit{Replace: true}, 0
				if rapid.Bool().Draw(rt, "edit") {
					v.Edit, v.From = nil, asset.Current
				}
				c, err = m.append(&asset, &v)
			}
			if err != nil {
				asset = before
				continue
			}
			asset.Visibility = asset.ShownAs()
			if err := asset.Validate(); err != nil {
				rt.Fatalf("%v after %+v of %+v", err, d, before)
			}
			// What could be seen before and cannot now is forgotten everywhere.
			for _, v := range before.Versions {
				now, _ := asset.VersionNumber(v.Number)
				was := before.Visibility == world.Public && v.Moderation == world.ModerationApproved
				is := asset.Visibility == world.Public && now.Moderation == world.ModerationApproved
				if was && !is && (!slices.Contains(c.Purge, world.GroupMedia(app, base.MediaID)) || !slices.Contains(c.Purge, world.GroupAlias(app, base.MediaID))) {
					rt.Fatalf("version %d is still cached after %+v", v.Number, d)
				}
			}
			if before.Current != asset.Current && len(c.Purge) == 0 {
				rt.Fatal("the alias is still cached")
			}
		}
	})
}
