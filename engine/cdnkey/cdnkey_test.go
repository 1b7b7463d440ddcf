package cdnkey

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

var shops = &world.World{Markets: []world.Market{{ID: "de", Host: "de.example"}, {ID: "gb", Host: "gb.example"}}}

// signs are those that mean nothing to any vendor: see the package comment.
var signs = regexp.MustCompile(`^[A-Za-z0-9/_.:%-]+$`)

func TestKeysOfGroups(t *testing.T) {
	for group, want := range map[string]string{
		"de/p/brot": "de/p/brot", "app/sweet-crumbs": "app/sweet-crumbs", "media/a/1k/alias": "media/a/1k/alias", "a,b": "a%2Cb", "50%": "50%25", "(.*)|x": "%28.%2A%29%7Cx", "url:x": "url%3Ax", `"`: "%22",
	} {
		if got := Of(group); got != want {
			t.Errorf("%q: %q, want %q", group, got, want)
		}
	}
}

// No two groups have one key, whatever they are made of, and no key has a sign
// that a vendor takes for something else.
func TestKeysAreSafeAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := rapid.StringMatching(`[!-~]{1,256}`)
		a, b := group.Draw(t, "a"), group.Draw(t, "b")
		for _, g := range []string{a, b} {
			if k := Of(g); !signs.MatchString(k) || len(k) > MaxKey {
				t.Fatalf("%q became %q", g, k)
			}
		}
		if a != b && Of(a) == Of(b) {
			t.Fatalf("%q and %q are both %q", a, b, Of(a))
		}
	})
}

// An answer has the key by which a purge of its URL names it, whatever the query,
// the port, the case of the host and the negotiated format are.
func TestAPurgeByURLNamesTheAnswersOfThatURL(t *testing.T) {
	id := "1000000000000000"
	for _, c := range []struct {
		url, host, path string
		same            bool
	}{
		{"https://de.example/p/brot?x=1", "DE.example:8443", "/p/brot", true},
		{"de.example", "de.example", "/", true},
		{"https://de.example/p/brot", "gb.example", "/p/brot", false},
		{"https://de.example/p/brot", "de.example", "/p/", false},
		{"https://de.example/img/crumbs/" + id + "/v1/auto/320x240", "gb.example", "/img/crumbs/" + id + "/v1/avif/320x240", true},
		{"https://de.example/img/crumbs/" + id + "/v1/avif/320x240", "gb.example", "/img/crumbs/" + id + "/v1/auto/320x240", true},
		{"https://de.example/img/crumbs/" + id + "/v1/avif/320x240", "gb.example", "/img/crumbs/" + id + "/v2/avif/320x240", false},
		{"https://de.example/media/crumbs/" + id + "/manifest", "gb.example", "/media/crumbs/" + id + "/manifest", true},
	} {
		keys, all := ForPurge(shops, world.Purge{URLs: []string{c.url}})
		if got := slices.Contains(ForResponse(shops, nil, c.host, c.path), keys[0]); got != c.same || all || len(keys) != 1 {
			t.Errorf("%s names %s%s: %v (%v)", c.url, c.host, c.path, got, keys)
		}
	}
}

func TestKeysOfAPurge(t *testing.T) {
	keys, all := ForPurge(shops, world.Purge{Groups: []string{"de/p/brot", "de/p/brot", "media/crumbs/1k/alias"}})
	if want := []string{"de/p/", "de/p/brot", "media/crumbs/", "media/crumbs/1k/alias"}; all || !slices.Equal(keys, want) {
		t.Errorf("%v, %v, want %v", keys, all, want)
	}
	for name, p := range map[string]world.Purge{"everything": {All: true, Groups: []string{"a"}}, "a URL that is none": {URLs: []string{"::"}}} {
		if keys, all := ForPurge(shops, p); !all || keys != nil {
			t.Errorf("%s: %v, %v", name, keys, all)
		}
	}
	long, _ := ForPurge(shops, world.Purge{URLs: []string{"de.example/" + strings.Repeat("x", 1000)}})
	if len(long[0]) > MaxKey {
		t.Errorf("a key of %d bytes", len(long[0]))
	}
}

func FuzzOfURL(f *testing.F) {
	for _, s := range [][2]string{{"de.example", "/p/brot"}, {"x", "/img/a/b/v1/auto/1x1"}, {"[::1]:80", "/%2F?"}, {"", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, host, path string) {
		if k := OfURL(shops, host, path); !signs.MatchString(k) || len(k) > MaxKey {
			t.Fatalf("%q %q became %q", host, path, k)
		}
	})
}
