package pgcluster

import (
	"os"
	"os/exec"
	"syscall"

	"meridian/platform/childproc"
)

// asOwner makes cmd run as the owner, away from our directory, our terminal's
// signals (^C must not reach a server before the supervisor does) and our locale.
func asOwner(cmd *exec.Cmd, own owner) *exec.Cmd {
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + os.Getenv("PATH")}
	if v := os.Getenv("LD_LIBRARY_PATH"); v != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+v)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: own.credential()}
	return cmd
}

// startChild starts cmd so that it gets SIGINT, PostgreSQL's fast shutdown,
// when this process ends in whatever way.
func startChild(cmd *exec.Cmd) error { return childproc.Start(cmd, syscall.SIGINT) }
