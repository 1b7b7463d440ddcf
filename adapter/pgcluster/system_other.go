//go:build unix && !linux

package pgcluster

import (
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// serves says whether the process is a PostgreSQL that works on dataDir, by its
// command line. A directory with a space in its name is compared at the end of the line.
func serves(pid int, dataDir string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return false
	}
	line := strings.TrimSpace(string(out))
	return namesDir(strings.Fields(line), dataDir) ||
		(strings.Contains(line, "postgres") && strings.HasSuffix(line, "-D "+dataDir))
}

// strays are the processes that work on dataDir, of which these systems tell only
// the postmaster: its others end by themselves when it is gone.
func strays(dataDir string) []int {
	if p, err := readPidFile(dataDir); err == nil && serves(p.pid, dataDir) {
		return []int{p.pid}
	}
	return nil
}

// flushAll forces everything written to disk; these systems cannot name one file system.
func flushAll(string) error { return unix.Sync() }
