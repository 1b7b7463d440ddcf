package pgcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// serves says whether the process is a PostgreSQL that works on dataDir: by its
// command line, or by its working directory, which a server sets to its data.
func serves(pid int, dataDir string) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	text, err := os.ReadFile(proc + "cmdline")
	if err != nil {
		return false
	}
	argv := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
	if namesDir(argv, dataDir) {
		return true
	}
	if !strings.HasPrefix(argv[0], "postgres") {
		return false
	}
	cwd, err := os.Stat(proc + "cwd")
	if err != nil {
		return false
	}
	dir, err := os.Stat(dataDir)
	return err == nil && os.SameFile(cwd, dir)
}

// strays are the processes of PostgreSQL that work on dataDir.
func strays(dataDir string) []int {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var out []int
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err == nil && serves(pid, dataDir) {
			out = append(out, pid)
		}
	}
	return out
}

// flushAll forces everything written to dir's file system to disk.
func flushAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
