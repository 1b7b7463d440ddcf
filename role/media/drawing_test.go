package media

import (
	"bytes"
	"fmt"
	"image"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meridian/engine/imagegrid"
	"meridian/engine/svgclean"
	"meridian/world"
)

func drawing(body string) []byte {
	return []byte(`<?xml version="1.0"?>` + "\n" + `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 20 10">` + body + `</svg>`)
}

func (p *place) send(data []byte) *httptest.ResponseRecorder {
	return p.do("PUT", "/media/"+app+"?name=logo.svg", bytes.NewReader(data), bearer(token))
}

func TestDrawingsAreRefusedUnlessTheAppTakesThem(t *testing.T) {
	for _, rule := range []string{"", "refuse"} {
		us, _ := rulesPlace(t, world.Pictures{SVG: rule})
		w := us.send(drawing(`<rect width="5" height="5"/>`))
		if p := problem(t, w); w.Code != http.StatusUnsupportedMediaType || !strings.Contains(p.Detail, "PNG") {
			t.Errorf("%q: %d %s", rule, w.Code, w.Body)
		}
		if len(us.objects.objects) != 0 {
			t.Errorf("%q: it is kept", rule)
		}
	}
}

// hostile are drawings that are taken without what is bad in them.
var hostile = []string{
	`<script>alert("bad")</script>`, `<rect onload="bad()"/>`, `<a href="javascript:bad()"><rect/></a>`,
	`<image href="https://bad.example/x.png"/>`, `<image xlink:href="file:///etc/bad"/>`, `<use href="https://bad.example/#a"/>`,
	`<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="https://bad.example"/></foreignObject>`,
	`<style>@import url(https://bad.example/x.css);</style>`, `<rect style="fill:url(https://bad.example)"/>`,
	`<animate attributeName="href" to="javascript:bad()"/>`, `<?xml-stylesheet href="https://bad.example/x.css"?>`,
	`<feImage xlink:href="https://bad.example"/>`, `<rect width="5" height="5" fill="url(//bad.example)"/>`,
}

func TestADrawingIsGivenOutAsPixels(t *testing.T) {
	us, _ := rulesPlace(t, world.Pictures{SVG: "rasterise"})
	for _, body := range hostile {
		svg := drawing(body + `<rect width="5" height="5"/>`)
		m := us.put(t, svg)
		v := m.Newest()
		if v.MediaType != "image/svg+xml" || v.Width != 200 || v.Height != 100 || v.SHA256 != shaOf(svg) || v.Bytes != int64(len(svg)) {
			t.Fatalf("%+v", v)
		}
		drawn := shaOf(picture(200, 100, 255))
		for _, format := range []string{"webp", "jpeg"} {
			if w := us.do("GET", imageURL(m, format), nil); w.Code != 200 || w.Body.String() != format+" 320x0 of "+drawn || w.Header().Get("Content-Type") != "image/"+format {
				t.Errorf("%s: %d %s", format, w.Code, w.Body)
			}
		}
		if err := us.Prepare(t.Context(), PrepareJob{App: app, MediaID: m.MediaID, Version: 1}); err != nil {
			t.Errorf("prepare: %v", err)
		}
		// The original goes to who holds the token, to be kept and not to be opened.
		w := us.do("GET", "/media/"+app+"/"+m.MediaID+"/original", nil, bearer(token))
		if !bytes.Equal(w.Body.Bytes(), svg) || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("the original: %v", w.Header())
		}
		for _, path := range []string{cellURL(m, "svg"), "/img/" + app + "/" + m.MediaID + "/svg"} {
			if w := us.do("GET", path, nil); w.Code != 400 {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	}
	if w := us.do("GET", "/media/"+app+"/"+us.put(t, drawing("<g/>")).MediaID+"/preview", nil, bearer(token)); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "jpeg 640x0 of ") {
		t.Errorf("preview: %d %s", w.Code, w.Body)
	}
}

