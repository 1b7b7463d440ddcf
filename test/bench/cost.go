package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// userHZ is the unit of times in /proc (proc(5)): 100 a second on every Linux.
const userHZ = 100

// cost is what a process and all its descendants take.
type cost struct {
	processes int
	pss       int64         // bytes; a shared page counts in parts, one a sharer
	cpu       time.Duration // since each began, children that have ended included
}

// process is a line of /proc/*/stat.
type process struct {
	parent int
	cpu    time.Duration
}

// costOf reads /proc for a process and its descendants.
func costOf(root int) (cost, error) {
	all, err := listProcesses()
	if err != nil {
		return cost{}, err
	}
	var c cost
	for pid, p := range all {
		if !descends(all, pid, root) {
			continue
		}
		pss, err := pssOf(pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return cost{}, err
		}
		c.processes++
		c.pss += pss
		c.cpu += p.cpu
	}
	if c.processes == 0 {
		return c, fmt.Errorf("/proc knows no process %d: the costs can be read on Linux only", root)
	}
	return c, nil
}

func descends(all map[int]process, pid, root int) bool {
	for pid > 1 {
		if pid == root {
			return true
		}
		pid = all[pid].parent
	}
	return false
}

func listProcesses() (map[int]process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	out := map[int]process{}
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, ok := parseStat(string(text)); ok {
			out[pid] = p
		}
	}
	return out, nil
}

// parseStat reads the parent (field 4) and utime, stime, cutime, cstime
// (fields 14 to 17). The name in brackets before may hold anything. A child
// that ends moves its time to its parent's, so the sum over a tree never falls.
func parseStat(text string) (process, bool) {
	i := strings.LastIndexByte(text, ')')
	f := strings.Fields(text[i+1:])
	if i < 0 || len(f) < 15 {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return process{}, false
	}
	var ticks int64
	for _, v := range f[11:15] {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return process{}, false
		}
		ticks += n
	}
	return process{parent, time.Duration(ticks) * time.Second / userHZ}, true
}

func pssOf(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parsePSS(string(text))
}

// parsePSS reads the line "Pss:  1234 kB".
func parsePSS(text string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("smaps_rollup has no line Pss")
}
