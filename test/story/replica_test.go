package story

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// Bounds of what heals by itself. A pass of the scrubber takes seconds by the
// settings below; a copy that failed in a cut is tried again within half a minute.
const (
	healsWithin   = 60 * time.Second
	catchesUpWith = 90 * time.Second
)

// attentive has every copy read again all the time, and the lag measured so too.
// What two regions make of one original can be compared, for nothing is made in
// better quality later.
const attentive = `
media:
  care: {scrub_every: 2s, scrub_rate: 1073741824, hot: [], polish: false}
  limits: {lag_every: 500ms}
`

// theAttentiveWorld is the shipped world by those settings. The stories that come
// after it have it by its own again.
func theAttentiveWorld(t *testing.T) *worldtest.World {
	t.Helper()
	return theWorldAs(t, worldtest.Options{Settings: attentive})
}

// picked is a picture that a story put in.
type picked struct {
	id, sha string
	bytes   []byte
}

// popOf is the PoP next to a city that photos are put in from.
var popOf = map[string]string{"tokyo": "nrt", "frankfurt": "fra", "new-york": "iad"}

// putFrom puts photos in from a city, whose uploads go to that region.
func putFrom(t *testing.T, w *worldtest.World, city, region string, photos ...[]byte) []picked {
	t.Helper()
	atHome(t, w, popOf[city])
	dir, sent := t.TempDir(), map[string][]byte{}
	var files []string
	for i, p := range photos {
		name := fmt.Sprintf("%d.jpg", i)
		sent[name] = p
		files = append(files, write(t, dir, name, p))
	}
	var out []picked
	for _, taken := range readPut(t, <-putting(t, w, city, files...)).Taken {
		if taken.Manifest.WriteRegion != region {
			t.Fatalf("from %s a picture was written in %s, want %s", city, taken.Manifest.WriteRegion, region)
		}
		data := sent[filepath.Base(taken.File)]
		sum := sha256.Sum256(data)
		out = append(out, picked{taken.MediaID, hex.EncodeToString(sum[:]), data})
	}
	return out
}

// copyOf is the file of a region's copy.
func copyOf(w *worldtest.World, region string, p picked) string {
	return w.Original(region, p.sha)
}

func isWhole(w *worldtest.World, region string, p picked) bool {
	b, err := os.ReadFile(copyOf(w, region, p))
	sum := sha256.Sum256(b)
	return err == nil && hex.EncodeToString(sum[:]) == p.sha
}

// damage flips bytes in the middle of a region's copy, where it lies.
func damage(t *testing.T, w *worldtest.World, region string, p picked) {
	t.Helper()
	f, err := os.OpenFile(copyOf(w, region, p), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	middle, at := make([]byte, 512), int64(len(p.bytes)/2)
	if _, err := f.ReadAt(middle, at); err != nil {
		t.Fatal(err)
	}
	for i := range middle {
		middle[i] ^= 0xff
	}
	if _, err := f.WriteAt(middle, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if isWhole(w, region, p) {
		t.Fatal("the copy is whole still")
	}
}

// replicas are what `media show` tells of a picture's copies, by region.
func replicas(t *testing.T, w *worldtest.World, id string) map[string]world.Replica {
	t.Helper()
	said := w.Run(t, "media", "show", id, "--dir", w.Dir, "--json")
	var m world.Manifest
	if err := json.Unmarshal([]byte(said.Out), &m); err != nil || said.Code != 0 {
		t.Fatalf("media show: exit code %d, %v\n%s%s", said.Code, err, said.Out, said.Err)
	}
	out := map[string]world.Replica{}
	for _, r := range m.Replicas {
		out[r.Region] = r
	}
	return out
}

// readers ask for pictures, again and again, until they are told to stop.
type readers struct {
	all    sync.WaitGroup
	stop   chan struct{}
	mu     sync.Mutex
	asked  int
	failed []string
}

func startReaders(t *testing.T) *readers {
	r := &readers{stop: make(chan struct{})}
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops them; the test fails for each that did not get what it should.
func (r *readers) end(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	ended := r.stop == nil
	r.mu.Unlock()
	if ended {
		return
	}
	close(r.stop)
	r.all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop = nil
	for i, f := range r.failed {
		if i == 10 {
			t.Errorf("and %d more", len(r.failed)-i)
			break
		}
		t.Error(f)
	}
	t.Logf("readers asked %d times", r.asked)
}

// ask has one reader ask.
func (r *readers) ask(once func(i int) error) {
	stop := r.stop
	r.all.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			err := once(i)
			r.mu.Lock()
			r.asked++
			if err != nil {
				r.failed = append(r.failed, err.Error())
			}
			r.mu.Unlock()
			time.Sleep(60 * time.Millisecond) // so that the world has time for something else too
		}
	})
}

