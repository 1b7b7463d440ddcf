package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gen2brain/avif"
	"golang.org/x/image/webp"

	"meridian/adapter/objectstore"
	"meridian/adapter/vips"
	"meridian/engine/keyring"
	"meridian/role/media"
	"meridian/world"
)

// oneRegion keeps what is known of assets in memory, as if there were one region.
type oneRegion struct {
	media.Manifests
	media.Upkeep
	assets map[string]world.Manifest
}

func (o oneRegion) Create(_ context.Context, m world.Manifest) (world.Manifest, world.Position, error) {
	o.assets[m.MediaID] = m
	return m, world.Position{}, m.Validate()
}

func (o oneRegion) Manifest(_ context.Context, _, id string) (world.Manifest, error) {
	m, ok := o.assets[id]
	if !ok {
		return m, world.E(world.CodeNotFound, "test", "")
	}
	return m, nil
}

func (o oneRegion) WaitFor(context.Context, string, []world.Position, time.Duration) (bool, error) {
	return true, nil
}

func (o oneRegion) Change(_ context.Context, _, id string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, world.Position, error) {
	m := o.assets[id]
	if _, err := apply(&m); err != nil {
		return m, world.Position{}, err
	}
	o.assets[id] = m
	return m, world.Position{}, m.Validate()
}

func (o oneRegion) Prepare(context.Context, string, string, int, bool, string, time.Duration) error {
	return nil
}

// studio is a media role with its real engine and a real object store, in one
// region of the shipped world, whose app's pictures are ruled by rules.
type studio struct {
	http.Handler
	app string
}

const studioToken = "upload-token"

