package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// copiedWithin is how long the copies in the other regions may take: the
// photo is small, but the machine may be busy.
const copiedWithin = 2 * time.Minute // a copy whose worker was killed is taken up again after one

// accepts are what browsers of three generations say that they can show.
var accepts = []struct{ accept, kind string }{
	{"image/avif,image/webp,*/*;q=0.8", "image/avif"},
	{"image/webp,*/*;q=0.8", "image/webp"},
	{"*/*", "image/jpeg"},
}

// pictureOut tells how a photo is put in by the command line, by somebody in
// Tokyo, and comes out of every PoP at once: also of those whose region has no
// copy yet.
func pictureOut(t *testing.T, w *worldtest.World) {
	file := filepath.Join(t.TempDir(), "kuchen.jpg")
	if err := os.WriteFile(file, photo(t), 0o644); err != nil {
		t.Fatal(err)
	}
	atHome(t, w, popOf["tokyo"])
	said := w.Run(t, "media", "put", "--dir", w.Dir, "--from", "tokyo", "--json", file)
	if said.Code != 0 {
		t.Fatalf("media put: exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	var put struct {
		Taken []struct {
			MediaID  string `json:"media_id"`
			URL      string
			Manifest world.Manifest
		}
	}
	if err := json.Unmarshal([]byte(said.Out), &put); err != nil || len(put.Taken) != 1 {
		t.Fatalf("media put said %q: %v", said.Out, err)
	}
	if got := put.Taken[0].Manifest.WriteRegion; got != "ap-southeast" {
		t.Errorf("from Tokyo the photo was written in %q, want ap-southeast, the nearest", got)
	}
	u, err := url.Parse(put.Taken[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, pop := range pops(w) {
		c := w.AtPoP(t, "de", pop)
		for _, a := range accepts {
			t.Run(fmt.Sprintf("%s %s", pop, a.kind), func(t *testing.T) { shows(t, c, u.Path, a.accept, a.kind) })
		}
	}
	everywhere(t, w, put.Taken[0].MediaID)
}

// shows asks a PoP twice for a picture: a miss that is stored, then a hit.
func shows(t *testing.T, c *worldtest.Client, path, accept, kind string) {
	first := c.Get(t, path, "Accept", accept)
	if first.Status != http.StatusOK {
		t.Fatalf("%d: %s", first.Status, first.Body)
	}
	if got := first.Header.Get("Content-Type"); got != kind {
		t.Errorf("Accept: %s was answered with %s, want %s", accept, got, kind)
	}
	for _, secret := range []string{"Exif", "EXIF", "GPS", cameraMaker, "II*\x00"} {
		if bytes.Contains(first.Body, []byte(secret)) {
			t.Errorf("the %s of %d bytes tells %q", kind, len(first.Body), secret)
		}
	}
	if kind == "image/jpeg" {
		upright(t, first.Body)
	}
	if s := edgeStatus(first); !strings.Contains(s, "fwd=") || !strings.Contains(s, "stored") {
		t.Errorf("first request: the edge said %q, want a miss that is stored", s)
	}
	second := c.Get(t, path, "Accept", accept)
	if s := edgeStatus(second); !strings.Contains(s, "hit") {
		t.Errorf("second request: the edge said %q, want a hit", s)
	}
	if !bytes.Equal(first.Body, second.Body) {
		t.Error("the second request got other bytes")
	}
}

// edgeStatus is the edge's member of Cache-Status: the last, nearest the visitor.
func edgeStatus(a worldtest.Answer) string {
	members := strings.Split(strings.Join(a.Header.Values("Cache-Status"), ","), ",")
	return strings.TrimSpace(members[len(members)-1])
}

// upright checks that the photo stands as its camera meant it: 640 wide of
// 600 by 900 is not enlarged, and its red half is on top.
func upright(t *testing.T, data []byte) {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("what came is no JPEG: %v", err)
	}
	b := m.Bounds()
	if b.Dx()*3 != b.Dy()*2 {
		t.Errorf("the picture is %d by %d, want two to three: upright", b.Dx(), b.Dy())
	}
	top, _, _, _ := m.At(b.Dx()/2, b.Dy()/4).RGBA()
	_, _, bottom, _ := m.At(b.Dx()/2, b.Dy()*3/4).RGBA()
	if top < 0x8000 || bottom < 0x8000 {
		t.Error("the picture does not stand upright: red is not on top, or blue not below")
	}
}
