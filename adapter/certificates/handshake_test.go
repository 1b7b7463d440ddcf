package certificates

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"meridian/test/certtest"
)

var quiet = slog.New(slog.DiscardHandler)

// writePair puts a certificate for hosts, signed by itself, into two files.
func writePair(t *testing.T, p Pair, life time.Duration, hosts ...string) {
	t.Helper()
	cert, key := certtest.PEM(t, life, hosts...)
	write(t, p.Cert, cert)
	write(t, p.Key, key)
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func pairIn(dir, name string) Pair {
	return Pair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
}

// open is a source that nobody keeps up.
func open(t *testing.T, cfg Config) *Source {
	t.Helper()
	s, err := Open(cfg, Ports{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shake(t *testing.T, s *Source, c *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	return shakeWith(t, s.TLS(), c)
}

// shakeWith makes a handshake and returns what the client saw. It is over a
// socket: one that holds nothing back, as a pipe, stops where a server sends its
// session ticket while the client sends the end of its handshake.
func shakeWith(t *testing.T, serverConfig, c *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	ln, _ := listen(t)
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server := tls.Server(b, serverConfig)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer b.Close()
		if server.HandshakeContext(context.Background()) == nil {
			io.WriteString(server, "x") // carries the session ticket with it
		}
	}()
	client := tls.Client(a, c)
	err = client.Handshake()
	if err == nil {
		_, err = client.Read(make([]byte, 1))
	}
	a.Close()
	<-done
	return client.ConnectionState(), err
}

// served are the names of the certificate that a client is given.
func served(t *testing.T, s *Source, host string) ([]string, error) {
	t.Helper()
	state, err := shake(t, s, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	return state.PeerCertificates[0].DNSNames, nil
}
