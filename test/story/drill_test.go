package story

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"meridian/drill"
	"meridian/test/worldtest"
)

// short is a drill of a few seconds. What it says of seconds is for a machine that
// does nothing else, and is not held against the system here.
func short(name, dir, out string) []string {
	return []string{"drill", "run", name, "--json", "--dir", dir, "--out", out, "--rate", "10", "--steady", "2s", "--duration", "8s", "--after", "4s", "--slow", "5s"}
}

// runShort runs it, once more where the world was not well yet: then nothing was
// broken.
func runShort(t *testing.T, w *worldtest.World, name, out string) (said worldtest.Command, v *drill.Verdict) {
	t.Helper()
	for range 2 {
		said = w.Run(t, short(name, w.Dir, out)...)
		var results []drill.Result
		if err := json.Unmarshal([]byte(said.Out), &results); err == nil && len(results) == 1 && results[0].Verdict != nil {
			return said, results[0].Verdict
		}
		t.Logf("exit code %d\n%s%s", said.Code, said.Out, said.Err)
	}
	t.Fatal("the drill has no verdict")
	return said, nil
}

// TestADrillHealsWhatItBreaks rehearses the death of a shield: what was
// acknowledged meanwhile is there, nobody is shown what was replaced, and the
// world is whole again.
func TestADrillHealsWhatItBreaks(t *testing.T) {
	w := theWorld(t)
	out := t.TempDir()
	said, v := runShort(t, w, "shield-killed", out)
	if (said.Code == 0) != v.Pass {
		t.Errorf("exit code %d, pass %v", said.Code, v.Pass)
	}
	f := v.Figures
	if f.Broken.Requests == 0 || f.Kept.Orders == 0 || f.Kept.Uploads == 0 || len(f.Kept.Lost) > 0 || f.Broken.Stale+f.After.Stale > 0 {
		t.Errorf("%d reads, %d orders, %d uploads; lost %v, stale %d", f.Broken.Requests, f.Kept.Orders, f.Kept.Uploads, f.Kept.Lost, f.Broken.Stale+f.After.Stale)
	}
	if _, err := os.Stat(filepath.Join(out, "shield-killed.html")); err != nil {
		t.Error(err)
	}
	whole(t, w)
}

// TestAFaultDoesNotOutlastItsDrill kills a drill amid its fault: it heals by itself.
func TestAFaultDoesNotOutlastItsDrill(t *testing.T) {
	w := theWorld(t)
	admin := w.Admin(t)
	if a := admin.Send(t, "POST", "/faults", []byte(`{"kind": "lost", "target": "lhr", "ttl_s": 1}`)); a.Status != 200 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	eventually(t, healedWithin, "the fault is over", func() bool { return len(faultsOf(t, w)) == 0 })
	whole(t, w)
	if a := w.AtPoP(t, "gb", "lhr").Get(t, "/", "Accept", "text/html"); a.Status != 200 {
		t.Errorf("the PoP that was lost answers %d", a.Status)
	}
}

func faultsOf(t *testing.T, w *worldtest.World) []drill.Fault {
	t.Helper()
	var got struct{ Faults []drill.Fault }
	if err := json.Unmarshal(w.Admin(t).Get(t, "/faults").Body, &got); err != nil {
		t.Fatal(err)
	}
	return got.Faults
}

// whole fails the test unless nothing is broken and every part is up.
func whole(t *testing.T, w *worldtest.World) {
	t.Helper()
	if left := faultsOf(t, w); len(left) > 0 {
		t.Errorf("still broken: %+v", left)
	}
	eventually(t, time.Minute, "every part is up", func() bool {
		var got struct{ Parts []drill.Part }
		if err := json.Unmarshal(w.Admin(t).Get(t, "/parts").Body, &got); err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Parts {
			if p.State != "up" {
				return false
			}
		}
		return len(got.Parts) > 0
	})
}
