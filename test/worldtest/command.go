package worldtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// commandWithin bounds one command.
const commandWithin = 2 * time.Minute

// Command is what a command said.
type Command struct {
	Code     int
	Out, Err string
}

// Run runs the command line against this world, from another directory and
// with nothing but its arguments.
func (w *World) Run(t testing.TB, args ...string) Command {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.bin, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = &out, &errOut, t.TempDir(), os.Environ()
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return Command{Code: cmd.ProcessState.ExitCode(), Out: out.String(), Err: errOut.String()}
}
