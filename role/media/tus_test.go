package media

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/adapter/tus"
	"meridian/world"
)

func meta(pairs ...string) string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(out, ",")
}

func (p *place) tusDo(method, path string, body io.Reader, change ...func(*http.Request)) *httptest.ResponseRecorder {
	return p.do(method, path, body, append([]func(*http.Request){header("Tus-Resumable", tusVersion)}, change...)...)
}

func (p *place) tusBegin(size int, change ...func(*http.Request)) *httptest.ResponseRecorder {
	return p.tusDo("POST", "/media/crumbs/tus/", nil, append([]func(*http.Request){header(headerLength, strconv.Itoa(size))}, change...)...)
}

// begun begins an upload and gives its address.
func (p *place) begun(t testing.TB, size int, change ...func(*http.Request)) string {
	t.Helper()
	w := p.tusBegin(size, change...)
	if w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

func (p *place) tusSend(path string, offset int, body io.Reader, change ...func(*http.Request)) *httptest.ResponseRecorder {
	return p.tusDo("PATCH", path, body, append([]func(*http.Request){header(headerOffset, strconv.Itoa(offset)), header("Content-Type", "application/offset+octet-stream")}, change...)...)
}

func (p *place) offset(t testing.TB, path string, change ...func(*http.Request)) int {
	t.Helper()
	w := p.tusDo("HEAD", path, nil, change...)
	n, err := strconv.Atoi(w.Header().Get(headerOffset))
	if w.Code != http.StatusOK || err != nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("HEAD %s: %d %v %v", path, w.Code, w.Header(), err)
	}
	return n
}

