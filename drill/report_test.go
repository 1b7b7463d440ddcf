package drill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meridian/drill/judge"
)

func sample() *Verdict {
	v := &Verdict{Drill: "region-lost", Hypothesis: "Pages <go> on.", Began: time.Unix(0, 0), Rate: 40, Broken: []string{"lost eu-central"},
		Marks:  Marks{Injected: 6, Detected: 7.5, Rerouted: 9, Healed: 26, Recovered: 29},
		Checks: []Check{{"reads fail for", "at most 5 s", "3 s", true}, {"lost", "0", "1", false}},
	}
	for i := range 40 {
		v.Seconds = append(v.Seconds, judge.Second{T: i, OK: 38})
	}
	v.Seconds[6].Failed, v.Seconds[7].Slow, v.Seconds[8].Stale = 4, 3, 1
	return v
}

func TestAPageNeedsNothingElse(t *testing.T) {
	dir := t.TempDir()
	page, err := write(dir, sample())
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{"<svg", "not passed", "Pages &lt;go&gt; on.", "lost eu-central", "detected 7.5 s", `class="failed"`, "second 6: 38 in time, 0 slow, 0 stale, 4 failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"http://", "https://", "<script", "src="} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %q", never)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "region-lost.json")); err != nil {
		t.Error(err)
	}
	if err := writeIndex(dir, []Result{{Drill: "region-lost", Verdict: sample()}, {Drill: "x", Refused: "no name server"}, {Drill: "y", Failed: "not well"}}); err != nil {
		t.Fatal(err)
	}
}

func TestThePictureShowsWhatFailed(t *testing.T) {
	v := sample()
	v.Seconds[30].Failed, v.Seconds[30].OK = 1, 10_000
	p := draw(v)
	tallest := 0.0
	for _, b := range p.Bars {
		if b.Class == "failed" && b.H < leastBar {
			t.Errorf("a failure is drawn %.1f high", b.H)
		}
		if b.X < left-0.01 || b.X+b.W > pictureWidth-right+0.01 || b.Y < marksHeight-leastBar || b.Y+b.H > p.Base+leastBar {
			t.Errorf("a bar lies outside: %+v", b)
		}
		tallest = max(tallest, b.H)
	}
	if tallest < barsHeight*0.9 {
		t.Errorf("the tallest bar has %.0f of %d", tallest, barsHeight)
	}
	for i, a := range p.Marks {
		for _, b := range p.Marks[:i] {
			if a.TextY == b.TextY && a.Anchor == b.Anchor && a.X-b.X < nameWidth && a.X-b.X > -nameWidth {
				t.Errorf("%q and %q are written over one another", a.Text, b.Text)
			}
		}
	}
	if draw(&Verdict{}).Height == 0 {
		t.Error("a verdict without seconds has no picture")
	}
}
