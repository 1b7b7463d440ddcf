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

// flushAll forces everything written to disk; these systems cannot name one file system.
func flushAll(string) error { return unix.Sync() }
