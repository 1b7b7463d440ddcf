package worldtest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// marker is set in a world's environment, and so in that of all its children.
const marker = "MERIDIAN_WORLDTEST"

// processes are those of a world: by the mark in their environment, by the
// world's directory in their command line, or by standing in it (PostgreSQL's
// backends write over both and stand in their data directory). Zombies are
// gone: they only wait to be counted.
func (w *World) processes() map[int]string {
	mark := marker + "=" + w.Dir
	found := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, _ := os.ReadFile(dir + "/environ")
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		cwd, _ := os.Readlink(dir + "/cwd")
		ours := cwd == w.Dir || strings.HasPrefix(cwd, w.Dir+"/")
		for _, v := range strings.Split(string(environ), "\x00") {
			ours = ours || v == mark
		}
		for _, v := range strings.Split(string(cmdline), "\x00") {
			ours = ours || v == w.Dir || strings.HasPrefix(v, w.Dir+"/")
		}
		if ours && len(cmdline) > 0 && !zombie(dir) {
			found[pid] = strings.ReplaceAll(strings.TrimRight(string(cmdline), "\x00"), "\x00", " ")
		}
	}
	return found
}

func zombie(dir string) bool {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

// Left are the world's processes that still run, as "pid command".
func (w *World) Left() []string {
	var out []string
	for pid, cmd := range w.processes() {
		out = append(out, fmt.Sprintf("%d %s", pid, cmd))
	}
	return out
}

// WaitGone fails the test unless nothing of the world is left within a time.
func (w *World) WaitGone(t testing.TB, within time.Duration) {
	t.Helper()
	began := time.Now()
	for {
		left := w.Left()
		if len(left) == 0 {
			t.Logf("nothing was left after %d ms", time.Since(began).Milliseconds())
			return
		}
		if time.Since(began) > within {
			t.Fatalf("after %s these processes of the world are left:\n%s", within, strings.Join(left, "\n"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// KillOne is kill -9 of one of the world's processes but the first: a database
// server, one of its backends or, in a world of many, a role. pick chooses one of
// so many. It returns what that was.
func (w *World) KillOne(t testing.TB, pick func(n int) int) string {
	t.Helper()
	all := w.processes()
	delete(all, w.cmd.Process.Pid)
	pids := slices.Sorted(maps.Keys(all))
	if len(pids) == 0 {
		t.Fatal("the world has no other process")
	}
	pid := pids[pick(len(pids))]
	kill9(t, pid)
	return all[pid]
}

// KillCommand is kill -9 of the world's processes that run a command of ours, and
// reports whether there was one.
func (w *World) KillCommand(t testing.TB, command string) (was bool) {
	t.Helper()
	for pid, line := range w.processes() {
		if words := strings.Fields(line); pid != w.cmd.Process.Pid && len(words) > 1 && words[1] == command {
			kill9(t, pid)
			was = true
		}
	}
	return was
}

func kill9(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
}

// killLeft ends what a world left behind, process by process.
func (w *World) killLeft() {
	for pid := range w.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}
