package story

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meridian/test/worldtest"
	"meridian/world"
)

// TestPagesFollowTheirPicture hangs a picture on a product, edits, withholds,
// approves, rolls back and deletes it. It lies in another region than the market,
// and somebody far from both does it: on every PoP the list and the product's
// page show what is so now, or an empty place, and never go back.
func TestPagesFollowTheirPicture(t *testing.T) {
	w := theWorld(t)
	const market = "de"
	shop, owner := w.Visitor(t, market, ""), w.Owner(t, market)
	slug := shop.Page(t, "/").Slugs()[0]
	page := "/p/" + slug
	secrets, app := w.Secrets(t), w.Plan.App
	uploader := []string{"Authorization", "Bearer " + secrets.UploadToken, "Content-Type", "application/json"}
	judge := []string{"Authorization", "Bearer " + secrets.JudgeToken, "Content-Type", "application/json"}
	put := uploadAt(t, w, "iad")
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

	sees := versionsOf(put)
	looks := looksAt(t, w, market, map[string]func(worldtest.Answer) (string, error){"/": sees, page: sees})
	turn(t, looks, "", "v1", hang(put).Came)

	far, at := w.AtPoP(t, market, "nrt"), "/media/"+app+"/"+put
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

// TestAListOfManyFollows has a market sell more than a response can name groups
// for: the list is kept all the same, and follows a price and a picture.
func TestAListOfManyFollows(t *testing.T) {
	w := theWorld(t)
	const market, slug = "gb", "bun-7"
	conn, media := w.Catalog(t, w.Market(t, market).HomeRegion), uploadAt(t, w, "iad")
	do := func(q string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(context.Background(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	clear := func() {
		do("delete from price where market = 'gb' and sku like 'bun-%'")
		for _, table := range []string{"sku", "product_text", "product"} {
			do("delete from " + table + " where market = 'gb' and slug like 'bun-%'")
		}
		do(`insert into outbox (kind, groups, urls) values ('purge', '{gb/pages}', '{}')`)
	}
	clear() // of a run that was ended
	defer clear()
	const n = world.MaxPageGroups + 60
	do(`insert into product (market, slug, tax_class, featured, place, art, media_id) select 'gb', 'bun-' || n, 'cake', false, 1000 + n, 'bun', $2 from generate_series(1, $1::integer) n`, n, media)
	do(`insert into product_text (market, slug, locale, name, description, address) select 'gb', 'bun-' || n, 'en-GB', 'Bun ' || n, 'A bun.', 'bun-' || n from generate_series(1, $1::integer) n`, n)
	do(`insert into sku (market, sku, slug) select 'gb', 'bun-' || n, 'bun-' || n from generate_series(1, $1::integer) n`, n)
	do(`insert into price (market, sku, version, amount_minor, currency) select 'gb', 'bun-' || n, 1, 100 + n, 'GBP' from generate_series(1, $1::integer) n`, n)
	do(`insert into outbox (kind, groups, urls) values ('purge', '{gb/pages}', '{}')`)

	shop, owner := w.Visitor(t, market, ""), w.Owner(t, market)
	sees := versionsOf(media)
	eventually(t, cachedWithin, "the list shows the buns", func() bool {
		shown, _ := sees(shop.Get(t, "/", "Accept", "text/html"))
		return shown == "v1"
	})
	minor := owner.PriceTyped(t, slug)
	prices := looksAt(t, w, market, map[string]func(worldtest.Answer) (string, error){"/": seesPrice(func(p *worldtest.Page) string { return p.ListPrice(slug) })})
	turn(t, prices, shop.Money(minor), shop.Money(minor+1), owner.SavePrice(t, slug, minor+1).Came)
	pictures := looksAt(t, w, market, map[string]func(worldtest.Answer) (string, error){"/": sees})
	a := w.AtPoP(t, market, "nrt").Send(t, "POST", "/media/"+w.Plan.App+"/"+media+"/versions", []byte(`{"rotate":1}`), "Authorization", "Bearer "+w.Secrets(t).UploadToken, "Content-Type", "application/json")
	said(t, a, http.StatusCreated)
	turn(t, pictures, "v1", "v2", a.Came)
}

// uploadAt puts a picture in at a PoP: it is kept in the region next to it.
func uploadAt(t *testing.T, w *worldtest.World, pop string) (mediaID string) {
	t.Helper()
	var put struct {
		MediaID string `json:"media_id"`
	}
	a := w.AtPoP(t, "de", pop).Send(t, "PUT", "/media/"+w.Plan.App+"?name=torte.jpg", photo(t), "Authorization", "Bearer "+w.Secrets(t).UploadToken)
	if err := json.Unmarshal(a.Body, &put); err != nil || a.Status != http.StatusCreated {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	return put.MediaID
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
