package owner

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/world"
)

// shelfMedia is a media role that keeps one picture and remembers what it was
// asked to do with it.
type shelfMedia struct {
	d      *desk
	m      world.Manifest
	err    *world.Error // what a change is answered with, if set
	asked  []string     // method, path with query, content
	tokens []string
}

// shelved has the desk's media keep a picture of 1000 × 800 with two versions.
func (d *desk) shelved() *shelfMedia {
	focal := world.Point{X: 0.25, Y: 0.75}
	s := &shelfMedia{d: d, m: world.Manifest{
		App: "sweet-crumbs", MediaID: cakeID, Name: `<cake> "1".jpg`, Visibility: world.Public, Audience: world.Public, WriteRegion: "eu-central", Current: 2, CreatedAt: noon,
		Versions: []world.Version{
			{Number: 1, MediaType: "image/jpeg", Bytes: 3 << 20, Width: 2000, Height: 1600, Frames: 1, Color: "#aa5500", Moderation: world.ModerationApproved, CreatedAt: noon},
			{Number: 2, MediaType: "image/jpeg", Bytes: 1 << 20, Width: 1000, Height: 800, Frames: 1, Color: "#aa5500", Moderation: world.ModerationApproved, CreatedAt: noon.Add(time.Hour),
				From: 1, Edit: &world.Edit{Crop: &world.Crop{Width: 1000, Height: 800}, Rotate: 2}, Focal: &focal},
		},
		Moderation: world.Moderation{State: world.ModerationApproved, By: "automatic", At: noon},
		Replicas: []world.Replica{
			{Region: "eu-central", State: world.ReplicaCopied, At: noon, VerifiedAt: noon.Add(2 * time.Hour)},
			{Region: "ap-southeast", State: world.ReplicaFailed, At: noon, Error: "503: the disk is full"},
		},
	}}
	d.media = s.answer
	return s
}

func (s *shelfMedia) answer(r *http.Request) (int, any) {
	var content []byte
	if r.Body != nil {
		content, _ = io.ReadAll(r.Body)
	}
	s.tokens = append(s.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	rest := strings.TrimPrefix(r.URL.RequestURI(), "/media/sweet-crumbs")
	if r.Method == "" || r.Method == http.MethodGet {
		if rest == "/"+cakeID {
			return 200, s.m
		}
		return 404, map[string]any{"code": "not_found", "status": 404}
	}
	s.asked = append(s.asked, r.Method+" "+rest+" "+string(content))
	if s.err != nil {
		return s.err.Code.Status(), map[string]any{"code": s.err.Code, "status": s.err.Code.Status(), "detail": s.err.Message}
	}
	return 200, changed{s.m}
}

// last is what media was asked to do last, its JSON content read.
func (s *shelfMedia) last(t *testing.T) (what string, content map[string]any) {
	t.Helper()
	if len(s.asked) == 0 {
		t.Fatal("media was asked to do nothing")
	}
	method, rest, _ := strings.Cut(s.asked[len(s.asked)-1], " ")
	path, body, _ := strings.Cut(rest, " ")
	if body != "" {
		if err := json.Unmarshal([]byte(body), &content); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	}
	return method + " " + path, content
}

func TestPicturePage(t *testing.T) {
	d := newDesk(t)
	s := d.shelved()
	c := d.signedIn()
	res := c.get("/owner/pictures/" + cakeID)
	want(t, res, 200, "&lt;cake&gt;", "1000 × 800 pixels", "JPEG, 1 MB", `fill="#aa5500"`,
		`src="/img/sweet-crumbs/`+cakeID+`/v2/auto/960x0"`, `width="1000" height="800"`, `/v2/auto/1280x0 1000w`,
		`name="x" type="number" min="0" max="100" step="any" inputmode="decimal" autocomplete="off" required value="25"`, `value="75"`, `transform="translate(250 600)"`,
		"Version 1 cropped, turned by 180°", "Uploaded", "shown now", `name="version" value="1"`,
		"Kept and verified", "01.03.2026, 15:00", "Failed, will be tried again", "503: the disk is full", "taken in here",
		`value="http://de.localhost:8080/img/sweet-crumbs/`+cakeID+`/v2/auto/640x0"`, `sizes=&#34;100vw&#34;`, "&amp;lt;cake", "Everybody.", "Approved by itself")
	if strings.Contains(res.Body.String(), `value="approved"`) {
		t.Error("it offers a decision that these pages may not take")
	}
	s.m.Versions[1].Frames = 12
	want(t, c.get("/owner/pictures/"+cakeID), 200, "This is an animation")
}

// What nobody outside may see is shown to its owner, and has no address.
func TestPictureThatWaits(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ModerationToken = "judge" })
	s := d.shelved()
	s.m.Visibility, s.m.Moderation = world.Withheld, world.Moderation{State: world.ModerationWithheld, By: "owner@de.example", Reason: "A face", At: noon}
	res := d.signedIn().get("/owner/pictures/" + cakeID)
	want(t, res, 200, `src="/owner/pictures/`+cakeID+`/preview?version=2"`, "no address while nobody may see it", "A face", `value="approved"`)
	if strings.Contains(res.Body.String(), "/img/") {
		t.Error("it links what nobody may see")
	}
}

