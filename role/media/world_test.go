package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"meridian/adapter/tus"
	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/engine/svgclean"
	"meridian/platform/httpserver"
	"meridian/world"
)

// place is one region of the tests' world, with everything that its role is
// given within reach.
type place struct {
	health world.HealthView
	*Media
	id        string
	manifests *memManifests
	upkeep    *memUpkeep
	objects   *memObjects
	resident  *memObjects
	pictures  *fakePictures
	peers     *fakePeers
	judges    *fakeJudges
	handler   http.Handler
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	app   = "crumbs"
	token = "upload-token"
	key   = "wire-key"
)

var uploadKeys = []keyring.Key{{ID: "now", Secret: "a secret of 20 characters"}, {ID: "before", Secret: "another secret of 20 characters"}}

func testWorld() *world.World {
	w := &world.World{}
	for i, id := range []string{"us-east", "eu-central", "ap-southeast"} {
		w.Regions = append(w.Regions, world.Region{ID: id, Zone: id, Site: id, Number: i + 1})
		w.Sites = append(w.Sites, world.Site{ID: id, Latitude: 1, Longitude: float64(1 + i*40)})
	}
	w.RTT = []world.RTT{
		{Between: [2]string{"us-east", "eu-central"}, MS: 90},
		{Between: [2]string{"us-east", "ap-southeast"}, MS: 220},
		{Between: [2]string{"eu-central", "ap-southeast"}, MS: 160},
	}
	return w
}

// newPlaces makes the three regions, each reaching the others' handlers.
func newPlaces(t testing.TB, change func(*Config)) map[string]*place {
	t.Helper()
	return newPlacesIn(t, testWorld(), change)
}

func newPlacesIn(t testing.TB, w *world.World, change func(*Config)) map[string]*place {
	t.Helper()
	places := map[string]*place{}
	for _, r := range w.Regions {
		cfg := Default()
		cfg.Region, cfg.Apps, cfg.UploadToken, cfg.WireKey = r.ID, []string{app}, token, key
		cfg.UploadKeys, cfg.Private.Keys = uploadKeys, uploadKeys
		cfg.Care.KeepAt = 1
		if change != nil {
			change(&cfg)
		}
		p := &place{
			id: r.ID, manifests: &memManifests{region: r.ID, places: places, assets: map[string]world.Manifest{}, deletions: map[string]world.Deletion{}},
			objects: newMemObjects(), resident: newMemObjects(), pictures: &fakePictures{},
			peers:  &fakePeers{places: places, cut: map[string]bool{}},
			upkeep: &memUpkeep{region: r.ID, places: places, checked: map[string]map[string]world.CopyCheck{}, asked: map[string]time.Time{}, made: map[string]world.Mezzanine{}},
			judges: &fakeJudges{},
		}
		m, err := New(cfg, Deps{
			World: w, Manifests: p.manifests, Upkeep: p.upkeep, Objects: p.objects, Resident: p.resident, Tus: serveTus(t, cfg), Pictures: p.pictures, Beside: p.pictures, Peers: p.peers,
			Way: p.peers.way, Judges: p.judges, Health: func() world.HealthView { return p.health },
			Now: func() time.Time { return noon }, Random: &counter{}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Media, p.handler = m, documentedOnly(t, m.Handler())
		p.objects.now, p.resident.now = func() time.Time { return m.now() }, func() time.Time { return m.now() }
		places[r.ID] = p
	}
	return places
}

func serveTus(t testing.TB, cfg Config) ServeTus {
	t.Helper()
	h, err := tus.New(tus.Limits{MaxBytes: cfg.Limits.MaxBytes, Checked: cfg.Limits.Checked, Silence: cfg.Limits.Silence})
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, r *http.Request, base, id string, u Resumable) error {
		return h.Serve(w, r, base, id, u)
	}
}

// counter is randomness that differs each time.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = c.n
	}
	p[0] += c.n >> 5 // a media id takes five bits of each
	c.n++
	return len(p), nil
}

