package checkout_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"meridian/engine/checkout"
	"meridian/world"
)

func TestNewOrderNumber(t *testing.T) {
	got, err := checkout.NewOrderNumber("SC", "de", bytes.NewReader([]byte{7, 19, 3, 255, 32, 40, 99}))
	if err != nil || got != "SC-DE-7K3Z08" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range [][2]string{{"", "DE"}, {"SC", ""}, {"TOOLONG", "DE"}, {"S-C", "DE"}, {"SC", "dé"}} {
		if n, err := checkout.NewOrderNumber(bad[0], bad[1], bytes.NewReader(make([]byte, 6))); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%v: got %q, %v", bad, n, err)
		}
	}
	broken := errors.New("no entropy")
	if _, err := checkout.NewOrderNumber("SC", "DE", iotest.ErrReader(broken)); !errors.Is(err, broken) || !world.Is(err, world.CodeInternal) {
		t.Errorf("without randomness: %v", err)
	}
	if _, err := checkout.NewOrderNumber("SC", "DE", strings.NewReader("short")); !world.Is(err, world.CodeInternal) {
		t.Errorf("with too little randomness: %v", err)
	}
}

// Every character of the alphabet comes at every place, and none beside it.
func TestOrderNumbersUseTheirAlphabet(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	form := regexp.MustCompile(`^SC-IN-[0-9A-HJKMNP-TV-Z]{6}$`)
	seen := make([]map[byte]bool, 6)
	for range 2000 {
		n, err := checkout.NewOrderNumber("SC", "IN", random)
		if err != nil || !form.MatchString(n) {
			t.Fatalf("%q, %v", n, err)
		}
		for i := range seen {
			if seen[i] == nil {
				seen[i] = map[byte]bool{}
			}
			seen[i][n[len("SC-IN-")+i]] = true
		}
	}
	for i, s := range seen {
		if len(s) != 32 {
			t.Errorf("place %d has %d characters", i, len(s))
		}
	}
}

func TestParseOrderNumber(t *testing.T) {
	for typed, want := range map[string]string{
		"SC-DE-7K3M9Q":    "SC-DE-7K3M9Q",
		" sc de 7k3m9q ":  "SC-DE-7K3M9Q",
		"sc-in-oil0i1":    "SC-IN-011011",
		"SC--DE - 7K3M9Q": "SC-DE-7K3M9Q",
	} {
		if got, err := checkout.ParseOrderNumber(typed); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "SC", "SC-DE", "SC-DE-7K3M9", "SC-DE-7K3M9QX", "SC-DE-7K3M9U", "SC-DE-7K3-M9Q", "SCDE7K3M9Q", "SC-DÉ-7K3M9Q", "SC-DE-7K3M9\n",
		"SC-DE-7K3M9Q" + strings.Repeat(" ", 60),
	} {
		if got, err := checkout.ParseOrderNumber(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %q, %v", bad, got, err)
		}
	}
}

func TestOrderNumbersAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "random")
		market := rapid.SampledFrom([]string{"us", "gb", "de", "jp", "in", "lo"}).Draw(t, "market")
		n, err := checkout.NewOrderNumber("SC", market, bytes.NewReader(random))
		if err != nil {
			t.Fatal(err)
		}
		typed := rapid.SampledFrom([]string{n, strings.ToLower(n), strings.ReplaceAll(n, "-", " ")}).Draw(t, "typed")
		if back, err := checkout.ParseOrderNumber(typed); err != nil || back != n {
			t.Fatalf("%q typed as %q is %q, %v", n, typed, back, err)
		}
	})
}

func TestParseIdempotencyKey(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for text, want := range map[string]string{
		a(16):                                  a(16),
		a(64):                                  a(64),
		`"` + a(16) + `"`:                      a(16),
		"8e03978e-40d5-43dd-bc93-6894a57f9324": "8e03978e-40d5-43dd-bc93-6894a57f9324",
		"AZaz09-_AZaz09-_":                     "AZaz09-_AZaz09-_",
	} {
		if got, err := checkout.ParseIdempotencyKey(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, bad := range []string{
		"", a(15), a(65), `"` + a(15) + `"`, `"` + a(16), a(16) + `"`, `""`, `"`, a(16) + " ", a(16) + "\n", a(15) + "é", a(16) + ";x=1", `""` + a(16) + `""`,
	} {
		if got, err := checkout.ParseIdempotencyKey(bad); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%q: got %q, %v", bad, got, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("SC-DE-7K3M9Q")
	f.Add("sc in oil0i1")
	f.Add(`"8e03978e-40d5-43dd-bc93-6894a57f9324"`)
	f.Add("\"\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := checkout.ParseOrderNumber(text); err == nil {
			if again, err := checkout.ParseOrderNumber(n); err != nil || again != n {
				t.Fatalf("%q is %q, which is %q, %v", text, n, again, err)
			}
		}
		if k, err := checkout.ParseIdempotencyKey(text); err == nil {
			if again, err := checkout.ParseIdempotencyKey(`"` + k + `"`); err != nil || again != k {
				t.Fatalf("%q is %q, which is %q, %v", text, k, again, err)
			}
		}
	})
}