func TestPictureThatIsNotTheLibrarys(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ModerationToken = "judge" })
	s := d.shelved()
	c := d.signedIn()
	s.m.Audience, s.m.Visibility = world.Private, world.Withheld
	form := url.Values{"x": {"1"}, "y": {"1"}, "version": {"1"}, "rotate": {"1"}, "state": {"approved"}}
	for _, id := range []string{cakeID, "2000000000000zzz", "no-id", "%2e%2e", "UPPERCASE0000000"} {
		want(t, c.get("/owner/pictures/"+id), 404, "no such picture")
		want(t, c.get("/owner/pictures/"+id+"/preview"), 404)
		want(t, c.get("/owner/pictures/"+id+"/delete"), 404)
		for _, what := range []string{"focus", "edit", "rollback", "moderation", "delete"} {
			want(t, c.post("/owner/pictures/"+id+"/"+what, form), 404, "no such picture")
		}
	}
	if len(s.asked) > 0 {
		t.Errorf("media was asked to %q", s.asked)
	}
}

// Nothing of the library is there for who is not signed in, and nothing is
// changed from another site.
func TestLibraryIsGuarded(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ModerationToken = "judge" })
	s := d.shelved()
	stranger := d.at("de.localhost:8080")
	picture := "/owner/pictures/" + cakeID
	for _, path := range []string{"/owner/pictures", picture, picture + "/delete", picture + "/preview", "/owner/pictures/queue"} {
		wantTo(t, stranger.get(path), "/owner/sign-in?next="+url.QueryEscape(path))
	}
	c := d.signedIn()
	c.header.Set("Sec-Fetch-Site", "cross-site")
	for _, what := range []string{"focus", "edit", "rollback", "moderation", "delete", "replace"} {
		wantTo(t, stranger.post(picture+"/"+what, nil), "/owner/sign-in?next="+url.QueryEscape(picture))
		want(t, c.post(picture+"/"+what, nil), 403, "sent from another site")
	}
	wantTo(t, stranger.post("/owner/pictures/grants", nil), "/owner/sign-in?next="+url.QueryEscape("/owner/pictures/grants"))
	want(t, c.post("/owner/pictures/grants", nil), 403)
	if len(s.asked) > 0 {
		t.Errorf("media was asked to %q", s.asked)
	}
}

