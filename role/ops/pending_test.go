package ops

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

// Requests name all that was asked, once, hard where anybody wants it so, within
// the provider's limits.
func TestRequestsNameEverythingWithinTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := world.CDNLimits{Keys: rapid.IntRange(1, 5).Draw(t, "keys"), Bytes: rapid.IntRange(8, 40).Draw(t, "bytes")}
		most := rapid.IntRange(1, 30).Draw(t, "most")
		key := rapid.StringMatching(`[a-d]{1,3}`)
		var list []errand
		hard, named, all := map[string]bool{}, map[string]bool{}, false
		for range rapid.IntRange(0, 6).Draw(t, "errands") {
			f := world.Forget{Keys: rapid.SliceOf(key).Draw(t, "k"), Soft: rapid.Bool().Draw(t, "soft"), All: rapid.IntRange(0, 9).Draw(t, "all") == 0}
			list, all = append(list, errand{what: f}), all || f.All
			for _, k := range f.Keys {
				named[k] = true
				hard[k] = hard[k] || !f.Soft
			}
		}
		got := requests(list, l, most)
		if all || len(named) > most {
			if len(got) != 1 || !got[0].All || len(got[0].Keys) > 0 {
				t.Fatalf("%+v", got)
			}
			return
		}
		var told []string
		for _, f := range got {
			if f.All || len(f.Keys) == 0 || len(f.Keys) > l.Keys || len(strings.Join(f.Keys, " ")) > l.Bytes {
				t.Fatalf("a request of %+v, limits %+v", f, l)
			}
			for _, k := range f.Keys {
				if hard[k] == f.Soft {
					t.Fatalf("%s: soft %v", k, f.Soft)
				}
			}
			told = append(told, f.Keys...)
		}
		slices.Sort(told)
		if !slices.Equal(told, sortedKeys(named)) {
			t.Fatalf("told %v, want %v", told, sortedKeys(named))
		}
	})
}
