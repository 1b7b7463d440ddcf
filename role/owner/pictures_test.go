package owner

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"meridian/world"
)

func answers(status int, body any) func(*http.Request) (int, any) {
	return func(*http.Request) (int, any) { return status, body }
}

func TestPicturesPage(t *testing.T) {
	d := newDesk(t)
	hidden, private := cake(), cake()
	hidden.MediaID, hidden.Name, hidden.Visibility, hidden.Moderation.State = "2000000000000bbb", "secret.jpg", world.Withheld, world.ModerationWithheld
	private.Name, private.Visibility, private.Audience = "customer.jpg", world.Withheld, world.Private
	var asked []string
	d.media = func(r *http.Request) (int, any) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
		return 200, listed{Assets: []world.Manifest{cake(), hidden, private}, Next: "123." + cakeID, Missing: []string{"us-east"}}
	}
	c := d.signedIn()
	res := c.get("/owner/pictures")
	want(t, res, 200, "cake.jpg", "800 × 600", `href="/owner/pictures/`+cakeID+`"`, `src="/img/sweet-crumbs/`+cakeID+`/v1/auto/320x240"`,
		`href="/owner/pictures?before=123.`+cakeID+`"`, "Some pictures are missing", "at most 64 MB",
		"secret.jpg", "Withheld", `src="/owner/pictures/2000000000000bbb/preview?version=1"`)
	for _, secret := range []string{"upload-token", "customer.jpg", "/img/sweet-crumbs/2000000000000bbb"} {
		if strings.Contains(res.Body.String(), secret) {
			t.Errorf("the page shows %s", secret)
		}
	}
	want(t, c.get("/owner/pictures?added="+cakeID), 200, "Taken in: cake.jpg")
	if strings.Contains(c.get("/owner/pictures?added=2000000000000ccc").Body.String(), "Taken in") {
		t.Error("it tells of a picture that is not there")
	}
	c.get("/owner/pictures?before=1%26limit%3D9&name=+a%26b+")
	if first, last := asked[0], asked[len(asked)-1]; first != "GET http://media/media/sweet-crumbs?limit=25 Bearer upload-token" ||
		last != "GET http://media/media/sweet-crumbs?before=1%26limit%3D9&limit=25&name=a%26b Bearer upload-token" {
		t.Errorf("media was asked %q, then %q", first, last)
	}
	d.media = answers(200, listed{})
	want(t, c.get("/owner/pictures"), 200, "No pictures yet")
	want(t, c.get("/owner/pictures?name=zzz"), 200, "No picture has this name", `value="zzz"`)
}

// Without media everything goes on but the pictures.
func TestMediaAway(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	for status, says := range map[int]string{503: "not available just now", 504: "too slow", 401: "did not answer", 200: "did not answer"} {
		d.media = answers(status, "no manifest")
		want(t, c.get("/owner/pictures"), 200, "cannot be shown just now", says, "Upload")
		want(t, c.get("/owner/products/stollen"), 200, "cannot be shown just now", "Save the price")
	}
}