func TestChangesOfAPicture(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ModerationToken = "judge" })
	s := d.shelved()
	c := d.signedIn()
	picture := "/owner/pictures/" + cakeID
	for _, x := range []struct {
		what, path string
		form       url.Values
		sends      map[string]any
	}{
		{"focus", "/versions", url.Values{"x": {"12,5"}, "y": {" 100 "}}, map[string]any{"from": 2.0, "focal": map[string]any{"x": 0.125, "y": 1.0}}},
		{"edit", "/versions", url.Values{"crop_x": {"10"}, "crop_y": {"20"}, "crop_w": {"990"}, "crop_h": {"780"}, "rotate": {"3"}},
			map[string]any{"from": 2.0, "crop": map[string]any{"x": 10.0, "y": 20.0, "width": 990.0, "height": 780.0}, "rotate": 3.0}},
		{"edit", "/versions", url.Values{"crop_x": {""}, "crop_w": {"1000"}, "crop_h": {"800"}, "rotate": {"1"}}, map[string]any{"from": 2.0, "rotate": 1.0}},
		{"rollback", "/rollback", url.Values{"version": {"1"}}, map[string]any{"version": 1.0}},
		{"moderation", "/moderation", url.Values{"state": {"withheld"}, "reason": {"A face"}}, map[string]any{"state": "withheld", "by": email, "reason": "A face"}},
	} {
		wantTo(t, c.post(picture+"/"+x.what, x.form), picture+"?done="+x.what+".2")
		what, sent := s.last(t)
		if what != "POST /"+cakeID+x.path || !maps.EqualFunc(sent, x.sends, equalJSON) {
			t.Errorf("%s: media was asked to %s %v, want %v", x.what, what, sent, x.sends)
		}
		if token := s.tokens[len(s.tokens)-1]; (token == "judge") != (x.what == "moderation") {
			t.Errorf("%s was asked for with the token %s", x.what, token)
		}
	}
	want(t, c.get(picture+"?done=focus.2"), 200, "The focal point is saved")
	for _, old := range []string{"focus.1", "focus", "focus.", "other.2", ".2"} {
		if strings.Contains(c.get(picture+"?done="+old).Body.String(), "notice good") {
			t.Errorf("%s tells of what was not done", old)
		}
	}
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

func TestChangesThatAreRefusedHere(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ModerationToken = "judge" })
	s := d.shelved()
	c := d.signedIn()
	form := func(pairs ...string) url.Values {
		f := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			f.Set(pairs[i], pairs[i+1])
		}
		return f
	}
	for _, x := range []struct {
		what string
		form url.Values
		says string
	}{
		{"focus", form("x", "101", "y", "1"), "two numbers from 0 to 100"},
		{"focus", form("x", "NaN", "y", "1"), "two numbers from 0 to 100"},
		{"focus", form("x", "-0.1", "y", "1"), "two numbers from 0 to 100"},
		{"focus", form("y", "1"), "two numbers from 0 to 100"},
		{"edit", form("crop_x", "1"), "which is 1000 × 800 pixels"},
		{"edit", form("crop_w", "0"), "which is 1000 × 800 pixels"},
		{"edit", form("crop_w", "9223372036854775807", "crop_x", "9223372036854775807"), "which is 1000 × 800 pixels"},
		{"edit", form("crop_w", "ten"), "whole numbers"},
		{"edit", form("rotate", "4"), "quarters"},
		{"edit", form("crop_w", "1000"), "Choose a part"},
		{"rollback", form("version", "x"), "Choose one of the versions"},
		{"moderation", form("state", "withheld"), "Write why"},
		{"moderation", form("state", "pending"), "Approve it or withhold it"},
		{"moderation", form("state", "withheld", "reason", strings.Repeat("r", world.MaxModeratedWhy+1)), "at most 500 bytes"},
	} {
		want(t, c.post("/owner/pictures/"+cakeID+"/"+x.what, x.form), 400, "Nothing was changed", x.says)
	}
	if len(s.asked) > 0 {
		t.Errorf("media was asked to %q", s.asked)
	}
	// What was typed stays.
	s.err = world.E(world.CodeConflict, "", "The version is withheld.")
	want(t, c.post("/owner/pictures/"+cakeID+"/edit", form("crop_x", "10", "crop_y", "20", "crop_w", "300", "crop_h", "200", "rotate", "1")), 409,
		"The version is withheld.", `name="crop_w" type="number" min="1" max="1000" inputmode="numeric" autocomplete="off" value="300"`, `<option value="1" selected>`)
	// Without JavaScript the same is previewed.
	want(t, c.get("/owner/pictures/"+cakeID+"?crop_x=10&crop_y=20&crop_w=300&crop_h=200&rotate=1"), 200,
		`viewBox="0 0 200 300"`, `transform="translate(200 0) rotate(90)"`, `viewBox="10 20 300 200"`)
}

