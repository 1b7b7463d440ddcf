package httpcache

import (
	"testing"
	"time"
)

// find is Find for who looks at what was found until the test's end.
func (g *rig) find(key []byte, r Asked) (Found, bool) {
	f, ok := g.Find(key, r)
	if ok {
		if in := f.File(); in.Release != nil {
			g.found = append(g.found, in.Release)
		}
	}
	return f, ok
}

func TestFind(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "body", "Cache-Control: max-age=300", "Cache-Status: shield; hit", "X-Of: origin")
	g.get("/a")
	g.origin.says(200, "body", "Cache-Control: max-age=300", "Vary: Accept")
	g.get("/varies")
	g.origin.says(200, "body", "Cache-Control: no-cache", `ETag: "x"`)
	g.get("/validate")
	g.pass(90 * time.Second)
	hits := g.Stats().Hits
	f, ok := g.find([]byte("shop.test/a"), nil)
	if !ok || string(f.Body()) != "body" || f.Status() != 200 || f.Age() != 90 || f.Fields().Get("X-Of") != "origin" {
		t.Fatalf("found %v: %+v", ok, f)
	}
	if want := "shield; hit, edge-iad; hit; ttl=210"; f.Fields().Get("Cache-Status") != want {
		t.Errorf("Cache-Status %q, want %q", f.Fields().Get("Cache-Status"), want)
	}
	if n := g.Stats().Hits - hits; n != 1 {
		t.Errorf("counted as %d hits", n)
	}
	f.Memo().Store("made of it")
	if f, _ := g.find([]byte("shop.test/a"), nil); f.Memo().Load() != "made of it" {
		t.Error("the memo is gone")
	}
	for _, key := range []string{"shop.test/varies", "shop.test/validate", "shop.test/none", ""} {
		if _, ok := g.Find([]byte(key), nil); ok {
			t.Errorf("%q was found", key)
		}
	}
	g.Purge(Purge{Keys: []string{"shop.test/a"}, Soft: true})
	if _, ok := g.find([]byte("shop.test/a"), nil); ok {
		t.Error("found though it is stale")
	}
	g.get("/a")
	if f, ok := g.find([]byte("shop.test/a"), nil); ok && f.Memo().Load() != nil {
		t.Error("the memo of another response")
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	g := newRig(t, nil)
	g.origin.says(200, "body", "Cache-Control: max-age=300")
	g.get("/a/path/as/long/as/those/of/pictures/are/wide/and/more")
	key, none := []byte("shop.test/a/path/as/long/as/those/of/pictures/are/wide/and/more"), []byte("shop.test/none/that/is/stored/under/such/a/long/key")
	if n := testing.AllocsPerRun(100, func() {
		f, ok := g.Find(key, nil)
		if !ok || len(f.Body()) != 4 || f.Age() != 0 {
			t.Fatal("not found")
		}
		f.File().Release()
		if _, ok := g.Find(none, nil); ok {
			t.Fatal("found")
		}
	}); n != 0 {
		t.Errorf("%v allocations a look-up", n)
	}
}
