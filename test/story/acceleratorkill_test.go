package story

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meridian/test/worldtest"
)

var acceleratorKills = flag.Int("accelerator-kills", 3, "how often TestKilledAcceleratorKeepsItsDisk kills the accelerator")

const (
	pieces      = 1500 // that the origin has
	pieceGroups = 16
	purgedUpTo  = 8 // the groups below it are purged, one after the other; the others never
	purgeSecret = "story-purge-token-of-32-characters"
	piecesHost  = "pieces.test"
)

// pieceOf is what the origin has for a path in a version: every few bytes of it
// tell both, so that what is torn, or belongs elsewhere, is seen.
func pieceOf(n int, version int64) string {
	sizes := []int{1, 3, 40, 300, 700, 3000, 9000}
	times := sizes[n%len(sizes)]
	if n%50 == 0 {
		times = 40_000 // too large to be read back into RAM: it is sent from its file
	}
	return strings.Repeat(fmt.Sprintf("/%d@%d ", n, version), times)
}

// pieceTags reads an entity-tag: of a piece as it is, or as the accelerator has
// compressed it.
var pieceTags = regexp.MustCompile(`^(?:W/)?"(\d+)-(\d+)(?:~gzip)?"$`)

func inflate(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func pieceTag(n int, version int64) string { return fmt.Sprintf(`"%d-%d"`, n, version) }

// pieceOrigin is an origin whose pieces change with every purge.
type pieceOrigin struct {
	server  *httptest.Server
	version atomic.Int64
	reads   atomic.Int64
}

func newPieceOrigin(t *testing.T) *pieceOrigin {
	o := &pieceOrigin{}
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.reads.Add(1)
		n, version := pieceNumber(r.URL.Path), o.version.Load()
		body := pieceOf(n, version)
		h := w.Header()
		h.Set("Etag", pieceTag(n, version))
		h.Set("Cache-Control", "max-age=3600")
		h.Set("Surrogate-Key", "g"+strconv.Itoa(n%pieceGroups))
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(o.server.Close)
	return o
}

func pieceNumber(path string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(path, "/"))
	return n
}

// standAlone is `meridian edge` on a directory that outlives its processes.
type standAlone struct {
	bin, dir string
	origin   *pieceOrigin
	cmd      *exec.Cmd
	visitors *http.Client
	admin    *http.Client
	least    [pieceGroups]atomic.Int64 // the version as of which a group may be served
	kept     map[int]bool              // pieces that were on the disk at the last start and are never purged
}

func overSocket(path string) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 16, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		},
	}}
}

