//go:build unix && !linux

package probe

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// BoundsMemory tells whether this system keeps a child to its memory.
const BoundsMemory = false

// bounds are what a child holds itself to before it sees a picture. No calls are
// taken from it here: what is left is that a child's end is no one else's.
type bounds struct {
	memory int64
	cpu    time.Duration
	files  uint64 // open at once
}

// confine sets the limits that this system has, for good.
func confine(b bounds) error {
	for what, most := range map[int]uint64{
		unix.RLIMIT_CPU:    uint64((b.cpu + 2*time.Second - 1) / time.Second),
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_NOFILE: max(b.files, 16),
	} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit %d: %w", what, err)
		}
	}
	return nil
}

func openPeak() func() int64 { return func() int64 { return 0 } }
