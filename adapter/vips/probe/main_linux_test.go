package probe

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"meridian/adapter/vips"
	"meridian/world"
)

// asChild makes the test binary a child that does something else with its picture
// than to decode it: what the word behind it names.
const asChild = "probe-child"

func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != asChild {
		os.Exit(m.Run())
	}
	if err := behave(os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func behave(how string, args []string) error {
	ctx := context.Background()
	if how == "well" {
		return Serve(ctx, args, os.Stdin, os.Stdout)
	}
	if how == "unready" {
		return fmt.Errorf("no libvips here")
	}
	do, ok := misdeeds[how]
	if !ok {
		return fmt.Errorf("nobody behaves %q", how)
	}
	return serve(ctx, args, os.Stdin, os.Stdout, func(context.Context, question, []byte) (Found, []byte, error) { return do() })
}

var misdeeds = map[string]func() (Found, []byte, error){
	"abort":   func() (Found, []byte, error) { return strike(syscall.SIGABRT) },
	"fault":   func() (Found, []byte, error) { return strike(syscall.SIGSEGV) },
	"panic":   func() (Found, []byte, error) { panic("a decoder has met its picture") },
	"hang":    func() (Found, []byte, error) { <-make(chan int); return Found{}, nil, nil },
	"spin":    spin,
	"work on": spin,
	"eat": func() (Found, []byte, error) {
		var all [][]byte
		for {
			all = append(all, make([]byte, 8<<20))
			all[len(all)-1][4096] = 1
		}
	},
	"be killed": func() (Found, []byte, error) { return strike(syscall.SIGKILL) }, // as the system does that lacks memory
	"chatter": func() (Found, []byte, error) {
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<20)); err != nil {
				return Found{}, nil, err
			}
		}
	},
	"complain": func() (Found, []byte, error) {
		for range 1000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("oh ", 1000))
		}
		panic("oh")
	},
	"lie": func() (Found, []byte, error) {
		return Found{Info: vips.Info{MediaType: "image/svg+xml", Width: 9, Height: 9, Frames: 1}, Colour: "#000000"}, nil, nil
	},
	"lie at length": func() (Found, []byte, error) {
		return Found{}, nil, world.E(world.CodeUnprocessed, "", strings.Repeat("the key is ", 100))
	},
	"give orders": func() (Found, []byte, error) { return Found{}, nil, world.E(world.CodeUnsigned, "", "Sign in again.") },
	"grasp":       grasp,
}

func spin() (Found, []byte, error) {
	for i := 0; ; i++ {
		runtime.KeepAlive(i)
	}
}

// strike ends this process by a signal to one of its threads.
func strike(with syscall.Signal) (Found, []byte, error) {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_TGKILL, uintptr(os.Getpid()), uintptr(syscall.Gettid()), uintptr(with)); errno != 0 {
		return Found{}, nil, errno
	}
	select {}
}

// grasp tells what it got hold of that is none of its business.
func grasp() (Found, []byte, error) {
	got := []string{"hold of"}
	for what, try := range map[string]func() error{
		"a file":          func() error { _, err := os.ReadFile("/etc/hosts"); return err },
		"a file of ours":  func() error { _, err := os.ReadFile("/proc/self/environ"); return err },
		"a new file":      func() error { return os.WriteFile(os.TempDir()+"/probe", []byte("x"), 0o600) },
		"a file's name":   func() error { return os.Rename("/tmp/probe-a", "/tmp/probe-b") },
		"a program":       func() error { return exec.Command("/bin/true").Run() },
		"a socket":        func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err },
		"its parent":      func() error { return syscall.Kill(os.Getppid(), 0) },
		"a parent's word": func() error { return syscall.PtraceAttach(os.Getppid()) },
		"more memory": func() error {
			return syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40})
		},
		"a child":  func() error { return fork() },
		"a secret": func() error { return secret() },
	} {
		if err := try(); err == nil || strings.Contains(err.Error(), "no such file") {
			got = append(got, what)
		}
	}
	return Found{}, nil, world.E(world.CodeUnprocessed, "", strings.Join(got, ", "))
}

func fork() error {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
	}
	return nil
}

func secret() error {
	if os.Getenv("MERIDIAN_SECRET") == "" {
		return syscall.EPERM
	}
	return nil
}
