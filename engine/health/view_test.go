package health

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func aView() View {
	v := viewOf("europe", 7, world.Down)
	v.Version, v.States = world.HealthVersion{Number: 9, Monitor: "asia"}, "abc"
	o := order("pop/b", true, noon.Add(time.Hour))
	o.Version = world.HealthVersion{Number: 8, Monitor: "us"}
	v.Orders = []Order{o}
	return v
}

func TestAViewIsReadAsItWasSigned(t *testing.T) {
	want := aView()
	line, err := SignView(keyOf("europe"), want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := VerifyView(ringOf(t, "europe"), line)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\n%+v", err, got, want)
	}
	if _, err := Verify(ringOf(t, "europe"), line); !world.Is(err, world.CodeUnsigned) {
		t.Errorf("it was taken for an issue: %v", err)
	}
	foreign, _ := seal(keyOf("asia"), forView, "asia", want)
	if _, err := VerifyView(ringOf(t, "asia", "europe"), foreign); !world.Is(err, world.CodeUnsigned) {
		t.Errorf("signed by another: %v", err)
	}
}

func TestLimitsOfAView(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*View)
		ok     bool
	}{
		"as it is":                 {func(*View) {}, true},
		"no name":                  {func(v *View) { v.Monitor = "" }, false},
		"highest number":           {func(v *View) { v.Seq = MaxNumber }, true},
		"past it":                  {func(v *View) { v.Seq = MaxNumber + 1 }, false},
		"a version of nobody":      {func(v *View) { v.Version.Monitor = "" }, false},
		"a number out of range":    {func(v *View) { v.Version.Number = MaxNumber + 1 }, false},
		"a target twice":           {func(v *View) { v.Says = append(v.Says, v.Says[0]) }, false},
		"no target":                {func(v *View) { v.Says[0].Target = "pop" }, false},
		"no state":                 {func(v *View) { v.Says[0].State = "" }, false},
		"too late":                 {func(v *View) { v.Says[0].Since = noon.AddDate(8000, 0, 0) }, false},
		"too late itself":          {func(v *View) { v.At = noon.AddDate(8000, 0, 0) }, false},
		"a long digest":            {func(v *View) { v.States = strings.Repeat("x", maxBy+1) }, false},
		"hears no name":            {func(v *View) { v.Hears = []string{"A"} }, false},
		"an order twice":           {func(v *View) { v.Orders = append(v.Orders, v.Orders[0]) }, false},
		"an order without version": {func(v *View) { v.Orders[0].Version = world.HealthVersion{} }, false},
		"an order of nobody":       {func(v *View) { v.Orders[0].By = "" }, false},
		"an order for ever":        {func(v *View) { v.Orders[0].Until = time.Time{} }, true},
		"an order past all times":  {func(v *View) { v.Orders[0].Until = noon.AddDate(8000, 0, 0) }, false},
		"an order about nothing":   {func(v *View) { v.Orders[0].Target = "x/y" }, false},
		"longest reason":           {func(v *View) { v.Orders[0].Reason = strings.Repeat("x", MaxOrderReason) }, true},
		"one byte more":            {func(v *View) { v.Orders[0].Reason = strings.Repeat("x", MaxOrderReason+1) }, false},
		"too many targets": {func(v *View) {
			for i := range MaxTargets {
				v.Says = append(v.Says, Opinion{Target: fmt.Sprintf("pop/b%04d", i), State: world.Healthy, Reason: world.ReasonAnswers})
			}
		}, false},
	} {
		v := aView()
		c.change(&v)
		if _, err := SignView(keyOf("europe"), v); (err == nil) != c.ok {
			t.Errorf("signing, %s: %v", what, err)
		}
		line, err := seal(keyOf("europe"), forView, v.Monitor, v)
		if err != nil {
			continue // a time that has no text
		}
		ring := map[string]ed25519.PublicKey{v.Monitor: ringOf(t, "europe")["europe"]}
		if _, err := VerifyView(ring, line); (err == nil) != c.ok {
			t.Errorf("verifying, %s: %v", what, err)
		}
	}
}

// What a monitor signs may be anything: it is taken whole and in order, or not at
// all, and a board makes something of it that can be signed in turn.
func FuzzView(f *testing.F) {
	ring := ringOf(f, "europe")
	line, _ := SignView(keyOf("europe"), aView())
	f.Add([]byte(line[strings.LastIndexByte(string(line), ' ')+1:]))
	f.Add([]byte(`{"monitor":"europe","seq":1,"hears":["asia"],"says":[{"target":"pop/a","state":"down","reason":"timeout","since":"9999-01-01T00:00:00Z"}]}`))
	f.Add([]byte(`{"monitor":"europe","orders":[{"target":"pop/a","version":{"number":4611686018427387904,"monitor":"us"},"drain":true,"by":"x"}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		line := append([]byte("europe "), base64.RawURLEncoding.EncodeToString(ed25519.Sign(keyOf("europe"), signed(forView, "europe", doc)))...)
		v, err := VerifyView(ring, append(append(line, ' '), doc...))
		if err != nil {
			return
		}
		b := boardOf("asia", "asia", "europe")
		b.Take(v, noon)
		is, _ := b.Decide(noon)
		if is.Version.Number > MaxNumber {
			return // only after a version at the very end of the range
		}
		if _, err := Sign(keyOf("asia"), is); err != nil {
			t.Errorf("what came of it cannot be said: %v", err)
		}
		if _, err := SignView(keyOf("asia"), b.View(noon)); err != nil {
			t.Errorf("what is known of it cannot be told: %v", err)
		}
	})
}
