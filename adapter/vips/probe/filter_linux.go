package probe

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// forbidden are the calls that decoding has no use for and a hostile picture
// would: to reach other processes, the network or the names of files. What opens
// a file is bounded by RLIMIT_NOFILE. The list names what is refused rather than
// what is allowed, since each C library and decoder asks for something else.
var forbidden = append(slices.Clone(forbiddenHere),
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_BIND, unix.SYS_LISTEN, unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_SETPGID, unix.SYS_SETSID,
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_KCMP, unix.SYS_SETPRIORITY,
	unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_SYMLINKAT, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_TRUNCATE,
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT, unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_OPENAT2,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN, unix.SYS_MEMFD_CREATE,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT,
)

// rule is what an argument of a call must be, by the lower half of it.
type rule struct {
	number   uintptr
	argument uint32 // from 0
	is       bpf.JumpTest
	to       uint32
}

// bounded are calls that decoding cannot do without, and that could do harm.
func bounded() []rule {
	const writes = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	return append(boundedHere(writes),
		rule{unix.SYS_OPENAT, 2, bpf.JumpBitsNotSet, writes},
		rule{unix.SYS_CLONE, 0, bpf.JumpBitsSet, unix.CLONE_THREAD},    // no process
		rule{unix.SYS_TGKILL, 0, bpf.JumpEqual, uint32(unix.Getpid())}, // no other's thread
		rule{unix.SYS_PRLIMIT64, 0, bpf.JumpEqual, 0},                  // no other's limits
	)
}

// Where struct seccomp_data (seccomp(2)) has what is asked: on machines of these
// kinds the lower half of an argument stands first.
const (
	offNumber, offArch     = 0, 4
	offArguments, argument = 16, 8
)

// filter has the system refuse the forbidden calls to every thread of this
// process, and no program give it more rights (no_new_privs).
func filter() error {
	if auditArch == 0 {
		return nil
	}
	program, err := bpf.Assemble(instructions())
	if err != nil {
		return err
	}
	raw := make([]unix.SockFilter, len(program))
	for i, p := range program {
		raw[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	runtime.LockOSThread() // no_new_privs is a thread's, which gives it to the others with the filter
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	of := unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&of)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d does not take the filter", thread)
	}
	return nil
}

func instructions() []bpf.Instruction {
	refuse := func(with unix.Errno) bpf.Instruction {
		return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(with)}
	}
	list := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS}, // calls by another table of numbers
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: otherTable, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		// Its flags lie in memory, where no filter sees them: the C library then
		// makes its threads by clone.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1},
		refuse(unix.ENOSYS),
	}
	for _, number := range forbidden {
		list = append(list, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: 1}, refuse(unix.EPERM))
	}
	for _, r := range bounded() {
		list = append(list,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(r.number), SkipTrue: 4},
			bpf.LoadAbsolute{Off: offArguments + argument*r.argument, Size: 4},
			bpf.JumpIf{Cond: r.is, Val: r.to, SkipTrue: 1},
			refuse(unix.EPERM),
			bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
	}
	return append(list, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}
