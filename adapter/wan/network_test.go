package wan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"meridian/platform/netaddr"
	"meridian/world"
)

var quiet = slog.New(slog.DiscardHandler)

// goroutines is how many of this package's own are running.
func goroutines() int {
	buf := make([]byte, 8<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by meridian/adapter/wan.(*")
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "wan") // t.TempDir may be longer than a socket's path may be
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// hasher answers each connection with the SHA-256 of all that it sent.
func hasher(t *testing.T, addr string) string {
	t.Helper()
	ln, err := netaddr.Listen(t.Context(), addr)
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				h := sha256.New()
				if _, err := io.Copy(h, c); err == nil {
					c.Write(h.Sum(nil))
				}
			}()
		}
	}()
	return netaddr.Of(ln.Addr()).String()
}

func TestHundredConnectionsOverRealSockets(t *testing.T) {
	dir := shortDir(t)
	for _, kind := range []struct{ listen, target string }{
		{"tcp:127.0.0.1:0", "tcp:127.0.0.1:0"},
		{"unix:" + filepath.Join(dir, "near"), "unix:" + filepath.Join(dir, "far")},
	} {
		n := New(7, quiet)
		must(t, n.AddLink("a", "b", Params{Delay: 3 * ms, Jitter: 2 * ms}))
		must(t, n.AddLink("b", "a", Params{Delay: ms, Bandwidth: 500_000_000}))
		must(t, n.Connect(t.Context(), Service{Name: "s", From: "a", To: "b", Listen: kind.listen, Target: hasher(t, kind.target)}))
		addr, err := n.Addr("s")
		must(t, err)
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if err := sendAndCompare(addr, uint64(i)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		must(t, n.Close())
		if left := goroutines(); left != 0 {
			t.Errorf("%s: %d goroutines are left after Close", kind.listen, left)
		}
		if s, _ := n.Get("a", "b"); s.Total != 100 || s.Open != 0 || s.InFlight != 0 {
			t.Errorf("%s: %+v", kind.listen, s)
		}
		if _, err := netaddr.Dial(t.Context(), addr); err == nil {
			t.Errorf("%s still listens after Close", addr)
		}
	}
}

// sendAndCompare sends bytes in random pieces, closes its side, and compares
// the sum that comes back.
func sendAndCompare(addr string, seed uint64) error {
	c, err := netaddr.Dial(context.Background(), addr)
	if err != nil {
		return err
	}
	defer c.Close()
	rng := rand.New(rand.NewPCG(seed, 0))
	h := sha256.New()
	for range rng.IntN(8) {
		piece := make([]byte, 1+rng.IntN(60_000))
		for i := range piece {
			piece[i] = byte(rng.Uint32())
		}
		h.Write(piece)
		if _, err := c.Write(piece); err != nil {
			return err
		}
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, h.Sum(nil)) {
		return fmt.Errorf("connection %d: the far side saw other bytes (%d of its answer, %v)", seed, len(got), err)
	}
	return nil
}

func TestRealSocketsResetAndResume(t *testing.T) {
	n := New(7, quiet)
	defer n.Close()
	target, err := netaddr.Listen(t.Context(), "tcp:127.0.0.1:0")
	must(t, err)
	defer target.Close()
	must(t, n.Connect(t.Context(), Service{Name: "s", From: "a", To: "b", Listen: "tcp:127.0.0.1:0", Target: netaddr.Of(target.Addr()).String()}))
	addr, _ := n.Addr("s")
	near, err := netaddr.Dial(t.Context(), addr)
	must(t, err)
	defer near.Close()
	far, err := target.Accept()
	must(t, err)
	defer far.Close()

	must(t, n.Cut("a", "b", Blackhole))
	near.Write([]byte("held"))
	must(t, n.Heal("a", "b"))
	if got := readN(t, far, 4); got != "held" {
		t.Errorf("after the heal: %q", got)
	}
	must(t, n.Cut("b", "a", Refuse))
	for _, end := range []net.Conn{near, far} {
		if _, err := end.Read(make([]byte, 1)); !isReset(err) {
			t.Errorf("after refuse: %v", err)
		}
	}
	again, err := netaddr.Dial(t.Context(), addr)
	if err == nil {
		_, err = again.Read(make([]byte, 1))
		again.Close()
	}
	if !isReset(err) {
		t.Errorf("a new connection: %v", err)
	}
}

func TestConnectRefuses(t *testing.T) {
	n := New(1, quiet)
	good := Service{Name: "s", From: "a", To: "b", Listen: "tcp:127.0.0.1:0", Target: "tcp:127.0.0.1:1"}
	must(t, n.Connect(t.Context(), good))
	taken, _ := n.Addr("s")
	change := func(f func(*Service)) Service {
		s := good
		s.Name = "other"
		f(&s)
		return s
	}
	for name, c := range map[string]struct {
		s    Service
		code world.Code
	}{
		"a name twice":       {good, world.CodeConflict},
		"no name":            {change(func(s *Service) { s.Name = "" }), world.CodeInvalid},
		"no place":           {change(func(s *Service) { s.To = "" }), world.CodeInvalid},
		"a bad address":      {change(func(s *Service) { s.Listen = "rubbish" }), world.CodeInvalid},
		"a bad target":       {change(func(s *Service) { s.Target = "tcp:h" }), world.CodeInvalid},
		"a negative window":  {change(func(s *Service) { s.Window = -1 }), world.CodeInvalid},
		"a negative timeout": {change(func(s *Service) { s.ConnectTimeout = -1 }), world.CodeInvalid},
		"a negative owner":   {change(func(s *Service) { s.OwnerUID = -1 }), world.CodeInvalid},
		"an address in use":  {change(func(s *Service) { s.Listen = taken }), world.CodeConflict},
	} {
		if err := n.Connect(t.Context(), c.s); !world.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := n.Addr("nobody"); !world.Is(err, world.CodeNotFound) || !strings.Contains(err.Error(), "There are: s.") {
		t.Errorf("Addr of nobody: %v", err)
	}
	must(t, n.Close())
	if err := n.Connect(t.Context(), change(func(*Service) {})); !world.Is(err, world.CodeUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

func TestParamsAtTheirEdges(t *testing.T) {
	n := New(1, quiet)
	must(t, n.AddLink("a", "b", Params{}))
	for _, p := range []Params{
		{}, {State: Up}, {Delay: MaxDelay, Jitter: MaxDelay}, {Bandwidth: MinBandwidth}, {Bandwidth: MaxBandwidth}, {State: Blackhole}, {State: Refuse},
	} {
		if err := n.SetLink("a", "b", p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	before, _ := n.Get("a", "b")
	for _, p := range []Params{
		{Delay: -1}, {Delay: MaxDelay + 1}, {Jitter: -1}, {Delay: 5, Jitter: 6},
		{Bandwidth: -1}, {Bandwidth: MinBandwidth - 1}, {Bandwidth: MaxBandwidth + 1}, {State: "down"},
	} {
		if err := n.SetLink("a", "b", p); !world.Is(err, world.CodeInvalid) {
			t.Errorf("%+v: %v", p, err)
		}
		if err := n.AddLink("x", "y", p); !world.Is(err, world.CodeInvalid) {
			t.Errorf("AddLink %+v: %v", p, err)
		}
	}
	if after, _ := n.Get("a", "b"); after != before {
		t.Errorf("a refused change left %+v", after)
	}
}

func TestUnknownLinksNameTheKnownOnes(t *testing.T) {
	n := New(1, quiet)
	if _, err := n.Get("a", "b"); !world.Is(err, world.CodeNotFound) || !strings.Contains(err.Error(), "There are: none.") {
		t.Error(err)
	}
	must(t, n.AddLink("a", "b", Params{}))
	if err := n.AddLink("a", "b", Params{}); !world.Is(err, world.CodeConflict) {
		t.Error(err)
	}
	if err := n.AddLink("", "b", Params{}); !world.Is(err, world.CodeInvalid) {
		t.Error(err)
	}
	for _, err := range []error{
		n.SetLink("b", "a", Params{}), n.Cut("b", "a", Refuse), n.Heal("b", "a"),
	} {
		if !world.Is(err, world.CodeNotFound) || !strings.Contains(err.Error(), "There are: a to b.") {
			t.Error(err)
		}
	}
	for _, err := range []error{n.CutPlace("c", Refuse), n.HealPlace("c")} {
		if !world.Is(err, world.CodeNotFound) || !strings.Contains(err.Error(), "There are: a, b.") {
			t.Error(err)
		}
	}
	for _, err := range []error{n.Cut("a", "b", Up), n.CutPlace("a", "down")} {
		if !world.Is(err, world.CodeInvalid) {
			t.Error(err)
		}
	}
}

// Example is the README's.
func Example() {
	dir, _ := os.MkdirTemp("/tmp", "wan")
	defer os.RemoveAll(dir)
	n := New(1, quiet)
	defer n.Close()
	n.AddLink("iad", "eu-central", Params{Delay: 45 * time.Millisecond, Jitter: time.Millisecond})
	n.AddLink("eu-central", "iad", Params{Delay: 45 * time.Millisecond})
	err := n.Connect(context.Background(), Service{
		Name: "iad-to-shield", From: "iad", To: "eu-central",
		Listen: "unix:" + dir + "/iad-eu.sock", Target: "unix:" + dir + "/shield-eu.sock",
	})
	fmt.Println(err)
	n.Cut("iad", "eu-central", Blackhole)
	s, _ := n.Get("iad", "eu-central")
	fmt.Println(s.State)
	n.Heal("iad", "eu-central")
	s, _ = n.Get("iad", "eu-central")
	fmt.Println(s.State, s.Delay)
	// Output:
	// <nil>
	// blackhole
	// up 45ms
}
