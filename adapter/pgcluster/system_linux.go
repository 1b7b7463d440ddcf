package pgcluster

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

type startRequest struct {
	cmd  *exec.Cmd
	done chan<- error
}

// starts feeds the one thread that starts children. The parent-death signal is
// sent when the THREAD that forked ends, so that thread must never end.
var starts = sync.OnceValue(func() chan<- startRequest {
	requests := make(chan startRequest)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.done <- r.cmd.Start()
		}
	}()
	return requests
})

// startChild starts cmd so that it gets SIGINT (PostgreSQL's fast shutdown)
// when this process ends in whatever way.
func startChild(cmd *exec.Cmd) error {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	done := make(chan error)
	starts() <- startRequest{cmd, done}
	return <-done
}

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

// flushAll forces everything written to dir's file system to disk.
func flushAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