// coldSizes are more than a story's readers can ask for in its time.
var coldSizes = []string{"160x0", "160x160", "320x0", "480x0", "640x0", "960x0", "320x320", "480x480", "640x640", "320x240", "480x360", "640x480"}

func backwards(sizes []string) []string {
	sizes = slices.Clone(sizes)
	slices.Reverse(sizes)
	return sizes
}

// asksFor asks for a picture's variants in turn, and compares each with what a
// region that was not harmed makes of it.
func asksFor(w *worldtest.World, from, with *worldtest.Client, p picked, sizes, formats []string) func(int) error {
	return func(i int) error {
		path := fmt.Sprintf("/img/%s/%s/v1/%s/%s", w.Plan.App, p.id, formats[i%len(formats)], sizes[i/len(formats)%len(sizes)])
		got, err := from.Do(http.MethodGet, path, nil)
		if err != nil || got.Status != http.StatusOK {
			return fmt.Errorf("%s: %d %.200s, %v", path, got.Status, got.Body, err)
		}
		if got.Header.Get("Content-Type") != "image/jpeg" {
			return nil
		}
		want, err := with.Do(http.MethodGet, path, nil)
		if err != nil || want.Status != http.StatusOK {
			return fmt.Errorf("%s of the other region: %d %.200s, %v", path, want.Status, want.Body, err)
		}
		if err := alike(got.Body, want.Body); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
}

// alike reports what is wrong with a JPEG that should show what another one shows.
func alike(got, want []byte) error {
	a, err := jpeg.Decode(bytes.NewReader(got))
	if err != nil {
		return err
	}
	b, err := jpeg.Decode(bytes.NewReader(want))
	if err != nil {
		return err
	}
	if a.Bounds() != b.Bounds() {
		return fmt.Errorf("%v instead of %v", a.Bounds(), b.Bounds())
	}
	if d := difference(a, b); d > 4 {
		return fmt.Errorf("differs by %.1f of 255 on average", d)
	}
	return nil
}

// difference is how far two pictures' colours lie apart, on average, of 255.
func difference(a, b image.Image) float64 {
	sum, n := 0.0, 0.0
	r := a.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y += 3 {
		for x := r.Min.X; x < r.Max.X; x += 3 {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			for _, d := range []int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb)} {
				sum, n = sum+float64(max(d, -d))/257, n+1
			}
		}
	}
	return sum / n
}

