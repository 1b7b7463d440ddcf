package media

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/adapter/tus"
	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/platform/httpserver"
	"meridian/world"
)

// place is one region of the tests' world, with everything that its role is
// given within reach.
type place struct {
	*Media
	id        string
	manifests *memManifests
	upkeep    *memUpkeep
	objects   *memObjects
	resident  *memObjects
	pictures  *fakePictures
	peers     *fakePeers
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
		if change != nil {
			change(&cfg)
		}
		p := &place{
			id: r.ID, manifests: &memManifests{region: r.ID, places: places, assets: map[string]world.Manifest{}, deletions: map[string]world.Deletion{}},
			objects: newMemObjects(), resident: newMemObjects(), pictures: &fakePictures{},
			peers:  &fakePeers{places: places, cut: map[string]bool{}},
			upkeep: &memUpkeep{region: r.ID, places: places, verified: map[string]time.Time{}},
		}
		m, err := New(cfg, Deps{
			World: w, Manifests: p.manifests, Upkeep: p.upkeep, Objects: p.objects, Resident: p.resident, Tus: serveTus(t, cfg), Pictures: p.pictures, Peers: p.peers,
			Now: func() time.Time { return noon }, Random: &counter{}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Media, p.handler = m, m.Handler()
		p.objects.now, p.resident.now = func() time.Time { return m.now() }, func() time.Time { return m.now() }
		places[r.ID] = p
	}
	return places
}

func serveTus(t testing.TB, cfg Config) ServeTus {
	t.Helper()
	h, err := tus.New(tus.Limits{MaxBytes: cfg.Limits.MaxBytes, Silence: cfg.Limits.Silence})
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

// memManifests keeps a region's assets and reads the others' as their
// replicas would, unless they lag.
type memManifests struct {
	region string
	places map[string]*place

	mu        sync.Mutex
	assets    map[string]world.Manifest
	deletions map[string]world.Deletion
	changes   []world.AssetChange
	lagging   bool // other regions do not see this one's assets yet
	fail      error
	jobs      []Job
	uncopied  error
}

func (s *memManifests) Create(_ context.Context, m world.Manifest) (world.Manifest, world.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return world.Manifest{}, world.Position{}, s.fail
	}
	if _, ok := s.places[s.region].storeOf(m).(*memObjects).get(originalKey(m.Newest().SHA256)); !ok {
		panic("an asset was made before its original was durable")
	}
	if _, taken := s.assets[m.MediaID]; taken {
		return world.Manifest{}, world.Position{}, world.E(world.CodeConflict, "mem", "")
	}
	s.assets[m.MediaID] = m
	for _, r := range m.Replicas {
		if r.State == world.ReplicaPending {
			s.jobs = append(s.jobs, Job{SHA256: m.Newest().SHA256, App: m.App, MediaID: m.MediaID, Version: 1, Target: r.Region, Attempt: 1})
		}
	}
	return m, world.Position{Cluster: world.CatalogCluster(s.region), Epoch: 1, LSN: uint64(len(s.assets))}, nil
}

func (s *memManifests) Manifest(_ context.Context, app, id string) (world.Manifest, error) {
	if s.fail != nil {
		return world.Manifest{}, s.fail
	}
	for _, p := range s.places {
		p.manifests.mu.Lock()
		m, ok := p.manifests.assets[id]
		ok = ok && (p.id == s.region || !p.manifests.lagging)
		p.manifests.mu.Unlock()
		if ok && m.App == app {
			return m, nil
		}
	}
	return world.Manifest{}, world.E(world.CodeNotFound, "mem", "")
}

func (s *memManifests) change(id string, f func(*world.Manifest)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.assets[id]
	m.Replicas, m.Versions = slices.Clone(m.Replicas), slices.Clone(m.Versions)
	f(&m)
	s.assets[id] = m
}

func (s *memManifests) WaitFor(_ context.Context, id string, positions []world.Position, _ time.Duration) (bool, error) {
	number, _ := world.MediaIDRegion(id)
	for _, p := range s.places {
		if p.region.Number == number {
			return p.id == s.region || !p.manifests.lagging || len(positions) == 0, s.fail
		}
	}
	return true, s.fail
}

func (s *memManifests) Change(_ context.Context, app, id string, apply func(*world.Manifest) (world.AssetChange, error)) (world.Manifest, world.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.assets[id]
	if !ok || m.App != app || s.fail != nil {
		return world.Manifest{}, world.Position{}, cmp.Or[error](s.fail, world.E(world.CodeNotFound, "mem", ""))
	}
	m.Versions = slices.Clone(m.Versions)
	c, err := apply(&m)
	if err != nil {
		return world.Manifest{}, world.Position{}, err
	}
	m.Visibility = m.ShownAs()
	if err := m.Validate(); err != nil {
		return world.Manifest{}, world.Position{}, world.Because(world.CodeUnprocessed, "mem", "", err)
	}
	if len(c.Replicas) > 0 {
		m.Replicas = c.Replicas
	}
	if c.Deletion != nil {
		s.deletions[id] = *c.Deletion
	}
	s.assets[id], s.changes = m, append(s.changes, c)
	return m, world.Position{Cluster: world.CatalogCluster(s.region), Epoch: 1, LSN: uint64(100 + len(s.changes))}, nil
}

func (s *memManifests) Deletion(_ context.Context, _, id string) (world.Deletion, error) {
	d, ok := s.deletions[id]
	if !ok {
		return d, world.E(world.CodeNotFound, "mem", "")
	}
	return d, nil
}

func (s *memManifests) List(_ context.Context, app string, state world.ModerationState, before time.Time, beforeID string, limit int) (page []world.Manifest, missing []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.assets {
		waits := slices.ContainsFunc(m.Versions, func(v world.Version) bool { return v.Moderation == state })
		if !m.DeletedAt.IsZero() || state != "" && m.Moderation.State != state && !waits {
			continue
		}
		if before.IsZero() || cmp.Or(m.CreatedAt.Compare(before), cmp.Compare(m.MediaID, beforeID)) < 0 {
			page = append(page, m)
		}
	}
	slices.SortFunc(page, func(a, b world.Manifest) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.MediaID, a.MediaID))
	})
	return page[:min(limit, len(page))], []string{"ap-southeast"}, s.fail
}

