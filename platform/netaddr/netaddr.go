// Package netaddr reads the addresses that parts of Meridian reach one another
// by, `tcp:host:port` or `unix:/path`, and listens on them and dials them.
package netaddr

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"meridian/world"
)

// The kinds of address.
const (
	TCP  = "tcp"
	Unix = "unix"
)

// MaxUnixPath is the longest path of a Unix socket in bytes: the size of
// sun_path less its closing NUL (unix(7)): 107 on Linux, 103 on macOS.
const MaxUnixPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// maxHost is the longest host name in characters (RFC 1035 §2.3.4, as text).
const maxHost = 253

// Addr is a parsed address. The zero Addr is none.
type Addr struct {
	Network string // [TCP] or [Unix]
	Address string // "127.0.0.1:8080", "[::1]:8080", or an absolute path
}

// String is the form that [Parse] reads.
func (a Addr) String() string { return a.Network + ":" + a.Address }

// Of is the address of a listener or a connection's end.
func Of(a net.Addr) Addr { return Addr{Network: a.Network(), Address: a.String()} }

// Parse reads an address. Anything else than `tcp:host:port` (port 0 to 65535;
// 0 lets the system choose when listening) and `unix:/absolute/path` is an
// error of code invalid that says what is wrong with it.
func Parse(s string) (Addr, error) {
	network, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Addr{}, invalid(s, "it has no kind: write tcp:host:port or unix:/path")
	}
	var err error
	switch network {
	case TCP:
		err = checkTCP(s, rest)
	case Unix:
		err = checkPath(s, rest)
	default:
		err = invalid(s, fmt.Sprintf("%q is no kind of address: write tcp:host:port or unix:/path", network))
	}
	if err != nil {
		return Addr{}, err
	}
	return Addr{Network: network, Address: rest}, nil
}

func checkTCP(s, rest string) error {
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return invalid(s, "it is not host:port; an IPv6 host stands in brackets")
	}
	if host == "" {
		return invalid(s, "it has no host: write 127.0.0.1 for this machine only, 0.0.0.0 for every interface")
	}
	if len(host) > maxHost {
		return invalid(s, fmt.Sprintf("its host is longer than %d characters", maxHost))
	}
	if strings.Contains(host, ":") != strings.HasPrefix(rest, "[") {
		return invalid(s, "brackets are for an IPv6 host only")
	}
	if i := strings.IndexFunc(host, notInHost); i >= 0 {
		return invalid(s, fmt.Sprintf("its host has the character %q", host[i]))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return invalid(s, fmt.Sprintf("its port %q is not a number from 0 to 65535", port))
	}
	return nil
}

// notInHost takes names, IPv4 and IPv6 literals with a zone ("fe80::1%eth0").
func notInHost(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && !(r >= '0' && r <= '9') && !strings.ContainsRune(".-_:%", r)
}

func checkPath(s, path string) error {
	switch {
	case !filepath.IsAbs(path):
		return invalid(s, "the path of a Unix socket must be absolute")
	case strings.ContainsRune(path, 0):
		return invalid(s, "its path has a NUL byte")
	case filepath.Clean(path) != path || path == "/":
		return invalid(s, "its path must name a file, with no //, /./, /../ or / at the end")
	case len(path) > MaxUnixPath:
		return invalid(s, fmt.Sprintf("its path has %d bytes and a Unix socket takes %d: use a shorter directory", len(path), MaxUnixPath))
	}
	return nil
}

// shown is how much of a bad address its error repeats.
const shown = 160

func invalid(s, why string) error {
	if len(s) > shown {
		s = s[:shown] + "…"
	}
	return world.E(world.CodeInvalid, "netaddr.parse", fmt.Sprintf("The address %q does not serve: %s.", s, why))
}