// TestADamagedCopyIsHealedUnseen damages copies on disk, in a region that has them
// by replication and in the one that wrote them, while people there ask for those
// pictures. The scrubber finds and heals them, and nobody gets anything wrong.
func TestADamagedCopyIsHealedUnseen(t *testing.T) {
	w := theAttentiveWorld(t)
	const home, replica, sound = "ap-southeast", "eu-central", "us-east"
	all := putFrom(t, w, "tokyo", home, photo(t), photo(t))
	cold, warm := all[0], all[1]
	everywhere(t, w, cold.id)
	everywhere(t, w, warm.id)
	formats := []string{"jpeg", "webp", "avif"}
	warmed := []string{"320x0", "640x0"}
	token := w.Secrets(t).UploadToken
	for region, pop := range map[string]string{replica: "fra", home: "nrt"} {
		t.Run(region, func(t *testing.T) {
			media, edge, other := w.Role(t, "media", region, "de"), w.AtPoP(t, "de", pop), w.Role(t, "media", sound, "us")
			for i := range 3 * len(warmed) * len(formats) { // until they are stored
				if err := asksFor(w, media, other, warm, warmed, formats)(i); err != nil {
					t.Fatal(err)
				}
			}
			healed := healedCopies(t, w)[region]
			began := time.Now()
			damage(t, w, region, cold)
			damage(t, w, region, warm)
			r := startReaders(t)
			r.ask(asksFor(w, media, other, cold, coldSizes, formats))
			r.ask(asksFor(w, edge, other, cold, backwards(coldSizes), formats))
			r.ask(asksFor(w, media, other, warm, warmed, formats)) // never reads the original: the scrubber has to find it
			r.ask(func(int) error {
				path := "/media/" + w.Plan.App + "/" + cold.id + "/original"
				a, err := edge.Do(http.MethodGet, path, nil, "Authorization", "Bearer "+token)
				if err != nil || a.Status != http.StatusOK || !bytes.Equal(a.Body, cold.bytes) {
					return fmt.Errorf("%s: %d, %d bytes of %d, %v", path, a.Status, len(a.Body), len(cold.bytes), err)
				}
				return nil
			})
			for _, p := range []picked{cold, warm} {
				eventually(t, healsWithin, "the copy is whole again", func() bool { return isWhole(w, region, p) })
				eventually(t, healsWithin, "media show says that it was verified", func() bool {
					c := replicas(t, w, p.id)[region]
					return c.State == world.ReplicaCopied && c.VerifiedAt.After(began) && c.Error == ""
				})
			}
			t.Logf("healed, and told so, %.1f s after the damage", time.Since(began).Seconds())
			r.end(t)
			if n := healedCopies(t, w)[region] - healed; n < 1 {
				t.Errorf("the scrubber has healed %d copies", n)
			}
			if left, _ := filepath.Glob(filepath.Join(w.Dir, "objects", region, "quarantine", "*")); len(left) > 0 {
				t.Errorf("left in quarantine: %v", left)
			}
		})
	}
}

// healedCopies is how many originals each region's scrubber has healed.
func healedCopies(t *testing.T, w *worldtest.World) map[string]int {
	t.Helper()
	return figures(t, w, "meridian_media_scrubbed_total", `kind="original",outcome="healed",`, "media", "")
}

// lag is how many originals of each region another one lacks, and how long the
// oldest has waited, in seconds.
func lag(t *testing.T, w *worldtest.World, target string) (count, age map[string]int) {
	t.Helper()
	now, of := w.Figures(t), `,state="pending",target="`+target+`"`
	return figuresIn(t, now, "meridian_media_uncopied", "", "media", of), figuresIn(t, now, "meridian_media_uncopied_age_seconds", "", "media", of)
}

// TestARegionThatWasCutOffGetsItsCopies cuts a region off while people elsewhere
// put pictures in. The lag tells it, its readers see nothing of it, and once it is
// healed it gets what it lacks.
func TestARegionThatWasCutOffGetsItsCopies(t *testing.T) {
	for _, mode := range []string{"refuse", "blackhole"} {
		t.Run(mode, func(t *testing.T) { cutOffRegion(t, mode) })
	}
}