func TestADrawingIsGivenOutWithoutWhatIsNotHarmless(t *testing.T) {
	us, _ := rulesPlace(t, world.Pictures{SVG: "sanitise"})
	for _, body := range hostile {
		m := us.put(t, drawing(body+`<rect id="good" width="5" height="5"/>`))
		for _, path := range []string{cellURL(m, "svg"), cellURL(m, "svg"), "/img/" + app + "/" + m.MediaID + "/svg"} {
			w := us.do("GET", path, nil)
			if w.Code != 200 || strings.Contains(w.Body.String(), "bad") || !strings.Contains(w.Body.String(), `id="good"`) {
				t.Fatalf("%s: %d %s", body, w.Code, w.Body)
			}
			for name, want := range map[string]string{
				"Content-Type": "image/svg+xml", "X-Content-Type-Options": "nosniff",
				"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
		// auto is never a drawing, whatever a client likes best
		w := us.do("GET", imageURL(m, "auto"), nil, func(r *http.Request) { r.Header.Set("Accept", "image/svg+xml,image/webp;q=0.1") })
		if w.Header().Get("Content-Type") != "image/webp" || w.Header().Get("Content-Security-Policy") != "" {
			t.Errorf("auto: %v", w.Header())
		}
	}
	photo := us.put(t, picture(400, 300, 7))
	if w := us.do("GET", cellURL(photo, "svg"), nil); w.Code != 404 {
		t.Errorf("a photo as SVG: %d", w.Code)
	}
}

func TestDrawingsThatAreNotTaken(t *testing.T) {
	laughs := `<g id="l0"><rect/></g>`
	for i := range 8 {
		laughs += fmt.Sprintf(`<g id="l%d">%s</g>`, i+1, strings.Repeat(fmt.Sprintf(`<use href="#l%d"/>`, i), 10))
	}
	for _, rule := range []string{"rasterise", "sanitise"} {
		us, _ := rulesPlace(t, world.Pictures{SVG: rule})
		for name, c := range map[string]struct {
			data   []byte
			status int
		}{
			"entities":          {[]byte(`<!DOCTYPE svg [<!ENTITY a "bad">]>` + string(drawing("&a;"))), 422},
			"an outside entity": {[]byte(`<!DOCTYPE svg SYSTEM "file:///etc/passwd">` + string(drawing(""))), 422},
			"laughs":            {drawing(laughs), 413},
			"depth":             {drawing(strings.Repeat("<g>", 10_000) + strings.Repeat("</g>", 10_000)), 413},
			"bytes":             {drawing(strings.Repeat(" ", svgclean.DefaultLimits().MaxBytes)), 413},
			"elements":          {drawing(strings.Repeat("<g/>", svgclean.DefaultLimits().MaxElements)), 413},
			"not closed":        {drawing("<g>"), 422},
			"HTML":              {[]byte(`<html><body><svg onload="bad()"></svg></body></html>`), 422},
			"a picture's name":  {[]byte("\x89PNG\r\n\x1a\n<svg onload=bad()>"), 422},
		} {
			w := us.send(c.data)
			if problem(t, w); w.Code != c.status {
				t.Errorf("%s, %s: %d %s", rule, name, w.Code, w.Body)
			}
		}
		if len(us.objects.objects) != 0 {
			t.Errorf("%s: something is kept", rule)
		}
	}
}

// An edit of a drawing is pixels, and no drawing any more.
func TestAnEditOfADrawing(t *testing.T) {
	us, _ := rulesPlace(t, world.Pictures{SVG: "sanitise"})
	m := us.put(t, drawing(`<rect width="5" height="5"/>`))
	up := wantVersion(t, post(us, m, "versions", `{"crop": {"x": 0, "y": 0, "width": 100, "height": 50}}`), 201)
	if v := up.Manifest.Newest(); v.MediaType != "image/png" || v.Width != 100 || v.Height != 50 {
		t.Errorf("%+v", v)
	}
	for version, want := range map[string]int{"v1": 200, "v2": 404} {
		if w := us.do("GET", "/img/"+app+"/"+m.MediaID+"/"+version+"/svg", nil); w.Code != want {
			t.Errorf("%s as SVG: %d", version, w.Code)
		}
	}
	stored, _ := us.objects.get(originalKey(up.Manifest.Newest().SHA256))
	if _, format, err := image.DecodeConfig(bytes.NewReader(stored)); err != nil || format != "png" {
		t.Errorf("%s, %v", format, err)
	}
	up = wantVersion(t, post(us, m, "versions", `{"from": 1, "focal": {"x": 1, "y": 0}}`), 201)
	if v := up.Manifest.Newest(); v.MediaType != "image/svg+xml" || v.SHA256 != m.Newest().SHA256 {
		t.Errorf("another focal point: %+v", v)
	}
}

func TestAPrivateDrawingIsPrivateAsSVGToo(t *testing.T) {
	us, _ := rulesPlace(t, world.Pictures{SVG: "sanitise"})
	m := us.privately(t, drawing(`<rect width="5" height="5"/>`))
	good := signedCell(t, imagegrid.Request{Private: true, App: app, MediaID: m.MediaID, Version: 1, Format: imagegrid.SVG}, noon.Add(time.Minute))
	if w := us.do("GET", good, nil); w.Code != 200 || w.Header().Get("Cache-Control") != privateAge || w.Header().Get("Content-Security-Policy") != drawingPolicy {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	path, _, _ := strings.Cut(good, "?")
	for _, bad := range []string{path, strings.Replace(path, "/private/", "/img/", 1)} {
		if w := us.do("GET", bad, nil); w.Code != 403 && w.Code != 404 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}
