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

// startChild starts a program of PostgreSQL's so that it is interrupted when this
// process ends in whatever way.
func startChild(cmd *exec.Cmd) error { return childproc.Start(cmd, syscall.SIGINT) }

// startServer starts a server so that it gets SIGQUIT, PostgreSQL's immediate
// shutdown, when this process ends in whatever way. What was committed is on disk,
// and the next start recovers it. The fast shutdown is no choice: a server that is
// recovering from the death of a backend when it comes waits for its own
// checkpointer for ever (PostgreSQL 15), and nobody is left who could press it.
func startServer(cmd *exec.Cmd) error { return childproc.Start(cmd, syscall.SIGQUIT) }
