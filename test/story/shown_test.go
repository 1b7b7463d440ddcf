package story

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meridian/test/worldtest"
)

// TestPagesFollowTheirPicture hangs a picture on a product, edits, withholds,
// approves, rolls back and deletes it. It lies in another region than the market,
// and somebody far from both does it: on every PoP the list and the product's
// page show what is so now, or an empty place, and never go back.
func TestPagesFollowTheirPicture(t *testing.T) {
	w := theWorld(t, false)
	const market = "de"
	shop, owner := w.Visitor(t, market, ""), w.Owner(t, market)
	slug := shop.Page(t, "/").Slugs()[0]
	page := "/p/" + slug
	secrets, app := w.Secrets(t), w.Plan.App
	uploader := []string{"Authorization", "Bearer " + secrets.UploadToken, "Content-Type", "application/json"}
	judge := []string{"Authorization", "Bearer " + secrets.JudgeToken, "Content-Type", "application/json"}
	var put struct {
		MediaID string `json:"media_id"`
	}
	a := w.AtPoP(t, market, "iad").Send(t, "PUT", "/media/"+app+"?name=torte.jpg", photo(t), uploader[:2]...)
	if err := json.Unmarshal(a.Body, &put); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	hang := func(id string) worldtest.Answer {
		t.Helper()
		a, err := owner.PostForm("/owner/products/"+slug+"/picture", url.Values{"media_id": {id}})
		if err != nil {
			t.Fatal(err)
		}
		said(t, a, http.StatusSeeOther)
		return a
	}
	first := mediaOf.FindStringSubmatch(shop.Page(t, page).Picture())
	if first == nil {
		t.Fatalf("%s shows no picture", page)
	}
	defer hang(first[1]) // as the other stories find it

	sees := versionsOf(put.MediaID)
	looks := looksAt(t, w, market, map[string]func(worldtest.Answer) (string, error){"/": sees, page: sees})
	turn(t, looks, "", "v1", hang(put.MediaID).Came)

	far, at := w.AtPoP(t, market, "nrt"), "/media/"+app+"/"+put.MediaID
	for _, step := range []struct {
		method, path, body string
		as                 []string
		status             int
		before, after      string
	}{
		{"POST", "/versions", `{"rotate":1}`, uploader, http.StatusCreated, "v1", "v2"},
		{"POST", "/moderation", `{"state":"withheld","by":"otto","version":2}`, judge, http.StatusOK, "v2", "v1"},
		{"POST", "/moderation", `{"state":"withheld","by":"otto"}`, judge, http.StatusOK, "v1", ""},
		{"POST", "/moderation", `{"state":"approved","by":"otto"}`, judge, http.StatusOK, "", "v1"},
		{"POST", "/versions", `{"focal":{"x":0.2,"y":0.3}}`, uploader, http.StatusCreated, "v1", "v3"},
		{"POST", "/rollback", `{"version":1}`, uploader, http.StatusOK, "v3", "v1"},
		{"DELETE", "?by=otto", "", uploader, http.StatusAccepted, "v1", ""},
	} {
		keepAll(t, looks)
		a := far.Send(t, step.method, at+step.path, []byte(step.body), step.as...)
		said(t, a, step.status)
		turn(t, looks, step.before, step.after, a.Came)
		if step.after == "" {
			nothingBroken(t, shop, "/", page)
		}
	}
}

// mediaOf finds the asset in a picture's address.
var mediaOf = regexp.MustCompile(`/img/[^/]+/([^/]+)/v`)

// versionsOf sees which versions of an asset a page names, its Link fields too.
func versionsOf(mediaID string) func(worldtest.Answer) (string, error) {
	address := regexp.MustCompile(`/img/[^/]+/` + mediaID + `/(v\d+)/`)
	return func(a worldtest.Answer) (string, error) {
		var found []string
		for _, m := range address.FindAllStringSubmatch(string(a.Body)+strings.Join(a.Header.Values("Link"), " "), -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return strings.Join(slices.Compact(found), " "), nil
	}
}

// nothingBroken fetches every picture of some pages.
func nothingBroken(t *testing.T, c *worldtest.Client, paths ...string) {
	t.Helper()
	for _, path := range paths {
		for _, img := range c.Page(t, path).Find("img") {
			src := worldtest.Attr(img, "src")
			if a := c.Get(t, src); a.Status != http.StatusOK {
				t.Errorf("%s shows %s: %d", path, src, a.Status)
			}
		}
	}
}
