package media

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"meridian/world"
)

const otherSite = "https://www.bakers.example"

func allowing(c *Config) { c.Origins = []Origin{{app, otherSite}} }

func TestAPageOfAnAllowedSiteUploadsByAGrant(t *testing.T) {
	us := newPlaces(t, allowing)["us-east"]
	from := header("Origin", otherSite)
	for _, path := range []string{"/media/crumbs", "/media/crumbs/tus/", "/media/crumbs/tus/1abc"} {
		w := us.do("OPTIONS", path, nil, from, header("Access-Control-Request-Method", "PATCH"), header("Access-Control-Request-Headers", "authorization, upload-offset"))
		h := w.Header()
		if w.Code != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != otherSite || h.Get("Vary") != "Origin" ||
			!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Upload-Offset") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight of %s: %d %v", path, w.Code, h)
		}
	}
	shown := header("Authorization", mintAt(t, us, "").Authorization)
	pic := picture(20, 10, 5)
	path := us.begun(t, len(pic), shown, from)
	w := us.tusSend(path, 0, bytes.NewReader(pic), shown, from)
	if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != otherSite || !strings.Contains(w.Header().Get("Access-Control-Expose-Headers"), HeaderMediaID) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	w = us.do("PUT", "/media/crumbs", strings.NewReader("no picture"), shown, from)
	if w.Code < 400 || w.Header().Get("Access-Control-Allow-Origin") != otherSite || w.Header().Get("Vary") != "Origin" {
		t.Errorf("a page cannot read why it was refused: %d %v", w.Code, w.Header())
	}
}

func TestOtherSitesMayNotReadAnything(t *testing.T) {
	pic := picture(20, 10, 5)
	for name, c := range map[string]struct {
		change func(*Config)
		origin string
		path   string
	}{
		"none is named":       {nil, otherSite, "/media/crumbs"},
		"another":             {allowing, "https://www.bakers.example.evil.example", "/media/crumbs"},
		"another scheme":      {allowing, "http://www.bakers.example", "/media/crumbs"},
		"nobody's":            {allowing, "null", "/media/crumbs"},
		"not an upload":       {allowing, otherSite, "/media/crumbs/jobs"},
		"for another app":     {allowing, otherSite, "/media/other/tus/"},
		"an asset":            {allowing, otherSite, "/media/crumbs/1abc"},
		"what roles tell":     {allowing, otherSite, "/-/media/crumbs"},
		"grants by the token": {allowing, otherSite, "/media/crumbs/grants"},
	} {
		us := newPlaces(t, c.change)["us-east"]
		for _, method := range []string{"OPTIONS", "PUT", "GET"} {
			w := us.do(method, c.path, bytes.NewReader(pic), bearer(token), header("Origin", c.origin), header("Access-Control-Request-Method", "PUT"))
			for field := range w.Header() {
				if strings.HasPrefix(field, "Access-Control-") {
					t.Errorf("%s: %s gives %s: %s", name, method, field, w.Header().Get(field))
				}
			}
		}
	}
}

func TestAnOriginIsWrittenAsBrowsersSendIt(t *testing.T) {
	for origin, ok := range map[string]bool{
		otherSite: true, "http://127.0.0.1:8080": true, "https://www.bakers.example/": false, "https://Www.bakers.example": false,
		"www.bakers.example": false, "*": false, "null": false, "": false, "ftp://bakers.example": false, "https://a@b.example": false,
	} {
		if err := (Origin{app, origin}).validate([]string{app}); (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
	if err := (Origin{"other", otherSite}).validate([]string{app}); !world.Is(err, world.CodeInvalid) {
		t.Error(err)
	}
}
