package app

import (
	"strings"
	"testing"
	"time"

	"meridian/world"
)

func TestTroublesAreOfOnePlace(t *testing.T) {
	r := NewRehearsal()
	here, there := &machine{trouble: r.at("fra")}, &machine{trouble: r.at("lhr")}
	r.Set("fra", Trouble{SkewMS: 3_600_000, Full: true})
	if ahead := here.now().Sub(there.now()); ahead < 59*time.Minute || ahead > 61*time.Minute {
		t.Errorf("the clock is %v ahead", ahead)
	}
	if err := here.trouble.full("objects.put"); !world.Is(err, world.CodeFull) {
		t.Errorf("the full store says %v", err)
	}
	if err := there.trouble.full("objects.put"); err != nil {
		t.Errorf("the other is full too: %v", err)
	}
	r.Set("fra", Trouble{})
	if here.trouble.is() != (Trouble{}) {
		t.Error("it was healed and is not well")
	}
	if never := (&machine{}); never.trouble.is() != (Trouble{}) || never.now().IsZero() {
		t.Error("where nothing is rehearsed there is a trouble")
	}
}

func FuzzReadTrouble(f *testing.F) {
	for _, s := range []string{`{}`, `{"skew_ms":-5000,"full":true,"frozen":true,"isolated":true,"no_udp":true}`, `{"skew_ms":86400000}`, `{"skew_ms":86400001}`, `{"skew_ms":1e300}`, `{"a":1}`, `[`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := ReadTrouble(strings.NewReader(body))
		if err != nil {
			if !world.Is(err, world.CodeInvalid) || got != (Trouble{}) {
				t.Fatalf("%v, %+v", err, got)
			}
			return
		}
		if most := float64(MaxSkew.Milliseconds()); got.SkewMS > most || got.SkewMS < -most {
			t.Fatalf("%q sets the clock %g ms wrong", body, got.SkewMS)
		}
	})
}
