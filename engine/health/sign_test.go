package health

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

// keyOf is a monitor's key that is the same in every run.
func keyOf(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func ringOf(t testing.TB, names ...string) map[string]ed25519.PublicKey {
	t.Helper()
	var keys []Key
	for _, n := range names {
		keys = append(keys, Key{n, PublicOf(keyOf(n))})
	}
	ring, err := Ring(keys)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func issue() world.Health {
	return world.Health{
		Version: world.HealthVersion{Number: 7, Monitor: "asia"}, Monitor: "europe", Beat: 3, At: noon, Heard: []string{"asia", "europe"},
		Targets: []world.TargetHealth{
			{Target: "pop/fra", State: world.Down, Reason: world.ReasonRefused, Since: noon, By: []string{"asia", "europe"}},
			{Target: "shield/us", State: world.Healthy, Reason: world.ReasonAnswers, Since: noon, By: []string{"asia"}},
		},
	}
}

func TestAnIssueIsReadAsItWasSigned(t *testing.T) {
	want := issue()
	line, err := Sign(keyOf("europe"), want)
	if err != nil || bytes.IndexByte(line, '\n') >= 0 {
		t.Fatalf("%v in %q", err, line)
	}
	got, err := Verify(ringOf(t, "asia", "europe"), line)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\n%+v", err, got, want)
	}
}

func TestNoForeignWordIsTaken(t *testing.T) {
	ring := ringOf(t, "asia", "europe")
	line, _ := Sign(keyOf("europe"), issue())
	other, _ := seal(keyOf("europe"), forView, "europe", issue())
	parts := bytes.SplitN(line, []byte{' '}, 3)
	join := func(a, b, c string) []byte { return []byte(a + " " + b + " " + c) }
	name, sig, doc := string(parts[0]), string(parts[1]), string(parts[2])
	swapped, _ := seal(keyOf("asia"), forIssue, "asia", issue()) // an issue that another region is to have said
	cases := map[string][]byte{
		"another name":              join("asia", sig, doc),
		"a name without a key":      join("mars", sig, doc),
		"other content":             join(name, sig, strings.Replace(doc, `"down"`, `"healthy"`, 1)),
		"no signature":              join(name, "", doc),
		"a signature of nothing":    join(name, base64.RawURLEncoding.EncodeToString(make([]byte, 64)), doc),
		"a signature cut":           join(name, sig[:80], doc),
		"another way of writing it": join(name, sig[:85]+string(sig[85]+1), doc),
		"a signature of a view":     other,
		"signed by another":         swapped,
	}
	for what, l := range cases {
		if h, err := Verify(ring, l); !world.Is(err, world.CodeUnsigned) || h.Monitor != "" {
			t.Errorf("%s: %v, %+v", what, err, h)
		}
	}
	for what, l := range map[string][]byte{"nothing": nil, "a word": []byte("europe"), "two": []byte("europe " + sig)} {
		if _, err := Verify(ring, l); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestLimitsOfAnIssue(t *testing.T) {
	names := func(n int) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("m%03d", i))
		}
		return out
	}
	targets := func(n int) (out []world.TargetHealth) {
		for i := range n {
			out = append(out, world.TargetHealth{Target: fmt.Sprintf("pop/p%04d", i), State: world.Healthy, Reason: world.ReasonAnswers})
		}
		return out
	}
	for what, c := range map[string]struct {
		change func(*world.Health)
		ok     bool
	}{
		"as it is":            {func(*world.Health) {}, true},
		"most targets":        {func(h *world.Health) { h.Targets = targets(MaxTargets) }, true},
		"one more":            {func(h *world.Health) { h.Targets = targets(MaxTargets + 1) }, false},
		"most heard":          {func(h *world.Health) { h.Heard = names(MaxNamed) }, true},
		"one heard more":      {func(h *world.Health) { h.Heard = names(MaxNamed + 1) }, false},
		"most who say so":     {func(h *world.Health) { h.Targets[0].By = names(MaxNamed) }, true},
		"one more says so":    {func(h *world.Health) { h.Targets[0].By = names(MaxNamed + 1) }, false},
		"highest number":      {func(h *world.Health) { h.Version.Number = MaxNumber }, true},
		"past it":             {func(h *world.Health) { h.Version.Number = MaxNumber + 1 }, false},
		"past the last beat":  {func(h *world.Health) { h.Beat = MaxNumber + 1 }, false},
		"a version of nobody": {func(h *world.Health) { h.Version.Monitor = "" }, false},
		"no version yet":      {func(h *world.Health) { h.Version = world.HealthVersion{} }, true},
		"out of order":        {func(h *world.Health) { h.Targets[0], h.Targets[1] = h.Targets[1], h.Targets[0] }, false},
		"twice":               {func(h *world.Health) { h.Targets[1] = h.Targets[0] }, false},
		"no target":           {func(h *world.Health) { h.Targets[0].Target = "pop/../x" }, false},
		"no state":            {func(h *world.Health) { h.Targets[0].State = "dead" }, false},
		"another reason":      {func(h *world.Health) { h.Targets[0].Reason = "flood" }, true},
		"no reason":           {func(h *world.Health) { h.Targets[0].Reason = "" }, false},
		"a load below none":   {func(h *world.Health) { h.Targets[0].Load = -1 }, false},
		"a name with an end":  {func(h *world.Health) { h.Targets[0].By = []string{"x\n"} }, false},
		"no name was heard":   {func(h *world.Health) { h.Heard = []string{""} }, false},
	} {
		h := issue()
		c.change(&h)
		_, err := Sign(keyOf("europe"), h)
		if (err == nil) != c.ok {
			t.Errorf("signing, %s: %v", what, err)
		}
		line, err := seal(keyOf("europe"), forIssue, "europe", h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(ringOf(t, "europe"), line); (err == nil) != c.ok {
			t.Errorf("verifying, %s: %v", what, err)
		}
	}
}

func TestALineHasABound(t *testing.T) {
	for _, n := range []int{MaxLine, MaxLine + 1} {
		_, err := Verify(ringOf(t, "europe"), bytes.Repeat([]byte{'x'}, n))
		if world.Is(err, world.CodeTooLarge) != (n > MaxLine) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	h := issue()
	h.Targets = nil
	for i := range MaxTargets {
		h.Targets = append(h.Targets, world.TargetHealth{Target: fmt.Sprintf("pop/p%04d", i), State: world.Down, Reason: world.ReasonTimeout, By: strings.Fields(strings.Repeat("a-monitor-of-a-long-name ", 20))})
	}
	if _, err := Sign(keyOf("europe"), h); !world.Is(err, world.CodeTooLarge) {
		t.Errorf("a long one: %v", err)
	}
}

func TestKeys(t *testing.T) {
	seed := base64.RawURLEncoding.EncodeToString(keyOf("europe").Seed())
	key, err := ParsePrivate(seed)
	if err != nil || !key.Equal(keyOf("europe")) {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", "x", seed[:42], seed + "A"} {
		if _, err := ParsePrivate(text); !world.Is(err, world.CodeInvalid) || text != "" && strings.Contains(err.Error(), text) && len(text) > 1 {
			t.Errorf("%q: %v", text, err)
		}
	}
	good := Key{"europe", PublicOf(keyOf("europe"))}
	for what, keys := range map[string][]Key{"twice": {good, good}, "no region": {{"", good.Public}}, "no key": {{"europe", "x"}}} {
		if _, err := Ring(keys); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	ring := ringOf(f, "europe", "asia")
	line, _ := Sign(keyOf("europe"), issue())
	f.Add(line)
	f.Add([]byte("europe AAAA {}"))
	f.Add([]byte("asia  "))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := Verify(ring, b); err == nil && !bytes.Equal(b, line) {
			t.Errorf("a signature was made up: %+v", h)
		}
		// What a monitor signs itself may be anything; what is taken has been checked.
		sealed := append([]byte("europe "), base64.RawURLEncoding.EncodeToString(ed25519.Sign(keyOf("europe"), signed(forIssue, "europe", b)))...)
		h, err := Verify(ring, append(append(sealed, ' '), b...))
		if err != nil {
			return
		}
		if _, err := Sign(keyOf("europe"), h); err != nil {
			t.Errorf("what was taken cannot be said again: %v", err)
		}
	})
}