func cutOffRegion(t *testing.T, mode string) {
	const region, pop = "ap-southeast", "nrt"
	w := theAttentiveWorld(t)
	before := putFrom(t, w, "frankfurt", "eu-central", photo(t))
	everywhere(t, w, before[0].id)
	here, edge := w.Role(t, "media", region, "jp"), w.AtPoP(t, "jp", pop)
	formats := []string{"webp", "avif"}
	r := startReaders(t)
	heal := cut(t, w, "places/"+region, mode)
	r.ask(asksFor(w, here, nil, before[0], coldSizes, formats))
	r.ask(asksFor(w, edge, nil, before[0], coldSizes, formats))
	var put []picked
	wrote := map[string]int{}
	for round := range 2 {
		for city, writes := range map[string]string{"frankfurt": "eu-central", "new-york": "us-east"} {
			for _, p := range putFrom(t, w, city, writes, grainy(t, 400), grainy(t, 500+100*round)) {
				put = append(put, p)
				wrote[writes]++
				r.ask(asksFor(w, edge, nil, p, coldSizes, formats)) // whoever goes to the region that is cut off finds another
			}
		}
	}
	eventually(t, copiedWithin, "the lag tells what the region lacks", func() bool {
		count, age := lag(t, w, region)
		return count["eu-central"] == wrote["eu-central"] && count["us-east"] == wrote["us-east"] && age["eu-central"] > 0 && age["us-east"] > 0
	})
	for _, p := range put {
		if isWhole(w, region, p) {
			t.Errorf("%s has come through a cut", p.id)
		}
		if c := replicas(t, w, p.id)[region]; c.State != world.ReplicaPending {
			t.Errorf("media show says of %s there: %+v", p.id, c)
		}
	}
	heal()
	healed := time.Now()
	eventually(t, catchesUpWith, "the lag is gone", func() bool {
		count, age := lag(t, w, region)
		return count["eu-central"]+count["us-east"]+age["eu-central"]+age["us-east"] == 0
	})
	t.Logf("%d pictures were caught up with %.1f s after the cut", len(put), time.Since(healed).Seconds())
	for _, p := range put {
		for _, region := range w.Plan.Regions {
			if !isWhole(w, region.ID, p) {
				t.Errorf("%s has no whole copy of %s", region.ID, p.id)
			}
		}
		if c := replicas(t, w, p.id)[region]; c.State != world.ReplicaCopied || c.VerifiedAt.Before(healed) {
			t.Errorf("media show says of %s there: %+v", p.id, c)
		}
	}
	r.end(t)
}

// TestALargeCopyGoesOn cuts the link between two regions while a large original
// crosses it. What has arrived is not sent again.
func TestALargeCopyGoesOn(t *testing.T) {
	const from, to, link, tooSlow = "eu-central", "ap-southeast", "links/eu-central/ap-southeast", 12 // Mbit/s
	w := theAttentiveWorld(t)
	admin := w.Admin(t)
	usual := bandwidth(t, admin, link)
	defer slow(t, admin, link, usual)
	slow(t, admin, link, tooSlow)
	moved := func(what string) map[string]int {
		return figures(t, w, "meridian_media_bytes_total", "", "media", `,what="`+what+`"`)
	}
	pushed := moved("pushed")[from]
	large := putFrom(t, w, "frankfurt", from, scan(t, 4000))[0] // 16 million bytes
	staged := func() (n int64) {
		parts, _ := filepath.Glob(filepath.Join(w.Dir, "objects", to, "uploads", "copy-"+large.sha, "*"))
		for _, p := range parts {
			if stat, err := os.Stat(p); err == nil {
				n += stat.Size()
			}
		}
		return n
	}
	eventually(t, copiedWithin, "a part of the original has come", func() bool { return staged() >= 8<<20 })
	heal := cut(t, w, link, "refuse")
	half := staged()
	if isWhole(w, to, large) {
		t.Fatal("it has come before the link was cut")
	}
	slow(t, admin, link, usual)
	heal()
	everywhere(t, w, large.id)
	if !isWhole(w, to, large) {
		t.Error("its copy is not whole")
	}
	if n := staged(); n != 0 {
		t.Errorf("%d bytes are left of its parts", n)
	}
	// One copy went to each of the other regions. What was on its way in the cut is lost.
	sent := moved("pushed")[from] - pushed - 2*len(large.bytes)
	t.Logf("cut with %d bytes of %d there; %d bytes were sent twice", half, len(large.bytes), sent)
	if sent < 0 || int64(sent) >= half {
		t.Errorf("%d bytes were sent twice, as if nothing had come", sent)
	}
}
