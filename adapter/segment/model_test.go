package segment

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/httpcache"
)

// crashModel is a cache on a log, with a feed that remembers what it told and an
// origin that changes with every purge.
type crashModel struct {
	t       *testing.T
	dir     string
	cache   *httpcache.Cache
	version int
	least   map[string]int // by key: the version as of which it may be served
	told    []string       // groups purged, in order: the feed
}

const modelKeys = 16

func modelGroup(key int) string { return "g" + strconv.Itoa(key%7) }

func (m *crashModel) open() {
	l, err := Open(Config{Dir: m.dir, Bytes: MinBytes, SegmentBytes: 32 << 10, bootID: func() string { return "same" }, sync: func(*os.File) error { return nil }})
	if err != nil {
		m.t.Fatal(err)
	}
	m.cache = httpcache.New(httpcache.Config{
		MaxBytes: 48 << 10, MaxObjectBytes: 12 << 10, PromoteBytes: 2 << 10, Now: func() time.Time { return time.Unix(1_700_000_000, 0) },
		Disk: l, Upstream: roundTrip(m.origin),
	})
}

func (m *crashModel) origin(r *http.Request) (*http.Response, error) {
	key, _ := strconv.Atoi(r.URL.Path[1:])
	body := m.body(key, m.version)
	return &http.Response{
		StatusCode: 200, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Cache-Control": {"max-age=3600"}, "Surrogate-Key": {modelGroup(key)}},
	}, nil
}

func (m *crashModel) body(key, version int) string {
	return strings.Repeat(fmt.Sprintf("%d@%d ", key, version), 1+key*90)
}

// get asks for a key and checks what comes; cached says that it must not be fetched.
func (m *crashModel) get(t *rapid.T, key int, cached bool) {
	r := httptest.NewRequest("GET", fmt.Sprintf("http://x/%d", key), nil)
	if cached {
		r.Header.Set("Cache-Control", "only-if-cached")
	}
	w := httptest.NewRecorder()
	m.cache.ServeHTTP(w, r)
	if cached && w.Code == http.StatusGatewayTimeout {
		return
	}
	_, v, _ := strings.Cut(strings.Fields(w.Body.String())[0], "@")
	version, _ := strconv.Atoi(v)
	if w.Code != 200 || w.Body.String() != m.body(key, version) {
		t.Fatalf("%d is torn: %d, %.40q of %d", key, w.Code, w.Body, w.Body.Len())
	}
	if least := m.least[modelGroup(key)]; version < least {
		t.Fatalf("%d of version %d was purged; at least %d may be served", key, version, least)
	}
}

func (m *crashModel) purge(group string) {
	m.version++
	m.least[group] = m.version
	m.cache.Purge(httpcache.Purge{Groups: []string{group}})
	m.told = append(m.told, group)
	m.cache.KeepCursor("feed", strconv.Itoa(len(m.told)))
}

// crash opens the log again as a process leaves it that is killed, with damage
// done to its files, and lets the feed tell what came behind the cursor.
func (m *crashModel) crash(damage func(dir string)) {
	_ = m.cache.Close()
	if err := os.WriteFile(filepath.Join(m.dir, "state"), []byte("same\n"), 0o600); err != nil {
		m.t.Fatal(err)
	}
	damage(m.dir)
	m.open()
	from, err := strconv.Atoi(m.cache.Cursors()["feed"])
	if err != nil { // no cursor: a tier forgets everything
		m.cache.Purge(httpcache.Purge{All: true})
		from = len(m.told)
	}
	for _, group := range m.told[from:] {
		m.cache.Purge(httpcache.Purge{Groups: []string{group}})
	}
	m.cache.KeepCursor("feed", strconv.Itoa(len(m.told)))
}

// Whatever happens to the files, in whatever order things are stored, purged and
// crash: what is served is whole, and not older than the last purge allows.
func TestCrashesAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &crashModel{t: t, dir: t.TempDir(), least: map[string]int{}}
		m.open()
		defer func() { _ = m.cache.Close() }()
		key := rapid.IntRange(0, modelKeys-1)
		rt.Repeat(map[string]func(*rapid.T){
			"get": func(rt *rapid.T) {
				k := key.Draw(rt, "key")
				for range rapid.IntRange(1, 3).Draw(rt, "times") {
					m.get(rt, k, false)
				}
			},
			"many": func(rt *rapid.T) {
				for k := range modelKeys {
					m.get(rt, k, false)
					m.get(rt, k, false)
				}
			},
			"purge": func(rt *rapid.T) { m.purge(modelGroup(key.Draw(rt, "key"))) },
			"kill":  func(rt *rapid.T) { m.crash(func(string) {}) },
			"kill and lose a tail": func(rt *rapid.T) {
				share := rapid.Float64Range(0, 1).Draw(rt, "share")
				m.crash(func(dir string) {
					name, b := m.file(rt, dir, true)
					if b != nil {
						_ = os.WriteFile(name, b[:int(share*float64(len(b)))], 0o600)
					}
				})
			},
			"kill and flip a bit": func(rt *rapid.T) {
				share := rapid.Float64Range(0, 0.999999).Draw(rt, "share")
				m.crash(func(dir string) {
					name, b := m.file(rt, dir, false)
					if b != nil {
						b[int(share*float64(len(b)))] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
						_ = os.WriteFile(name, b, 0o600)
					}
				})
			},
			"": func(rt *rapid.T) {
				for k := range modelKeys {
					m.get(rt, k, true)
				}
			},
		})
	})
}

// file is one of the segments, the last one if asked; nil if there is none.
func (m *crashModel) file(rt *rapid.T, dir string, last bool) (string, []byte) {
	names, _ := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if len(names) == 0 {
		return "", nil
	}
	name := names[len(names)-1]
	if !last {
		name = names[rapid.IntRange(0, len(names)-1).Draw(rt, "file")]
	}
	b, err := os.ReadFile(name)
	if err != nil || len(b) == 0 {
		return "", nil
	}
	return name, b
}
