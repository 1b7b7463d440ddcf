package story

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"meridian/test/worldtest"
	"meridian/world"
)

// uploadsVariable is how many uploads are sent through cuts and kills; each
// further batch has a kill more.
const uploadsVariable = "STORY_UPLOADS"

const (
	defaultUploads = 8
	uploadBatch    = 25
)

// put is what `media put --json` tells.
type put struct {
	Taken   []taken `json:"taken"`
	Refused []struct {
		File, Message string
	} `json:"refused"`
}

// putting runs media put from a city while the test does something else.
func putting(t *testing.T, w *worldtest.World, city string, files ...string) <-chan worldtest.Command {
	t.Helper()
	t.Setenv("MERIDIAN_UPLOAD_TOKEN", w.Secrets(t).UploadToken)
	door := w.Visitor(t, "us", "").URL("") // not by the directory: who names that is thought a part of the world
	said := make(chan worldtest.Command, 1)
	go func() {
		said <- w.Run(t, append([]string{"media", "put", "--json", "--at-once", "4", "--url", door, "--app", w.Plan.App, "--from", city}, files...)...)
	}()
	return said
}

// taken is a picture that was.
type taken struct {
	File     string         `json:"file"`
	MediaID  string         `json:"media_id"`
	Manifest world.Manifest `json:"manifest"`
}

func readPut(t *testing.T, said worldtest.Command) put {
	t.Helper()
	var p put
	if err := json.Unmarshal([]byte(said.Out), &p); err != nil || said.Code != 0 || len(p.Refused) != 0 {
		t.Fatalf("media put: exit code %d, %v\n%s%s", said.Code, err, said.Out, said.Err)
	}
	return p
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestALargeUploadGoesOn sends a picture of about 50 MB over a link that is cut
// and to a world that is killed, each in its middle: it arrives, whole, and
// nothing that was there is sent twice.
func TestALargeUploadGoesOn(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	w := theWorld(t)
	large := scan(t, 6900) // 47.6 of 50 million pixels
	said := putting(t, w, "tokyo", write(t, t.TempDir(), "large.png", large))
	at := noted(t, cache)

	came := func(n int64) func() bool { return func() bool { return uploadOffset(t, w, at) >= n } }
	eventually(t, copiedWithin, "the first part is there", came(8<<20))
	heal := cut(t, w, "links/nrt/ap-southeast", "refuse")
	before := uploadOffset(t, w, at)
	heal()
	eventually(t, copiedWithin, "more of it is there", came(before+1))

	before = uploadOffset(t, w, at)
	w.Kill(t)
	w.WaitGone(t, goneWithin)
	w.Start(t, w.Options())
	if after := uploadOffset(t, w, at); after < before {
		t.Errorf("%d bytes were told, %d are there after kill -9", before, after)
	}
	p := readPut(t, <-said)
	t.Logf("%d bytes of %d were there when the world was killed", before, len(large))
	served(t, w, p, map[string][]byte{"large.png": large})
}

// scan is a square PNG of noise that has as many bytes as pixels.
func scan(t *testing.T, side int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, side, side))
	return noisy(t, m, m.Pix, 0)
}

// deepScan is a scan with six bytes a pixel.
func deepScan(t *testing.T, side int) []byte {
	t.Helper()
	m := image.NewRGBA64(image.Rect(0, 0, side, side))
	return noisy(t, m, m.Pix, 0xFFFF) // nothing shines through
}

