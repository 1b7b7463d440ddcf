package edge

import (
	"strings"
	"testing"

	"meridian/engine/hotlink"
	"meridian/test/tiertest"
)

func TestAnotherSitesPageIsRefusedByBothWays(t *testing.T) {
	f := newTwoWays(t, nil)
	set, err := hotlink.New([]hotlink.Policy{{App: "sweet-crumbs", Hosts: []string{"friend.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	f.Edge.hotlinks = set
	f.near.Will(tiertest.Says("cake", "Content-Type", "image/webp", "Cache-Control", "public, max-age=31536000"))
	target := picture + "webp/320x0"
	ask := func(fields string, status int) {
		t.Helper()
		res, body := f.overHTTP2(t, "GET", "de.localhost", target, fields)
		if res.StatusCode != status {
			t.Errorf("%q: %d %s", fields, res.StatusCode, body)
		}
		if refused := res.StatusCode == 403; refused && (res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(res.Header.Get("Vary"), "Referer") || len(body) > 400) {
			t.Errorf("%q: %v %s", fields, res.Header, body)
		}
	}
	for range 2 { // not stored, then stored
		ask("Referer: https://leech.example/a", 403)
		ask("Sec-Fetch-Site: cross-site\nOrigin: https://leech.example", 403)
		ask("Referer: https://leech.example/a\nReferer: https://friend.example/", 403)
		ask("Referer: http://de.localhost/p/torte", 200)
		ask("Sec-Fetch-Site: same-origin", 200)
		ask("Sec-Fetch-Site: cross-site\nReferer: https://friend.example/a", 200)
		ask("", 200)
	}
	if f.near.Count() != 1 || f.byFront.Load() < 4 {
		t.Errorf("%d reads upstream, %d answers by the front", f.near.Count(), f.byFront.Load())
	}
}

func TestOtherAppsAndPagesAreNotRuled(t *testing.T) {
	f := newTwoWays(t, nil)
	set, err := hotlink.New([]hotlink.Policy{{App: "other", Unnamed: "refuse"}})
	if err != nil {
		t.Fatal(err)
	}
	f.Edge.hotlinks = set
	for _, target := range []string{picture + "webp/320x0", "/p/torte"} {
		for range 2 {
			if res, body := f.overHTTP2(t, "GET", "de.localhost", target, "Referer: https://leech.example/a"); res.StatusCode != 200 {
				t.Errorf("%s: %d %s", target, res.StatusCode, body)
			}
		}
	}
	if f.byFront.Load() == 0 {
		t.Error("the front gave nothing")
	}
}
