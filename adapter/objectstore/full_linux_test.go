package objectstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestADiskThatIsFull: a file system of a megabyte, which only the process that
// mounts it sees.
func TestADiskThatIsFull(t *testing.T) {
	if dir := os.Getenv(childDir); os.Getenv(jobVariable) == "fill" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=700"); err != nil {
			fmt.Println(cannotMount, err)
			return
		}
		full(t, filepath.Join(dir, "store"), 3<<20)
		return
	}
	cmd := again("TestADiskThatIsFull", "fill", t.TempDir())
	cmd.SysProcAttr = mountAttributes()
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || bytes.Contains(out, []byte(cannotMount)) {
		t.Skipf("this machine lets nobody mount a small disk: %v %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const cannotMount = "no mount here:"

// mountAttributes give a process mounts of its own, and in its own eyes the right
// to make some.
func mountAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}