// noisy fills a picture's pixels with noise, some bits of every eight bytes apart,
// which are set, and writes them as a PNG without packing them.
func noisy(t *testing.T, m image.Image, pixels []byte, set uint64) []byte {
	t.Helper()
	noise := rand.New(rand.NewPCG(uint64(photos.Add(1)), 0))
	for i := 0; i+8 <= len(pixels); i += 8 {
		binary.BigEndian.PutUint64(pixels[i:], noise.Uint64()|set)
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// noted waits until the command has noted its upload's address, and gives its path.
func noted(t *testing.T, cache string) string {
	t.Helper()
	var at string
	eventually(t, copiedWithin, "the upload has begun", func() bool {
		found, _ := filepath.Glob(filepath.Join(cache, "meridian", "uploads", "*.json"))
		var note struct{ At string }
		for _, path := range found {
			if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &note) == nil && note.At != "" {
				at = note.At
			}
		}
		return at != ""
	})
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// uploadOffset asks a PoP far from the upload's region how far it has come.
func uploadOffset(t *testing.T, w *worldtest.World, path string) int64 {
	t.Helper()
	a := w.AtPoP(t, "us", "iad").Get(t, path, "Authorization", "Bearer "+w.Secrets(t).UploadToken)
	var state struct {
		Offset int64  `json:"upload_offset"`
		Made   string `json:"media_id"`
	}
	if err := json.Unmarshal(a.Body, &state); err != nil || a.Status != http.StatusOK || state.Made != "" {
		t.Fatalf("%s: %d %s, %v", path, a.Status, a.Body, err)
	}
	return state.Offset
}

// TestEachAcknowledgedUploadIsServed sends many pictures at once while links are
// cut and the world is killed. Each is there once: from every region, whole.
func TestEachAcknowledgedUploadIsServed(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = s
	}
	t.Logf("%s=%d", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	left := defaultUploads
	if n, err := strconv.Atoi(os.Getenv(uploadsVariable)); err == nil {
		left = n
	}
	w, began := theWorld(t), time.Now()
	var done tally
	for round := 0; left > 0; round++ {
		n := min(left, uploadBatch)
		left -= n
		before := assets(t, w)
		dir, sent := t.TempDir(), map[string][]byte{}
		var files []string
		for i := range n {
			name := fmt.Sprintf("r%d-%d.jpg", round, i)
			sent[name] = grainy(t, 300+random.IntN(900))
			files = append(files, write(t, dir, name, sent[name]))
		}
		city := w.Plan.Cities[random.IntN(len(w.Plan.Cities))].ID
		said := putting(t, w, city, files...)
		some := random.IntN(n)
		eventually(t, uploadsWithin, "some have arrived", func() bool { return assets(t, w)-before >= some })
		done.disturb(t, w, random, round%splitEvery == splitEvery-1)
		p := readPut(t, <-said)
		done.taken += len(p.Taken)
		served(t, w, p, sent)
		if made := assets(t, w) - before; made != n {
			t.Errorf("%d pictures were sent, %d are there", n, made)
		}
	}
	t.Logf("%d uploads acknowledged in %.0f s, through %d cuts, %d deaths of one process and %d of the world", done.taken, time.Since(began).Seconds(), done.cuts, done.ones, done.worlds)
}

// splitEvery is after how many batches the world is one of many processes for
// the next.
const splitEvery = 4

// uploadsWithin is how long a batch may take to begin with.
const uploadsWithin = 2 * time.Minute

// tally is what the uploads went through.
type tally struct{ taken, cuts, ones, worlds int }

// disturb cuts links of random PoPs for random whiles, kills a process after each,
// and at last the world, which comes back as one process or as many.
func (d *tally) disturb(t *testing.T, w *worldtest.World, random *rand.Rand, split bool) {
	t.Helper()
	moment := func() { time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond) } // random moments are what is tested, not intervals
	for i := range 3 {
		pop := w.Plan.PoPs[random.IntN(len(w.Plan.PoPs))].ID
		region := w.Plan.Regions[random.IntN(len(w.Plan.Regions))].ID
		heal := cut(t, w, "links/"+pop+"/"+region, "refuse")
		moment()
		heal()
		d.cuts++
		if w.Options().Split && i < 2 {
			continue // the death of a role may be that of the world, and no link can be cut then
		}
		t.Logf("killed: %.90s", w.KillOne(t, random.IntN))
		d.ones++
		moment()
	}
	w.Kill(t)
	d.worlds++
	w.WaitGone(t, goneWithin)
	o := w.Options()
	o.Split = split
	w.Start(t, o)
}

// assets counts the assets of all regions.
func assets(t *testing.T, w *worldtest.World) (n int) {
	t.Helper()
	for _, r := range w.Plan.Regions {
		conn := w.Catalog(t, r.ID)
		var here int
		if err := conn.QueryRow(t.Context(), "select count(*) from asset").Scan(&here); err != nil {
			t.Fatal(err)
		}
		n += here
		conn.Close(t.Context())
	}
	return n
}

// served looks for what was acknowledged: every region holds the original as it
// was sent, and every PoP shows the picture.
func served(t *testing.T, w *worldtest.World, p put, sent map[string][]byte) {
	t.Helper()
	if len(p.Taken) != len(sent) {
		t.Errorf("%d of %d were taken", len(p.Taken), len(sent))
	}
	together(t, p.Taken, func(taken taken) error {
		want := sent[filepath.Base(taken.File)]
		sum := sha256.Sum256(want)
		sha := hex.EncodeToString(sum[:])
		if got := taken.Manifest.Newest(); got.SHA256 != sha || got.Bytes != int64(len(want)) {
			t.Errorf("%s: its manifest says %+v", taken.File, got)
		}
		for _, r := range w.Plan.Regions {
			original := w.Original(r.ID, sha)
			if err := soon(copiedWithin, r.ID+" holds "+taken.File, func() (bool, error) {
				b, err := os.ReadFile(original)
				return err == nil && bytes.Equal(b, want), nil
			}); err != nil {
				return err
			}
		}
		for _, pop := range pops(w) {
			path := "/img/" + w.Plan.App + "/" + taken.MediaID + "/v1/jpeg/160x0"
			c := w.AtPoP(t, "us", pop)
			if err := soon(copiedWithin, pop+" shows "+taken.File, func() (bool, error) {
				a, err := c.Do(http.MethodGet, path, nil)
				return a.Status == http.StatusOK && len(a.Body) > 0, err
			}); err != nil {
				return err
			}
		}
		return nil
	})
}
