package netaddr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"meridian/world"
)

// Option changes how [Listen] makes a Unix socket. TCP listeners take none of it.
type Option func(*options)

type options struct {
	uid, gid int
	chown    bool
}

// WithOwner gives the socket to another user and group, who may then connect:
// a PostgreSQL that runs under its own uid reaches its primary this way. It
// takes root, unless both are the caller's own.
func WithOwner(uid, gid int) Option {
	return func(o *options) { o.uid, o.gid, o.chown = uid, gid, true }
}

// socketMode keeps a Unix socket to its owner (and root).
const socketMode = 0o700

// lockEvery is how often Listen tries again while another process listens on
// a socket in the same directory.
const lockEvery = 10 * time.Millisecond

// Listen listens on an address. A Unix socket gets mode 0700; one that is left
// over from a process that died is removed first. Errors: invalid for a bad
// address; conflict when somebody listens there already, or when the path
// holds anything but a socket; forbidden when the owner cannot be set.
// ctx bounds the making of the listener, not its life. Its Accept waits while
// none can be accepted for a moment, as without file descriptors, and fails only
// for good.
func Listen(ctx context.Context, addr string, opts ...Option) (net.Listener, error) {
	ln, err := listen(ctx, addr, opts...)
	if err != nil {
		return nil, err
	}
	return patient{ln}, nil
}

// acceptAgain is how long Accept waits.
const acceptAgain = 10 * time.Millisecond

type patient struct{ net.Listener }

func (p patient) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			return c, err
		}
		time.Sleep(acceptAgain)
	}
}

func listen(ctx context.Context, addr string, opts ...Option) (net.Listener, error) {
	a, err := Parse(addr)
	if err != nil {
		return nil, err
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if a.Network == Unix {
		return listenUnix(ctx, a, o)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, a.Network, a.Address)
	if err != nil {
		return nil, listenError(a, err)
	}
	return ln, nil
}

func listenUnix(ctx context.Context, a Addr, o options) (net.Listener, error) {
	// Two processes that find the same stale socket must not remove each
	// other's fresh one, so looking, removing and binding is under one lock.
	unlock, err := lockDir(ctx, filepath.Dir(a.Address))
	if err != nil {
		return nil, listenError(a, err)
	}
	defer unlock()
	if err := removeStale(ctx, a); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: privateFromBirth}
	ln, err := lc.Listen(ctx, a.Network, a.Address)
	if err != nil {
		return nil, listenError(a, err)
	}
	if err := own(a.Address, o); err != nil {
		ln.Close()
		return nil, listenError(a, err)
	}
	return ln, nil
}

// privateFromBirth sets the mode before bind, which on Linux the socket file
// takes over; so there is no moment in which a stranger could connect, and the
// process's umask (shared by every goroutine) stays as it is. Elsewhere the
// call may fail, and [own] sets the mode just after.
func privateFromBirth(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), socketMode) })
}

func own(path string, o options) error {
	if err := os.Chmod(path, socketMode); err != nil {
		return err
	}
	if !o.chown {
		return nil
	}
	return os.Lchown(path, o.uid, o.gid)
}

// removeStale takes a socket that nobody listens on out of the way.
func removeStale(ctx context.Context, a Addr) error {
	info, err := os.Lstat(a.Address)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return listenError(a, err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return conflict(a, "There is a file that is no socket: move it away.")
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, a.Network, a.Address)
	switch {
	case err == nil:
		c.Close()
		return conflict(a, "Somebody listens there already: stop that process, or choose another path.")
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(a.Address)
	case errors.Is(err, os.ErrNotExist):
		return nil // its owner has just removed it
	}
	return conflict(a, fmt.Sprintf("A socket is there and it cannot be told whether anybody listens (%v): stop its owner or remove it.", err))
}

// lockDir locks a directory against other callers of Listen, of this and of
// other processes, for the few system calls that Listen needs.
func lockDir(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", dir, ctx.Err())
		case <-time.After(lockEvery):
		}
	}
}

func conflict(a Addr, message string) error {
	return world.E(world.CodeConflict, "netaddr.listen", fmt.Sprintf("Cannot listen on %s. %s", a, message))
}

func listenError(a Addr, err error) error {
	code, hint := world.CodeInternal, "See the cause."
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		code, hint = world.CodeConflict, "Somebody listens there already: stop that process, or choose another address."
	case errors.Is(err, os.ErrNotExist):
		code, hint = world.CodeNotFound, "Its directory does not exist: make it first."
	case errors.Is(err, os.ErrPermission):
		code, hint = world.CodeForbidden, "This user may not: check the directory's owner and mode, the port, and the owner asked for."
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		code, hint = world.CodeInvalid, "This machine does not have that address."
	case errors.Is(err, context.DeadlineExceeded):
		code, hint = world.CodeTimeout, "It took too long."
	}
	return world.Because(code, "netaddr.listen", fmt.Sprintf("Cannot listen on %s. %s", a, hint), err)
}
