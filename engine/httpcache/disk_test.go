package httpcache

import (
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// diskRig is a rig with a disk, and RAM for a few responses only.
func diskRig(t *testing.T, d *memDisk, change func(*Config)) *rig {
	return newRig(t, func(c *Config) {
		c.Disk, c.MaxBytes, c.MaxObjectBytes = d, 32<<10, 32<<10
		if change != nil {
			change(c)
		}
	})
}

// restart is another cache on the same disk.
func (g *rig) restart(t *testing.T, change func(*Config)) *rig {
	d := g.cfg.Disk.(*memDisk)
	n := diskRig(t, d, change)
	n.origin, n.now = g.origin, g.now
	n.cfg.Upstream = g.origin
	return n
}

// flood fills RAM with other responses.
func (g *rig) flood() {
	body := strings.Repeat("x", 4000)
	g.origin.says(200, body, "Cache-Control: max-age=300")
	for i := range 8 {
		g.get("/flood" + string(rune('a'+i)))
	}
}

func TestOnlyWhatIsAskedForTwiceGoesToTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &memDisk{}
		g := diskRig(t, d, nil)
		g.origin.says(200, "once", "Cache-Control: max-age=300")
		g.get("/once")
		g.origin.says(200, "twice", "Cache-Control: max-age=300", "Surrogate-Key: g")
		g.get("/twice")
		g.get("/twice")
		synctest.Wait()
		if n := g.Stats().OnDisk; n != 1 || len(d.records) != 1 {
			t.Fatalf("%d on the disk, %d written", n, len(d.records))
		}
		g.flood()
		reads := g.origin.reads()
		g.expect(g.get("/twice"), 200, "twice", "edge-iad; hit; ttl=300")
		g.expect(g.get("/twice"), 200, "twice", "edge-iad; hit; ttl=300")
		if g.origin.reads() != reads || d.reads != 1 {
			t.Errorf("%d upstream reads, %d from the disk", g.origin.reads()-reads, d.reads)
		}
		g.origin.says(200, "anew", "Cache-Control: max-age=300")
		g.expect(g.get("/once"), 200, "anew", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
		synctest.Wait()
		if n := g.Stats().OnDisk; n != 2 {
			t.Errorf("%d on the disk: what the ghosts know is worth a write", n)
		}
	})
}

func TestARestartFindsTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := diskRig(t, &memDisk{}, nil)
		for _, lang := range []string{"de", "en"} {
			g.origin.says(200, lang, "Cache-Control: max-age=300", "Vary: Accept-Language", `ETag: "`+lang+`"`, "Surrogate-Key: g", "X-A: 1", "X-A: 2")
			g.get("/a", "Accept-Language: "+lang)
			g.get("/a", "Accept-Language: "+lang)
		}
		g.KeepCursor("us", "7.1")
		synctest.Wait()
		g.pass(100 * time.Second)
		n := g.restart(t, nil)
		if c := n.Cursors(); c["us"] != "7.1" {
			t.Errorf("cursors %v", c)
		}
		for _, lang := range []string{"de", "en"} {
			r := n.get("/a", "Accept-Language: "+lang)
			n.expect(r, 200, lang, "edge-iad; hit; ttl=200")
			if h := r.Header(); h.Get("Age") != "100" || len(h.Values("X-A")) != 2 || h.Get("Etag") != `"`+lang+`"` {
				t.Errorf("%v", h)
			}
		}
		reads := n.origin.reads()
		n.get("/a", "Accept-Language: fr")
		if n.origin.reads() != reads+1 {
			t.Error("a variant that is not there was served")
		}
	})
}

func TestPurgesReachTheDisk(t *testing.T) {
	for name, p := range map[string]Purge{
		"group": {Groups: []string{"g"}}, "key": {Keys: []string{"shop.test/a"}}, "all": {All: true},
		"another group": {Groups: []string{"h"}}, "another key": {Keys: []string{"shop.test/b"}},
	} {
		for _, soft := range []bool{false, true} {
			for _, when := range []string{"in RAM", "on the disk", "after a restart"} {
				t.Run(strings.Join([]string{name, map[bool]string{true: "soft"}[soft], when}, " "), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { purgeOnDisk(t, p, soft, when) })
				})
			}
		}
	}
}

