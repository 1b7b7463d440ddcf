package media

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

func TestAnUploadIsAcknowledgedWhole(t *testing.T) {
	places := newPlaces(t, nil)
	eu := places["eu-central"]
	pic := picture(40, 30, 7)
	w := eu.do("PUT", `/media/crumbs?name=C:\Fotos\Käsekuchen.png`, bytes.NewReader(pic), bearer(token), func(r *http.Request) {
		r.Header.Set("Content-Type", "text/html") // not believed
	})
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var up uploaded
	if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil {
		t.Fatal(err)
	}
	m := up.Manifest
	if n, ok := world.MediaIDRegion(up.MediaID); !ok || n != 2 || up.Version != 1 || m.MediaID != up.MediaID {
		t.Errorf("id %q, version %d", up.MediaID, up.Version)
	}
	if want := "/img/crumbs/" + up.MediaID + "/v1/auto/640x0"; up.URL != want {
		t.Errorf("URL %s, want %s", up.URL, want)
	}
	for name, want := range map[string]string{
		"Location": "/media/crumbs/" + up.MediaID + "/manifest", HeaderPosition: "catalog-eu-central@1:0/1",
		"Cache-Control": "no-store", "Meridian-Region": "eu-central", "Content-Type": "application/json",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	v := m.Newest()
	if m.Name != "Käsekuchen.png" || m.WriteRegion != "eu-central" || m.Visibility != world.Public || m.Versions[0].Color != "#102030" ||
		v.SHA256 != shaOf(pic) || v.MediaType != "image/png" || v.Width != 40 || v.Height != 30 || v.Bytes != int64(len(pic)) {
		t.Errorf("manifest %+v", m)
	}
	if got, _ := eu.objects.get("originals/sha256/" + v.SHA256[:2] + "/" + v.SHA256[2:4] + "/" + v.SHA256); !bytes.Equal(got, pic) {
		t.Error("the original is not kept as it came")
	}
	if r := eu.manifests.replica(m.MediaID, "eu-central"); r.State != world.ReplicaCopied {
		t.Errorf("own replica %+v", r)
	}
	if len(eu.manifests.jobs) != 2 {
		t.Errorf("jobs %+v, want one for each other region", eu.manifests.jobs)
	}
}

func TestTheSameBytesTwiceAreTwoAssetsOfOneOriginal(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(4, 3, 7)
	a, b := us.put(t, pic), us.put(t, pic)
	if a.MediaID == b.MediaID || a.Newest().SHA256 != b.Newest().SHA256 || len(us.objects.objects) != 1 {
		t.Errorf("%s and %s, %d objects", a.MediaID, b.MediaID, len(us.objects.objects))
	}
}

func TestPlacementDecidesWhereCopiesGo(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Placement.Public = "zone" })["us-east"]
	if m := us.put(t, picture(4, 3, 7)); len(m.Replicas) != 1 || len(us.manifests.jobs) != 0 {
		t.Errorf("replicas %+v leave the zone", m.Replicas)
	}
}

func TestUploadLimitsAtTheirEdges(t *testing.T) {
	pic := picture(20, 10, 7)
	exact := func(c *Config) {
		c.Limits.MaxBytes, c.Limits.MaxPixels, c.Limits.MaxFrames, c.Limits.MaxName = int64(len(pic)), 200, 3, 10
	}
	less := func(change func(*Limits)) func(*Config) {
		return func(c *Config) { exact(c); change(&c.Limits) }
	}
	for name, c := range map[string]struct {
		config func(*Config)
		name   string
		body   []byte
		status int
	}{
		"as many bytes, pixels as may be": {exact, "a.png", pic, 201},
		"one byte too many":               {less(func(l *Limits) { l.MaxBytes-- }), "a.png", pic, 413},
		"one pixel too many":              {less(func(l *Limits) { l.MaxPixels-- }), "a.png", pic, 413},
		"as many frames as may be":        {less(func(l *Limits) { l.MaxBytes = 1 << 20 }), "a.gif", animation(3), 201},
		"one frame too many":              {less(func(l *Limits) { l.MaxBytes = 1 << 20 }), "a.gif", animation(4), 413},
		"longest name":                    {exact, "123456.png", pic, 201},
		"name too long":                   {exact, "1234567.png", pic, 400},
		"name with a line end":            {exact, "a%0Ab.png", pic, 400},
		"name that is not UTF-8":          {exact, "%ff.png", pic, 400},
		"no name":                         {exact, "", pic, 201},
		"no body":                         {exact, "a.png", nil, 400},
		"not a picture":                   {exact, "a.png", []byte("<svg onload=alert(1)>"), 415},
		"cut off inside":                  {exact, "a.png", pic[:len(pic)-20], 422},
	} {
		for how, body := range map[string]io.Reader{"": bytes.NewReader(c.body), ", length not told": io.MultiReader(bytes.NewReader(c.body))} {
			us := newPlaces(t, c.config)["us-east"]
			w := us.do("PUT", "/media/crumbs?name="+c.name, body, bearer(token))
			if w.Code != c.status {
				t.Errorf("%s%s: %d %s, want %d", name, how, w.Code, w.Body, c.status)
			}
			if w.Code != 201 {
				if p := problem(t, w); p.Detail == "" || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %+v", name, p)
				}
				if len(us.manifests.assets)+len(us.objects.objects) != 0 {
					t.Errorf("%s: something was stored", name)
				}
			}
		}
	}
}

