package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// forgottenWithin is how long a purge may take to reach every tier: it takes as long
// as the longest link, but the machine may be busy.
const forgottenWithin = 20 * time.Second

// TestAWithheldPictureIsGoneEverywhere has a picture stored in every PoP's cache
// and withheld, approved again, edited, rolled back and deleted by somebody far
// away: what was cached is never shown again, the alias follows.
func TestAWithheldPictureIsGoneEverywhere(t *testing.T) {
	w := theWorld(t)
	near, far := w.AtPoP(t, "de", "fra"), w.AtPoP(t, "de", "nrt")
	secrets, app := w.Secrets(t), w.Plan.App
	uploader, judge := []string{"Authorization", "Bearer " + secrets.UploadToken}, []string{"Authorization", "Bearer " + secrets.JudgeToken}
	id := uploadAt(t, w, "fra")
	at := "/media/" + app + "/" + id
	version := func(n int) string { return fmt.Sprintf("/img/%s/%s/v%d/webp/320x0", app, id, n) }
	alias := "/img/" + app + "/" + id + "/webp/320x0"
	manifests := []string{at + "/manifest", "/media/" + id + "/manifest"}
	for _, path := range append(manifests, version(1), alias) {
		cachedAtEveryPoP(t, w, path)
	}

	said(t, far.Send(t, "POST", at+"/moderation", []byte(`{"state":"withheld","by":"otto","reason":"not a cake"}`), judge...), http.StatusOK)
	for _, path := range append(manifests, version(1), alias) {
		goneFromEveryPoP(t, w, path)
	}
	if p := far.Get(t, at+"/preview", uploader...); p.Status != http.StatusOK || p.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the preview: %d %s", p.Status, p.Body)
	}

	said(t, far.Send(t, "POST", at+"/moderation", []byte(`{"state":"approved","by":"otto"}`), judge...), http.StatusOK)
	cachedAtEveryPoP(t, w, alias)
	first := near.Get(t, alias).Body
	edit := append([]string{"Content-Type", "application/json"}, uploader...)
	said(t, far.Send(t, "POST", at+"/versions", []byte(`{"rotate":1}`), edit...), http.StatusCreated)
	followed(t, w, alias, func(b []byte) bool { return !bytes.Equal(b, first) })
	said(t, far.Send(t, "POST", at+"/rollback", []byte(`{"version":1}`), edit...), http.StatusOK)
	followed(t, w, alias, func(b []byte) bool { return bytes.Equal(b, first) })

	gone := far.Send(t, "DELETE", at+"?by=otto", nil, uploader...)
	var receipt world.Deletion
	if err := json.Unmarshal(gone.Body, &receipt); err != nil || gone.Status != http.StatusAccepted || len(receipt.Removals) != len(w.Plan.Regions) {
		t.Errorf("the receipt: %d %s", gone.Status, gone.Body)
	}
	for _, path := range append(manifests, version(1), version(2), alias) {
		goneFromEveryPoP(t, w, path)
	}
}

func said(t *testing.T, a worldtest.Answer, status int) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
}

// cachedAtEveryPoP asks until each PoP answers from its cache.
func cachedAtEveryPoP(t *testing.T, w *worldtest.World, path string) {
	t.Helper()
	eachPoP(t, w, path, "answers from its cache", func(a worldtest.Answer) bool {
		return a.Status == http.StatusOK && strings.Contains(edgeStatus(a), "hit")
	})
}

// goneFromEveryPoP asks until each PoP says that there is nothing, and then again:
// nothing may come back.
func goneFromEveryPoP(t *testing.T, w *worldtest.World, path string) {
	t.Helper()
	missing := func(a worldtest.Answer) bool { return a.Status == http.StatusNotFound }
	eachPoP(t, w, path, "has forgotten it", missing)
	together(t, pops(w), func(pop string) error {
		if a, err := w.AtPoP(t, "de", pop).Do(http.MethodGet, path, nil); err != nil || !missing(a) {
			return fmt.Errorf("%s at %s: %d has come back, %v", path, pop, a.Status, err)
		}
		return nil
	})
}

// followed asks until each PoP shows the wanted bytes.
func followed(t *testing.T, w *worldtest.World, path string, want func([]byte) bool) {
	t.Helper()
	eachPoP(t, w, path, "shows the other version", func(a worldtest.Answer) bool { return a.Status == http.StatusOK && want(a.Body) })
}

func eachPoP(t *testing.T, w *worldtest.World, path, what string, want func(worldtest.Answer) bool) {
	t.Helper()
	together(t, pops(w), func(pop string) error {
		c := w.AtPoP(t, "de", pop)
		return soon(forgottenWithin, pop+" "+what+": "+path, func() (bool, error) {
			a, err := c.Do(http.MethodGet, path, nil)
			return want(a), err
		})
	})
}
