package segment

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/engine/httpcache"
)

var kills = flag.Int("kills", 2, "how often TestKilledWhileWriting kills its process")

// killDir, set, makes the test binary the process that is killed.
const killDir = "SEGMENT_TEST_KILL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		writeUntilKilled(dir)
		return
	}
	flag.Parse()
	few := true
	flag.Visit(func(f *flag.Flag) { few = few && f.Name != "rapid.checks" })
	if few { // a run of the model opens and damages dozens of logs; -rapid.checks has more of them
		_ = flag.Set("rapid.checks", "12")
	}
	os.Exit(m.Run())
}

func killConfig(dir string) Config { return Config{Dir: dir, Bytes: 64 << 20, SegmentBytes: 4 << 20} }

// versionOf and bodyOf are what the origin says of a key: its version, and a
// content that tells both in every part.
func bodyOf(key string, version int64) string {
	n, _ := strconv.Atoi(strings.TrimPrefix(key, "/"))
	word := fmt.Sprintf("%s@%d ", key, version)
	return strings.Repeat(word, 1+(n*7919)%3000)
}

// cacheOn is a cache on a log, with an origin of the given version.
func cacheOn(l *Log, version *atomic.Int64) *httpcache.Cache {
	return httpcache.New(httpcache.Config{
		MaxBytes: 1 << 20, MaxObjectBytes: 100 << 10, PromoteBytes: 8 << 10, Now: time.Now, Disk: l,
		Upstream: roundTrip(func(r *http.Request) (*http.Response, error) {
			body := bodyOf(r.URL.Path, version.Load())
			return &http.Response{
				StatusCode: 200, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
				Header: http.Header{"Cache-Control": {"max-age=3600"}, "Surrogate-Key": {"g" + string(r.URL.Path[len(r.URL.Path)-1])}},
			}, nil
		}),
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// writeUntilKilled asks for keys without end, and now and then purges a group
// and says so on standard output.
func writeUntilKilled(dir string) {
	l, err := Open(killConfig(dir))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var version atomic.Int64
	version.Store(time.Now().UnixNano()) // newer in each run, and with each purge
	c := cacheOn(l, &version)
	var all sync.WaitGroup
	for w := range 2 {
		all.Go(func() {
			for i := w; ; i++ {
				for range 2 {
					c.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("http://x/%d", i*31%4000), nil))
				}
			}
		})
	}
	for i := 0; ; i++ {
		group := "g" + strconv.Itoa(i%10)
		least := version.Add(1)
		c.Purge(httpcache.Purge{Groups: []string{group}})
		c.KeepCursor("feed", strconv.Itoa(i))
		fmt.Println("purged", group, least)
		for next := l.Stats().Written + 50; l.Stats().Written < next; { // the load, not the test, is paced
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// A process that is killed in the middle of its writing finds at the next start
// what it had written: no content torn, and nothing that had been purged.
func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir()
	least := map[string]int64{} // by group: the version as of which it may be served
	var slowest time.Duration
	found := 0
	for round := range *kills {
		runUntil(t, dir, 15+round*3, func(line []string) {
			if line[0] != "purged" {
				t.Fatal(line)
			}
			least[line[1]], _ = strconv.ParseInt(line[2], 10, 64)
		})
		began := time.Now()
		l, err := Open(killConfig(dir))
		if err != nil {
			t.Fatal(err)
		}
		c := cacheOn(l, new(atomic.Int64))
		slowest = max(slowest, time.Since(began))
		for i := range 4000 {
			key := "/" + strconv.Itoa(i)
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "http://x"+key, nil)
			r.Header.Set("Cache-Control", "only-if-cached")
			c.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				continue
			}
			found++
			_, v, _ := strings.Cut(strings.Fields(w.Body.String())[0], "@")
			version, _ := strconv.ParseInt(v, 10, 64)
			if w.Body.String() != bodyOf(key, version) {
				t.Fatalf("round %d: %s is torn", round, key)
			}
			if group := "g" + key[len(key)-1:]; version < least[group] {
				t.Fatalf("round %d: %s was purged", round, key)
			}
		}
		if s := c.Stats(); s.Disk.Bad > 0 {
			t.Errorf("round %d: %+v", round, s.Disk)
		}
		if c.Cursors()["feed"] == "" {
			t.Errorf("round %d: no cursor", round)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if found < 50**kills {
		t.Errorf("%d objects found in %d rounds: hardly any", found, *kills)
	}
	t.Logf("%d kills, %d objects found, slowest start %v", *kills, found, slowest)
}

// runUntil runs the process until it has said so many lines, and kills it.
func runUntil(t *testing.T, dir string, lines int, each func([]string)) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		each(strings.Fields(in.Text()))
		if n == lines {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
}

func FuzzRecords(f *testing.F) {
	tag := appendTag(nil, httpcache.Tag{Key: 1, Vary: []string{"A"}, Groups: []string{"g", "h"}})
	note := appendNote(nil, httpcache.Note{Purge: httpcache.Purge{Groups: []string{"g"}, Soft: true}, Feed: "f", Cursor: "1.1"})
	f.Add(tag)
	f.Add(note)
	f.Add(appendItem(nil, item{kind: kindObject, at: httpcache.Place{Offset: 12, Meta: 3, Length: 4}, tag: tag}))
	f.Add((&header{kind: kindNote, tag: 5, segment: 1}).append(nil))
	f.Add(binary.AppendUvarint(nil, 1<<60))
	f.Fuzz(func(t *testing.T, b []byte) {
		if tag, err := parseTag(b); err == nil {
			if again, err := parseTag(appendTag(nil, tag)); err != nil || fmt.Sprint(again) != fmt.Sprint(tag) {
				t.Errorf("tag %v, %v, %v", tag, again, err)
			}
		}
		if n, err := parseNote(b); err == nil {
			if again, err := parseNote(appendNote(nil, n)); err != nil || fmt.Sprint(again) != fmt.Sprint(n) {
				t.Errorf("note %v, %v, %v", n, again, err)
			}
		}
		if items, err := parseItems(b, 1); err == nil {
			var list []byte
			for _, it := range items {
				list = appendItem(list, it)
			}
			if again, err := parseItems(list, 1); err != nil || len(again) != len(items) {
				t.Errorf("items %v, %v, %v", items, again, err)
			}
		}
		if len(b) >= headerBytes {
			if h, err := parseHeader(b[:headerBytes], 1); err == nil && string(h.append(nil)) != string(b[:headerBytes]) {
				t.Errorf("header %+v", h)
			}
		}
	})
}