// start runs the accelerator, and returns how long it took until it answered.
func (a *standAlone) start(t *testing.T) time.Duration {
	t.Helper()
	a.cmd = exec.Command(a.bin, "edge", "--origin", a.origin.server.URL, "--host", "visitor",
		"--listen", "unix:"+a.dir+"/v", "--admin", "unix:"+a.dir+"/a",
		"--cache-size", "8MB", "--object-size", "1MB", "--disk", filepath.Join(a.dir, "disk"), "--disk-size", "1GB")
	a.cmd.Env = append(os.Environ(), "MERIDIAN_PURGE_TOKEN="+purgeSecret)
	a.visitors, a.admin = overSocket(a.dir+"/v"), overSocket(a.dir+"/a")
	began := time.Now()
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		res, err := a.visitors.Do(a.request(t.Context(), http.MethodGet, "/0", "Cache-Control", "only-if-cached"))
		if err == nil {
			res.Body.Close()
			return time.Since(began)
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("it does not answer: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// kill is kill -9.
func (a *standAlone) kill() {
	_ = a.cmd.Process.Signal(syscall.SIGKILL)
	_ = a.cmd.Wait() // it was killed: that is no news
	a.visitors.CloseIdleConnections()
	a.admin.CloseIdleConnections()
}

func (a *standAlone) request(ctx context.Context, method, path string, header ...string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+piecesHost+path, nil)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// ask asks for a piece and says what is wrong with the answer. found is false
// where none came, or it has none.
func (a *standAlone) ask(ctx context.Context, n int, header ...string) (found bool, wrong string) {
	least := a.least[n%pieceGroups].Load()
	res, err := a.visitors.Do(a.request(ctx, http.MethodGet, "/"+strconv.Itoa(n), header...))
	if err != nil {
		return false, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 500 {
		return false, "" // it says so itself
	}
	tag := pieceTags.FindStringSubmatch(res.Header.Get("Etag"))
	if tag == nil || tag[1] != strconv.Itoa(n) {
		return true, fmt.Sprintf("/%d: status %d, entity-tag %q", n, res.StatusCode, res.Header.Get("Etag"))
	}
	version, _ := strconv.ParseInt(tag[2], 10, 64)
	want := pieceOf(n, version)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if b, err = inflate(b); err != nil {
			return true, fmt.Sprintf("/%d is no gzip: %v, %s", n, err, res.Header.Get("Cache-Status"))
		}
	}
	if res.StatusCode == http.StatusPartialContent {
		var from, to, all int
		if _, err := fmt.Sscanf(res.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &all); err != nil || all != len(want) || to >= all {
			return true, fmt.Sprintf("/%d: Content-Range %q", n, res.Header.Get("Content-Range"))
		}
		want = want[from : to+1]
	}
	switch {
	case string(b) != want:
		return true, fmt.Sprintf("/%d is torn: %d bytes instead of %d, %s", n, len(b), len(want), res.Header.Get("Cache-Status"))
	case version < least:
		return true, fmt.Sprintf("/%d of version %d was purged as of %d: %s", n, version, least, res.Header.Get("Cache-Status"))
	}
	return true, ""
}

// purge changes what the origin has, and purges a group. Only what was
// acknowledged is relied on.
func (a *standAlone) purge(group int) {
	version := a.origin.version.Add(1)
	body := fmt.Sprintf(`{"groups":["g%d"]}`, group)
	r, _ := http.NewRequest(http.MethodPost, "http://admin/-/purges", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+purgeSecret)
	r.Header.Set("Content-Type", "application/json")
	res, err := a.admin.Do(r)
	if err != nil {
		return
	}
	res.Body.Close()
	if res.StatusCode == http.StatusOK {
		a.least[group].Store(version)
	}
}

// load asks and purges until the process has been killed, moment after it began.
func (a *standAlone) load(t *testing.T, random *rand.Rand, moment time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 4 {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		all.Go(func() {
			for ctx.Err() == nil {
				n := own.IntN(pieces)
				ways := [][]string{nil, {"Range", "bytes=2-40000"}} // the second is what has it written
				if own.IntN(20) == 0 {
					ways = [][]string{{"Accept-Encoding", "gzip"}, {"Accept-Encoding", "gzip"}}
				}
				for _, header := range ways {
					if _, wrong := a.ask(ctx, n, header...); wrong != "" {
						t.Error("under load: " + wrong)
					}
				}
			}
		})
	}
	all.Go(func() {
		for g := random.IntN(purgedUpTo); ctx.Err() == nil; g++ {
			a.purge(g % purgedUpTo)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond): // the load is paced, not the test
			}
		}
	})
	time.Sleep(moment) // a random moment is what is tested, not an interval
	a.kill()
	cancel()
	all.Wait()
}

// check asks for every piece of what is stored, and counts those that are there.
func (a *standAlone) check(t *testing.T, round int) (found int) {
	reads, lost, kept := a.origin.reads.Load(), 0, map[int]bool{}
	for n := range pieces {
		there, wrong := a.ask(t.Context(), n, "Cache-Control", "only-if-cached")
		if _, coded := a.ask(t.Context(), n, "Cache-Control", "only-if-cached", "Accept-Encoding", "gzip"); wrong == "" {
			wrong = coded
		}
		if wrong != "" {
			t.Errorf("round %d, after the restart: %s", round, wrong)
		}
		if there {
			found++
		}
		if there && n%pieceGroups >= purgedUpTo {
			kept[n] = true
		} else if a.kept[n] {
			lost++
		}
	}
	if lost > len(a.kept)/10 { // some are on their way when they come again, or make room
		t.Errorf("round %d: %d of %d that were there before are lost", round, lost, len(a.kept))
	}
	a.kept = kept
	if n := a.origin.reads.Load() - reads; n > 0 {
		t.Errorf("round %d: the origin was asked %d times for what is on the disk", round, n)
	}
	return found
}

// TestKilledAcceleratorKeepsItsDisk kills the stand-alone accelerator with
// kill -9 while it writes: the next one serves what is on its disk without
// asking the origin, whole, and nothing that was purged. How long starts took is
// logged beside how long the same program takes to do nothing.
func TestKilledAcceleratorKeepsItsDisk(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "mk-") // sockets need short paths
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = s
	}
	t.Logf("%s=%d", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	a := &standAlone{bin: worldtest.Binary(t), dir: dir, origin: newPieceOrigin(t)}
	a.origin.version.Store(1)
	defer func() { a.kill() }()
	a.start(t)
	var starts, nothing []time.Duration
	var counts []int
	for round := range *acceleratorKills {
		a.load(t, random, time.Duration(100+random.IntN(1000))*time.Millisecond)
		began := time.Now()
		if err := exec.Command(a.bin, "version").Run(); err != nil {
			t.Fatal(err)
		}
		nothing = append(nothing, time.Since(began))
		starts = append(starts, a.start(t))
		counts = append(counts, a.check(t, round))
		if t.Failed() {
			break
		}
	}
	if len(counts) > 0 && slices.Max(counts) < 20 {
		t.Errorf("found after each start: %v of %d: hardly any", counts, pieces)
	}
	slices.Sort(starts)
	slices.Sort(nothing)
	slices.Sort(counts)
	half := len(starts) / 2
	t.Logf("%d kills; start: median %v, slowest %v; `meridian version`: median %v, slowest %v; found of %d: %d to %d, median %d",
		len(starts), starts[half], slices.Max(starts), nothing[half], slices.Max(nothing), pieces, counts[0], slices.Max(counts), counts[half])
}
