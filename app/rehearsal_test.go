package app

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
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

// A monitor that is cut off hangs for all that follow it, and tells an operator
// that it is; one whose feed is frozen hangs in that alone.
func TestWhatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		is    Trouble
		hangs map[string]bool
	}{
		"nothing":  {Trouble{}, nil},
		"isolated": {Trouble{Isolated: true}, map[string]bool{world.HealthPath: true, world.HealthViewsPath: true}},
		"frozen":   {Trouble{Frozen: true}, map[string]bool{world.HealthPath: true}},
	} {
		for _, path := range []string{world.HealthPath, world.HealthViewsPath, world.HealthPagePath, world.DrainsPath} {
			synctest.Test(t, func(t *testing.T) {
				r := NewRehearsal()
				r.Set("fra", c.is)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				w := httptest.NewRecorder()
				r.at("fra").hanging(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					_, _ = io.WriteString(w, "said") // what hangs is not written
				})).ServeHTTP(w, httptest.NewRequest("GET", path, nil).WithContext(ctx))
				if hung := w.Body.String() != "said"; hung != c.hangs[path] {
					t.Errorf("%s, %s: hangs %v", name, path, hung)
				}
			})
		}
	}
}