func (p *place) do(method, target string, body io.Reader, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

// put uploads a picture and gives the asset's manifest.
func (p *place) put(t testing.TB, picture []byte) world.Manifest {
	t.Helper()
	w := p.do("PUT", "/media/"+app+"?name=cake.png", bytes.NewReader(picture), bearer(token))
	if w.Code != http.StatusCreated {
		t.Fatalf("upload: %d %s", w.Code, w.Body)
	}
	var up uploaded
	if err := json.Unmarshal(w.Body.Bytes(), &up); err != nil {
		t.Fatal(err)
	}
	return up.Manifest
}

func problem(t testing.TB, w *httptest.ResponseRecorder) httpserver.Problem {
	t.Helper()
	var p httpserver.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
		t.Fatalf("status %d with %q is no problem document", w.Code, w.Body)
	}
	return p
}

func imageURL(m world.Manifest, format string) string {
	return "/img/" + m.App + "/" + m.MediaID + "/v1/" + format + "/320x0"
}

func shaOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// picture is a PNG whose bytes differ by shade.
func picture(w, h int, shade uint8) []byte {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = shade
	}
	img.Set(0, 0, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

type memObjects struct {
	Objects  // what no test here asks for
	mu       sync.Mutex
	swept    []time.Time
	objects  map[string][]byte
	modified map[string]time.Time
	stages   map[string]*memStage
	dies     int64 // if above zero: of an upload no more bytes are kept
	now      func() time.Time
	puts     int
	failPut  error
	failGet  error
}

func newMemObjects() *memObjects {
	return &memObjects{objects: map[string][]byte{}, modified: map[string]time.Time{}, stages: map[string]*memStage{}}
}

func (o *memObjects) Put(_ context.Context, key string, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failPut != nil {
		return o.failPut
	}
	o.puts++
	o.objects[key], o.modified[key] = bytes.Clone(data), o.now()
	o.begun(key)
	return nil
}

func (o *memObjects) get(key string) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, ok := o.objects[key]
	return b, ok
}

func (o *memObjects) Sweep(_ context.Context, before time.Time) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.swept = append(o.swept, before)
	return len(o.swept), o.failPut
}

func (o *memObjects) drop(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.objects, key)
}

func (o *memObjects) Get(_ context.Context, key string, most int64) ([]byte, error) {
	if o.failGet != nil {
		return nil, o.failGet
	}
	b, ok := o.get(key)
	if !ok {
		return nil, world.E(world.CodeNotFound, "mem", "")
	}
	if int64(len(b)) > most {
		return nil, world.E(world.CodeTooLarge, "mem", "")
	}
	return bytes.Clone(b), nil
}

// fakePictures decodes with the standard library, and makes "variants" that
// say what they were made of.
type fakePictures struct {
	mu         sync.Mutex
	transforms int
	drawings   int
	wait       chan struct{} // if set: a transform waits for it, or for its time to run out
	panics     bool
}

func (f *fakePictures) made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.transforms
}

func (f *fakePictures) Examine(ctx context.Context, data []byte, l PictureLimits) (Examined, error) {
	info, err := f.header(data, l)
	if err == nil {
		err = f.decode(ctx, data)
	}
	return Examined{info, Placeholder{Color: "#102030", Thumbhash: "AQIDBAU="}, "answered"}, err
}

func (f *fakePictures) header(data []byte, l PictureLimits) (PictureInfo, error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, image.ErrFormat):
		return PictureInfo{}, world.E(world.CodeUnsupported, "fake", "send PNG")
	case err != nil:
		return PictureInfo{}, world.E(world.CodeUnprocessed, "fake", "damaged")
	}
	info := PictureInfo{MediaType: "image/" + format, Width: cfg.Width, Height: cfg.Height, Frames: 1}
	if info.Width < 1 || info.Height < 1 {
		return info, world.E(world.CodeUnprocessed, "fake", "empty")
	}
	if int64(info.Width)*int64(info.Height) > l.MaxPixels || int64(len(data)) > l.MaxBytes {
		return info, world.E(world.CodeTooLarge, "fake", "too large")
	}
	if format == "gif" {
		all, err := gif.DecodeAll(bytes.NewReader(data))
		if err != nil {
			return info, world.E(world.CodeUnprocessed, "fake", "damaged")
		}
		if info.Frames = len(all.Image); info.Frames > l.MaxFrames {
			return info, world.E(world.CodeTooLarge, "fake", "too many frames")
		}
	}
	return info, nil
}