func TestUploadsNeedTheirTokenAndAnApp(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(4, 3, 7)
	for name, c := range map[string]struct {
		method, path, secret string
		status               int
	}{
		"no token":      {"PUT", "/media/crumbs", "", 401},
		"wrong token":   {"PUT", "/media/crumbs", token + "x", 401},
		"the wire key":  {"PUT", "/media/crumbs", key, 401},
		"unknown app":   {"PUT", "/media/other", token, 404},
		"wrong method":  {"DELETE", "/media/crumbs", token, 405},
		"list unsigned": {"GET", "/media/crumbs", "", 401},
		"list of other": {"GET", "/media/other", token, 404},
	} {
		w := us.do(c.method, c.path, bytes.NewReader(pic), bearer(c.secret))
		if w.Code != c.status {
			t.Errorf("%s: %d", name, w.Code)
		}
		problem(t, w)
		if (w.Header().Get("WWW-Authenticate") != "") != (c.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", name, w.Header().Get("WWW-Authenticate"))
		}
		if c.status == 405 && w.Header().Get("Allow") != "GET, HEAD, POST, PUT" {
			t.Errorf("%s: Allow %q", name, w.Header().Get("Allow"))
		}
	}
	if len(us.manifests.assets) != 0 {
		t.Error("an asset was made")
	}
}

// broken is a body that fails after some bytes.
type broken struct {
	r   io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

func TestABodyThatDoesNotArriveIsTheSendersFault(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(4, 3, 7)
	for name, cause := range map[string]error{"cut": io.ErrUnexpectedEOF, "slow": os.ErrDeadlineExceeded} {
		w := us.do("PUT", "/media/crumbs", broken{bytes.NewReader(pic[:20]), cause}, bearer(token))
		if w.Code != 400 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	us.put(t, pic) // its place was given back
}

func TestOnlySoManyUploadsAtOnce(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Limits.Uploads = 1 })["us-east"]
	pic := picture(4, 3, 7)
	pr, pw := io.Pipe()
	first := make(chan int)
	go func() { first <- us.do("PUT", "/media/crumbs", pr, bearer(token)).Code }()
	if _, err := pw.Write(pic[:10]); err != nil { // taken: the first upload holds the place
		t.Fatal(err)
	}
	if w := us.do("PUT", "/media/crumbs", bytes.NewReader(pic), bearer(token)); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("second: %d", w.Code)
	}
	if _, err := pw.Write(pic[10:]); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	if code := <-first; code != 201 {
		t.Errorf("first: %d", code)
	}
	us.put(t, pic)
}

func TestNothingIsAcknowledgedThatIsNotKept(t *testing.T) {
	pic := picture(4, 3, 7)
	full := world.E(world.CodeUnavailable, "test", "The object store is full.")
	for name, c := range map[string]struct {
		break_ func(*place)
		status int
	}{
		"object store": {func(p *place) { p.objects.failPut = full }, 503},
		"catalog":      {func(p *place) { p.manifests.fail = full }, 503},
		"id taken":     {func(p *place) { p.manifests.fail = world.E(world.CodeConflict, "test", "") }, 409},
		"randomness":   {func(p *place) { p.random = strings.NewReader("short") }, 500},
		"unknown":      {func(p *place) { p.manifests.fail = errors.New("secret cause") }, 500},
	} {
		us := newPlaces(t, nil)["us-east"]
		c.break_(us)
		w := us.do("PUT", "/media/crumbs", bytes.NewReader(pic), bearer(token))
		if w.Code != c.status || len(us.manifests.assets) != 0 {
			t.Errorf("%s: %d, %d assets", name, w.Code, len(us.manifests.assets))
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: the cause is told to an outsider", name)
		}
	}
}

func TestNoBodyBreaksTheRole(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	sources := [][]byte{picture(20, 10, 7), jpegPicture(20, 10), animation(2)}
	rapid.Check(t, func(t *rapid.T) {
		body := bytes.Clone(rapid.SampledFrom(sources).Draw(t, "source"))
		for range rapid.IntRange(0, 5).Draw(t, "mutations") {
			body[rapid.IntRange(0, len(body)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		body = body[:rapid.IntRange(0, len(body)).Draw(t, "length")]
		before := len(us.manifests.assets)
		w := us.do("PUT", "/media/crumbs?name=x", bytes.NewReader(body), bearer(token))
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if made := len(us.manifests.assets) - before; (made == 1) != (w.Code == 201) {
			t.Fatalf("status %d and %d assets", w.Code, made)
		}
	})
}

func FuzzCleanName(f *testing.F) {
	m := newPlaces(f, nil)["us-east"]
	for _, s := range []string{"cake.jpg", `C:\a\b.png`, "/etc/passwd", "\x00", "  ", "a\u202eb", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := m.cleanName(s)
		if err != nil {
			if world.CodeOf(err) != world.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		if name == "" || len(name) > m.cfg.Limits.MaxName || strings.ContainsAny(name, "/\\\x00\n") {
			t.Fatalf("%q became %q", s, name)
		}
	})
}
