package probe

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// BoundsMemory tells whether this system keeps a child to its memory.
const BoundsMemory = true

// bounds are what a child holds itself to before it sees a picture.
type bounds struct {
	memory int64 // bytes beside those that it has
	cpu    time.Duration
	files  uint64 // open at once
}

// confine takes everything from this process that decoding does not need, for
// good: the limits are hard ones.
func confine(b bounds) error {
	has, err := dataBytes()
	if err != nil {
		return err
	}
	used, err := cpuTime()
	if err != nil {
		return err
	}
	// Where the machine itself lacks memory, this process is the one to go; where
	// that cannot be said, the system chooses.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	for what, most := range map[int]uint64{
		unix.RLIMIT_DATA:   uint64(has + b.memory), // what is written to: not what is merely reserved, as Go does
		unix.RLIMIT_CPU:    uint64((used + b.cpu + time.Second - 1) / time.Second),
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_NOFILE: b.files,
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit %d: %w", what, err)
		}
	}
	return filter()
}

// dataBytes is what counts for RLIMIT_DATA, and the stack: the sixth number of
// /proc/self/statm, in pages (proc_pid_statm(5)).
func dataBytes() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 6 {
		return 0, fmt.Errorf("/proc/self/statm reads %q", text)
	}
	pages, err := strconv.ParseInt(string(fields[5]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// openPeak is a way to read this process's peak when no file can be opened any
// more: VmHWM of proc_pid_status(5). The figure of getrusage(2) would be that of
// the process which started this one, if that had more.
func openPeak() func() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return func() int64 { return 0 }
	}
	return func() (peak int64) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0
		}
		text, err := io.ReadAll(f)
		_, rest, found := bytes.Cut(text, []byte("VmHWM:"))
		if err != nil || !found {
			return 0
		}
		var kb int64
		if _, err := fmt.Sscanf(string(rest), "%d kB", &kb); err != nil {
			return 0
		}
		return kb << 10
	}
}
