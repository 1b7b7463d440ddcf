package smtp

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"meridian/platform/netaddr"
	"meridian/world"
)

// TLS says how the way to the server is kept from others' eyes.
type TLS string

// The ways.
const (
	StartTLS TLS = "starttls" // plain at first, then TLS or nothing (RFC 3207)
	Implicit TLS = "implicit" // TLS from the first byte (RFC 8314)
	Plain    TLS = "none"     // for a server on this machine: a password is not sent
)

// Settings say which server takes letters.
type Settings struct {
	Address    string        `yaml:"address" doc:"the mail server: tcp:host:port or unix:/path; none: letters wait"`
	TLS        TLS           `yaml:"tls" doc:"starttls, implicit, or none for a server on this machine"`
	ServerName string        `yaml:"server_name" doc:"the name that the server's certificate must have"`
	Hello      string        `yaml:"hello" doc:"the name that we go by; none: localhost"`
	Username   string        `yaml:"username" doc:"who we are to the server; none: it asks for no password"`
	Password   string        `yaml:"password" doc:"the password of username" secret:"true"`
	Timeout    time.Duration `yaml:"timeout" doc:"longest time for a connection and each answer"`
}

// Default is what most servers take, without the server.
func Default() Settings { return Settings{TLS: StartTLS, Timeout: 20 * time.Second} }

// Validate fails with invalid for the first setting that cannot be, and says
// what to write. Without an address the rest does not matter.
func (s Settings) Validate() error {
	bad := func(setting, fix string) error {
		return world.E(world.CodeInvalid, "smtp.settings", fmt.Sprintf("%s: %s", setting, fix))
	}
	if s.Address == "" {
		return nil
	}
	if _, err := netaddr.Parse(s.Address); err != nil {
		return world.Wrap("smtp.settings", err)
	}
	switch {
	case s.TLS != StartTLS && s.TLS != Implicit && s.TLS != Plain:
		return bad("tls", "write starttls, implicit or none")
	case s.TLS == Implicit && !s.overTCP():
		return bad("tls", "implicit needs a tcp address with a port")
	case s.TLS != Plain && s.ServerName == "":
		return bad("server_name", "give the name that the server's certificate has")
	case s.TLS == Plain && (s.Username != "" || s.Password != ""):
		return bad("tls", "a password is sent over TLS only: write starttls or implicit")
	case (s.Username == "") != (s.Password == ""):
		return bad("username, password", "give both, or neither")
	case s.Timeout <= 0:
		return bad("timeout", "write a time above zero, such as 20s")
	}
	return nil
}

func (s Settings) overTCP() bool {
	_, _, err := s.hostPort()
	return err == nil
}

// hostPort are the parts of an address over TCP.
func (s Settings) hostPort() (host string, port int, err error) {
	a, err := netaddr.Parse(s.Address)
	if err != nil {
		return "", 0, err
	}
	host, text, err := net.SplitHostPort(a.Address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}