// uploadOf is a form with one file.
func uploadOf(t *testing.T, field, name string, body []byte) *http.Request {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile(field, name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(body)
	form.Close()
	r := httptest.NewRequest(http.MethodPost, "/owner/pictures", &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// takes is a media role that keeps what it is sent.
func (d *desk) takes(got *[]byte) {
	d.media = func(r *http.Request) (int, any) {
		if r.Method != http.MethodPut {
			return 200, listed{Assets: []world.Manifest{cake()}}
		}
		if r.URL.String() != "http://media/media/sweet-crumbs?name=K%C3%A4se+kuchen.jpg" || r.Header.Get("Authorization") != "Bearer upload-token" {
			d.t.Errorf("media was asked %s with %v", r.URL, r.Header)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return 413, map[string]any{"code": "too_large", "status": 413, "detail": "cut"}
		}
		*got = body
		return 201, map[string]any{"manifest": cake()}
	}
}

func TestUpload(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.UploadBytes = 100_000 })
	var got []byte
	d.takes(&got)
	c := d.signedIn()
	picture := bytes.Repeat([]byte("p"), 100_000)
	wantTo(t, c.send(uploadOf(t, "picture", "Käse kuchen.jpg", picture)), "/owner/pictures?added="+cakeID)
	if !bytes.Equal(got, picture) {
		t.Errorf("media got %d bytes", len(got))
	}
	got = nil
	want(t, c.send(uploadOf(t, "picture", "Käse kuchen.jpg", append(picture, 'p'))), 413, "The picture was not taken: It has more than 97 KB")
	want(t, c.send(uploadOf(t, "picture", "Käse kuchen.jpg", bytes.Repeat(picture, 3))), 413, "It has more than 97 KB")
	if got != nil {
		t.Errorf("media took %d bytes of a picture that was refused", len(got))
	}
}

func TestUploadRefusals(t *testing.T) {
	d := newDesk(t)
	var got []byte
	d.takes(&got)
	c := d.signedIn()
	want(t, c.send(uploadOf(t, "picture", "", nil)), 400, "Choose a picture first")
	want(t, c.send(uploadOf(t, "other", "x.jpg", []byte("x"))), 400, "Choose a picture first")
	want(t, c.post("/owner/pictures", nil), 400, "Send it with the form")
	cut := uploadOf(t, "picture", "Käse kuchen.jpg", []byte("0123456789"))
	cut.Body = io.NopCloser(io.LimitReader(cut.Body, 200))
	want(t, c.send(cut), 400, "It ended early")
	if got != nil {
		t.Errorf("media got %q", got)
	}
}

// What media says of a picture is told in its words, also when it answers
// before the end of it.
func TestUploadRefusedByMedia(t *testing.T) {
	d := newDesk(t)
	c := d.signedIn()
	for status, p := range map[int]struct {
		code, detail, says string
		page               int
	}{
		415: {"unsupported", "This is not a picture.", "The picture was not taken: This is not a picture.", 415},
		422: {"unprocessed", "It is damaged.", "It is damaged.", 422},
		503: {"unavailable", "", "not available just now", 503},
		401: {"unsigned", "Show a token.", "did not answer", 502},
	} {
		d.media = func(r *http.Request) (int, any) {
			if r.Method == http.MethodPut {
				return status, map[string]any{"code": p.code, "status": status, "detail": p.detail}
			}
			return 200, listed{Assets: []world.Manifest{cake()}}
		}
		want(t, c.send(uploadOf(t, "picture", "a.jpg", bytes.Repeat([]byte("p"), 1<<20))), p.page, p.says, "cake.jpg")
	}
}

// A real transport, too, stops reading when media answers early.
func TestUploadOverTheWire(t *testing.T) {
	d := newDesk(t)
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			io.WriteString(w, `{"code":"unsupported","status":415,"detail":"This is not a picture."}`)
			return
		}
		io.WriteString(w, `{"assets":[]}`)
	}))
	defer media.Close()
	d.owner.library.media = toServer{media}
	want(t, d.signedIn().send(uploadOf(t, "picture", "a.jpg", bytes.Repeat([]byte("p"), 8<<20))), 415, "This is not a picture.")
	media.Close()
	want(t, d.signedIn().send(uploadOf(t, "picture", "a.jpg", []byte("p"))), 502, "did not answer")
}

// toServer sends every request to one server.
type toServer struct{ *httptest.Server }

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Host = strings.TrimPrefix(s.URL, "http://")
	return s.Client().Transport.RoundTrip(r)
}

func TestCappedAtItsEdge(t *testing.T) {
	for size, ok := range map[int]bool{0: true, 9: true, 10: true, 11: false, 1000: false} {
		c := &capped{from: strings.NewReader(strings.Repeat("x", size)), left: 10}
		got, err := io.ReadAll(c)
		if ok && (err != nil || len(got) != size || c.err != nil) || !ok && (!world.Is(err, world.CodeTooLarge) || !errors.Is(c.err, err)) {
			t.Errorf("%d bytes: read %d, %v, %v", size, len(got), err, c.err)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, text := range map[int64]string{32 << 20: "32 MB", 2048: "2 KB", 100: "100 bytes"} {
		if got := sizeText(n); got != text {
			t.Errorf("%d is %q, want %q", n, got, text)
		}
	}
}
