package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// standIn makes the test binary a command that stops for ever.
const standIn = "MERIDIAN_TEST_STAND_IN"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) == "" {
		os.Exit(m.Run())
	}
	ctx, stop := interruptible()
	defer stop()
	fmt.Println("up")
	<-ctx.Done()
	fmt.Println("stopping")
	select {}
}

func TestSecondInterruptEndsAStopThatHangs(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), standIn+"=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		lines := bufio.NewScanner(out)
		for _, want := range []string{"up", "stopping"} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%q, want %q", lines.Text(), want)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var exit *exec.ExitError
		if err := endedBySignals(cmd, signal, ended); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != signal {
			t.Errorf("%v: ended with %v", signal, err)
		}
	}
}

// between is how long a person takes to press Ctrl-C once more. A flood of
// signals would meet the process while it dies of the first.
const between = 50 * time.Millisecond

// endedBySignals repeats the signal until the command has ended: the handler
// goes just after the context does.
func endedBySignals(cmd *exec.Cmd, signal syscall.Signal, ended <-chan error) error {
	again := time.NewTicker(between)
	defer again.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-again.C:
			_ = cmd.Process.Signal(signal) // it may be over already
		}
	}
}
