package probe

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	auditArch  = unix.AUDIT_ARCH_X86_64
	otherTable = 0x40000000 // from here on numbers are those of x32
)

// forbiddenHere are the older forms of forbidden calls, which this kind has.
var forbiddenHere = []uintptr{
	unix.SYS_FORK, unix.SYS_VFORK, unix.SYS_CREAT, unix.SYS_UNLINK, unix.SYS_RMDIR, unix.SYS_RENAME, unix.SYS_RENAMEAT, unix.SYS_LINK, unix.SYS_SYMLINK,
	unix.SYS_MKDIR, unix.SYS_MKNOD, unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT,
}

func boundedHere(writes uint32) []rule {
	return []rule{{unix.SYS_OPEN, 1, bpf.JumpBitsNotSet, writes}}
}
