package probe

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_AARCH64
	otherTable = 0xFFFFFFFF // there is none
)

// forbiddenHere are the older forms of forbidden calls, which this kind has.
var forbiddenHere = []uintptr{unix.SYS_RENAMEAT}

func boundedHere(uint32) []rule { return nil }
