package netaddr

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"meridian/world"
)

func socket(t *testing.T) (path, addr string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "na") // t.TempDir may be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "s.sock")
	return path, "unix:" + path
}

// leaveStale makes a socket as a killed process leaves it.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
}

func mustListen(t *testing.T, addr string, opts ...Option) net.Listener {
	t.Helper()
	ln, err := Listen(t.Context(), addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func TestListenAndDial(t *testing.T) {
	_, unix := socket(t)
	for _, addr := range []string{"tcp:127.0.0.1:0", unix} {
		ln := mustListen(t, addr)
		c, err := Dial(t.Context(), Of(ln.Addr()).String())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}

func TestUnixSocketIsPrivateFromBirth(t *testing.T) {
	old := syscall.Umask(0) // the widest umask must not widen the socket
	defer syscall.Umask(old)
	path, addr := socket(t)
	mustListen(t, addr, WithOwner(os.Getuid(), os.Getgid()))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != socketMode {
		t.Errorf("mode %v, want %o", info.Mode(), socketMode)
	}
}

func TestOwnerIsSet(t *testing.T) {
	path, addr := socket(t)
	const nobody = 65534
	ln, err := Listen(t.Context(), addr, WithOwner(nobody, nobody))
	if os.Getuid() != 0 {
		if !world.Is(err, world.CodeForbidden) {
			t.Errorf("without root: %v, want forbidden", err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("the refused socket was left behind")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid != nobody || st.Gid != nobody {
		t.Errorf("owner %d:%d", st.Uid, st.Gid)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path, addr := socket(t)
	leaveStale(t, path)
	mustListen(t, addr)
	c, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestSocketIsRemovedAtClose(t *testing.T) {
	path, addr := socket(t)
	mustListen(t, addr).Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	livePath, live := socket(t)
	mustListen(t, live)
	filePath, file := socket(t)
	if err := os.WriteFile(filePath, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tcp := Of(mustListen(t, "tcp:127.0.0.1:0").Addr()).String()
	for name, c := range map[string]struct {
		addr string
		code world.Code
	}{
		"a socket that is alive": {live, world.CodeConflict},
		"a file":                 {file, world.CodeConflict},
		"no directory":           {"unix:" + filepath.Dir(livePath) + "/none/s.sock", world.CodeNotFound},
		"a port in use":          {tcp, world.CodeConflict},
		"a foreign address":      {"tcp:192.0.2.1:0", world.CodeInvalid},
		"no address":             {"rubbish", world.CodeInvalid},
	} {
		ln, err := Listen(t.Context(), c.addr)
		if err == nil {
			ln.Close()
		}
		if !world.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if b, _ := os.ReadFile(filePath); string(b) != "precious" {
		t.Error("the file was touched")
	}
	c, err := Dial(t.Context(), live)
	if err != nil {
		t.Fatal("the live socket was harmed:", err)
	}
	c.Close()
}

func TestOneOfManyTakesAStaleSocket(t *testing.T) {
	path, addr := socket(t)
	leaveStale(t, path)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			ln, err := Listen(context.Background(), addr)
			if err == nil {
				won.Add(1)
				t.Cleanup(func() { ln.Close() })
			} else if !world.Is(err, world.CodeConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d listeners think the socket is theirs", won.Load())
	}
	c, err := Dial(t.Context(), addr)
	if err != nil {
		t.Fatal("nobody answers on the socket:", err)
	}
	c.Close()
}

func TestListenWaitsForTheLockNoLongerThanItsContext(t *testing.T) {
	path, addr := socket(t)
	unlock, err := lockDir(t.Context(), filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Listen(ctx, addr); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
	mustListen(t, addr)
}

func TestDialErrors(t *testing.T) {
	path, addr := socket(t)
	leaveStale(t, path)
	if _, err := Dial(t.Context(), addr); !world.Is(err, world.CodeUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := Dial(t.Context(), "rubbish"); !world.Is(err, world.CodeInvalid) {
		t.Errorf("bad address: %v", err)
	}
	if err := dialError(Addr{TCP, "h:1"}, context.DeadlineExceeded); !world.Is(err, world.CodeTimeout) {
		t.Errorf("out of time: %v", err)
	}
}