func newStudio(t *testing.T, rules world.Pictures, change func(*media.Config)) studio {
	t.Helper()
	w, err := ReadWorld("")
	if err != nil {
		t.Fatal(err)
	}
	rules.App = w.App
	w.Pictures = []world.Pictures{rules}
	store := func() objects {
		l := objectstore.DefaultLocation()
		l.URL = t.TempDir()
		s, err := objectstore.Open(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return objects{store: s}
	}
	engine, err := vips.Start(vips.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := media.Default()
	cfg.Region, cfg.Apps, cfg.UploadToken, cfg.WireKey = "us-east", []string{w.App}, studioToken, "wire-key"
	cfg.UploadKeys = []keyring.Key{{ID: "now", Secret: "a secret of 20 characters"}}
	cfg.Care.KeepAt = 1
	if change != nil {
		change(&cfg)
	}
	rows := oneRegion{assets: map[string]world.Manifest{}}
	role, err := media.New(cfg, media.Deps{
		World: w, Manifests: rows, Upkeep: rows, Objects: store(), Resident: store(), Pictures: pictures{engine, within(engine)}, Beside: pictures{engine.Beside(), within(engine)},
		Now: now, Random: random, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return studio{role.Handler(), w.App}
}

func (s studio) do(method, path string, body []byte, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+studioToken)
	r.Header.Set("Accept", accept)
	if bytes.HasPrefix(body, []byte("{")) {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// put takes a picture in and gives where its variants are.
func (s studio) put(t *testing.T, data []byte) string {
	t.Helper()
	w := s.do("PUT", "/media/"+s.app, data, "")
	var up struct {
		MediaID string `json:"media_id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil || w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return "/img/" + s.app + "/" + up.MediaID + "/"
}

// see opens a variant by a decoder that shares no code with what wrote it.
func (s studio) see(t *testing.T, path, accept string) (image.Image, *httptest.ResponseRecorder) {
	t.Helper()
	w := s.do("GET", path, nil, accept)
	if w.Code != 200 {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	open := map[string]func() (image.Image, error){
		"image/avif": func() (image.Image, error) { return avif.Decode(bytes.NewReader(w.Body.Bytes())) },
		"image/webp": func() (image.Image, error) { return webp.Decode(bytes.NewReader(w.Body.Bytes())) },
		"image/jpeg": func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(w.Body.Bytes())) },
	}[w.Header().Get("Content-Type")]
	m, err := open()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m, w
}

func encoded(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// thirds is red on the left, green in the middle, blue on the right.
func thirds(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, []color.NRGBA{{220, 30, 30, 255}, {30, 180, 30, 255}, {30, 30, 220, 255}}[x*3/w])
		}
	}
	return m
}

// hue is which of the three colours is strongest at a place, in fractions.
func hue(m image.Image, x, y float64) string {
	b := m.Bounds()
	r, g, bl, _ := m.At(b.Min.X+int(x*float64(b.Dx())), b.Min.Y+int(y*float64(b.Dy()))).RGBA()
	switch max(r, g, bl) {
	case r:
		return "red"
	case g:
		return "green"
	}
	return "blue"
}

func TestPicturesMeetTheirBoxAsTheirAddressSays(t *testing.T) {
	s := newStudio(t, world.Pictures{Fits: []string{"cover", "contain", "smart"}}, nil)
	at := s.put(t, encoded(t, thirds(1200, 400)))
	focal := s.do("POST", strings.Replace(strings.TrimSuffix(at, "/"), "/img/", "/media/", 1)+"/versions", []byte(`{"focal": {"x": 0.9, "y": 0.5}}`), "")
	if focal.Code != 201 {
		t.Fatalf("%d %s", focal.Code, focal.Body)
	}
	for _, format := range []string{"avif", "webp", "jpeg"} {
		for _, c := range []struct {
			cell        string
			w, h        int
			left, right string
		}{
			{"v1/%s/320x0", 320, 107, "red", "blue"},
			{"v1/%s/320x320", 320, 320, "green", "green"},
			{"v2/%s/320x320", 320, 320, "blue", "blue"},
			{"v2/%s/320x320-smart", 320, 320, "blue", "blue"},
			{"v2/%s/320x320-contain", 320, 107, "red", "blue"},
			{"v1/%s/1920x0", 1200, 400, "red", "blue"},            // never enlarged
			{"v1/%s/1920x1920", 400, 400, "green", "green"},       //
			{"v1/%s/1920x1440-contain", 1200, 400, "red", "blue"}, //
		} {
			m, w := s.see(t, at+fmt.Sprintf(c.cell, format), "")
			if b := m.Bounds(); b.Dx() != c.w || b.Dy() != c.h || hue(m, .1, .5) != c.left || hue(m, .9, .5) != c.right {
				t.Errorf("%s as %s is %v, %s to %s", c.cell, format, b, hue(m, .1, .5), hue(m, .9, .5))
			}
			if again := s.do("GET", at+fmt.Sprintf(c.cell, format), nil, ""); !bytes.Equal(again.Body.Bytes(), w.Body.Bytes()) {
				t.Errorf("%s as %s is another one the second time", c.cell, format)
			}
		}
	}
}

// A client that cannot show AVIF is never given it; one that can gets it only
// where it has fewer bytes.
func TestAVIFIsGivenWhereItSaves(t *testing.T) {
	s := newStudio(t, world.Pictures{}, nil)
	for name, m := range map[string]image.Image{"flat": thirds(6, 4), "photo-like": noise(1200, 800)} {
		at := s.put(t, encoded(t, m)) + "v1/"
		for _, size := range []string{"160x0", "640x0"} {
			_, best := s.see(t, at+"auto/"+size, "image/avif,image/webp,*/*")
			_, webp := s.see(t, at+"auto/"+size, "image/webp,*/*")
			_, plain := s.see(t, at+"auto/"+size, "*/*")
			if webp.Header().Get("Content-Type") != "image/webp" || plain.Header().Get("Content-Type") != "image/jpeg" {
				t.Errorf("%s: %s, %s", name, webp.Header().Get("Content-Type"), plain.Header().Get("Content-Type"))
			}
			kind := best.Header().Get("Content-Type")
			if best.Body.Len() > webp.Body.Len() || (kind == "image/webp") != (best.Body.Len() == webp.Body.Len()) {
				t.Errorf("%s at %s: %s of %d bytes, WebP has %d", name, size, kind, best.Body.Len(), webp.Body.Len())
			}
			if want := map[string]string{"flat 640x0": "image/webp", "photo-like 640x0": "image/avif"}[name+" "+size]; want != "" && kind != want {
				t.Errorf("%s at %s: %s", name, size, kind)
			}
		}
	}
}

// noise is smooth shapes with some grain, as a photograph has.
func noise(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	seed := uint32(1)
	for y := range h {
		for x := range w {
			seed = seed*1664525 + 1013904223
			grain := int(seed>>28) - 8
			v := func(n int) uint8 { return uint8(max(0, min(255, n+grain))) }
			m.SetNRGBA(x, y, color.NRGBA{v(x * 255 / w), v(y * 255 / h), v((x + y) % 200), 255})
		}
	}
	return m
}

func moving(t *testing.T, w, h, frames int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for i := range frames {
		m := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.NRGBA{220, 30, 30, 255}, color.NRGBA{30, 30, 220, 255}})
		for p := range m.Pix {
			m.Pix[p] = uint8(i % 2)
		}
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What moves goes on moving for whoever can show it, within limits.
func TestWhatMovesGoesOnMoving(t *testing.T) {
	s := newStudio(t, world.Pictures{}, func(c *media.Config) { c.Limits.MaxFrames, c.Limits.MaxPixels = 5, 400*300*4 })
	at := s.put(t, moving(t, 400, 300, 4)) + "v1/"
	for accept, want := range map[string]struct {
		kind   string
		frames int
	}{"image/avif,image/webp,*/*": {"image/webp", 4}, "image/webp,*/*": {"image/webp", 4}, "*/*": {"image/jpeg", 0}} {
		for _, size := range []string{"160x0", "160x160"} {
			w := s.do("GET", at+"auto/"+size, nil, accept)
			if n := bytes.Count(w.Body.Bytes(), []byte("ANMF")); w.Code != 200 || w.Header().Get("Content-Type") != want.kind || n != want.frames {
				t.Errorf("%s for %q: %d %s, %d frames", size, accept, w.Code, w.Header().Get("Content-Type"), n)
			}
		}
	}
	if m, _ := s.see(t, at+"jpeg/160x0", ""); hue(m, .5, .5) != "red" || m.Bounds() != image.Rect(0, 0, 160, 120) {
		t.Errorf("the first frame is %s, %v", hue(m, .5, .5), m.Bounds())
	}
	for name, data := range map[string][]byte{"frames": moving(t, 4, 3, 6), "pixels over all frames": moving(t, 400, 301, 4)} {
		if w := s.do("PUT", "/media/"+s.app, data, ""); w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("too many %s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.do("PUT", "/media/"+s.app, moving(t, 4, 3, 5), ""); w.Code != 201 {
		t.Errorf("as many as may be: %d %s", w.Code, w.Body)
	}
}

func svg(size, body string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` + size + `>` + body + `</svg>`)
}

const halves = `<rect width="10" height="10" fill="#dc1e1e"/><rect x="10" width="10" height="10" fill="#1e1edc"/>`

// Drawings that would do harm are drawn without it, or refused with a clear error,
// and the role goes on.
func TestDrawingsAreDrawnWithoutHarm(t *testing.T) {
	s := newStudio(t, world.Pictures{SVG: "sanitise"}, func(c *media.Config) { c.Limits.DrawingSide = 640 })
	box := `viewBox="0 0 20 10"`
	for name, c := range map[string]struct {
		data   []byte
		status int
	}{
		"plain":             {svg(box, halves), 201},
		"script":            {svg(box, `<script>bad()</script>`+halves), 201},
		"events":            {svg(box+` onload="bad()"`, halves), 201},
		"a file":            {svg(box, halves+`<image href="file:///etc/passwd" width="20" height="10"/>`), 201},
		"another host":      {svg(box, halves+`<image xlink:href="http://bad.example/x.png" width="20" height="10"/>`), 201},
		"HTML within":       {svg(box, halves+`<foreignObject width="20" height="10"><body xmlns="http://www.w3.org/1999/xhtml">bad</body></foreignObject>`), 201},
		"a style sheet":     {svg(box, `<style>rect{fill:url(http://bad.example)}</style>`+halves), 201},
		"inclusion":         {svg(box, halves+`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>`), 201},
		"a filter":          {svg(box, `<filter id="f"><feGaussianBlur stdDeviation="100000"/></filter>`+strings.ReplaceAll(halves, "fill=", `filter="url(#f)" fill=`)), 201},
		"a huge size":       {svg(`width="2000000000" height="1000000000" `+box, halves), 201},
		"a tiny size":       {svg(`width="0.0002" height="0.0001" `+box, halves), 201},
		"entities":          {append([]byte(`<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>`), svg(box, `<text>&a;</text>`)...), 422},
		"depth":             {svg(box, strings.Repeat("<g>", 100_000)+strings.Repeat("</g>", 100_000)), 413},
		"a circle":          {svg(box, `<g id="a"><use href="#a"/></g>`), 422},
		"a great thin size": {svg(`width="1" height="100000000"`, halves), 0}, // either, but an answer
		"no size at all":    {svg(`width="0" height="0"`, halves), 422},
		"half":              {svg(box, halves)[:120], 422},
	} {
		w := s.do("PUT", "/media/"+s.app, c.data, "")
		if w.Code != c.status && (c.status != 0 || w.Code >= 500) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		if w.Code != 201 || c.status == 0 {
			continue
		}
		var up struct {
			MediaID string `json:"media_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil {
			t.Fatal(err)
		}
		at := "/img/" + s.app + "/" + up.MediaID + "/v1/"
		for _, format := range []string{"avif", "webp", "jpeg"} {
			m, _ := s.see(t, at+format+"/640x0", "")
			if m.Bounds() != image.Rect(0, 0, 640, 320) || hue(m, .2, .5) != "red" || hue(m, .8, .5) != "blue" {
				t.Errorf("%s as %s: %v, %s to %s", name, format, m.Bounds(), hue(m, .2, .5), hue(m, .8, .5))
			}
		}
		clean := s.do("GET", at+"svg", nil, "")
		if clean.Code != 200 || strings.Contains(clean.Body.String(), "bad") || strings.Contains(clean.Body.String(), "passwd") || !strings.Contains(clean.Header().Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s as SVG: %d %s", name, clean.Code, clean.Body)
		}
	}
}

func TestACopyrightNoticeReachesTheVariants(t *testing.T) {
	const notice = "(c) 2026 Ada Baker"
	for setting, kept := range map[string]bool{"keep": true, "drop": false} {
		s := newStudio(t, world.Pictures{Copyright: setting}, nil)
		at := s.put(t, withNotice(t, notice)) + "v1/"
		for _, cell := range []string{"avif/320x0", "webp/320x0", "jpeg/320x0", "jpeg/160x160"} {
			_, w := s.see(t, at+cell, "")
			if bytes.Contains(w.Body.Bytes(), []byte(notice)) != kept {
				t.Errorf("%s: %s has the notice: %v", setting, cell, !kept)
			}
			if bytes.Contains(w.Body.Bytes(), []byte("Oven 3000")) {
				t.Errorf("%s: %s tells the camera", setting, cell)
			}
		}
	}
}

// withNotice is a JPEG whose EXIF tells a camera and a copyright notice (EXIF 2.32
// §4.6.4: Make is tag 271, Copyright 33432).
func withNotice(t *testing.T, notice string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, thirds(600, 400), nil); err != nil {
		t.Fatal(err)
	}
	texts := []struct {
		tag  int
		text string
	}{{271, "Oven 3000\x00"}, {33432, notice + "\x00"}}
	tiff := []byte{'M', 'M', 0, 42, 0, 0, 0, 8, 0, byte(len(texts))}
	behind := 8 + 2 + 12*len(texts) + 4
	var values []byte
	for _, x := range texts {
		at := behind + len(values)
		tiff = append(tiff, byte(x.tag>>8), byte(x.tag), 0, 2, 0, 0, 0, byte(len(x.text)), 0, 0, byte(at>>8), byte(at))
		values = append(values, x.text...)
	}
	block := append(append([]byte("Exif\x00\x00"), append(tiff, 0, 0, 0, 0)...), values...)
	segment := append([]byte{0xFF, 0xD8, 0xFF, 0xE1, 0, byte(len(block) + 2)}, block...)
	return append(segment, b.Bytes()[2:]...)
}
