package segment

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"meridian/engine/httpcache"
)

var stressSteps = flag.Int("stress.steps", 2000, "steps of each goroutine of TestEverythingAtOnce")

const (
	stressKeys   = 800
	stressGroups = 60
)

// stress is a cache on a log so small that segments are reclaimed all the time,
// and an origin whose responses tell their key and version in every part.
type stress struct {
	t     *testing.T
	dir   string
	log   *Log
	cache *httpcache.Cache
	clock atomic.Int64 // Unix seconds

	version [stressKeys]atomic.Int64 // what the origin has
	least   [stressKeys]atomic.Int64 // what may be served since the last purge
	asked   atomic.Int64
}

// What a key's number says of its responses.
func stressVaries(key int) bool    { return key%10 == 3 }
func stressSpareable(key int) bool { return key%10 == 4 } // stale-while-revalidate: a soft purge leaves it in use
func stressShort(key int) bool     { return key%10 == 5 }
func stressGroup(key int) string   { return "g" + strconv.Itoa(key%stressGroups) }
func stressKey(key int) string     { return "x/" + strconv.Itoa(key) }
func stressTag(key int, v int64, lang string) string {
	return fmt.Sprintf(`"%d-%d-%s"`, key, v, lang)
}

func stressBody(key int, v int64, lang string) string {
	sizes := []int{0, 1, 60, 900, 2500, 5000, 9000}
	return strings.Repeat(fmt.Sprintf("%d@%d%s ", key, v, lang), sizes[key%len(sizes)])
}

func (s *stress) origin(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	key, _ := strconv.Atoi(r.URL.Path[1:])
	v, lang := s.version[key].Load(), ""
	control := "max-age=3600"
	switch {
	case stressSpareable(key):
		control += ", stale-while-revalidate=3600"
	case stressShort(key):
		control = "max-age=1"
	}
	h := http.Header{"Cache-Control": {control}, "Surrogate-Key": {stressGroup(key)}, "Date": {time.Unix(s.clock.Load(), 0).UTC().Format(http.TimeFormat)}}
	if stressVaries(key) {
		lang = r.Header.Get("Accept-Language")
		h.Set("Vary", "Accept-Language")
	}
	h.Set("Etag", stressTag(key, v, lang))
	if r.Header.Get("If-None-Match") == stressTag(key, v, lang) {
		return &http.Response{StatusCode: 304, Header: h, Body: http.NoBody}, nil
	}
	body := stressBody(key, v, lang)
	return &http.Response{StatusCode: 200, Header: h, ContentLength: int64(len(body)), Body: &flaky{Reader: strings.NewReader(body), ends: rand.IntN(50) == 0 && key%7 > 3}}, nil
}

// flaky is a content that may break off.
type flaky struct {
	*strings.Reader
	ends bool
	had  int
}

func (f *flaky) Read(b []byte) (int, error) {
	if f.ends && f.had > 1000 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := f.Reader.Read(b[:min(len(b), 4096)])
	f.had += n
	return n, err
}

func (f *flaky) Close() error { return nil }