func (f *fakePictures) decode(ctx context.Context, data []byte) error {
	if err := ctx.Err(); err != nil {
		return world.Because(world.CodeTimeout, "fake", "", err)
	}
	if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
		return world.E(world.CodeUnprocessed, "fake", "damaged")
	}
	return nil
}

// Draw gives a white PNG of twice the width for a drawing that is one.
func (f *fakePictures) Draw(_ context.Context, svg []byte, side int, _ PictureLimits) (png []byte, end string, err error) {
	f.mu.Lock()
	f.drawings++
	f.mu.Unlock()
	if _, err := svgclean.Clean(svg, svgclean.Limits{}); err != nil {
		return nil, "answered", err
	}
	return picture(side, side/2, 255), "answered", nil
}

func (f *fakePictures) Edit(_ context.Context, data []byte, e world.Edit) ([]byte, error) {
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, world.E(world.CodeUnprocessed, "fake", "damaged")
	}
	box := img.Bounds()
	if c := e.Crop; c != nil {
		box = image.Rect(c.X, c.Y, c.X+c.Width, c.Y+c.Height)
	}
	out := image.NewRGBA(image.Rect(0, 0, box.Dx(), box.Dy()))
	draw.Draw(out, out.Bounds(), img, box.Min, draw.Src)
	if e.Rotate%2 == 1 {
		out = image.NewRGBA(image.Rect(0, 0, box.Dy(), box.Dx()))
	}
	var b bytes.Buffer
	err = png.Encode(&b, out)
	return b.Bytes(), err
}

func (f *fakePictures) Transform(ctx context.Context, data []byte, format imagegrid.Format, w, h int) ([]byte, error) {
	f.mu.Lock()
	f.transforms++
	f.mu.Unlock()
	if f.panics {
		panic("libvips is gone")
	}
	if f.wait != nil {
		select {
		case <-f.wait:
		case <-ctx.Done():
			return nil, world.Because(world.CodeTimeout, "fake", "", ctx.Err())
		}
	}
	return []byte(string(format) + " " + strconv.Itoa(w) + "x" + strconv.Itoa(h) + " of " + shaOf(data)), nil
}

func (f *fakePictures) Variants(ctx context.Context, data []byte, specs []PictureSpec) ([]Picture, error) {
	out := make([]Picture, len(specs))
	for i, s := range specs {
		body, err := f.Transform(ctx, data, s.Format, s.Width, s.Height)
		if err != nil {
			return nil, err
		}
		out[i] = Picture{Data: body}
	}
	return out, nil
}

func (f *fakePictures) Mezzanine(context.Context, []byte) ([]byte, bool, error) {
	return nil, false, nil
}

func (f *fakePictures) FromMezzanine(ctx context.Context, mezzanine []byte, _, _ int, specs []PictureSpec) ([]Picture, error) {
	return f.Variants(ctx, mezzanine, specs)
}

// fakePeers asks the other regions' handlers, as package wire does over HTTP.
type fakePeers struct {
	places map[string]*place

	mu    sync.Mutex
	cut   map[string]bool
	asked []string
	bend  map[string]func([]byte) []byte // what a region's pictures turn into on the way
	wait  chan struct{}

	delay    func() // before an answer
	cutAfter int64  // if above zero: of an original no more bytes get through
}

func (f *fakePeers) call(ctx context.Context, region, method, path string, body io.Reader) ([]byte, error) {
	w, err := f.ask(ctx, region, method, path, body)
	if err != nil {
		return nil, err
	}
	return w.Body.Bytes(), nil
}