func purgeOnDisk(t *testing.T, p Purge, soft bool, when string) {
	concerns := p.All || len(p.Groups) > 0 && p.Groups[0] == "g" || len(p.Keys) > 0 && p.Keys[0] == "shop.test/a"
	g := diskRig(t, &memDisk{}, nil)
	g.origin.says(200, "old", "Cache-Control: max-age=300, stale-while-revalidate=60", "Surrogate-Key: g")
	g.get("/a")
	g.get("/a")
	synctest.Wait()
	p.Soft = soft
	if when != "in RAM" {
		g.flood()
	}
	if when == "after a restart" {
		g = g.restart(t, nil)
	}
	others := int64(0)
	if p.All {
		others = g.Stats().Objects
		if when == "in RAM" {
			others--
		}
	}
	if n := g.Purge(p); concerns != (n-int(others) == 1) || n-int(others) > 1 {
		t.Errorf("%d named, of others %d", n, others)
	}
	g.pass(10 * time.Second)
	g.origin.says(200, "new", "Cache-Control: max-age=300")
	again := g.restart(t, nil)
	for _, c := range []*rig{again, g} {
		want, status := "old", "edge-iad; hit; ttl=290"
		switch {
		case concerns && soft:
			status = "edge-iad; hit; ttl=-10; detail=stale-while-revalidate"
		case concerns:
			want, status = "new", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300"
		}
		c.expect(c.get("/a"), 200, want, status)
		synctest.Wait()
		c.shards[0].check(t)
	}
}

// A purge of one key is one of all that stand for the same resource, and is so
// when the disk is found again.
func TestPurgesOfAllFormsOfAKeyHoldAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forms := func(c *Config) {
			c.Alike = func(key string) []string { return []string{key, key + "?br"} }
		}
		g := diskRig(t, &memDisk{}, forms)
		g.origin.says(200, "old", "Cache-Control: max-age=300")
		g.get("/a?br")
		g.get("/a?br")
		synctest.Wait()
		g.Purge(Purge{Keys: []string{"shop.test/a"}})
		g.origin.says(200, "new", "Cache-Control: max-age=300")
		n := g.restart(t, forms)
		n.expect(n.get("/a?br"), 200, "new", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
	})
}

// A purge that comes while an object is read from the disk, or written to it,
// has the last word.
func TestPurgeDuringDiskWork(t *testing.T) {
	for _, reading := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := &memDisk{}
			g := diskRig(t, d, nil)
			g.origin.says(200, "old", "Cache-Control: max-age=300", "Surrogate-Key: g")
			g.get("/a")
			if !reading {
				d.hold = make(chan struct{})
			}
			g.get("/a")
			synctest.Wait()
			before := func() []result { return nil }
			if reading {
				g.flood()
				d.hold = make(chan struct{})
				before = g.crowd(3, "/a")
				synctest.Wait()
			}
			g.origin.says(200, "new", "Cache-Control: max-age=300")
			g.Purge(Purge{Groups: []string{"g"}})
			close(d.hold)
			synctest.Wait()
			for _, r := range append(before(), g.get("/a"), g.restart(t, nil).get("/a")) {
				if r.Body.String() != "new" {
					t.Errorf("reading %v: got %q", reading, r.Body)
				}
			}
		})
	}
}

func TestManyWaitForOneDiskRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &memDisk{}
		g := diskRig(t, d, nil)
		g.origin.says(200, "body", "Cache-Control: max-age=300")
		g.get("/a")
		g.get("/a")
		synctest.Wait()
		g.flood()
		d.hold = make(chan struct{})
		all := g.crowd(50, "/a")
		synctest.Wait()
		close(d.hold)
		for _, r := range all() {
			g.expect(r, 200, "body", "edge-iad; hit; ttl=300")
		}
		if d.reads != 1 {
			t.Errorf("%d reads", d.reads)
		}
	})
}

