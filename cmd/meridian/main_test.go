package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
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

// endedBySignals repeats the signal until the command has ended: the handler
// goes just after the context does.
func endedBySignals(cmd *exec.Cmd, signal syscall.Signal, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return err
		default:
			_ = cmd.Process.Signal(signal) // it may be over already
		}
	}
}
