package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// pin becomes another program that stays on one core: "pin 0 nginx -c …".
func pin(_ context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("pin needs a core and a program")
	}
	core, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	path, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	var set unix.CPUSet
	set.Set(core)
	runtime.LockOSThread() // it is this thread that becomes the program
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return err
	}
	return unix.Exec(path, args[1:], os.Environ())
}

// twoCores are the core of the servers and that of who asks: the same where the
// machine lends us only one.
func twoCores() (server, client int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, 0
	}
	var cores []int
	for core := 0; len(cores) < 2 && core < 1024; core++ {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores[0], cores[len(cores)-1]
}

// raiseFileLimit has this process and its children open as many files as they
// may: Go would give children the lower limit back.
func raiseFileLimit() {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
	}
}