func (f *fakePeers) ask(ctx context.Context, region, method, path string, body io.Reader) (*httptest.ResponseRecorder, error) {
	f.mu.Lock()
	f.asked = append(f.asked, region+" "+path[strings.LastIndexByte(path, '/')+1:])
	cut := f.cut[region]
	f.mu.Unlock()
	if f.wait != nil {
		select {
		case <-f.wait:
		case <-ctx.Done():
			return nil, world.Because(world.CodeTimeout, "peers", "", ctx.Err())
		}
	}
	if cut {
		return nil, world.E(world.CodeUnavailable, "peers", "The link is cut.")
	}
	if f.delay != nil {
		f.delay()
		defer f.delay()
	}
	w := f.places[region].do(method, path, body, bearer(key))
	if w.Code >= 300 {
		return nil, httpserver.ReadProblem(w.Code, w.Body.Bytes())
	}
	return w, nil
}

// way hands a request on to another region's handler.
func (f *fakePeers) way(region string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		f.mu.Lock()
		f.asked = append(f.asked, region+" forward "+r.Method)
		cut := f.cut[region]
		f.mu.Unlock()
		if cut {
			return nil, errors.New("the link is cut")
		}
		w := httptest.NewRecorder()
		f.places[region].handler.ServeHTTP(w, r)
		return w.Result(), nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// fakeJudges gives what it is told to.
type fakeJudges struct {
	verdict Verdict
	reason  string
	err     error
	asked   []Question
}

func (f *fakeJudges) Ask(_ context.Context, q Question) (Verdict, string, error) {
	f.asked = append(f.asked, q)
	return f.verdict, f.reason, f.err
}

func (f *fakePeers) Variant(ctx context.Context, region, path string) ([]byte, string, error) {
	w, err := f.ask(ctx, region, "GET", path, nil)
	if err != nil {
		return nil, "", err
	}
	b := w.Body.Bytes()
	if bend := f.bend[region]; bend != nil {
		b = bend(b)
	}
	return b, w.Header().Get("ETag"), nil
}

func pushPath(mediaID, sha string) string {
	if mediaID == "" {
		return "/-/media/originals/" + sha
	}
	return "/-/media/resident/" + mediaID + "/" + sha
}

func (f *fakePeers) PushOriginal(ctx context.Context, region, mediaID, sha string, body io.Reader, from, size int64) error {
	path := pushPath(mediaID, sha)
	if from >= 0 {
		path += fmt.Sprintf("?from=%d&size=%d", from, size)
	}
	if f.cutAfter > 0 {
		body = io.MultiReader(io.LimitReader(body, f.cutAfter), iotest.ErrReader(errors.New("the link was cut")))
	}
	_, err := f.call(ctx, region, "PUT", path, body)
	return err
}

func (f *fakePeers) Arrived(ctx context.Context, region, mediaID, sha string) (int64, bool, error) {
	b, err := f.call(ctx, region, "GET", pushPath(mediaID, sha)+"/arrived", nil)
	var is arrived
	if err == nil {
		err = json.Unmarshal(b, &is)
	}
	return is.Bytes, is.Held, err
}

func (f *fakePeers) Original(ctx context.Context, region, app, id string, version int) ([]byte, error) {
	b, err := f.call(ctx, region, "GET", "/-/media/"+app+"/"+id+"/original?version="+strconv.Itoa(version), nil)
	if bend := f.bend[region]; err == nil && bend != nil {
		b = bend(b)
	}
	return b, err
}

func (f *fakePeers) Manifest(ctx context.Context, region, app, id string) (m world.Manifest, err error) {
	path := "/-/media/" + app + "/" + id + "/manifest"
	if app == "" {
		path = "/-/media/" + id + "/manifest"
	}
	b, err := f.call(ctx, region, "GET", path, nil)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	return m, err
}

func jpegPicture(w, h int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func animation(frames int) []byte {
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		panic(err)
	}
	return b.Bytes()
}