func (s *stress) open() {
	l, err := Open(Config{Dir: s.dir, Bytes: MinBytes, SegmentBytes: 512 << 10, QueueBytes: 1 << 20, bootID: func() string { return "same" }, sync: func(*os.File) error { return nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.log = l
	s.cache = httpcache.New(httpcache.Config{
		MaxBytes: 1 << 20, MaxObjectBytes: 32 << 10, PromoteBytes: 8 << 10, MaxDiskObject: 256 << 10, HonourRequest: true,
		Now: func() time.Time { return time.Unix(s.clock.Load(), 0) }, Disk: l, Upstream: roundTrip(s.origin),
	})
}

// get asks for a key in one way and compares what comes with what may come.
func (s *stress) get(random *rand.Rand, cached bool) {
	key := random.IntN(stressKeys)
	least := s.least[key].Load()
	lang := []string{"de", "en", "ja"}[random.IntN(3)]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "http://"+stressKey(key), nil)
	r.Header.Set("Accept-Language", lang)
	way := random.IntN(10)
	switch {
	case cached:
		r.Header.Set("Cache-Control", "only-if-cached")
	case way == 0:
		r.Method = "HEAD"
	case way == 1:
		r.Header.Set("Range", "bytes=10-5000")
	case way == 2:
		r.Header.Set("Cache-Control", "no-cache")
	case way == 3:
		time.AfterFunc(time.Duration(random.IntN(200))*time.Microsecond, cancel)
	}
	w := httptest.NewRecorder()
	aborted := func() (aborted bool) {
		defer func() { aborted = recover() != nil }()
		s.cache.ServeHTTP(w, r)
		return false
	}()
	if !stressVaries(key) {
		lang = ""
	}
	if aborted || ctx.Err() != nil || w.Code >= 500 {
		return
	}
	s.judge(key, least, lang, w.Code, w.Header(), w.Body.String(), r.Method)
}

func (s *stress) judge(key int, least int64, lang string, code int, h http.Header, body, method string) {
	if code == http.StatusRequestedRangeNotSatisfiable {
		return
	}
	var v int64
	parts := strings.Split(strings.Trim(h.Get("Etag"), `"`), "-")
	if len(parts) != 3 || parts[0] != strconv.Itoa(key) || parts[2] != lang {
		s.t.Errorf("%d (%s): %d, entity-tag %q, %s", key, lang, code, h.Get("Etag"), h.Get("Cache-Status"))
		return
	}
	v, _ = strconv.ParseInt(parts[1], 10, 64)
	want := stressBody(key, v, lang)
	if code == http.StatusPartialContent {
		want = want[10:min(5001, len(want))]
	}
	if method == "HEAD" {
		want = ""
	}
	if body != want {
		s.t.Errorf("%d of version %d is torn: %d, %d bytes instead of %d, %s", key, v, code, len(body), len(want), h.Get("Cache-Status"))
	}
	if v < least {
		s.t.Errorf("%d of version %d was purged, %d is the least: %s", key, v, least, h.Get("Cache-Status"))
	}
}

// find takes the short way, and reads a file while its segment may be reclaimed.
func (s *stress) find(random *rand.Rand) {
	key := random.IntN(stressKeys)
	least := s.least[key].Load()
	f, ok := s.cache.Find([]byte(stressKey(key)), nil)
	if !ok {
		return
	}
	body := f.Body()
	if in := f.File(); in.File != nil {
		body = make([]byte, f.Length())
		n, err := in.File.ReadAt(body, in.Offset)
		in.Release()
		if err != nil {
			s.t.Errorf("%d: %d of %d bytes, %v", key, n, f.Length(), err)
		}
	}
	s.judge(key, least, "", f.Status(), f.Fields(), string(body), "GET")
}

// purge changes what the origin has for some keys and purges them. The caller
// sees to it that no other purge runs.
func (s *stress) purge(random *rand.Rand) {
	key, soft := random.IntN(stressKeys), random.IntN(3) == 0
	p := httpcache.Purge{Soft: soft}
	concerns := func(k int) bool { return true }
	switch random.IntN(400) {
	case 0:
		p.All = true
	case 1, 2, 3, 4, 5:
		p.Groups = []string{stressGroup(key)}
		concerns = func(k int) bool { return stressGroup(k) == stressGroup(key) }
	default:
		p.Keys = []string{stressKey(key)}
		concerns = func(k int) bool { return k == key }
	}
	var now [stressKeys]int64
	for k := range stressKeys {
		if concerns(k) {
			now[k] = s.version[k].Add(1)
		}
	}
	s.cache.Purge(p)
	for k := range stressKeys {
		if concerns(k) && !(soft && stressSpareable(k)) {
			s.least[k].Store(now[k])
		}
	}
}

// TestEverythingAtOnce has requests, purges, clocks that jump, and segments that
// are reclaimed run beside each other, and the log opened again now and then.
func TestEverythingAtOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &stress{t: t, dir: t.TempDir()}
	s.clock.Store(1_700_000_000)
	var moved, segments int64
	for run := range 3 {
		s.open()
		var all sync.WaitGroup
		for g := range 8 {
			random := rand.New(rand.NewPCG(seed, uint64(run*100+g)))
			all.Go(func() {
				for i := range *stressSteps {
					switch {
					case g == 0 && i%8 == 0:
						s.purge(random)
					case g == 1 && i%50 == 0:
						s.clock.Add(int64(random.IntN(8) - 3))
					case random.IntN(4) == 0:
						s.find(random)
					default:
						s.get(random, random.IntN(8) == 0)
					}
				}
			})
		}
		all.Wait()
		if err := s.cache.Close(); err != nil {
			t.Fatal(err)
		}
		stats := s.cache.Stats()
		moved, segments = moved+stats.Disk.Moved, max(segments, int64(s.log.lastID))
		if stats.Disk.Bad > 0 || stats.Disk.Errors > 0 {
			t.Errorf("%+v", stats.Disk)
		}
		t.Logf("run %d: %+v", run, stats)
		for id, sg := range s.log.segments {
			t.Errorf("segment %d is open still, with %d users", id, sg.users.Load())
		}
		if t.Failed() {
			return
		}
	}
	if moved == 0 {
		t.Errorf("nothing was moved in %d segments: nothing has been reclaimed", segments)
	}
}