func (s *memManifests) MarkReplica(_ context.Context, sha string, r world.Replica) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.assets {
		if m.Newest().SHA256 != sha {
			continue
		}
		m.Replicas = slices.Clone(m.Replicas)
		for i := range m.Replicas {
			if m.Replicas[i].Region == r.Region {
				m.Replicas[i] = r
			}
		}
		s.assets[id] = m
	}
	return s.fail
}

func (s *memManifests) Uncopied(_ context.Context, each func(string, world.ReplicaState, int, time.Time)) error {
	if s.uncopied != nil {
		return s.uncopied
	}
	each("eu-central", world.ReplicaPending, 3, noon.Add(-90*time.Second))
	return nil
}

func (s *memManifests) replica(id, region string) world.Replica {
	m := s.assets[id]
	i := slices.IndexFunc(m.Replicas, func(r world.Replica) bool { return r.Region == region })
	return m.Replicas[i]
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
	return &memObjects{objects: map[string][]byte{}, stages: map[string]*memStage{}}
}

func (o *memObjects) Put(_ context.Context, key string, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failPut != nil {
		return o.failPut
	}
	o.puts++
	o.objects[key] = bytes.Clone(data)
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
	wait       chan struct{} // if set: a transform waits for it, or for its time to run out
	panics     bool
}

func (f *fakePictures) made() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.transforms
}

func (f *fakePictures) Inspect(_ context.Context, data []byte, l PictureLimits) (PictureInfo, error) {
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

func (f *fakePictures) Check(ctx context.Context, data []byte, _ PictureLimits) error {
	if err := ctx.Err(); err != nil {
		return world.Because(world.CodeTimeout, "fake", "", err)
	}
	if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
		return world.E(world.CodeUnprocessed, "fake", "damaged")
	}
	return nil
}

func (f *fakePictures) Average(context.Context, []byte) (string, error) { return "#102030", nil }

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
	w := f.places[region].do(method, path, body, bearer(key))
	if w.Code >= 300 {
		return nil, httpserver.ReadProblem(w.Code, w.Body.Bytes())
	}
	return w, nil
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

func (f *fakePeers) PushOriginal(ctx context.Context, region, sha string, body io.Reader, size int64) error {
	_, err := f.call(ctx, region, "PUT", "/-/media/originals/"+sha, body)
	return err
}

func (f *fakePeers) PushResident(ctx context.Context, region, mediaID, sha string, body io.Reader, size int64) error {
	_, err := f.call(ctx, region, "PUT", "/-/media/resident/"+mediaID+"/"+sha, body)
	return err
}

func (f *fakePeers) Original(ctx context.Context, region, app, id string, version int) ([]byte, error) {
	b, err := f.call(ctx, region, "GET", "/-/media/"+app+"/"+id+"/original?version="+strconv.Itoa(version), nil)
	if bend := f.bend[region]; err == nil && bend != nil {
		b = bend(b)
	}
	return b, err
}

func (f *fakePeers) Manifest(ctx context.Context, region, app, id string) (m world.Manifest, err error) {
	b, err := f.call(ctx, region, "GET", "/-/media/"+app+"/"+id+"/manifest", nil)
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
