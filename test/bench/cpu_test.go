package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	if d, ok := parseSchedstat("1234567 89 10\n"); !ok || d != 1234567 {
		t.Errorf("%v %v", d, ok)
	}
	for _, bad := range []string{"", "1 2", "x 2 3", "-1 2 3", "1 2 3 4"} {
		if _, ok := parseSchedstat(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

// What /proc says of this process grows by what it does.
func TestCPUOfIsTheProcesssOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("/proc")
	}
	before, err := cpuOf(os.Getpid())
	if err != nil || before <= 0 {
		t.Fatal(before, err)
	}
	const work = 50 * time.Millisecond
	n := 0
	for began := time.Now(); time.Since(began) < work; {
		n++
	}
	after, err := cpuOf(os.Getpid())
	if grown := after - before; err != nil || grown <= 0 {
		t.Errorf("%v after %d rounds, %v", grown, n, err)
	}
	if _, err := cpuOf(1 << 30); err == nil {
		t.Error("a process that is not there has a cost")
	}
}
