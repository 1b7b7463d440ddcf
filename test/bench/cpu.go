package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cpuOf is the time that a process and its descendants have had on a core, to
// the nanosecond (/proc/PID/task/*/schedstat). A thread that ends takes its own
// away: servers that keep their threads lose none.
func cpuOf(root int) (time.Duration, error) {
	all, err := listProcesses()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	found := false
	for pid := range all {
		if !descends(all, pid, root) {
			continue
		}
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, path := range tasks {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it has ended meanwhile
			}
			d, ok := parseSchedstat(string(text))
			if !ok {
				return 0, fmt.Errorf("%s reads %q", path, text)
			}
			sum, found = sum+d, true
		}
	}
	if !found {
		return 0, fmt.Errorf("/proc tells nothing of process %d: hits are measured on Linux only", root)
	}
	return sum, nil
}

// parseSchedstat reads the first of three figures: time on a core, in
// nanoseconds (kernel documentation, scheduler/sched-stats).
func parseSchedstat(text string) (time.Duration, bool) {
	f := strings.Fields(text)
	if len(f) != 3 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[0], 10, 64)
	return time.Duration(n), err == nil && n >= 0
}

// processCPU is what one process has taken, threads that have ended included,
// to a hundredth of a second; 0 where that is not known.
func processCPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	p, _ := parseStat(string(text))
	return p.cpu
}