func TestAResumableUploadBecomesAnAsset(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic := picture(40, 30, 7)
	auth := bearer(token)
	path := us.begun(t, len(pic), auth, header("Upload-Metadata", meta(metaName, "a/cake.png", metaSHA256, shaOf(pic), "else", "x")))
	id := path[strings.LastIndexByte(path, '/')+1:]
	if n, ok := world.MediaIDRegion(id); path != "/media/crumbs/tus/"+id || !ok || n != us.region.Number {
		t.Fatalf("location %s", path)
	}
	if got := us.offset(t, path, auth); got != 0 {
		t.Errorf("at the beginning: %d", got)
	}
	w := us.tusSend(path, 0, bytes.NewReader(pic[:50]), auth)
	if w.Code != http.StatusNoContent || w.Header().Get(headerOffset) != "50" || w.Header().Get(headerExpires) != noon.Add(us.cfg.Limits.StageAge).Format(http.TimeFormat) {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var state uploadState
	if w := us.do("GET", path, nil, auth); json.Unmarshal(w.Body.Bytes(), &state) != nil || state.Offset != 50 || state.Length != int64(len(pic)) {
		t.Errorf("GET: %s", w.Body)
	}
	if len(us.manifests.assets) != 0 {
		t.Fatal("half a picture is an asset")
	}
	w = us.tusSend(path, 50, bytes.NewReader(pic[50:]), auth)
	if w.Code != http.StatusNoContent || w.Header().Get(headerOffset) != strconv.Itoa(len(pic)) || w.Header().Get(HeaderMediaID) != id || w.Header().Get(HeaderPosition) == "" {
		t.Fatalf("%d %s %v", w.Code, w.Body, w.Header())
	}
	made := us.manifests.assets[id]
	if kept, _ := us.objects.get(originalKey(shaOf(pic))); !bytes.Equal(kept, pic) || made.Name != "cake.png" || len(us.resident.stages) != 0 {
		t.Errorf("%+v, %d stages", made, len(us.resident.stages))
	}
	if us.offset(t, path, auth) != len(pic) {
		t.Error("after the end HEAD does not tell its length")
	}
	var up uploaded
	if w := us.do("GET", path, nil, auth); json.Unmarshal(w.Body.Bytes(), &up) != nil || up.MediaID != id || up.Manifest.Newest().SHA256 != shaOf(pic) {
		t.Errorf("GET: %s", w.Body)
	}
	if w := us.tusSend(path, len(pic), nil, auth); w.Code != http.StatusNoContent || w.Header().Get(HeaderMediaID) != id {
		t.Errorf("PATCH after the end: %d", w.Code)
	}
	if w := us.tusDo("DELETE", path, nil, auth); w.Code != http.StatusConflict {
		t.Errorf("DELETE after the end: %d", w.Code)
	}
}

// TestAnUploadSurvivesWhateverBreaks sends a picture through links that break
// and a store that dies, and in the end it is whole and there once.
func TestAnUploadSurvivesWhateverBreaks(t *testing.T) {
	pic := picture(20, 10, 7)
	auth := bearer(token)
	rapid.Check(t, func(rt *rapid.T) {
		us := newPlaces(t, nil)["us-east"]
		path := us.begun(t, len(pic), auth)
		told := 0
		for range rapid.IntRange(0, 6).Draw(rt, "cuts") {
			at := us.offset(t, path, auth)
			if at < told {
				rt.Fatalf("%d bytes were acknowledged, %d are there", told, at)
			}
			end := rapid.IntRange(at, len(pic)).Draw(rt, "end")
			var body io.Reader = bytes.NewReader(pic[at:end])
			switch rapid.SampledFrom([]string{"whole", "cut", "store", "catalog"}).Draw(rt, "what") {
			case "cut":
				body = broken{body, io.ErrUnexpectedEOF}
			case "store":
				us.resident.dies = int64(rapid.IntRange(1, len(pic)).Draw(rt, "dies"))
			case "catalog":
				us.manifests.fail = world.E(world.CodeUnavailable, "test", "")
			}
			w := us.tusSend(path, at, body, auth)
			if w.Code == http.StatusNoContent {
				told, _ = strconv.Atoi(w.Header().Get(headerOffset))
			}
			us.resident.dies, us.manifests.fail = 0, nil
		}
		if at := us.offset(t, path, auth); at < len(pic) {
			if w := us.tusSend(path, at, bytes.NewReader(pic[at:]), auth); w.Code != http.StatusNoContent {
				rt.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		id := path[strings.LastIndexByte(path, '/')+1:]
		if kept, _ := us.objects.get(originalKey(shaOf(pic))); !bytes.Equal(kept, pic) || us.manifests.assets[id].MediaID != id || len(us.manifests.assets) != 1 {
			rt.Fatal("it is not there once and whole")
		}
	})
}

func TestWhatFailedAtTheEndIsTriedAgain(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	pic, auth := picture(4, 3, 7), bearer(token)
	path := us.begun(t, len(pic), auth)
	us.objects.failPut = world.E(world.CodeUnavailable, "test", "The object store is full.")
	if w := us.tusSend(path, 0, bytes.NewReader(pic), auth); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := us.tusDo("HEAD", path, nil, auth); w.Code != http.StatusServiceUnavailable {
		t.Errorf("HEAD says %d while the picture is not kept", w.Code)
	}
	us.objects.failPut = nil
	if us.offset(t, path, auth) != len(pic) || len(us.manifests.assets) != 1 {
		t.Error("HEAD did not finish it")
	}
}

func TestWhatIsNotTakenIsGivenUp(t *testing.T) {
	pic := picture(20, 10, 7)
	auth := bearer(token)
	for name, c := range map[string]struct {
		data   []byte
		meta   string
		status int
	}{
		"not a picture":   {[]byte("<svg onload=alert(1)>"), "", 415},
		"cut off inside":  {pic[:len(pic)-20], "", 422},
		"too many pixels": {picture(200, 100, 7), "", 413},
		"another sha256":  {pic, meta(metaSHA256, shaOf([]byte("x"))), 422},
	} {
		us := newPlaces(t, func(c *Config) { c.Limits.MaxPixels = 200 })["us-east"]
		path := us.begun(t, len(c.data), auth, header("Upload-Metadata", c.meta))
		w := us.tusSend(path, 0, bytes.NewReader(c.data), auth)
		if w.Code != c.status || problem(t, w).Detail == "" {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
		if len(us.resident.stages)+len(us.manifests.assets)+len(us.objects.objects) != 0 {
			t.Errorf("%s: something is left", name)
		}
		if w := us.tusDo("HEAD", path, nil, auth); w.Code != http.StatusNotFound {
			t.Errorf("%s: HEAD %d", name, w.Code)
		}
	}
}

func TestBeginningAtItsLimits(t *testing.T) {
	auth := bearer(token)
	for name, c := range map[string]struct {
		change []func(*http.Request)
		status int
	}{
		"largest":          {[]func(*http.Request){header(headerLength, "1000")}, 201},
		"one byte too big": {[]func(*http.Request){header(headerLength, "1001")}, 413},
		"empty":            {[]func(*http.Request){header(headerLength, "0")}, 400},
		"no length":        {nil, 400},
		"below zero":       {[]func(*http.Request){header(headerLength, "-1")}, 400},
		"length later":     {[]func(*http.Request){header("Upload-Defer-Length", "1")}, 400},
		"long name":        {[]func(*http.Request){header(headerLength, "9"), header("Upload-Metadata", meta(metaName, strings.Repeat("n", 201)))}, 400},
		"no sha256":        {[]func(*http.Request){header(headerLength, "9"), header("Upload-Metadata", meta(metaSHA256, "xyz"))}, 400},
	} {
		us := newPlaces(t, func(c *Config) { c.Limits.MaxBytes = 1000 })["us-east"]
		w := us.tusDo("POST", "/media/crumbs/tus/", nil, append(c.change, auth)...)
		if w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.status)
		}
		if (w.Code == 201) != (len(us.resident.stages) == 1) {
			t.Errorf("%s: %d stages", name, len(us.resident.stages))
		}
		if w.Code != 201 {
			problem(t, w)
		}
	}
}

func TestOnlySoManyUploadsAreOpen(t *testing.T) {
	places := newPlaces(t, func(c *Config) { c.Limits.OpenUploads = 2; c.Apps = []string{app, "crumbs-2"} })
	us, auth := places["us-east"], bearer(token)
	us.begun(t, 9, auth)
	path := us.begun(t, 9, auth)
	if w := us.tusBegin(9, auth); w.Code != http.StatusTooManyRequests {
		t.Errorf("a third: %d", w.Code)
	}
	if w := us.tusDo("POST", "/media/crumbs-2/tus/", nil, header(headerLength, "9"), auth); w.Code != http.StatusCreated {
		t.Errorf("another app's: %d", w.Code)
	}
	if w := us.tusDo("DELETE", path, nil, auth); w.Code != http.StatusNoContent {
		t.Errorf("giving one up: %d", w.Code)
	}
	if w := us.tusDo("HEAD", path, nil, auth); w.Code != http.StatusNotFound {
		t.Errorf("it is still there: %d", w.Code)
	}
	us.begun(t, 9, auth)
}

func TestAnUploadExpires(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	now, auth := noon, bearer(token)
	us.now = func() time.Time { return now }
	path, other := us.begun(t, 9, auth), us.begun(t, 9, auth)
	now = now.Add(us.cfg.Limits.StageAge - time.Second)
	if w := us.tusSend(path, 0, strings.NewReader("abc"), auth); w.Code != http.StatusNoContent {
		t.Fatal(w.Code)
	}
	now = now.Add(time.Second)
	if us.offset(t, path, auth) != 3 {
		t.Error("going on did not keep it")
	}
	if w := us.tusDo("HEAD", other, nil, auth); w.Code != http.StatusNotFound {
		t.Errorf("HEAD at its end: %d", w.Code)
	}
	if w := us.tusSend(other, 0, strings.NewReader("abc"), auth); w.Code != http.StatusNotFound {
		t.Errorf("PATCH at its end: %d", w.Code)
	}
}

func TestAnUploadIsItsOwnersAlone(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic := picture(4, 3, 7)
	g, foreign := mintAt(t, us, `{"expires_in":60}`), mintAt(t, us, `{}`)
	auth := header("Authorization", g.Authorization)
	path := us.begun(t, len(pic), auth)
	if again := us.begun(t, len(pic), auth); again != path {
		t.Errorf("begun twice with one grant: %s and %s", path, again)
	}
	if w := us.tusBegin(len(pic)+1, auth); w.Code != 422 {
		t.Errorf("another size with the same grant: %d", w.Code)
	}
	for name, c := range map[string]struct {
		p      *place
		secret func(*http.Request)
		status int
	}{
		"nobody": {us, func(*http.Request) {}, 401}, "another grant": {us, header("Authorization", foreign.Authorization), 404},
		"another region": {eu, auth, 421}, "the wire key": {us, bearer(key), 401},
	} {
		for _, method := range []string{"HEAD", "GET", "PATCH", "DELETE"} {
			if w := c.p.tusDo(method, path, nil, c.secret); w.Code != c.status {
				t.Errorf("%s %s: %d, want %d", name, method, w.Code, c.status)
			}
		}
	}
	us.now = func() time.Time { return noon.Add(time.Hour) } // the grant has expired, its upload has not
	if w := us.tusSend(path, 0, bytes.NewReader(pic), auth); w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if us.offset(t, path, auth) != len(pic) {
		t.Error("its owner is not told how it ended")
	}
	if w := us.tusDo("HEAD", path, nil, header("Authorization", foreign.Authorization)); w.Code != 404 {
		t.Errorf("another grant is told of the asset: %d", w.Code)
	}
	if w := us.tusBegin(len(pic), auth); w.Code != 401 {
		t.Errorf("begun with an expired grant: %d", w.Code)
	}
}

func TestTheSameKeyIsTheSameUploadAndAsset(t *testing.T) {
	places := newPlaces(t, nil)
	us, eu := places["us-east"], places["eu-central"]
	pic, auth, named := picture(4, 3, 7), bearer(token), header(headerIdempotencyKey, "one")
	path := us.begun(t, len(pic), auth, named)
	us.tusSend(path, 0, bytes.NewReader(pic), auth)
	for name, p := range map[string]*place{"here": us, "elsewhere": eu} {
		w := p.tusBegin(len(pic), auth, named)
		if w.Code != 201 || w.Header().Get("Location") != path || w.Header().Get(HeaderMediaID) == "" {
			t.Errorf("%s: %d %s", name, w.Code, w.Header().Get("Location"))
		}
		plain := p.do("PUT", "/media/crumbs", bytes.NewReader(pic), auth, named)
		if got := assetOf(t, plain).MediaID; !strings.HasSuffix(path, got) {
			t.Errorf("%s: by PUT it is %s", name, got)
		}
	}
	if w := us.tusBegin(len(pic)+1, auth, named); w.Code != 422 {
		t.Errorf("another picture of that key: %d", w.Code)
	}
	if len(us.manifests.assets)+len(eu.manifests.assets) != 1 {
		t.Error("more than one asset")
	}
}

func TestWhatTusRefuses(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	auth := bearer(token)
	path := us.begun(t, 9, auth)
	old := func(r *http.Request) { r.Header.Set("Tus-Resumable", "0.2.2") }
	if w := us.tusSend(path, 0, strings.NewReader("abc"), auth, old); w.Code != http.StatusPreconditionFailed || w.Header().Get("Tus-Version") != tusVersion {
		t.Errorf("an old version: %d", w.Code)
	}
	for name, c := range map[string]struct {
		w      *httptest.ResponseRecorder
		status int
	}{
		"wrong offset":       {us.tusSend(path, 3, strings.NewReader("abc"), auth), 409},
		"too much":           {us.tusSend(path, 0, strings.NewReader("0123456789"), auth), 413},
		"no offset":          {us.tusDo("PATCH", path, nil, auth, header("Content-Type", "application/offset+octet-stream")), 400},
		"no content type":    {us.tusDo("PATCH", path, nil, auth, header(headerOffset, "0")), 400},
		"unknown":            {us.tusSend(path[:len(path)-1]+"z", 0, nil, auth), 404},
		"no id":              {us.tusSend("/media/crumbs/tus/../x", 0, nil, auth), 404},
		"another app":        {us.tusSend("/media/other"+strings.TrimPrefix(path, "/media/crumbs"), 0, nil, auth), 404},
		"PUT":                {us.tusDo("PUT", path, nil, auth), 405},
		"method in disguise": {us.tusDo("POST", "/media/crumbs/tus/", nil, auth, header(headerLength, "9"), header("X-HTTP-Method-Override", "DELETE")), 201},
	} {
		if c.w.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, c.w.Code, c.w.Body, c.status)
		}
		if c.w.Code >= 400 {
			problem(t, c.w)
		}
	}
	if us.offset(t, path, auth) != 0 {
		t.Error("something of what was refused is kept")
	}
}

func TestAnybodyIsToldWhatIsSpoken(t *testing.T) {
	us := newPlaces(t, nil)["us-east"]
	w := us.do("OPTIONS", "/media/crumbs/tus/", nil)
	h := w.Header()
	if w.Code != http.StatusOK || h.Get("Tus-Version") != tusVersion || h.Get("Tus-Extension") != tus.Extensions || h.Get("Tus-Max-Size") != strconv.FormatInt(us.cfg.Limits.MaxBytes, 10) {
		t.Errorf("%d %v", w.Code, h)
	}
}

func TestOnlySoMuchContentComesAtOnce(t *testing.T) {
	us := newPlaces(t, func(c *Config) { c.Limits.Patches = 1 })["us-east"]
	auth := bearer(token)
	one, two := us.begun(t, 20, auth), us.begun(t, 20, auth)
	pr, pw := io.Pipe()
	first := make(chan int)
	go func() { first <- us.tusSend(one, 0, pr, auth).Code }()
	if _, err := pw.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if w := us.tusSend(two, 0, strings.NewReader("abc"), auth); w.Code != 429 {
		t.Errorf("second: %d", w.Code)
	}
	pw.Close()
	if code := <-first; code != 204 {
		t.Errorf("first: %d", code)
	}
}
