package keyring

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meridian/world"
)

var (
	old   = Key{"k1", strings.Repeat("o", MinSecret)}
	newer = Key{"k2", strings.Repeat("n", MaxSecret)}
)

func ring(t testing.TB, purpose string, keys ...Key) Ring {
	t.Helper()
	r, err := New(purpose, keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewAtItsLimits(t *testing.T) {
	k := func(id, secret string) Key { return Key{id, secret} }
	secret := strings.Repeat("s", MinSecret)
	many := func(n int) (keys []Key) {
		for i := range n {
			keys = append(keys, k(string(rune('a'+i)), secret))
		}
		return keys
	}
	for name, c := range map[string]struct {
		keys []Key
		ok   bool
	}{
		"none":            {nil, false},
		"one":             {many(1), true},
		"most":            {many(MaxKeys), true},
		"one too many":    {many(MaxKeys + 1), false},
		"no id":           {[]Key{k("", secret)}, false},
		"longest id":      {[]Key{k(strings.Repeat("a", MaxID), secret)}, true},
		"id too long":     {[]Key{k(strings.Repeat("a", MaxID+1), secret)}, false},
		"id with a space": {[]Key{k("a b", secret)}, false},
		"twice":           {[]Key{k("a", secret), k("a", secret+"x")}, false},
		"secret short":    {[]Key{k("a", secret[1:])}, false},
		"secret longest":  {[]Key{k("a", strings.Repeat("s", MaxSecret))}, true},
		"secret long":     {[]Key{k("a", strings.Repeat("s", MaxSecret+1))}, false},
	} {
		_, err := New("test", c.keys)
		if (err == nil) != c.ok || !c.ok && world.CodeOf(err) != world.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the secret is told", name)
		}
	}
}

func TestKeysChangeInThreeSteps(t *testing.T) {
	steps := []Ring{ring(t, "p", old), ring(t, "p", old, newer), ring(t, "p", newer, old), ring(t, "p", newer)}
	for i, now := range steps[:3] {
		next := steps[i+1]
		// What either signs is good at the other: regions do not change at once.
		for _, way := range [][2]Ring{{now, next}, {next, now}} {
			if i == 0 && way[0].Signer() == newer.ID || i == 2 && way[0].Signer() == old.ID {
				continue
			}
			if !way[1].Verify(way[0].Signer(), way[0].Sign("a"), "a") {
				t.Errorf("step %d: a signature by %s is refused", i, way[0].Signer())
			}
		}
	}
	if steps[3].Verify(old.ID, steps[0].Sign("a"), "a") {
		t.Error("a key that was taken out is still good")
	}
	if !slices.ContainsFunc(steps[2].All("a"), func(s []byte) bool { return bytes.Equal(s, steps[0].Sign("a")) }) {
		t.Error("All lacks the old key's")
	}
}

func TestOnlyTheSameIsVerified(t *testing.T) {
	r := ring(t, "p", old, newer)
	sum := r.Sign("ab", "c")
	for name, ok := range map[string]bool{
		"other cut":     r.Verify("k1", sum, "a", "bc"),
		"one field":     r.Verify("k1", sum, "abc"),
		"a field more":  r.Verify("k1", sum, "ab", "c", ""),
		"other key":     r.Verify("k2", sum, "ab", "c"),
		"unknown key":   r.Verify("k3", sum, "ab", "c"),
		"no sum":        r.Verify("k1", nil, "ab", "c"),
		"half a sum":    r.Verify("k1", sum[:16], "ab", "c"),
		"other purpose": ring(t, "q", old).Verify("k1", sum, "ab", "c"),
		"renamed key":   ring(t, "p", Key{"k9", old.Secret}).Verify("k9", sum, "ab", "c"),
		"zero ring":     Ring{}.Verify("", Ring{}.Sign(), ""),
	} {
		if ok {
			t.Errorf("%s is taken", name)
		}
	}
	if !r.Verify("k1", sum, "ab", "c") || len(sum) != Size {
		t.Error("the signature itself is refused")
	}
}

func TestNoTwoListsOfFieldsShareASignature(t *testing.T) {
	r := ring(t, "p", old)
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.StringN(0, 4, 8), 0, 4)
		a, b := list.Draw(t, "a"), list.Draw(t, "b")
		if r.Verify("k1", r.Sign(a...), b...) != slices.Equal(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}
