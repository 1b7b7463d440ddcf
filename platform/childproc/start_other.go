//go:build !linux

package childproc

import (
	"os/exec"
	"syscall"
)

// Start starts cmd in a process group of its own. This system sends no signal
// when a parent dies: a child that must not outlive us watches its standard
// input, which ends with us.
func Start(cmd *exec.Cmd, _ syscall.Signal) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	return cmd.Start()
}
