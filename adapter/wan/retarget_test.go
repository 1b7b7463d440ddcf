package wan

import (
	"io"
	"net"
	"testing"

	"meridian/platform/netaddr"
	"meridian/world"
)

// greeter answers each connection with a word, and keeps it open.
func greeter(t *testing.T, word string) string {
	t.Helper()
	ln, err := netaddr.Listen(t.Context(), "tcp:127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, word)
			t.Cleanup(func() { c.Close() })
		}
	}()
	return netaddr.Of(ln.Addr()).String()
}

func hear(t *testing.T, addr string) (net.Conn, string) {
	t.Helper()
	c, err := netaddr.Dial(t.Context(), addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	word := make([]byte, 3)
	_, err = io.ReadFull(c, word)
	must(t, err)
	return c, string(word)
}

func TestAServiceIsLedToAnotherTarget(t *testing.T) {
	n := New(7, quiet)
	defer n.Close()
	one, two := greeter(t, "one"), greeter(t, "two")
	must(t, n.Connect(t.Context(), Service{Name: "s", From: "a", To: "b", Listen: "tcp:127.0.0.1:0", Target: one}))
	addr, err := n.Addr("s")
	must(t, err)
	held, word := hear(t, addr)
	if word != "one" {
		t.Fatalf("it leads to %q", word)
	}
	must(t, n.Retarget("s", one))
	kept, _ := hear(t, addr) // the same again resets nobody
	must(t, n.Retarget("s", two))
	for _, c := range []net.Conn{held, kept} {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection to the target before goes on")
		}
	}
	if _, word := hear(t, addr); word != "two" {
		t.Errorf("after the change it leads to %q", word)
	}
	if err := n.Retarget("t", two); !world.Is(err, world.CodeNotFound) {
		t.Errorf("a service that there is not: %v", err)
	}
	if err := n.Retarget("s", "nowhere"); !world.Is(err, world.CodeInvalid) {
		t.Errorf("what is no address: %v", err)
	}
}