func TestReplaceAndDelete(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.UploadBytes = 1000 })
	s := d.shelved()
	c := d.signedIn()
	picture := "/owner/pictures/" + cakeID
	send := func(body []byte) *httptest.ResponseRecorder {
		r := uploadOf(t, "picture", "new.jpg", body)
		r.URL.Path = picture + "/replace"
		return c.send(r)
	}
	wantTo(t, send([]byte("JFIF")), picture+"?done=replace.2")
	if got := s.asked[0]; got != "POST /"+cakeID+"/versions JFIF" {
		t.Errorf("media was asked to %q", got)
	}
	want(t, send(nil), 400, "is empty")
	want(t, send(make([]byte, 1001)), 413, "more than 1000 bytes")
	want(t, c.get(picture+"/delete"), 200, "Delete this picture?", "Keep it")
	wantTo(t, c.post(picture+"/delete", nil), "/owner/pictures?done=deleted")
	if what, _ := s.last(t); what != "DELETE /"+cakeID+"?by=owner%40de.example" {
		t.Errorf("media was asked to %q", what)
	}
}

// Media takes no longer name, and none that is not text.
func TestByNameIsCutBetweenCharacters(t *testing.T) {
	for email, want := range map[string]string{
		"a@b.example": "a@b.example",
		strings.Repeat("a", world.MaxModeratedBy):         strings.Repeat("a", world.MaxModeratedBy),
		strings.Repeat("a", world.MaxModeratedBy) + "b":   strings.Repeat("a", world.MaxModeratedBy),
		strings.Repeat("a", world.MaxModeratedBy-1) + "ü": strings.Repeat("a", world.MaxModeratedBy-1),
		strings.Repeat("a", world.MaxModeratedBy-2) + "ü": strings.Repeat("a", world.MaxModeratedBy-2) + "ü",
	} {
		if got := byName(email); got != want {
			t.Errorf("%q is %q, want %q", email, got, want)
		}
	}
}

// A part that can be typed is drawn inside the picture, upright, and as large as
// media will cut it.
func TestCropIsDrawnAsItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := world.Version{Width: rapid.IntRange(1, 5000).Draw(t, "width"), Height: rapid.IntRange(1, 5000).Draw(t, "height")}
		number := rapid.SampledFrom([]string{"", "0", "1", "17", "4999", "5000", "-1", "x"})
		typed := cropTyped{number.Draw(t, "x"), number.Draw(t, "y"), number.Draw(t, "w"), number.Draw(t, "h"), rapid.SampledFrom([]string{"", "0", "1", "2", "3", "4"}).Draw(t, "rotate")}
		c := cropOf(n, "/src", typed)
		if c.X < 0 || c.Y < 0 || c.Width < 1 || c.Height < 1 || c.X+c.Width > n.Width || c.Y+c.Height > n.Height {
			t.Fatalf("%+v is drawn as %+v", typed, c)
		}
		sides := []int{c.Result.Width, c.Result.Height}
		if slices.Sort(sides); c.Rotate%2 == 0 && c.Result.Width != c.Width || sides[0] != min(c.Width, c.Height) || sides[1] != max(c.Width, c.Height) {
			t.Fatalf("%+v has the result %+v", c, c.Result)
		}
		if want, err := typed.read(n); err == nil && want.Crop != nil && (want.Crop.Width != c.Width || want.Rotate != c.Rotate) {
			t.Fatalf("%+v is cut as %+v and drawn as %+v", typed, want, c)
		}
	})
}
