package uploadgrant

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/imagegrid"
	"meridian/engine/keyring"
	"meridian/world"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func sample() Grant {
	return Grant{
		ID: "g-1", App: "crumbs", Method: Any, Expires: noon.Add(time.Minute), MaxBytes: 1 << 20,
		Types: []string{"image/jpeg", "image/svg+xml"}, Visibility: world.Private, Zone: "europe", Owner: "customer-7",
	}
}

func ring(t testing.TB, ids ...string) keyring.Ring {
	t.Helper()
	var keys []keyring.Key
	for _, id := range ids {
		keys = append(keys, keyring.Key{ID: id, Secret: strings.Repeat(id, keyring.MinSecret)[:keyring.MinSecret]})
	}
	r, err := keyring.New(Purpose, keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func token(t testing.TB, g Grant, keys keyring.Ring) string {
	t.Helper()
	s, err := g.Token(keys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAGrantComesBackAsItWasMade(t *testing.T) {
	keys := ring(t, "a", "b")
	rapid.Check(t, func(t *rapid.T) {
		g := Grant{
			ID:  rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`).Draw(t, "id"),
			App: "crumbs", Method: rapid.SampledFrom([]Method{Any, Plain, Resumable}).Draw(t, "method"),
			Expires:    time.Unix(rapid.Int64Range(1, 1<<40).Draw(t, "expires"), 0).UTC(),
			MaxBytes:   rapid.Int64Min(1).Draw(t, "bytes"),
			Visibility: rapid.SampledFrom([]world.Visibility{world.Public, world.Private}).Draw(t, "visibility"),
			Owner:      rapid.StringMatching(`[A-Za-z0-9._-]{0,64}`).Draw(t, "owner"),
		}
		if g.Visibility == world.Private {
			g.Zone = rapid.SampledFrom([]string{"europe", "us", "asia"}).Draw(t, "zone")
		}
		if g.Visibility == world.Private && rapid.Bool().Draw(t, "removes") {
			g.ID, g.Method = rapid.StringMatching(`[1-9a-z][0-9a-hjkmnp-tv-z]{15}`).Filter(func(s string) bool { return imagegrid.CheckMediaID(s) == nil }).Draw(t, "media id"), Remove
		}
		if n := rapid.IntRange(0, MaxTypes).Draw(t, "types"); n > 0 {
			for i := range n {
				g.Types = append(g.Types, fmt.Sprintf("image/x%d", i))
			}
		}
		s, err := g.Token(keys)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Open(s, keys); err != nil || !reflect.DeepEqual(got, g) {
			t.Fatalf("%+v came back as %+v, %v", g, got, err)
		}
	})
}

func TestWhateverIsChangedTheGrantNoLongerHolds(t *testing.T) {
	keys := ring(t, "a")
	good := token(t, sample(), keys)
	text, sum, _ := strings.Cut(good, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(text)
	with := func(old, new string) string {
		changed := strings.Replace(string(raw), old, new, 1)
		if changed == string(raw) {
			t.Fatalf("the grant has no %q", old)
		}
		return base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + sum
	}
	for name, s := range map[string]string{
		"empty": "", "no signature": text + ".", "no text": "." + sum, "half": good[:len(good)/2], "with a line end": good + "\n",
		"other id": with("g-1", "g-2"), "other app": with("crumbs", "crumbz"), "other method": with("any", "plain"),
		"later": with("\n17", "\n18"), "larger": with("1048576", "9048576"), "sign before": with("1048576", "+1048576"),
		"other types": with("image/jpeg", "image/webp"), "public": with("private", "public"), "other owner": with("customer-7", "customer-8"),
		"other key": with("a\n", "b\n"), "other format": with("\n2\n", "\n1\n"), "other zone": with("europe", "us"), "a field more": with("customer-7", "customer-7\nx"),
		"signed for another purpose": func() string {
			r, _ := keyring.New("another", []keyring.Key{{ID: "a", Secret: strings.Repeat("a", keyring.MinSecret)}})
			return token(t, sample(), r)
		}(),
		"by a foreign key": token(t, sample(), ring(t, "c")),
		"too long":         good + strings.Repeat("A", MaxToken),
	} {
		if _, err := Open(s, keys); world.CodeOf(err) != world.CodeUnsigned {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(good, ring(t, "b", "a")); err != nil {
		t.Errorf("while the key changes: %v", err)
	}
}

func TestCheckAtItsLimits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Grant)
		ok     bool
	}{
		"as it is":            {func(*Grant) {}, true},
		"longest id":          {func(g *Grant) { g.ID = strings.Repeat("x", MaxID) }, true},
		"id too long":         {func(g *Grant) { g.ID = strings.Repeat("x", MaxID+1) }, false},
		"no id":               {func(g *Grant) { g.ID = "" }, false},
		"id with a line end":  {func(g *Grant) { g.ID = "a\nb" }, false},
		"no app":              {func(g *Grant) { g.App = "" }, false},
		"no method":           {func(g *Grant) { g.Method = "" }, false},
		"another method":      {func(g *Grant) { g.Method = "delete" }, false},
		"removes":             {func(g *Grant) { g.Method, g.ID = Remove, "20abcdefghjkmnpq" }, true},
		"removes nothing":     {func(g *Grant) { g.Method = Remove }, false},
		"removes for all":     {func(g *Grant) { g.Method, g.ID, g.Visibility, g.Zone = Remove, "20abcdefghjkmnpq", world.Public, "" }, false},
		"no time":             {func(g *Grant) { g.Expires = time.Time{} }, false},
		"parts of a second":   {func(g *Grant) { g.Expires = g.Expires.Add(1) }, false},
		"one byte":            {func(g *Grant) { g.MaxBytes = 1 }, true},
		"no byte":             {func(g *Grant) { g.MaxBytes = 0 }, false},
		"private, nowhere":    {func(g *Grant) { g.Zone = "" }, false},
		"public, somewhere":   {func(g *Grant) { g.Visibility = world.Public }, false},
		"public":              {func(g *Grant) { g.Visibility, g.Zone = world.Public, "" }, true},
		"odd zone":            {func(g *Grant) { g.Zone = "a\nb" }, false},
		"withheld":            {func(g *Grant) { g.Visibility = world.Withheld }, false},
		"longest owner":       {func(g *Grant) { g.Owner = strings.Repeat("x", MaxOwner) }, true},
		"owner too long":      {func(g *Grant) { g.Owner = strings.Repeat("x", MaxOwner+1) }, false},
		"most types":          {func(g *Grant) { g.Types = strings.Fields(strings.Repeat("image/x ", MaxTypes)) }, true},
		"a type too many":     {func(g *Grant) { g.Types = strings.Fields(strings.Repeat("image/x ", MaxTypes+1)) }, false},
		"no type":             {func(g *Grant) { g.Types = []string{""} }, false},
		"a type with a space": {func(g *Grant) { g.Types = []string{"image/a image/b"} }, false},
	} {
		g := sample()
		c.change(&g)
		if err := g.Check(); (err == nil) != c.ok || !c.ok && world.CodeOf(err) != world.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := g.Token(ring(t, "a")); (err == nil) != c.ok {
			t.Errorf("%s: token %v", name, err)
		}
	}
}

// TestTheLongestGrantFits: whatever Check lets pass can be shown.
func TestTheLongestGrantFits(t *testing.T) {
	g := sample()
	g.ID, g.Owner = strings.Repeat("x", MaxID), strings.Repeat("x", MaxOwner)
	g.MaxBytes = 1<<63 - 1
	g.Types = nil
	for range MaxTypes {
		g.Types = append(g.Types, "image/"+strings.Repeat("x", maxType-6))
	}
	keys := ring(t, strings.Repeat("a", keyring.MaxID))
	if _, err := Open(token(t, g, keys), keys); err != nil {
		t.Fatal(err)
	}
}

func TestAGrantIsGoodUntilItExpires(t *testing.T) {
	g := sample()
	if err := g.Good(g.Expires.Add(-1)); err != nil {
		t.Error(err)
	}
	if err := g.Good(g.Expires); world.CodeOf(err) != world.CodeUnsigned {
		t.Errorf("at its end: %v", err)
	}
}

func TestWhatAGrantTakes(t *testing.T) {
	g := sample()
	if !g.Takes("image/jpeg") || g.Takes("image/png") || !(Grant{}).Takes("image/png") {
		t.Error("media types")
	}
	if g.Method = Plain; !g.By(Plain) || g.By(Resumable) {
		t.Error("methods")
	}
}

func TestShown(t *testing.T) {
	for value, want := range map[string]string{
		Authorization("x.y"): "x.y", "meridian-upload x.y": "x.y", "Bearer x.y": "", "": "", "Meridian-Upload": "",
	} {
		got, ok := Shown(http.Header{"Authorization": {value}})
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", value, got, ok)
		}
	}
}

func FuzzOpen(f *testing.F) {
	keys := ring(f, "a", "b")
	good := token(f, sample(), keys)
	for _, s := range []string{good, good + "=", strings.ToUpper(good), ".", "a.b", good[:20]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if g, key, sum, err := parse(s); err == nil {
			enc := base64.RawURLEncoding
			if again := enc.EncodeToString([]byte(key+"\n"+strings.Join(g.fields(), "\n"))) + "." + enc.EncodeToString(sum); again != s {
				t.Fatalf("two texts of one grant: %q and %q", s, again)
			}
		}
		if g, err := Open(s, keys); err == nil && token(t, g, keys) != s {
			t.Fatalf("%q was not made here", s)
		}
	})
}

// What lets a picture in lets none be removed, and the other way round.
func TestMethodsOfAGrant(t *testing.T) {
	for m, want := range map[Method][]Method{Any: {Plain, Resumable}, Plain: {Plain}, Resumable: {Resumable}, Remove: {Remove}} {
		for _, by := range []Method{Plain, Resumable, Remove} {
			if got := (Grant{Method: m}).By(by); got != slices.Contains(want, by) {
				t.Errorf("%s by %s: %v", m, by, got)
			}
		}
	}
}
