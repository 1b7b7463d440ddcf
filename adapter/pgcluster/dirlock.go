package pgcluster

import (
	"fmt"
	"os"
	"syscall"

	"meridian/world"
)

// lockDir takes the lock beside a data directory, so that two supervisors never
// work on one. The system drops it with our process; children do not inherit it.
func lockDir(op, dataDir string) (*os.File, error) {
	f, err := os.OpenFile(dataDir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, world.Because(world.CodeInvalid, op, "cannot write beside "+dataDir+": choose a state directory that you may write to", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, world.Because(world.CodeConflict, op, fmt.Sprintf(
			"%s is in use by a running Meridian: stop that one, or choose another state directory", dataDir), err)
	}
	return f, nil
}

// unlock gives a lock back at once. Closing alone would not, while a child that is
// being started in another goroutine still has a copy of the descriptor.
func unlock(lock *os.File) {
	syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	lock.Close()
}
