package gate

import (
	"reflect"
	"strings"
	"testing"
)

func TestTiers(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		want   []tierView
	}{
		{"none", nil, nil},
		{"ours, nearest the visitor first", []string{"shield-eu-central; fwd=uri-miss; stored", "edge-fra; hit; ttl=12"},
			[]tierView{{"edge", true, "hit, fresh for 12 s"}, {"shield", false, "miss, stored"}}},
		{"in one field", []string{"shield-eu-central; fwd=bypass; detail=behind, edge-fra; fwd=stale; fwd-status=304; collapsed"},
			[]tierView{{"edge", false, "revalidated, shared"}, {"shield", false, "passed on, behind"}}},
		{"a quoted comma and semicolon", []string{`edge-fra; fwd=miss; detail="a, b; hit, c=\"d\""`},
			[]tierView{{"edge", false, `miss, a, b; hit, c="d"`}}},
		{"a key is not told", []string{`edge-fra; hit; key="img a, b; stored"`}, []tierView{{"edge", true, "hit"}}},
		{"explicit false", []string{"edge-fra; hit=?0; fwd=method; stored=?0; collapsed=?1"}, []tierView{{"edge", false, "passed on, shared"}}},
		// RFC 9211 §3 and §2
		{"RFC: hit", []string{"ExampleCache; hit"}, []tierView{{"ExampleCache", true, "hit"}}},
		{"RFC: hit with ttl", []string{"ExampleCache; hit; ttl=376"}, []tierView{{"ExampleCache", true, "hit, fresh for 376 s"}}},
		{"RFC: served stale", []string{"ExampleCache; hit; ttl=-412"}, []tierView{{"ExampleCache", true, "hit, stale for 412 s"}}},
		{"RFC: negative hit", []string{"ExampleCache; fwd=uri-miss; collapsed"}, []tierView{{"ExampleCache", false, "miss, shared"}}},
		{"RFC: forwarded, stored", []string{"ExampleCache; fwd=stale; fwd-status=304; stored; ttl=60"}, []tierView{{"ExampleCache", false, "revalidated, fresh for 60 s, stored"}}},
		{"RFC: two layers", []string{`OriginCache; hit; ttl=1100, "CDN Company Here"; hit; ttl=545`},
			[]tierView{{"CDN Company Here", true, "hit, fresh for 545 s"}, {"OriginCache", true, "hit, fresh for 1100 s"}}},
		{"RFC: three layers", []string{`OriginCache; hit; ttl=1100, "CDN Company Here"; fwd=uri-miss, BrowserCache; fwd=vary-miss`},
			[]tierView{{"BrowserCache", false, "miss"}, {"CDN Company Here", false, "miss"}, {"OriginCache", true, "hit, fresh for 1100 s"}}},
		{"an inner list is no cache", []string{"(a b), edge-fra; hit"}, []tierView{{"edge", true, "hit"}}},
		{"malformed: ignored whole", []string{"edge-fra; hit", `shield-x; detail="open`}, nil},
		{"malformed: trailing comma", []string{"edge-fra; hit,"}, nil},
	} {
		if got := tiers(c.fields); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestFwdWords(t *testing.T) {
	for fwd, want := range map[string]string{
		"bypass": "passed on", "method": "passed on", "request": "passed on", "uri-miss": "miss", "vary-miss": "miss", "miss": "miss", "partial": "miss", "stale": "revalidated", "new-word": "new-word",
	} {
		if got := fwdWords(fwd); got != want {
			t.Errorf("fwd=%s: %s", fwd, got)
		}
	}
}

func FuzzTiers(f *testing.F) {
	f.Add("edge-fra; hit; ttl=12, shield-x; fwd=stale")
	f.Add(`a; detail="x, y; z"`)
	f.Add("a;ttl=-999999999999999,;")
	f.Fuzz(func(t *testing.T, field string) {
		got := tiers([]string{field})
		if len(got) > 1+strings.Count(field, ",") {
			t.Errorf("%d caches in %q", len(got), field)
		}
	})
}
