package childproc

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

type request struct {
	cmd  *exec.Cmd
	done chan<- error
}

// starts feeds the one thread that starts children. The parent-death signal
// (prctl(2), PR_SET_PDEATHSIG) is sent when the THREAD that forked ends, so
// that thread must never end.
var starts = sync.OnceValue(func() chan<- request {
	requests := make(chan request)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.done <- r.cmd.Start()
		}
	}()
	return requests
})

// Start starts cmd in a process group of its own, so that a terminal's ^C
// reaches only us, and has the system send it signal when this process ends in
// whatever way.
func Start(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = signal
	done := make(chan error)
	starts() <- request{cmd, done}
	return <-done
}
