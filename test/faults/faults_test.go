package faults

import (
	"os"
	"strconv"
	"testing"
	"time"

	"meridian/test/worldtest"
)

func TestMain(m *testing.M) { os.Exit(worldtest.Main(m)) }

// What a run may be told by its environment.
const (
	schedulesVariable = "FAULT_SCHEDULES" // how many
	seedVariable      = "FAULT_SEED"      // of the first; each has the next
	sameVariable      = "FAULT_SAME"      // 1: the first again and again
	logVariable       = "FAULT_LOG"       // a file for what the world prints
	shrinkVariable    = "FAULT_SHRINK"    // 1: what of a schedule makes it fail is looked for
)

const (
	defaultSchedules = 3
	scheduleLength   = 2500 * time.Millisecond
)

// TestRandomFaults plays schedules of faults on one world, one after the other,
// while orders, price changes and uploads go on, and holds what everybody was told
// against what may be.
func TestRandomFaults(t *testing.T) {
	n, seed := defaultSchedules, uint64(1)
	if v, err := strconv.Atoi(os.Getenv(schedulesVariable)); err == nil {
		n = v
	}
	if v, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64); err == nil {
		seed = v
	}
	t.Logf("%s=%d %s=%d", seedVariable, seed, schedulesVariable, n)
	w := worldtest.New(t, "")
	w.Start(t, worldtest.Options{Split: true, Settings: Settings})
	if path := os.Getenv(logVariable); path != "" {
		defer func() { os.WriteFile(path, []byte(w.Logs()), 0o600) }()
	}
	stage := NewStage(t, w, []string{"de", "us", "jp"})
	var sum Report
	began := time.Now()
	for i := range n {
		if i > 0 && os.Getenv(sameVariable) != "1" {
			seed++
		}
		s := Generate(seed, stage.ground, scheduleLength)
		t.Log(s)
		r := stage.Play(t, s)
		t.Logf("%s", r)
		for _, f := range r.Found {
			t.Errorf("schedule of seed %d: %s", s.Seed, f)
		}
		if len(r.Found) > 0 && os.Getenv(shrinkVariable) == "1" {
			t.Logf("shrunk: %s", Shrink(s, func(less Schedule) bool { return len(stage.Play(t, less).Found) > 0 }))
		}
		sum.Add(r)
		if !w.Running() {
			t.Fatalf("the world has ended:\n%s", w.Logs())
		}
	}
	t.Logf("%d schedules in %.0f s:\n%s", n, time.Since(began).Seconds(), sum)
}