// Large contents stay in their file: whole, in parts, validated, and after an error.
func TestLargeContentsStayInTheirFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		d := &memDisk{file: file}
		g := diskRig(t, d, func(c *Config) { c.PromoteBytes = 100 })
		large := strings.Repeat("0123456789", 500)
		g.origin.says(200, large, "Cache-Control: max-age=300, stale-if-error=600", `ETag: "v1"`, "Surrogate-Key: g")
		g.get("/a")
		g.get("/a")
		synctest.Wait()
		if b := g.Stats().Bytes; b > 2000 {
			t.Errorf("%d bytes are in RAM still", b)
		}
		for range 2 {
			g.expect(g.get("/a"), 200, large, "edge-iad; hit; ttl=300")
			g.expect(g.get("/a", "Range: bytes=4995-"), 206, "56789", "edge-iad; hit; ttl=300")
			if r := g.get("/a", "Range: bytes=0-9, 4000-4009"); r.Code != 206 || strings.Count(r.Body.String(), "0123456789") != 2 {
				t.Errorf("several ranges: %d %q", r.Code, r.Body)
			}
			f, ok := g.Find([]byte("shop.test/a"), nil)
			in := f.File()
			if !ok || f.Body() != nil || in.File != file || f.Length() != 5000 || in.Offset != 0 {
				t.Errorf("found %v: %v at %d, %d bytes", ok, in.File, in.Offset, f.Length())
			}
			in.Release()
			g.flood()
		}
		g.pass(301 * time.Second)
		g.origin.set(func(*http.Request) (*http.Response, error) {
			return answer(304, "", "Cache-Control: max-age=300, stale-if-error=600"), nil
		})
		g.expect(g.get("/a"), 200, large, "edge-iad; fwd=stale; fwd-status=304; stored; ttl=300")
		g.expect(g.get("/a"), 200, large, "edge-iad; hit; ttl=300")
		g.pass(301 * time.Second)
		g.origin.set(func(*http.Request) (*http.Response, error) { return nil, errGone })
		g.expect(g.get("/a"), 200, large, "edge-iad; fwd=stale; detail=stale-if-error")
		g.shards[0].check(t)

		if kept := d.reclaim(); kept == 0 {
			t.Errorf("%d kept", kept)
		}
		g.expect(g.get("/a"), 200, large, "edge-iad; fwd=stale; detail=stale-if-error")
		d.reclaim()
		d.reclaim() // not used since: it goes
		g.origin.says(200, "new", "Cache-Control: max-age=300")
		g.expect(g.get("/a"), 200, "new", "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
		g.shards[0].check(t)
	})
}

// What comes from the disk makes nothing leave RAM but for its head: where there
// is no room, content stays in its file.
func TestContentFromTheDiskComesWhereThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		g := diskRig(t, &memDisk{file: file}, nil)
		body := strings.Repeat("x", 2*littleContent)
		g.origin.says(200, body, "Cache-Control: max-age=300")
		for i := range 6 {
			g.get("/" + strconv.Itoa(i))
			g.get("/" + strconv.Itoa(i))
		}
		synctest.Wait()
		n := g.restart(t, nil)
		files := 0
		for i := range 6 {
			key := "/" + strconv.Itoa(i)
			n.expect(n.get(key), 200, body, "edge-iad; hit; ttl=300")
			f, ok := n.Find([]byte("shop.test"+key), nil)
			if !ok {
				t.Fatalf("%s is not found", key)
			}
			f.File().Release()
			if f.Body() == nil {
				files++
				if f.Length() != 2*littleContent {
					t.Errorf("%d bytes", f.Length())
				}
			}
		}
		if s := n.Stats(); files != 3 || s.Evictions > 0 || s.Objects != 6 || n.origin.reads() != 6 {
			t.Errorf("%d in files, %d reads upstream, %+v", files, n.origin.reads(), s)
		}
	})
}

func TestADiskThatIsFullOrEmptyHurtsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &memDisk{full: true}
		g := diskRig(t, d, nil)
		g.origin.says(200, "body", "Cache-Control: max-age=300", "Surrogate-Key: g")
		g.get("/a")
		g.get("/a")
		if s := g.shards[0]; s.index.count != 0 || len(s.index.groups) != 0 {
			t.Error("something is listed that was not written")
		}
		d.full = false
		g.flood() // from RAM it gets a second chance
		synctest.Wait()
		if n := g.Stats().OnDisk; n != 1 {
			t.Errorf("%d on the disk", n)
		}
		d.owner.Lost()
		g.expect(g.get("/a"), 200, strings.Repeat("x", 4000), "edge-iad; fwd=uri-miss; fwd-status=200; stored; ttl=300")
	})
}

// What a newer response stands in place of is not found on the disk again.
func TestReplacedOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := diskRig(t, &memDisk{}, nil)
		g.origin.says(200, "old", "Cache-Control: max-age=10", "Surrogate-Key: g")
		g.get("/a")
		g.get("/a")
		synctest.Wait()
		g.pass(20 * time.Second)
		g.origin.says(200, "new", "Cache-Control: max-age=10", "Surrogate-Key: h")
		g.get("/a")
		if s := g.shards[0]; s.index.count != 0 || len(s.index.groups) != 0 {
			t.Error("the old one is listed still")
		}
		g.flood()
		synctest.Wait()
		g.expect(g.get("/a"), 200, "new", "edge-iad; hit; ttl=10")
		g.expect(g.restart(t, nil).get("/a"), 200, "new", "edge-iad; hit; ttl=10")
	})
}

