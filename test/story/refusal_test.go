package story

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meridian/test/worldtest"
	"meridian/world"
)

// TestBadInputIsRefused sends what no shop wants: each is refused with a code
// and a message that tells what to do, and the world goes on.
func TestBadInputIsRefused(t *testing.T) {
	w := theWorld(t)
	c := w.AtPoP(t, "de", "fra")
	good := photo(t)
	token := []string{"Authorization", "Bearer " + w.Secrets(t).UploadToken}
	before := newest(t, c, w.Plan.App, token)
	up := "/media/" + w.Plan.App + "?name=cake.jpg"
	image := "/img/" + w.Plan.App + "/1zzzzzzzzzzzzzzz/v1/webp/"
	known := pictureOf(t, c)
	for _, r := range []struct {
		name, method, path string
		body               []byte
		fields             []string
		status             int
		code               world.Code
		says               string
	}{
		{"a text named .jpg", "PUT", up, []byte("Dear Sir or Madam, this is no picture at all."), token, 415, world.CodeUnsupported, "JPEG"},
		{"a truncated JPEG", "PUT", up, good[:len(good)/2], token, 422, world.CodeUnprocessed, ""},
		{"a PNG bomb", "PUT", up, bomb(40_000, 40_000), token, 413, world.CodeTooLarge, "pixels"},
		{"65 MiB", "PUT", up, bytes.Repeat(good[:1024], 65<<10), token, 413, world.CodeTooLarge, ""},
		{"nothing", "PUT", up, []byte{}, token, 0, "", ""},
		{"the wrong token", "PUT", up, good, []string{"Authorization", "Bearer guessed"}, 401, world.CodeUnsigned, ""},
		{"no token", "PUT", up, good, nil, 401, world.CodeUnsigned, ""},
		{"an app that is not ours", "PUT", "/media/other-app?name=cake.jpg", good, token, 404, world.CodeNotFound, ""},
		{"a size off the grid", "GET", known + "641x0", nil, nil, 400, world.CodeInvalid, "640"},
		{"a size without end", "GET", known + "99999999999999999999x0", nil, nil, 400, world.CodeInvalid, ""},
		{"an unknown picture", "GET", image + "640x0", nil, nil, 404, world.CodeNotFound, ""},
		{"a host that is no market's", "GET", "/", nil, []string{"Host", "shop.example"}, 0, "", "host"},
		{"the feed from outside", "GET", "/-/feed?after=now", nil, token, 404, world.CodeNotFound, ""},
		{"the wire from outside", "PUT", "/-/media/originals/" + strings.Repeat("0", 64), good, token, 404, world.CodeNotFound, ""},
		{"a product that is not sold", "GET", "/p/gold-bars", nil, nil, 404, world.CodeNotFound, ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			a := c.Send(t, r.method, r.path, r.body, append([]string{"Accept", "application/json"}, r.fields...)...)
			t.Logf("%d %s", a.Status, a.Body)
			if a.Status < 400 || a.Status >= 500 {
				t.Fatalf("%d, want a refusal", a.Status)
			}
			if r.status != 0 && a.Status != r.status {
				t.Errorf("status %d, want %d", a.Status, r.status)
			}
			err := a.Problem()
			if r.code != "" && world.CodeOf(err) != r.code {
				t.Errorf("code %s, want %s", world.CodeOf(err), r.code)
			}
			if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(r.says)) {
				t.Errorf("%q does not speak of %q", err, r.says)
			}
		})
	}
	if after := newest(t, c, w.Plan.App, token); after != before {
		t.Errorf("a refused upload has made an asset: the newest was %s, is %s", before, after)
	}
	for _, pop := range pops(w) {
		w.AtPoP(t, "de", pop).Page(t, "/")
	}
}

// newest is the media id of the picture that was put in last.
func newest(t *testing.T, c *worldtest.Client, app string, token []string) string {
	t.Helper()
	var list struct{ Assets []world.Manifest }
	a := c.Get(t, "/media/"+app+"?limit=1", token...)
	if err := json.Unmarshal(a.Body, &list); err != nil || len(list.Assets) != 1 {
		t.Fatalf("the list of pictures: %d %s", a.Status, a.Body)
	}
	return list.Assets[0].MediaID
}

// pictureOf is the path of a picture that the shop shows, without its size.
func pictureOf(t *testing.T, c *worldtest.Client) string {
	t.Helper()
	src := pictureOfPage(t, c.Page(t, "/"))
	return src[:strings.LastIndex(src, "/")+1]
}

// pictureOfPage is the path of the first picture on a page.
func pictureOfPage(t *testing.T, p *worldtest.Page) string {
	t.Helper()
	images := p.Find("img")
	if len(images) == 0 {
		t.Fatal("the page shows no picture")
	}
	return worldtest.Attr(images[0], "src")
}

// TestCommandSaysWhatIsWrong puts the same bad files in by the command line.
func TestCommandSaysWhatIsWrong(t *testing.T) {
	w := theWorld(t)
	dir := t.TempDir()
	good := photo(t)
	for name, b := range map[string][]byte{"letter.jpg": []byte("Dear Sir"), "half.jpg": good[:len(good)/2], "bomb.png": bomb(40_000, 40_000), "good.jpg": good} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	said := w.Run(t, "media", "put", "--dir", w.Dir, at("letter.jpg"), at("half.jpg"), at("bomb.png"), at("good.jpg"))
	if said.Code == 0 || !strings.Contains(said.Err, "3 of 4 pictures were not taken") {
		t.Errorf("exit code %d, %s", said.Code, said.Err)
	}
	for _, name := range []string{"letter.jpg", "half.jpg", "bomb.png"} {
		if !strings.Contains(said.Err, at(name)+": ") {
			t.Errorf("nothing is said of %s:\n%s", name, said.Err)
		}
	}
	if strings.Count(said.Out, "\n") != 1 || !strings.Contains(said.Out, "good.jpg") {
		t.Errorf("the good one is not told alone: %q", said.Out)
	}
	if c := w.Run(t, "media", "put", "--dir", t.TempDir(), at("good.jpg")); c.Code == 0 || !strings.Contains(c.Err, "No world runs") {
		t.Errorf("without a world: exit code %d, %q", c.Code, c.Err)
	}
}

// TestOnlyThisMachineRunsTheWorld: the world's own pages answer to localhost,
// not to a name that was made to point here, nor to another site's page.
func TestOnlyThisMachineRunsTheWorld(t *testing.T) {
	admin := theWorld(t).Admin(t)
	if a := admin.Get(t, "/links", "Host", "evil.example"); a.Status < 400 {
		t.Errorf("a foreign name was answered with %d", a.Status)
	}
	a := admin.Send(t, http.MethodPost, "/links/nrt/ap-southeast/cut", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	if a.Status != http.StatusForbidden {
		t.Errorf("another site's page could cut a link: %d %s", a.Status, a.Body)
	}
}
