package signedurl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meridian/engine/keyring"
	"meridian/engine/signedurl"
	"meridian/world"
)

const path = "/private/cakes/20abcdefghjkmnpq/v1/webp/320x0"

var (
	noon  = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	old   = keyring.Key{ID: "k1", Secret: "an old secret of the right length"}
	young = keyring.Key{ID: "k2", Secret: "a young secret of the right length"}
)

func ring(t testing.TB, keys ...keyring.Key) *signedurl.Ring {
	t.Helper()
	r, err := signedurl.New(signedurl.Settings{Keys: keys, Longest: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sign(t testing.TB, r *signedurl.Ring, path string, until time.Time) string {
	t.Helper()
	q, err := r.Sign(path, until)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestASignedAddressHoldsUntilItsExpiry(t *testing.T) {
	r := ring(t, old)
	q := sign(t, r, path, noon.Add(time.Minute))
	for at, want := range map[time.Duration]time.Duration{
		0: time.Minute, 59 * time.Second: time.Second, time.Minute - time.Nanosecond: time.Nanosecond,
	} {
		if left, err := r.Verify(path, q, noon.Add(at)); err != nil || left != want {
			t.Errorf("after %v: %v left, %v; want %v", at, left, err, want)
		}
	}
	for _, at := range []time.Duration{time.Minute, time.Minute + 1, 1000 * time.Hour} {
		refused(t, r, path, q, noon.Add(at), "expired")
	}
}

// The signed text is fixed: another program can sign, and an update of this one
// does not spoil the addresses that are out.
func TestTheSignatureIsKnown(t *testing.T) {
	got := sign(t, ring(t, old), path, time.Unix(1780315200, 0))
	// HMAC-SHA256 of purpose, kid, path and exp, each behind its length as 64 bits,
	// reckoned by another program.
	want := "exp=1780315200&kid=k1&sig=-RA2Av6T75LebcFTM_xm8oyiBj2S3azO9DZplbOaXEQ"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnExpiryTooFarAwayIsRefused(t *testing.T) {
	r := ring(t, old)
	if _, err := r.Verify(path, sign(t, r, path, noon.Add(time.Hour)), noon); err != nil {
		t.Errorf("an hour away: %v", err)
	}
	refused(t, r, path, sign(t, r, path, noon.Add(time.Hour+time.Second)), noon, "longer than is allowed")
	// The last that can be written is further away than a duration can tell.
	refused(t, r, path, sign(t, r, path, time.Unix(99999999999, 0)), noon, "longer than is allowed")
	refused(t, r, path, sign(t, r, path, time.Unix(1, 0)), noon, "expired")
}

func TestKeysRotateWithoutAGap(t *testing.T) {
	before, both, turned, after := ring(t, old), ring(t, old, young), ring(t, young, old), ring(t, young)
	until := noon.Add(time.Minute)
	byOld, byYoung := sign(t, both, path, until), sign(t, turned, path, until)
	if !strings.Contains(byOld, "kid=k1") || !strings.Contains(byYoung, "kid=k2") {
		t.Fatalf("the first key signs: %s, %s", byOld, byYoung)
	}
	for name, c := range map[string]struct {
		r *signedurl.Ring
		q string
	}{"old, before": {before, byOld}, "old, both": {both, byOld}, "old, turned": {turned, byOld}, "young, both": {both, byYoung}, "young, after": {after, byYoung}} {
		if _, err := c.r.Verify(path, c.q, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused(t, after, path, byOld, noon, "does not fit")
	refused(t, before, path, byYoung, noon, "does not fit")
	refused(t, both, path, strings.Replace(byOld, "kid=k1", "kid=k2", 1), noon, "does not fit")
}

func TestWithoutKeysNothingIsSignedOrGiven(t *testing.T) {
	none := ring(t)
	if _, err := none.Sign(path, noon); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("signed: %v", err)
	}
	refused(t, none, path, sign(t, ring(t, old), path, noon.Add(time.Minute)), noon, "does not fit")
}

func TestOtherSpellingsAreRefused(t *testing.T) {
	r := ring(t, old)
	q := sign(t, r, path, noon.Add(time.Minute))
	part := strings.Split(q, "&")
	exp, kid, sig := part[0], part[1], part[2]
	for name, bad := range map[string]string{
		"nothing": "", "no exp": kid + "&" + sig, "no kid": exp + "&" + sig, "no sig": exp + "&" + kid,
		"twice exp": q + "&" + exp, "twice kid": q + "&" + kid, "twice sig": q + "&" + sig,
		"empty first": "exp=&" + q, "extra": q + "&a=b", "extra empty": q + "&", "extra before": "&" + q, "bare": q + "&a",
		"semicolons": strings.ReplaceAll(q, "&", ";"), "padded": q + "=", "upper": strings.Replace(q, "exp", "EXP", 1),
		"zero before": strings.Replace(q, "exp=", "exp=0", 1),
		"plus":        strings.Replace(q, "exp=", "exp=+", 1), "minus": strings.Replace(q, "exp=", "exp=-", 1),
		"words": exp[:4] + "tomorrow&" + kid + "&" + sig, "space": exp + " &" + kid + "&" + sig,
		"cut": q[:len(q)-1], "long": q + "A", "far longer": q + strings.Repeat("A", 4096),
		"many digits": strings.Replace(q, "exp=", "exp=999999999999", 1),
	} {
		refused(t, r, path, bad, noon, "each once", name)
	}
	refused(t, r, path, strings.Replace(q, "k1", "%6B1", 1), noon, "does not fit")
	for name, good := range map[string]string{"as signed": q, "in another order": sig + "&" + exp + "&" + kid} {
		if _, err := r.Verify(path, good, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func refused(t testing.TB, r *signedurl.Ring, path, query string, now time.Time, why string, name ...string) {
	t.Helper()
	left, err := r.Verify(path, query, now)
	if !world.Is(err, world.CodeForbidden) || !strings.Contains(err.Error(), why) || left != 0 {
		t.Errorf("%v %s?%s: %v left, %v; want forbidden, %q", name, path, query, left, err, why)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	for name, s := range map[string]signedurl.Settings{
		"no time":       {Keys: []keyring.Key{old}},
		"negative time": {Longest: -time.Hour},
		"no id":         {Longest: time.Hour, Keys: []keyring.Key{{Secret: old.Secret}}},
		"same id":       {Longest: time.Hour, Keys: []keyring.Key{old, {ID: "k1", Secret: young.Secret}}},
	} {
		if _, err := signedurl.New(s); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(fmt.Sprint(err), "secret of the right") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
	edge := keyring.Key{ID: strings.Repeat("k", keyring.MaxID), Secret: strings.Repeat("s", keyring.MinSecret)}
	if _, err := signedurl.New(signedurl.Settings{Keys: []keyring.Key{edge}, Longest: time.Second}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	if len(sign(t, ring(t, edge), path, time.Unix(99999999999, 0))) > signedurl.MaxQuery {
		t.Error("the longest query is longer than MaxQuery")
	}
}

// Whatever is changed of an address, it no longer holds.
func TestAChangedAddressIsRefused(t *testing.T) {
	r := ring(t, young, old)
	text := rapid.StringMatching(`/private/[a-z]{1,8}/[0-9a-z]{16}/v[1-9]/(webp|avif)/[1-9]{1,3}x0`)
	rapid.Check(t, func(t *rapid.T) {
		path, life := text.Draw(t, "path"), rapid.IntRange(1, 3600).Draw(t, "seconds")
		q, err := r.Sign(path, noon.Add(time.Duration(life)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if left, err := r.Verify(path, q, noon); err != nil || left != time.Duration(life)*time.Second {
			t.Fatalf("as signed: %v, %v", left, err)
		}
		whole := path + "?" + q
		var changed string
		at := rapid.IntRange(0, len(whole)-1).Draw(t, "at")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			changed = whole[:at] // truncated
		case 1:
			changed = whole + rapid.StringN(1, 20, -1).Draw(t, "more")
		case 2:
			changed = whole[:at] + whole[at+1:]
		default:
			changed = whole[:at] + string(rune(rapid.IntRange(0x21, 0x7e).Draw(t, "char"))) + whole[at+1:]
		}
		if changed == whole {
			return
		}
		p, query, _ := strings.Cut(changed, "?")
		if _, err := r.Verify(p, query, noon); !world.Is(err, world.CodeForbidden) {
			t.Fatalf("%s holds: %v", changed, err)
		}
	})
}

// An address of one path never holds for another: another app, asset, version,
// format or size.
func TestAnAddressIsOfOnePath(t *testing.T) {
	r := ring(t, old)
	part := rapid.SampledFrom([]string{"cakes", "cake", "s", "20abcdefghjkmnpq", "v1", "v11", "auto", "320x0", "32x0"})
	paths := rapid.Custom(func(t *rapid.T) string {
		return "/private/" + strings.Join(rapid.SliceOfN(part, 1, 5).Draw(t, "parts"), "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := paths.Draw(t, "a"), paths.Draw(t, "b")
		q, _ := r.Sign(a, noon.Add(time.Minute))
		if _, err := r.Verify(b, q, noon); (err == nil) != (a == b) {
			t.Fatalf("signed %s, asked %s: %v", a, b, err)
		}
	})
}

func TestUntilIsStableForAWhile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := time.Duration(rapid.IntRange(1, 86400).Draw(t, "life")) * time.Second
		now := noon.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "now")))
		left := signedurl.Until(now, life).Sub(now)
		if step := max(life/4, time.Second); left < life || left > life+step {
			t.Fatalf("made to hold %v, holds %v", life, left)
		}
	})
	if a, b := signedurl.Until(noon, time.Hour), signedurl.Until(noon.Add(14*time.Minute), time.Hour); !a.Equal(b) {
		t.Errorf("two pages soon after one another have other addresses: %v, %v", a, b)
	}
}

func FuzzVerify(f *testing.F) {
	r := ring(f, young, old)
	good := sign(f, r, path, noon.Add(time.Minute))
	for _, q := range []string{good, "", "exp=1&kid=k1&sig=", "exp=&exp=&exp=", strings.Repeat("&", 90), good + "&" + good, "exp=99999999999&kid=k2&sig=" + strings.Repeat("-", 43)} {
		f.Add(path, q)
	}
	want := map[string]bool{}
	for _, s := range strings.Split(good, "&") {
		want[s] = true
	}
	f.Fuzz(func(t *testing.T, p, q string) {
		left, err := r.Verify(p, q, noon)
		if err != nil {
			if !world.Is(err, world.CodeForbidden) || left != 0 {
				t.Fatalf("%q: %v, %v", q, left, err)
			}
			return
		}
		parts := strings.Split(q, "&")
		if p != path || len(parts) != 3 || !want[parts[0]] || !want[parts[1]] || !want[parts[2]] {
			t.Fatalf("holds without a signature of ours: %q %q", p, q)
		}
	})
}

// Each signature has one text, though a decoder of base64 passes over line ends.
func TestASignatureWithALineEndIsRefused(t *testing.T) {
	const path = "/private/sweet-crumbs/27m2r27f6qfd81ew/v1/webp/640x0"
	r := ring(t, young, old)
	q, err := r.Sign(path, noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"\r", "\n", "\r\n"} {
		for _, query := range []string{q + end, q[:len(q)-1] + end + q[len(q)-1:]} {
			if _, err := r.Verify(path, query, noon); !world.Is(err, world.CodeForbidden) {
				t.Errorf("%q holds: %v", query, err)
			}
		}
	}
}