func TestHeadsAreKeptWhole(t *testing.T) {
	full := &head{
		status: 203, header: http.Header{"A": {"1", ""}, "B": nil}, length: 5, born: epoch.Add(3), date: epoch,
		life: time.Hour, guessed: true, swr: 5, sie: 6, immutable: true, mayStale: true, noCache: true, spent: true,
		etag: `"x"`, lastModified: epoch.Add(-time.Hour), early: []string{"</a>; rel=preload"}, groups: []string{"g"}, vary: []string{"Accept"}, variant: "\x01\x00",
	}
	v := reflect.ValueOf(*full)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && name != "withheld" {
			t.Errorf("the test does not set %s: is it written to the disk?", name)
		}
	}
	for _, h := range []*head{full, {header: http.Header{}}} {
		key, got, err := decodeHead(encodeHead("key", h))
		if err != nil || key != "key" || !got.born.Equal(h.born) || !got.date.Equal(h.date) || !got.lastModified.Equal(h.lastModified) {
			t.Fatalf("%v %q %+v", err, key, got)
		}
		got.born, got.date, got.lastModified = h.born, h.date, h.lastModified
		if !reflect.DeepEqual(got, h) {
			t.Errorf("%+v\n%+v", got, h)
		}
	}
}

func FuzzDecodeHead(f *testing.F) {
	f.Add(encodeHead("key", &head{header: http.Header{"A": {"b"}}, groups: []string{"g"}, date: epoch}))
	f.Add([]byte{headVersion, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, h, err := decodeHead(b)
		if err != nil {
			return
		}
		again, h2, err := decodeHead(encodeHead(key, h))
		if err != nil || again != key || h2.status != h.status || len(h2.header) != len(h.header) {
			t.Fatalf("%v: %+v %+v", err, h, h2)
		}
	})
}

// What is too large for RAM is stored on the disk: from the end of its fill on,
// before it has been written and after.
func TestTooLargeForRAM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		d := &memDisk{file: file, hold: make(chan struct{})}
		limits := func(c *Config) { c.MaxObjectBytes, c.MaxDiskObject = 4000, 10_000 }
		g := diskRig(t, d, limits)
		large := strings.Repeat("0123456789", 1000)
		g.origin.says(200, large, "Cache-Control: max-age=300", `ETag: "v1"`, "Surrogate-Key: g")
		all := g.crowd(10, "/a")
		for _, r := range all() {
			if r.Body.String() != large {
				t.Errorf("%d bytes", r.Body.Len())
			}
		}
		g.expect(g.get("/a"), 200, large, "edge-iad; hit; ttl=300") // on its way
		close(d.hold)
		synctest.Wait()
		g.expect(g.get("/a", "Range: bytes=9998-"), 206, "89", "edge-iad; hit; ttl=300")
		g.expect(g.restart(t, limits).get("/a"), 200, large, "edge-iad; hit; ttl=300")
		if n := g.origin.reads(); n != 1 || g.Stats().Bytes > 2000 || g.large.Load() != 0 {
			t.Errorf("%d reads, %d bytes in RAM, %d reserved", n, g.Stats().Bytes, g.large.Load())
		}
		if n := g.Purge(Purge{Groups: []string{"g"}}); n != 1 {
			t.Errorf("%d purged", n)
		}
		g.origin.says(200, large+"x", "Cache-Control: max-age=300")
		if r := g.get("/a"); r.Body.Len() != 10_001 || !strings.Contains(r.status(), "too-large") {
			t.Errorf("%d bytes, %s", r.Body.Len(), r.status())
		}
		for _, s := range g.shards {
			s.check(t)
			if len(s.writes) != 0 {
				t.Error("something is on its way still")
			}
		}
	})
}

func TestLargeFillsTakeNoMoreRAMThanTheyMay(t *testing.T) {
	g := diskRig(t, &memDisk{}, func(c *Config) { c.MaxObjectBytes, c.MaxDiskObject = 4000, 10_000 })
	if !g.reserve(10_000) || g.reserve(10_000) || !g.reserve(6_384) || g.reserve(1) {
		t.Errorf("%d reserved of %d", g.large.Load(), g.cfg.MaxBytes/2)
	}
	g.large.Store(0)
	if g.reserve(10_001) {
		t.Error("larger than the largest")
	}
}
